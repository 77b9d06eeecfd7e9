"""Containers with references to other files inside: where playlists are refused, these are tried."""

import struct
from pathlib import Path

from tests.hostile.canary import Canary
from tests.hostile.forge_base import Base, box, edit_boxes
from tests.media.clips import ffmpeg


def data_references(mp4: bytes, place: str) -> bytes:
    """A QuickTime file whose samples are said to lie in another file (``dref``)."""
    name = place.encode()
    url = box(b"url ", b"\0\0\0\0" + name + b"\0")
    alias = bytes(4) + _alias(name)
    content = struct.pack(">II", 0, 2) + url + box(b"alis", alias)
    return edit_boxes(mp4, {b"dref": content})


def _alias(name: bytes) -> bytes:
    """A Macintosh alias record that holds an absolute path (tag 2 and tag 18)."""
    fixed = bytes(4) + struct.pack(">HH", 150 + len(name) + 8, 2) + bytes(142)
    padded = name + b"\0" * (len(name) % 2)
    tags = b"".join(struct.pack(">HH", tag, len(name)) + padded for tag in (2, 18))
    return fixed + tags + struct.pack(">HH", 0xFFFF, 0)


def gab2(jpeg: bytes, words: str) -> bytes:
    """An AVI with a subtitle in a GAB2 chunk, which old readers opened as a file of any format."""
    chunk = b"GAB2\0" + struct.pack("<HI", 2, 2) + b"a\0" + struct.pack("<HI", 4, len(words))
    chunk += words.encode()
    video = _stream(
        b"vids", b"MJPG", struct.pack("<IiiHH4sIiiII", 40, 96, 72, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    )
    subtitle = _stream(b"txts", b"\0\0\0\0", b"")
    head = struct.pack("<14I", 40_000, 0, 0, 0x10, 5, 0, 2, 0, 96, 72, 0, 0, 0, 0)
    hdrl = _riff(b"LIST", b"hdrl" + _riff(b"avih", head) + video + subtitle)
    frames = b"".join(_riff(b"00dc", jpeg) for _ in range(5))
    movi = _riff(b"LIST", b"movi" + _riff(b"01tx", chunk) + frames)
    return _riff(b"RIFF", b"AVI " + hdrl + movi)


def _stream(kind: bytes, handler: bytes, form: bytes) -> bytes:
    head = kind + handler + struct.pack("<10I", 0, 0, 0, 1, 25, 0, 5, 0, 0, 0) + bytes(8)
    return _riff(b"LIST", b"strl" + _riff(b"strh", head) + _riff(b"strf", form))


def _riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def with_attachment(path: Path, base: Base, canary: Canary) -> Path:
    """A Matroska file that carries a file of its own, whose name climbs out of the folder."""
    harmless = path.with_suffix(".txt")
    harmless.write_text("an attachment")
    ffmpeg("-i", base.mkv, "-c", "copy", "-attach", harmless, "-metadata:s:t", "mimetype=text/plain",
           "-metadata:s:t", f"filename=../../canary/{canary.words.name}", path)  # fmt: skip
    harmless.unlink()
    return path
