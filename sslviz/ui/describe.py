"""Sentences and captions made from numbers: pure functions, no Gradio."""

import re

from sslviz.types import VideoInfo
from sslviz.ui import text

_FOLDERS = re.compile(r"(?<![\w:/.~-])/(?:[^\s/'\":;,()]+/)+")


def clock(seconds: float) -> str:
    """``m:ss`` or ``h:mm:ss``."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def about(seconds: float) -> str:
    """A duration as a person says it: ``about 40 seconds``."""
    if seconds < 1.5:
        return "about a second"
    if seconds < 90:
        step = 1 if seconds < 10 else 5
        return f"about {round(seconds / step) * step} seconds"
    minutes = seconds / 60
    return (
        f"about {minutes:.0f} minutes"
        if minutes < 90
        else f"about {round(minutes / 60, 1):g} hours"
    )


def accepted(max_bytes: int, max_seconds: float | None) -> str:
    """What may be dropped here."""
    megabytes = max_bytes / 2**20
    if max_seconds is None:
        return text.ACCEPTED_ANY_LENGTH.format(megabytes=megabytes)
    length = about(max_seconds).removeprefix("about ")
    return text.ACCEPTED.format(length=length, megabytes=megabytes)


def clip_line(name: str, info: VideoInfo) -> str:
    """One line on what came in."""
    length = clock(info.duration_seconds) if info.duration_seconds else text.UNKNOWN_LENGTH
    sound = text.WITH_SOUND if info.has_audio else text.WITHOUT_SOUND
    rate = f"{float(info.fps):.4g}"
    return f"{name} · {info.width}x{info.height} · {rate} fps · {length} · {sound}"


def estimate_seconds(
    info: VideoInfo, maps_per_second: float, seconds_per_map: float, length: float | None = None
) -> float | None:
    """How long a run will take: the model's share plus reading, painting and writing.

    Args:
        info: The clip.
        maps_per_second: Of the clip's own time.
        seconds_per_map: Measured on this machine for this checkpoint.
        length: Of the chosen part, seconds; the whole clip if not given.

    Returns:
        Seconds; ``None`` where the clip's length is unknown.
    """
    length = info.duration_seconds if length is None else length
    if length is None:
        return None
    megapixels = info.width * info.height * float(info.fps) * length / 1e6
    return length * maps_per_second * seconds_per_map + megapixels * SECONDS_PER_MEGAPIXEL + 0.5


SECONDS_PER_MEGAPIXEL = 0.025
"""Decode, paint and encode one million pixels: 24 ms CPU at 1280x720 on one core, rounded up."""


def progress_line(
    done: int, total: int | None, maps_per_second: float, eta_seconds: float | None
) -> str:
    """Windows done, speed and time left, as the progress bar says it."""
    count = (
        text.WINDOWS_OF.format(done=done, total=total) if total else text.WINDOWS.format(done=done)
    )
    parts = [count]
    if maps_per_second > 0:
        parts.append(text.MAPS_RATE.format(rate=maps_per_second))
    if eta_seconds is not None and eta_seconds >= 0.5:
        parts.append(text.TIME_LEFT.format(time=about(eta_seconds)))
    return " · ".join(parts)


def without_folders(words: str) -> str:
    """A sentence with files of this machine called by their last name only."""
    return _FOLDERS.sub("", words)
