"""The pipeline's steps for a stream: one session per visitor."""

import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.abilities import Resizable
from sslviz.errors import LiveError, OptionError
from sslviz.media.buffer import LiveBuffer, SentFrame
from sslviz.options import ColorScale, Style
from sslviz.scaling import Verdict, judge, to_heat
from sslviz.types import AudioClip, Frame, Heatmap, Localizer, ScoreMap, Window
from sslviz.windows import LEVEL_SECONDS, level_dbfs

QUICK_SECONDS, QUICK_TRIES = 0.035, 4
"""Leaves two thirds of a tenth of a second to camera, network and page."""
STALLED_SOUND_SECONDS = 0.25
"""Sound this far behind the picture counts as absent, not as late."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a stream is analysed."""

    max_maps_per_second: float = 15.0
    max_load: float = 0.8
    """Share of the model's time that all visitors together may take; the map rate gives way."""
    slow_seconds: float = 0.5
    """A method that needs longer for a map is too slow for live."""
    history_seconds: float = 30.0
    """How far back a recording may reach."""
    silence_gate_dbfs: float = -60.0
    """Quieter moments count as silent."""

    def __post_init__(self) -> None:
        if not (0 < self.max_maps_per_second <= 60 and 0 < self.max_load <= 1):
            raise OptionError(
                f"max_maps_per_second is {self.max_maps_per_second} and max_load {self.max_load}; "
                "allowed are above 0 to 60 and above 0 to 1."
            )
        if not 1 <= self.history_seconds <= 120:
            raise OptionError(f"history_seconds is {self.history_seconds}, allowed is 1 to 120.")


@dataclass(frozen=True, slots=True)
class LiveMap:
    """What one step found."""

    score_map: ScoreMap
    level_dbfs: float
    """RMS of the last 0.25 s; ``-inf`` for digital silence."""
    verdict: Verdict
    """What may be claimed; heat is painted for a source only."""
    heard_seconds: float
    """How much of the excerpt is sound so far; the rest, before Start, is silence."""
    step_seconds: float
    """What the localizer took."""


@dataclass(frozen=True, slots=True)
class LiveRecording:
    """The last seconds of a session, on the session's clock."""

    frames: list[SentFrame]
    sound: AudioClip
    maps: list[LiveMap]


def quick_enough(localizer: Localizer, seconds: float = QUICK_SECONDS) -> Localizer:
    """The localizer with the largest picture from which it makes a map in this time, here and now.

    Args:
        localizer: Comes back as it is where it takes no other size, or none is that quick (then the
            smallest).
        seconds: For one map.
    """
    if not isinstance(localizer, Resizable):
        return localizer
    sizes = [size for size in localizer.image_sizes if size <= localizer.spec.image_size]
    chosen: Localizer = localizer
    for size in reversed(sizes):
        chosen = localizer.at_image_size(size)
        if min(_time_of_a_map(chosen) for _ in range(QUICK_TRIES)) <= seconds:
            break
    return chosen


def _time_of_a_map(localizer: Localizer) -> float:
    spec = localizer.spec
    grey = np.full((spec.image_size, spec.image_size, 3), 128, np.uint8)
    silence = AudioClip(np.zeros(spec.num_samples, np.float32), spec.sample_rate)
    started = time.perf_counter()
    localizer.localize([Window(Frame(grey, 0.0), silence, 0.0, 0.0, float("-inf"))])
    return time.perf_counter() - started


