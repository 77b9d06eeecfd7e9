"""Workers that read hostile files inside a decoding child, and say what they saw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sslviz.errors import MediaError
from sslviz.options import MediaLimits


@dataclass
class Look:
    """What a complete reading of a file gave."""

    frames: int = 0
    sound_seconds: float = 0.0
    magenta: bool = False
    """A picture was that of a canary."""
    last_seconds: float = 0.0


def look_through(link, path: Path, limits: MediaLimits) -> Look:
    """Every frame and all of the sound; the sound alone where there is no picture.

    Raises:
        MediaError: There is neither.
    """
    from sslviz.media.audio_reader import AudioReader
    from sslviz.media.reader import VideoReader

    look, origin = Look(), None
    try:
        with VideoReader(path, limits, beat=link.beat) as reader:
            origin, has_audio = reader.origin_seconds, reader.info.has_audio
            for frame in reader.frames():
                look.frames += 1
                look.last_seconds = frame.pts_seconds
                y, u, v = frame.yuv420p()
                if not np.isfinite(frame.pts_seconds) or y.dtype != np.uint8:
                    raise AssertionError("a frame without a time, or not of bytes")
                look.magenta |= bool(u.mean() > 190 and v.mean() > 190)
    except MediaError as error:
        if "holds no video" not in str(error):
            raise
        has_audio = True
    if has_audio:
        with AudioReader(path, 16_000, origin, limits=limits, beat=link.beat) as sound:
            _listen(sound, look)
    if not look.frames and not look.sound_seconds:
        raise MediaError(f"{path.name!r} holds neither picture nor sound that can be decoded.")
    return look


def _listen(sound, look: Look) -> None:
    for _, samples in sound.rest():
        if not np.isfinite(samples).all() or np.abs(samples).max(initial=0) > 1:
            raise AssertionError("samples outside [-1, 1]")
        look.sound_seconds += len(samples) / 16_000


def look_through_many(
    link, paths: list[Path], limits: MediaLimits
) -> list[tuple[str, str, Look | None]]:
    """(outcome, message, look) of many files in one child: what is raised is caught as it would be."""
    from sslviz.media.child import describe

    found: list[tuple[str, str, Look | None]] = []
    for path in paths:
        link.beat()
        try:
            found.append(("read", "", look_through(link, path, limits)))
        except Exception as error:  # noqa: BLE001 - told as the child would tell it
            told = describe(error)[0]
            what = "refused" if isinstance(told, MediaError) else "UNTYPED"
            found.append((what, str(told), None))
    return found
