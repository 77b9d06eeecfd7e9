"""The good clips that hostile ones are made from, and surgery on MP4 boxes."""

import struct
from dataclasses import dataclass
from pathlib import Path

from tests.media.clips import ffmpeg

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=96x72:r=25:d=2")
_HUM = ("-f", "lavfi", "-i", "sine=f=440:sample_rate=16000:d=2")
_PARENTS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"edts", b"udta"))


@dataclass(frozen=True)
class Base:
    """Two seconds of a test picture with a hum, in several containers."""

    mp4: Path
    """Its index comes last."""
    faststart: Path
    mkv: Path
    webm: Path
    avi: Path
    ts: Path
    wav: Path
    jpeg: Path

    def videos(self) -> tuple[Path, ...]:
        """All that hold a moving picture."""
        return self.mp4, self.faststart, self.mkv, self.webm, self.avi, self.ts


def make_base(folder: Path) -> Base:
    """Make the good clips."""
    folder.mkdir(parents=True)
    paths = {
        name: folder / f"{name}.{ending}"
        for name, ending in (
            ("mp4", "mp4"), ("faststart", "mp4"), ("mkv", "mkv"), ("webm", "webm"), ("avi", "avi"),
            ("ts", "ts"), ("wav", "wav"), ("jpeg", "jpg"),
        )
    }  # fmt: skip
    h264 = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "10",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
    )
    ffmpeg(*_PICTURE, *_HUM, *h264, paths["mp4"])
    for name in ("faststart", "mkv", "ts"):
        more = ("-movflags", "+faststart") if name == "faststart" else ()
        ffmpeg("-i", paths["mp4"], "-c", "copy", *more, paths[name])
    vp8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
    ffmpeg(*_PICTURE, *_HUM, *vp8, paths["webm"])
    ffmpeg(
        *_PICTURE, *_HUM, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le", paths["avi"]
    )
    ffmpeg(*_HUM, paths["wav"])
    ffmpeg(*_PICTURE, "-frames:v", 1, paths["jpeg"])
    return Base(**paths)


def box(kind: bytes, content: bytes) -> bytes:
    """One MP4 box."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def edit_boxes(data: bytes, edits: dict[bytes, bytes]) -> bytes:
    """An MP4 with the contents of some boxes replaced, sizes of those around them set right.

    Offsets of samples are not: keep the index last.

    Args:
        data: The file.
        edits: New content by box type; every box of that type gets it.
    """
    out, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        size = size if size >= 8 else len(data) - at
        content = data[at + 8 : at + size]
        if kind in edits:
            content = edits[kind]
        elif kind in _PARENTS:
            content = edit_boxes(content, edits)
        out.append(box(kind, content))
        at += size
    return b"".join(out)


def content_of(data: bytes, kind: bytes) -> bytes:
    """Content of the first box of a type.

    Raises:
        ValueError: There is none.
    """
    at = data.index(kind)
    (size,) = struct.unpack(">I", data[at - 4 : at])
    return data[at + 4 : at - 4 + size]