class LiveSession:
    """Camera and microphone of one visitor, and what the localizer makes of them.

    Pushing and recording are safe from any thread; ``step`` is for one caller at a time.
    """

    def __init__(self, localizer: Localizer, options: LiveOptions | None = None) -> None:
        """Start listening.

        Args:
            localizer: Anything with ``spec``, ``identity`` and ``localize``.
            options: How to analyse.
        """
        self.localizer = localizer
        self.options = options or LiveOptions()
        spec = localizer.spec
        self.buffer = LiveBuffer(
            spec.sample_rate, self.options.history_seconds + spec.audio_seconds
        )
        self._style = Style(silence_gate_dbfs=self.options.silence_gate_dbfs)
        self._lock = threading.Lock()
        self._maps: deque[LiveMap] = deque()
        self._step_seconds: deque[float] = deque(maxlen=9)

    def push_audio(self, first_sample: int, samples: NDArray[np.float32]) -> None:
        """Sound at the localizer's rate; see ``LiveBuffer.push_audio``."""
        self.buffer.push_audio(first_sample, samples)

    def push_frame(self, sequence: int, frame: Frame, jpeg: bytes = b"") -> bool:
        """A picture; see ``LiveBuffer.push_frame``."""
        return self.buffer.push_frame(sequence, frame, jpeg)

    def step(self) -> LiveMap | None:
        """Map the newest picture with the sound that led up to it; ``None`` if it was mapped."""
        frame = self.buffer.newest_frame
        if frame is None or (
            self._maps and frame.pts_seconds <= self._maps[-1].score_map.pts_seconds
        ):
            return None
        window = self._window(frame)
        started = time.perf_counter()
        (score_map,) = self.localizer.localize([window])
        took = time.perf_counter() - started
        calibration = self.localizer.identity.calibration
        audio = window.audio
        found = LiveMap(
            score_map,
            window.level_dbfs,
            judge(window.level_dbfs, score_map.confidence, calibration, self._style, True),
            min(max(audio.start_seconds + audio.duration_seconds, 0.0), audio.duration_seconds),
            took,
        )
        self._remember(found)
        return found

    def heatmap(self, found: LiveMap) -> Heatmap:
        """The map on the checkpoint's fixed scale; all dark where no source may be claimed."""
        score_map = found.score_map
        values = to_heat(
            score_map.values,
            self.localizer.identity.calibration,
            score_map.scale,
            ColorScale.FIXED,
            None,
            score_map.confidence,
        )
        if found.verdict is not Verdict.SOURCE:
            values = np.zeros_like(values)
        return Heatmap(values, score_map.pts_seconds)

    @property
    def typical_step_seconds(self) -> float | None:
        """Median time of the latest steps; ``None`` before the first warm one."""
        return statistics.median(self._step_seconds) if self._step_seconds else None

    @property
    def too_slow(self) -> bool:
        """Whether this method cannot follow on this machine."""
        typical = self.typical_step_seconds
        return (
            len(self._step_seconds) >= 2
            and typical is not None
            and typical > self.options.slow_seconds
        )

    def pace_seconds(self, num_sessions: int = 1) -> float:
        """How long the next picture should come after the last one, so that the machine keeps up."""
        typical = self.typical_step_seconds or 0.0
        return max(
            1 / self.options.max_maps_per_second, typical * num_sessions / self.options.max_load
        )

    def recording(self, seconds: float) -> LiveRecording:
        """The last seconds.

        Raises:
            LiveError: There is not a picture to show yet.
        """
        newest = self.buffer.newest_frame
        length = min(seconds, self.options.history_seconds)
        frames = self.buffer.sent_frames(newest.pts_seconds - length) if newest else []
        if len(frames) < 2 or newest is None:
            raise LiveError("There is nothing to record yet; let the live view run for a moment.")
        start = frames[0].pts_seconds
        with self._lock:
            maps = [found for found in self._maps if found.score_map.pts_seconds >= start]
        end = frames[-1].pts_seconds
        return LiveRecording(frames, self.buffer.excerpt(end, end - start), maps)

    def _window(self, frame: Frame) -> Window:
        spec, end = self.localizer.spec, frame.pts_seconds
        # Sound comes in batches, so the newest of it usually ends a few ms before the picture.
        if 0 < end - self.buffer.sound_end_seconds < STALLED_SOUND_SECONDS:
            end = self.buffer.sound_end_seconds
        side = (spec.image_size, spec.image_size)
        image = np.asarray(cv2.resize(frame.image, side, interpolation=cv2.INTER_AREA), np.uint8)
        return Window(
            Frame(image, frame.pts_seconds),
            self.buffer.excerpt(end, spec.audio_seconds),
            frame.pts_seconds,
            frame.pts_seconds,
            level_dbfs(self.buffer.excerpt(end, LEVEL_SECONDS).samples),
        )

    def _remember(self, found: LiveMap) -> None:
        oldest = found.score_map.pts_seconds - self.buffer.history_seconds
        with self._lock:
            if self._maps:  # the first call warms up and tells nothing
                self._step_seconds.append(found.step_seconds)
            self._maps.append(found)
            while self._maps[0].score_map.pts_seconds < oldest:
                self._maps.popleft()
