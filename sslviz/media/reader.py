"""The pictures of a video file, in order, each with its true time.

Reads what phones, screen recorders and cut-off uploads produce. Times come from time stamps only,
never from a frame rate or a count in a header; time 0 is the earliest frame that a player shows.
Runs inside a decoding child for strangers' files; for files one has made oneself it also runs here.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame

from sslviz.errors import MediaError
from sslviz.media.audio_reader import AudioReader
from sslviz.media.clock import Clock
from sslviz.media.closing import Closing
from sslviz.media.demuxing import Demuxer
from sslviz.media.formats import (
    Damage,
    audio_streams,
    decoded,
    frames_of,
    moving_pictures,
    open_container,
    video_stream,
    why_no_frame,
)
from sslviz.media.header import VideoFormat, duration_after, format_of, plausible_rate, time_of
from sslviz.media.header import seconds as in_seconds
from sslviz.media.picture import DecodedFrame, PictureConverter
from sslviz.options import MediaLimits
from sslviz.types import VideoInfo

__all__ = ["AudioReader", "DecodedFrame", "VideoFormat", "VideoReader"]

_DEFAULT_LIMITS = MediaLimits()
_DEFAULT_STEP_SECONDS = 0.04
_SEEK_FROM_SECONDS = 2.0
"""Nearer starts are reached by decoding."""
_SAME_SECONDS = 1e-4
_BOMB_FRAMES = 480
"""A rate above the limit is borne for this many frames (bursts exist)."""


class VideoReader(Closing):
    """Streams the frames of a file; a context manager.

    Args:
        path: A file.
        limits: ``max_pixels``, ``max_bytes``, ``max_duration_seconds`` and ``max_fps`` apply.
        threads: For decoding.
        beat: Called now and then while frames are decoded but not handed out.
        share_track: The sound track that others read from the same open file, by :attr:`shared`.

    Attributes:
        info: What a player would show.
        format: What a writer needs.
        origin_seconds: Time 0 on the file's own clock; an :class:`AudioReader` needs it.
        metadata: Title, artist, place ... as the container has them.
        warnings: Sentences for the user on what was repaired or left out so far.
        shared: Taps on the shared sound track, to be used before this is closed; ``None`` where
            nothing is shared, or the file has no such track.

    Raises:
        MediaError: The file cannot be used; the text says why and what to do.
    """

    def __init__(
        self,
        path: Path,
        limits: MediaLimits = _DEFAULT_LIMITS,
        threads: int = 2,
        beat: Callable[[], None] = lambda: None,
        share_track: int | None = None,
    ) -> None:
        self._path, self._limits, self._threads, self._beat = path, limits, threads, beat
        self._damage, self._repairs = Damage(), 0
        self._remarks: list[str] = []
        self._container: InputContainer | None = None
        self.shared: Demuxer | None = None
        try:
            self._open()
            if share_track is not None:
                self._share(share_track)
            self._read_header()
        except BaseException:
            self.close()
            raise

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""
        return self._damage.packets

    @property
    def warnings(self) -> list[str]:
        """What the user should know about this file, so far."""
        found = [*self._remarks, *(f"{note.capitalize()}." for note in self._damage.notes)]
        if self._damage.packets:
            found.append(f"{self._damage.packets} damaged packets were skipped.")
        if self._repairs:
            found.append(
                f"{self._repairs} frames had no usable time stamp and were placed by their neighbours."
            )
        return found

    def frames(
        self, start_seconds: float = 0.0, end_seconds: float | None = None
    ) -> Iterator[DecodedFrame]:
        """Decode in the order of presentation, from the frame shown at ``start_seconds`` on.

        That first frame is given the time ``start_seconds`` where it began earlier. Only one frame
        is held at a time. May be called again.

        Raises:
            MediaError: The limits on length or rate are passed on the way.
        """
        held: tuple[VideoFrame, float] | None = None
        for frame, time in self._timed(start_seconds):
            if held is not None and time > start_seconds + _SAME_SECONDS:
                yield self._hand_out(held, time, start_seconds)
            if end_seconds is not None and time >= end_seconds - _SAME_SECONDS:
                return
            held = frame, time
            self._beat()
        if held is not None:
            duration = in_seconds(held[0].duration, held[0].time_base) or self._step
            yield self._hand_out(held, max(held[1], start_seconds) + duration, start_seconds)

    def close(self) -> None:
        """Close the file."""
        if self.shared is not None:
            self.shared.close()
        self._close_container()

    def _close_container(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> None:
        if self.shared is None:
            self._close_container()
        else:
            self.shared.retire()
        self._container = open_container(self._path, self._limits)
        self._stream = video_stream(self._container, self._path.name, self._limits)
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = self._threads
        self._source = decoded(self._container, self._stream, self._damage)

    def _share(self, track: int) -> None:
        container = self._container
        if container is None or track >= len(audio_streams(container)):
            return
        self.shared = Demuxer(
            container, self._stream, track,
            lambda: open_container(self._path, self._limits), self._beat,
        )  # fmt: skip
        self._source = frames_of(self.shared.pictures(self._damage), self._damage)

    def _read_header(self) -> None:
        assert self._container is not None
        stream = self._stream
        first = next(self._source, None)
        if first is None:
            raise MediaError(why_no_frame(self._path.name, self._damage))
        self._first: VideoFrame | None = first
        self._fps = plausible_rate(stream, self._limits.max_fps)
        self._step = float(1 / self._fps) if self._fps else _DEFAULT_STEP_SECONDS
        self.origin_seconds = time_of(first) or 0.0
        self._converter = PictureConverter(first)
        self.metadata = dict(self._container.metadata)
        self.info = VideoInfo(
            self._converter.width, self._converter.height, self._fps or Fraction(25),
            duration_after(self._container, stream, self.origin_seconds),
            stream.frames or None,
            self._has_sound(),
        )  # fmt: skip
        self.format = format_of(stream, first, self._converter, self.info.fps)
        self._check_length(self.info.duration_seconds or 0.0)
        if len(moving_pictures(self._container)) > 1:
            self._remarks.append("The file holds several pictures or angles; the first is used.")

    def _has_sound(self) -> bool:
        assert self._container is not None
        usable = audio_streams(self._container)
        if len(usable) < len(self._container.streams.audio):
            self._remarks.append("A sound track that cannot be decoded is left out.")
        if not usable:
            return False
        with AudioReader(self._path, 16_000, self.origin_seconds, limits=self._limits) as sound:
            if sound.has_samples():
                return True
            self._remarks.extend(sound.warnings)
        self._remarks.append("The sound track holds no sound that can be decoded.")
        return False

    def _timed(self, start_seconds: float) -> Iterator[tuple[VideoFrame, float]]:
        """Frames with rising times, beginning with or before the one shown at ``start_seconds``."""
        clock = Clock(self._step)
        begin = 0.0
        for index, frame in enumerate(self._from(start_seconds)):
            time = clock.stamp(time_of(frame)) - self.origin_seconds
            begin = time if index == 0 else begin
            self._repairs = max(self._repairs, clock.repairs)
            self._check_rate(index + 1, time - begin)
            self._check_length(time)
            yield frame, time

    def _from(self, start_seconds: float) -> Iterator[VideoFrame]:
        """Frames from a key frame at or before a time on, of a decoder that starts there."""
        if self._first is None:
            self._open()
            self._first = next(self._source, None)
        first, self._first = self._first, None
        timed = first is not None and time_of(first) is not None
        if start_seconds > _SEEK_FROM_SECONDS and timed:
            landed = self._seek(start_seconds)
            if landed is not None:
                first = landed
            else:
                self._open()
                first = next(self._source, None)
        if first is None:
            return
        self._check_frame(first)
        yield first
        for frame in self._source:
            self._check_frame(frame)
            yield frame

    def _seek(self, start_seconds: float) -> VideoFrame | None:
        """Jump; the first frame there, or ``None`` where the file cannot be trusted to have jumped."""
        assert self._container is not None
        wanted = self.origin_seconds + start_seconds
        if self.shared is not None:
            self.shared.retire()
        try:
            self._container.seek(int(wanted / self._stream.time_base), stream=self._stream)
        except FFmpegError:
            return None
        self._source = decoded(self._container, self._stream, self._damage)
        frame = next(self._source, None)
        time = None if frame is None else time_of(frame)
        return frame if time is not None and self.origin_seconds <= time <= wanted else None

    def _hand_out(
        self, held: tuple[VideoFrame, float], until: float, start_seconds: float
    ) -> DecodedFrame:
        frame, time = held
        time = max(time, start_seconds)
        return DecodedFrame(frame, time, until - time, self._converter)

    def _check_frame(self, frame: VideoFrame) -> None:
        if (frame.width, frame.height) != self._converter.coded_size:
            self._damage.note("the picture changes its size on the way and is scaled to the first")

    def _check_rate(self, count: int, seconds: float) -> None:
        if count > _BOMB_FRAMES and count > self._limits.max_fps * 1.05 * max(seconds, 1e-3):
            raise MediaError(
                f"{self._path.name!r} has more than {self._limits.max_fps:g} frames per second; "
                "lower its rate."
            )

    def _check_length(self, seconds: float) -> None:
        allowed = self._limits.max_duration_seconds
        if allowed is not None and seconds > allowed + 1:
            raise MediaError(
                f"{self._path.name!r} is longer than the allowed {allowed:g} s; cut it shorter."
            )
