"""Makes hostile files: what a stranger may send to read other files, reach other machines, fill memory
or disks, hang a decoder, or lie about itself.

``forge(folder, canary)`` writes them all; each knows what may come of it at best. They point at canary
files that must never be read and at a loopback server that must never be called (``canary.py``).
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.canary import Canary
from tests.hostile.forge_base import Base, make_base
from tests.hostile.forge_bombs import bombs
from tests.hostile.forge_damage import bit_flips, lies, truncations
from tests.hostile.forge_times import odd_sounds, odd_times

REFUSED, READ, EITHER = "refused", "read", "either"


@dataclass(frozen=True)
class Forged:
    """One hostile file."""

    path: Path
    group: str
    may: str
    """``refused``: with a sentence; ``read``: as what it is; ``either``."""

    @property
    def label(self) -> str:
        """Group and name, for reports."""
        return f"{self.group}/{self.path.name[:60]}"


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n"
_DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
mediaPresentationDuration="PT3S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1"
bandwidth="1"><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>"""
LISTS = {
    "hls": HLS,
    "hls-master": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n",
    "hls-live": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n",
    "hls-key": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI=\"{url}\"\n"
               "#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n",
    "hls-map": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-MAP:URI=\"{url}\"\n#EXTINF:5,\n{url}\n",
    "hls-ranges": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n#EXT-X-BYTERANGE:100@0\n{url}\n",
    "dash": _DASH,
    "ffconcat": "ffconcat version 1.0\nfile '{url}'\n",
    "m3u": "#EXTM3U\n{url}\n",
    "pls": "[playlist]\nFile1={url}\nNumberOfEntries=1\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "asf-reference": "[Reference]\nRef1={url}\n",
    "smil": '<smil><body><video src="{url}"/></body></smil>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={url}\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{url}"/></svg>',
    "html": "<html><body><video src='{url}'></video><script src='{url}'></script></body></html>",
    "mvg": "push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 '{url}'\npop graphic-context\n",
    "address": "{url}\n",
}  # fmt: skip
"""Texts that name another file, for a reader that follows them."""
DISGUISES = ("mp4", "m3u8", "mov", "avi", "mkv", "ts", "webm")


def playlists(folder: Path, canary: Canary) -> Iterator[Path]:
    """Every text in two disguises, each naming one of the forbidden places."""
    places = canary.places()
    for number, (kind, words) in enumerate(LISTS.items()):
        for step in range(2):
            place = places[(number + step * 3) % len(places)]
            ending = DISGUISES[(number + step) % len(DISGUISES)]
            path = folder / f"{kind}_{step}.{ending}"
            path.write_text(words.format(url=place))
            yield path
    itself = folder / "itself.mp4"
    itself.write_text(LISTS["hls-live"].format(url=itself.name))
    yield itself
    relative = folder / "beside.m3u8"  # a name without a path: the file lies beside the list
    (folder / "beside.ts").write_bytes(canary.clip.read_bytes())
    relative.write_text(HLS.format(url="beside.ts"))
    yield relative


def no_media(folder: Path) -> Iterator[Path]:
    """Other things under a video's name."""
    contents = {
        "empty": b"", "one_byte": b"\0", "words": b"just some words\n" * 50, "zeros": bytes(9000),
        "ones": b"\xff" * 9000, "archive": b"PK\x03\x04" + bytes(500), "script": b"#!/bin/sh\nid\n",
        "elf": b"\x7fELF" + bytes(500), "pdf": b"%PDF-1.7\n" + bytes(300),
        "pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93.",
        "only_a_type": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
    }  # fmt: skip
    for name, content in contents.items():
        path = folder / f"{name}.mp4"
        path.write_bytes(content)
        yield path
    sparse = folder / "sparse.mp4"
    with sparse.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    yield sparse


NAMES = (
    "-i.mp4", "--help.mp4", "a'b\"c.mp4", "a;b|c&d.mp4", "$(touch x).mp4", "`id`.mp4", "a\nb.mp4",
    "a\rb.mp4", "http:x.mp4", "concat:a|b.mp4", "subfile,,start,0,end,9,,:x.mp4", "data:text,x.mp4",
    "file:x.mp4", "pipe:0.mp4", "%03d.mp4", "%n%s.mp4", "*.mp4", "{url}.mp4", "<b onload=x>.mp4",
    "ünïcode 犬.mp4", "\u202egpj.mp4", "con.mp4", "..mp4", "\x01\x1b[31m.mp4", "x" * 240 + ".mp4",
)  # fmt: skip


def names(folder: Path, base: Base) -> Iterator[Path]:
    """A good clip under names with traps in them."""
    for name in NAMES:
        path = folder / name
        path.write_bytes(base.mp4.read_bytes())
        yield path


CHEAP = (
    "playlist", "reference", "no media", "truncated", "bit flips", "lying header", "name",
)  # fmt: skip
"""Groups that are written without encoding anything."""


def forge(folder: Path, canary: Canary, only: Collection[str] | None = None) -> list[Forged]:
    """Write every hostile file below a folder; the canary is armed at the end.

    Args:
        folder: One folder per group is made in it.
        canary: What the files point at.
        only: Names of groups; ``None``: all.
    """
    base = make_base(folder / "base")
    groups: dict[str, tuple[str, Callable[[Path], Iterator[Path]]]] = {
        "playlist": (REFUSED, lambda place: playlists(place, canary)),
        "reference": (EITHER, lambda place: references(place, base, canary)),
        "no media": (REFUSED, no_media),
        "bomb": (EITHER, lambda place: bombs(place, base)),
        "truncated": (EITHER, lambda place: truncations(place, base)),
        "bit flips": (EITHER, lambda place: bit_flips(place, base)),
        "lying header": (EITHER, lambda place: lies(place, base)),
        "odd times": (EITHER, lambda place: odd_times(place, base)),
        "odd sound": (EITHER, lambda place: odd_sounds(place, base)),
        "name": (READ, lambda place: names(place, base)),
    }
    forged = []
    for group, (may, makes) in groups.items():
        if only is not None and group not in only:
            continue
        place = folder / group.replace(" ", "_")
        place.mkdir()
        forged += [Forged(path, group, may) for path in makes(place)]
    canary.arm()
    return forged


def references(folder: Path, base: Base, canary: Canary) -> Iterator[Path]:
    """Real containers that name other files inside."""
    from tests.hostile.forge_references import data_references, gab2, with_attachment

    for number, place in enumerate(canary.places()):
        path = folder / f"data_reference_{number}.mov"
        path.write_bytes(data_references(base.mp4.read_bytes(), place))
        yield path
        path = folder / f"subtitle_playlist_{number}.avi"
        path.write_bytes(gab2(base.jpeg.read_bytes(), HLS.format(url=place)))
        yield path
    yield with_attachment(folder / "attachment.mkv", base, canary)
