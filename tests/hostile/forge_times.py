"""Time stamps that are far apart, fall, start late or not at all; sound that is late, odd or no sound."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.hostile.forge_base import Base
from tests.media.clips import ffmpeg

_STAMPS = {
    "gap_of_an_hour": "N/25+3600*floor(N/25)",
    "gap_of_days": "N/25+100000*floor(N/25)",
    "many_gaps": "N/25+50*floor(N/3)",
    "starts_late": "N/25+59857",
}


def odd_times(folder: Path, base: Base) -> Iterator[Path]:
    """Pictures at odd times, without sound."""
    for name, times in _STAMPS.items():
        path = folder / f"{name}.mkv"
        ffmpeg("-i", base.mp4, "-an", "-vf", f"settb=1/1000,setpts=({times})/TB", "-c:v", "mjpeg",
               "-pix_fmt", "yuvj420p", "-fps_mode", "passthrough", "-enc_time_base", "-1", path)  # fmt: skip
        yield path
    raw = folder / "no_stamps.h264"
    ffmpeg("-i", base.mp4, "-an", "-c", "copy", "-bsf:v", "h264_mp4toannexb", raw)
    yield raw
    twice = folder / "clock_starts_again.ts"
    twice.write_bytes(base.ts.read_bytes() * 3)
    yield twice
    wraps = folder / "clock_wraps.ts"
    ffmpeg("-i", base.mp4, "-c", "copy", "-output_ts_offset", 95_442, wraps)
    yield wraps


def odd_sounds(folder: Path, base: Base) -> Iterator[Path]:
    """Sound that is late, early, far away, no sound, or of an odd form."""
    for name, offset in (("late", 2.5), ("early", -1.5), ("far", 1000), ("days", 200_000)):
        path = folder / f"sound_{name}.mkv"
        ffmpeg("-i", base.mp4, "-itsoffset", offset, "-i", base.wav, "-map", "0:v", "-map", "1:a",
               "-c", "copy", path)  # fmt: skip
        yield path
    samples = np.sin(np.arange(32_000) * 0.1).astype("<f4")
    samples[::3], samples[1::5], samples[2::7] = np.nan, np.inf, 1e30
    raw, numbers = folder / "numbers.f32", folder / "no_numbers.mkv"
    raw.write_bytes(samples.tobytes())
    ffmpeg("-i", base.mp4, "-f", "f32le", "-ar", 16000, "-ac", 1, "-i", raw, "-map", "0:v", "-map",
           "1:a", "-c:v", "copy", "-c:a", "pcm_f32le", numbers)  # fmt: skip
    raw.unlink()
    yield numbers
    for name, form in (
        ("8_channels", ("-ac", 8, "-ar", 192_000)),
        ("8_kHz", ("-ac", 1, "-ar", 8000)),
    ):
        path = folder / f"{name}.mkv"
        ffmpeg("-i", base.mp4, "-c:v", "copy", "-c:a", "pcm_s16le", *form, path)
        yield path
    for name, more in (("sound_only", ("-vn",)), ("picture_only", ("-an",))):
        path = folder / f"{name}.mp4"
        ffmpeg("-i", base.mp4, "-c", "copy", *more, path)
        yield path
    cover = folder / "cover.m4a"
    ffmpeg("-i", base.wav, "-i", base.jpeg, "-map", "0", "-map", "1", "-c:a", "aac", "-c:v", "copy",
           "-disposition:v", "attached_pic", cover)  # fmt: skip
    yield cover
