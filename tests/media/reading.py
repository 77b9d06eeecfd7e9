"""Reads whole files inside a decoding child and reports what came out; for tests and reports."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sslviz.errors import MediaError
from sslviz.options import MediaLimits


@dataclass
class Seen:
    """What a complete reading of a file gave."""

    kind: str = "video"
    frames: int = 0
    times: list[float] = field(default_factory=list)
    shapes: set[tuple[int, ...]] = field(default_factory=set)
    sound_seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    damaged_packets: int = 0
    width: int = 0
    height: int = 0
    has_audio: bool = False


def _look_at(reader, seen: Seen) -> None:
    for frame in reader.frames():
        planes = frame.yuv420p()
        seen.frames += 1
        seen.times.append(frame.pts_seconds)
        seen.shapes.add(tuple(plane.shape for plane in planes))
        if seen.frames % 25 == 1:
            frame.rgb(224)


def read_everything(link, path: Path, limits: MediaLimits, rate: int = 16_000) -> Seen:
    """Every frame as planes and all of the sound, or the sound alone where there is no picture."""
    from sslviz.media.audio_reader import AudioReader
    from sslviz.media.reader import VideoReader

    seen = Seen()
    with ExitStack() as stack:
        try:
            reader = stack.enter_context(VideoReader(path, limits, beat=link.beat))
        except MediaError as error:
            if "holds no video" not in str(error):
                raise
            reader, seen.kind = None, "sound"
        origin = None
        if reader is not None:
            origin = reader.origin_seconds
            seen.width, seen.height = reader.info.width, reader.info.height
            seen.has_audio = reader.info.has_audio
            _look_at(reader, seen)
            seen.warnings += reader.warnings
            seen.damaged_packets = reader.damaged_packets
        sound = stack.enter_context(AudioReader(path, rate, origin, limits=limits, beat=link.beat))
        num_samples = 0
        for _, samples in sound.rest():
            if not np.isfinite(samples).all() or np.abs(samples).max(initial=0) > 1:
                raise AssertionError("samples outside [-1, 1]")
            num_samples += len(samples)
        seen.sound_seconds = num_samples / rate
        seen.warnings += sound.warnings
    if seen.kind == "sound" and not num_samples:
        raise MediaError(f"{path.name!r} holds neither picture nor sound that can be decoded.")
    return seen
