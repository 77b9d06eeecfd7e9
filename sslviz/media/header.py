"""What the header of a video says, as far as it can be believed."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.video.frame import VideoFrame

from sslviz.media.picture import ColorTags, PictureConverter


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What a writer must know to make a file like the one that is read."""

    width: int
    """Pixels, even."""
    height: int
    """Pixels, even."""
    fps: Fraction
    """Average; a hint for the encoder's rate control only."""
    time_base: Fraction
    """Seconds per tick of the source's time stamps."""
    color: ColorTags
    sample_aspect_ratio: Fraction = Fraction(1)


def format_of(
    stream: Any, first: VideoFrame, converter: PictureConverter, fps: Fraction
) -> VideoFormat:
    """The format of a stream whose first frame is known, after rotation."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if converter.orientation.transpose:
        aspect = 1 / aspect
    width, height = converter.width, converter.height
    return VideoFormat(
        width + width % 2, height + height % 2, fps,
        Fraction(first.time_base or Fraction(1, 90_000)), converter.color, aspect,
    )  # fmt: skip


def duration_after(container: InputContainer, stream: Any, origin_seconds: float) -> float | None:
    """Length from the first shown frame on, as the container says."""
    begin = seconds(stream.start_time, stream.time_base)
    length = seconds(stream.duration, stream.time_base)
    if length is None and container.duration:
        length = container.duration / 1e6
        begin = (container.start_time or 0) / 1e6
        if "matroska" in container.format.name and 0 < begin < length:
            length -= begin  # its length counts from 0, wherever the first picture is
    if length is None or not 0 < length < 1e8:
        return None
    left = length - max(0.0, origin_seconds - (begin or 0.0))
    return left if left > 0 else length


def plausible_rate(stream: Any, highest: float) -> Fraction | None:
    """The first of the rates on offer that a video can have."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= highest * 1.01:
            return Fraction(rate)
    return None


def seconds(ticks: int | None, time_base: Fraction | None) -> float | None:
    """Ticks as seconds, where both are known."""
    return None if ticks is None or not time_base else float(ticks * time_base)


def time_of(frame: VideoFrame) -> float | None:
    """On the file's own clock; the decoding stamp where there is no other."""
    return seconds(frame.pts if frame.pts is not None else frame.dts, frame.time_base)
