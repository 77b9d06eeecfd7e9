"""Clips that are cut, have flipped bits, or say what is not so in their headers."""

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.forge_base import Base, content_of, edit_boxes

CUTS = (0.02, 0.1, 0.35, 0.6, 0.85, 0.99)
FLIPS = ((1, 0.0002), (2, 0.002), (3, 0.02))


def truncations(folder: Path, base: Base) -> Iterator[Path]:
    """The first part of each clip."""
    for source in base.videos():
        data = source.read_bytes()
        for cut in CUTS:
            path = folder / f"{source.stem}_{cut:g}{source.suffix}"
            path.write_bytes(data[: int(len(data) * cut)])
            yield path


def flipped(data: bytes, share: float, chance: random.Random, first: int = 0) -> bytes:
    """A copy with a share of its bytes, at least one, changed by one bit.

    Args:
        data: What is damaged.
        share: Of the bytes after ``first``.
        chance: Where.
        first: Bytes before it stay.
    """
    copy = bytearray(data)
    for _ in range(max(1, int((len(data) - first) * share))):
        copy[chance.randrange(first, len(data))] ^= 1 << chance.randrange(8)
    return bytes(copy)


def bit_flips(folder: Path, base: Base) -> Iterator[Path]:
    """Each clip with few, some and many flipped bits; and with flips in its first bytes only."""
    for source in base.videos():
        data = source.read_bytes()
        for seed, share in FLIPS:
            path = folder / f"{source.stem}_{share:g}{source.suffix}"
            path.write_bytes(flipped(data, share, random.Random(seed)))
            yield path
        path = folder / f"{source.stem}_head{source.suffix}"
        path.write_bytes(flipped(data[:600], 0.02, random.Random(7)) + data[600:])
        yield path


def lies(folder: Path, base: Base) -> Iterator[Path]:
    """Headers that lie about counts, sizes, durations, rates and shapes."""
    mp4 = base.mp4.read_bytes()
    for name, data in (_boxes(mp4) | _matroska(base) | _riffs(base)).items():
        path = folder / name
        path.write_bytes(data)
        yield path


def _boxes(mp4: bytes) -> dict[str, bytes]:
    most = struct.pack(">I", 0x7FFFFFFF)
    stts, stsz, stsc = (content_of(mp4, kind) for kind in (b"stts", b"stsz", b"stsc"))
    mdhd, tkhd, mvhd = (content_of(mp4, kind) for kind in (b"mdhd", b"tkhd", b"mvhd"))
    far = struct.pack(">IIIIIhh", 0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFF, 1, 0)
    edits = {
        "endless_frames": {b"stts": stts[:8] + most + struct.pack(">I", 512)},
        "frames_of_ages": {b"stts": stts[:8] + struct.pack(">II", 60, 0x7FFFFFFF)},
        "no_time_between": {b"stts": stts[:8] + struct.pack(">II", 60, 0)},
        "count_of_sizes": {b"stsz": stsz[:8] + most + stsz[12:]},
        "equal_sizes": {b"stsz": stsz[:4] + most + most},
        "count_of_chunks": {b"stsc": stsc[:4] + most + stsc[8:]},
        "offsets_outside": {b"stco": struct.pack(">II", 0, 60) + most * 60},
        "endless_duration": {b"mdhd": mdhd[:16] + b"\xff" * 4 + mdhd[20:]},
        "timescale_zero": {b"mdhd": mdhd[:12] + bytes(4) + mdhd[16:]},
        "timescale_most": {b"mdhd": mdhd[:12] + b"\xff" * 4 + mdhd[16:]},
        "movie_timescale_zero": {b"mvhd": mvhd[:12] + bytes(4) + mvhd[16:]},
        "matrix_of_zeros": {b"tkhd": tkhd[:40] + bytes(36) + tkhd[76:]},
        "matrix_of_most": {b"tkhd": tkhd[:40] + b"\x7f\xff\xff\xff" * 9 + tkhd[76:]},
        "far_edit": {b"elst": far},
        "many_edits": {b"elst": struct.pack(">II", 0, 0x0FFFFFFF) + far[8:] * 4},
    }
    found = {f"{name}.mp4": edit_boxes(mp4, edit) for name, edit in edits.items()}
    at = mp4.index(b"mdat") - 4
    found["box_of_no_size.mp4"] = mp4[:at] + bytes(4) + mp4[at + 4 :]
    found["box_of_all_sizes.mp4"] = (
        mp4[:at] + b"\0\0\0\1mdat" + b"\x7f" + b"\xff" * 7 + mp4[at + 8 :]
    )
    size = mp4.index(b"avc1") + 28
    for name, pair in (("tiny", (1, 1)), ("none", (0, 0)), ("huge", (65_535, 65_535))):
        found[f"shape_{name}.mp4"] = mp4[:size] + struct.pack(">HH", *pair) + mp4[size + 4 :]
    return found


def _matroska(base: Base) -> dict[str, bytes]:
    mkv, found = base.mkv.read_bytes(), {}
    at = mkv.index(b"\x44\x89\x88") + 3
    for name, value in (
        ("nan", float("nan")),
        ("inf", float("inf")),
        ("most", 1e300),
        ("minus", -5.0),
    ):
        found[f"duration_{name}.mkv"] = mkv[:at] + struct.pack(">d", value) + mkv[at + 8 :]
    scale = mkv.index(b"\x2a\xd7\xb1\x83") + 4
    for name, value in (("zero", b"\0\0\0"), ("most", b"\xff\xff\xff")):
        found[f"timescale_{name}.mkv"] = mkv[:scale] + value + mkv[scale + 3 :]
    return found


def _riffs(base: Base) -> dict[str, bytes]:
    avi, wav = base.avi.read_bytes(), base.wav.read_bytes()
    head = avi.index(b"avih") + 8
    frames = avi[: head + 16] + b"\xff" * 4 + avi[head + 20 :]
    stream = avi.index(b"strh") + 8
    rate = avi[: stream + 20] + struct.pack("<II", 0, 0) + avi[stream + 28 :]
    form = wav.index(b"fmt ") + 8
    return {
        "endless_frames.avi": frames,
        "rate_zero.avi": rate,
        "rate_most.avi": avi[: stream + 20]
        + struct.pack("<II", 1, 0x7FFFFFFF)
        + avi[stream + 28 :],
        "channels.wav": wav[: form + 2] + struct.pack("<H", 65_535) + wav[form + 4 :],
        "rate_zero.wav": wav[: form + 4] + bytes(4) + wav[form + 8 :],
        "rate_most.wav": wav[: form + 4] + b"\xff\xff\xff\x7f" + wav[form + 8 :],
        "length_most.wav": wav.replace(
            b"data" + wav[wav.index(b"data") + 4 :][:4], b"data\xff\xff\xff\xff"
        ),
    }
