"""An MP4 that plays everywhere: H.264, index first, original times, original sound, right colours.

The file grows under a name of its own and takes its final name only when it is whole; after any
failure nothing is left.
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame

from sslviz.errors import OutputError
from sslviz.media.closing import Closing
from sslviz.media.header import VideoFormat
from sslviz.media.picture import Planes
from sslviz.media.soundtrack import SoundSource, Soundtrack, soundtrack
from sslviz.options import MediaLimits
from sslviz.whole_file import part_path

__all__ = ["EncoderOptions", "SoundSource", "VideoWriter"]

_DEFAULT_LIMITS = MediaLimits()
_FALLBACK_BASE = Fraction(1, 90_000)
_OWN_METADATA = frozenset(
    ("encoder", "major_brand", "minor_version", "compatible_brands", "rotate", "duration")
)


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """How H.264 is made."""

    encoder: str = "libx264"
    """``libx264``, or ``h264_nvenc`` on a machine that has it."""
    preset: str = "veryfast"
    """Of libx264; NVENC uses its own p4."""
    subpixel: int = 1
    """Effort of libx264's search between pixels. Its preset takes 2; with 1, encoding 19 real clips took
    20 % less time for 6 % more bytes and an SSIM that was 0.0018 lower (0.986 on average)."""
    quality: int = 23
    """CRF of libx264, CQ of NVENC: lower is better and larger."""
    threads: int = 0
    """0: as many as the encoder finds useful."""


_DEFAULT_OPTIONS = EncoderOptions()


class VideoWriter(Closing):
    """Writes one MP4; a context manager. Call :meth:`finish` for the file to appear.

    Attributes:
        canvas: Planes that :meth:`write` takes without copying them; what is drawn there stays.

    Args:
        target: Replaced if it exists. Its folder must exist.
        video_format: :attr:`VideoReader.format`, with another height where the picture grew.
        sound: Whose sound goes along; ``None``: none.
        metadata: Title, artist, date ...; what MP4 has no place for is dropped.
        options: Of the encoder.
        limits: For opening the sound.
        part: The name under which the file grows; one of its own by default.

    Raises:
        OutputError: The file cannot be written, the disk is full, the encoder is missing.
        MediaError: The sound cannot be opened.
    """

    def __init__(
        self,
        target: Path,
        video_format: VideoFormat,
        sound: SoundSource | None = None,
        metadata: Mapping[str, str] | None = None,
        options: EncoderOptions = _DEFAULT_OPTIONS,
        limits: MediaLimits = _DEFAULT_LIMITS,
        part: Path | None = None,
    ) -> None:
        self._target, self._part = target, part or part_path(target)
        self._format = video_format
        self._base = _time_base(video_format.time_base)
        self._last: tuple[int, int] | None = None
        self._durations: dict[int, int] = {}
        self._sound: Soundtrack | None = None
        self._container: OutputContainer | None = None
        with self._failing():
            self._container = av.open(
                str(self._part), "w", format="mp4", options={"movflags": "+faststart"}
            )
            kept = {k: v for k, v in (metadata or {}).items() if k not in _OWN_METADATA}
            self._container.metadata.update(kept)
            self._stream = self._add_video(options)
            if sound is not None:
                self._sound = soundtrack(self._container, sound, limits)
            self._container.start_encoding()
        self._frame = VideoFrame(video_format.width, video_format.height, "yuv420p")
        self.canvas: Planes = tuple(_writable(self._frame, i) for i in range(3))

    def write(
        self, planes: Planes, pts_seconds: float, duration_seconds: float | None = None
    ) -> None:
        """Add a picture.

        Args:
            planes: Y (H, W), U and V (H/2, W/2), uint8; copied where they are not the canvas.
            pts_seconds: When it is shown, rising, from the start of this file.
            duration_seconds: Counts for the last picture only.

        Raises:
            OutputError: The disk is full, or the encoder failed; the unfinished file is removed.
        """
        tick = round(pts_seconds / self._base)
        if self._last is not None:
            tick = max(tick, self._last[0] + 1)
            self._durations[self._last[0]] = tick - self._last[0]
        step = round((duration_seconds or float(1 / self._format.fps)) / self._base)
        self._last = tick, max(1, step)
        for own, plane in zip(self.canvas, planes, strict=True):
            if own is not plane:
                np.copyto(own, plane)
        self._frame.pts, self._frame.time_base = tick, self._base
        with self._failing():
            if self._sound is not None:
                self._sound.write_up_to(pts_seconds)
            self._mux(self._stream.encode(self._frame))

    def finish(self, partial: bool = False) -> None:
        """Complete the file and give it its name.

        Args:
            partial: The picture ends early: the sound is cut where it does.

        Raises:
            OutputError: No picture was written, or the disk is full; nothing is left.
        """
        assert self._container is not None
        with self._failing():
            if self._last is None:
                raise OutputError("No frame was written, so there is no video to save.")
            tick, step = self._last
            self._durations[tick] = step
            self._mux(self._stream.encode(None))
            if self._sound is not None:
                self._sound.finish(float((tick + step) * self._base) if partial else None)
            self._container.close()
            self._container = None
            with self._part.open("rb") as file:
                os.fsync(file.fileno())
            self._part.replace(self._target)

    def close(self) -> None:
        """Remove the unfinished file; nothing happens after :meth:`finish`."""
        if self._container is not None:
            container, self._container = self._container, None
            with contextlib.suppress(OSError):
                self._part.unlink()
            with contextlib.suppress(FFmpegError, OSError, ValueError):
                container.close()

    def _add_video(self, options: EncoderOptions) -> Any:
        assert self._container is not None
        shape, color = self._format, self._format.color
        rate = shape.fps.limit_denominator(100_000)
        try:
            stream: Any = self._container.add_stream(
                options.encoder, rate=rate, options=_tuning(options)
            )
        except ValueError as error:
            raise OutputError(_no_encoder(options.encoder, error)) from error
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
        stream.time_base = context.time_base = self._base
        context.thread_count, context.thread_type = options.threads, "FRAME"
        context.sample_aspect_ratio = shape.sample_aspect_ratio
        context.colorspace, context.color_primaries = color.matrix, color.primaries
        context.color_trc, context.color_range = color.transfer, 2 if color.full_range else 1
        try:
            context.open()
        except FFmpegError as error:
            raise OutputError(_no_encoder(options.encoder, error)) from error
        return stream

    def _mux(self, packets: list[Any]) -> None:
        assert self._container is not None
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts, packet.duration)
            self._container.mux_one(packet)

    @contextlib.contextmanager
    def _failing(self) -> Any:
        """Whatever goes wrong: no file is left, and the error says what to do."""
        try:
            yield
        except BaseException as error:
            self.close()
            with contextlib.suppress(OSError):
                self._part.unlink()
            if isinstance(error, FFmpegError) or type(error) in (OSError, PermissionError):
                raise OutputError(_why_not(self._target, error)) from error
            raise


def _tuning(options: EncoderOptions) -> dict[str, str]:
    if options.encoder.endswith("_nvenc"):
        return {"preset": "p4", "rc": "vbr", "cq": str(options.quality), "b": "0"}
    own = f"subme={options.subpixel}"
    return {"preset": options.preset, "crf": str(options.quality), "x264-params": own}


def _time_base(base: Fraction) -> Fraction:
    """The source's own ticks where MP4 can hold them for long enough, else 1/90000 s."""
    fine = base.numerator == 1 and 600 <= base.denominator <= 240_000
    return base if fine else _FALLBACK_BASE


def _writable(frame: VideoFrame, index: int) -> Any:
    plane: Any = frame.planes[index]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _why_not(target: Path, error: BaseException) -> str:
    name = target.name
    if isinstance(error, OSError) and error.strerror:
        return (
            f"{name!r} could not be written: {error.strerror}; check the folder and its free space."
        )
    return f"{name!r} could not be encoded ({error})."


def _no_encoder(name: str, error: Exception) -> str:
    return f"The encoder {name} does not work on this machine ({error}); use libx264."
