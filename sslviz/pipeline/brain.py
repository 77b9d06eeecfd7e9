"""The localizer at work beside decoding and encoding, and the track that grows from it."""

import contextvars
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import OutputError
from sslviz.options import AnalysisOptions, to_json
from sslviz.pipeline.job import Heard
from sslviz.types import (
    AudioClip,
    Frame,
    Identity,
    InputSpec,
    Localizer,
    ScoreMap,
    ScoreScale,
    ScoreTrack,
    Window,
)
from sslviz.windows import excerpt_start

_BATCH_SECONDS = 0.5
"""A batch that takes longer is made smaller: cancel and progress should not wait for it."""


class Brain:
    """Runs a localizer in a thread of its own, a batch at a time, in order.

    Windows without a sound track and, where asked for, silent ones cost no model time; their maps are
    zero with zero confidence. Only the first map is computed even then: it tells the grid.
    """

    def __init__(
        self,
        localizer: Localizer,
        options: AnalysisOptions,
        has_sound: bool,
        when_done: Callable[[], None],
    ) -> None:
        """Set up; ``when_done`` is called, in the localizer's thread, after every batch."""
        self._localizer, self._options, self._has_sound = localizer, options, has_sound
        self._when_done = when_done
        self._queue: deque[Window] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sslviz-model")
        self._busy: Future[list[ScoreMap]] | None = None
        self._batch: list[Window] = []
        self._like: ScoreMap | None = None
        self._seconds_per_window: float | None = None

    @property
    def idle(self) -> bool:
        """Nothing is waiting or at work."""
        return self._busy is None and not self._queue

    def push(self, heard: Heard) -> None:
        """Queue a window."""
        spec, when = self._localizer.spec, heard.pts_seconds
        samples = heard.samples if len(heard.samples) else np.zeros(spec.num_samples, np.float32)
        audio = AudioClip(samples, spec.sample_rate, excerpt_start(when, spec))
        key_frame = Frame(heard.image, when)
        self._queue.append(Window(key_frame, audio, when, heard.end_seconds, heard.level_dbfs))

    def advance(self) -> list[tuple[Window, ScoreMap]]:
        """Collect a finished batch, if any, and start the next; never waits.

        Raises:
            Exception: Whatever the localizer raised.
        """
        done: list[tuple[Window, ScoreMap]] = []
        if self._busy is not None and self._busy.done():
            maps, self._busy = self._busy.result(), None
            done = list(zip(self._batch, maps, strict=True))
            self._like = maps[-1]
        if self._busy is None and self._queue:
            size = min(self._batch_size(), len(self._queue))
            self._batch = [self._queue.popleft() for _ in range(size)]
            context = contextvars.copy_context()
            self._busy = self._pool.submit(context.run, self._localize, list(self._batch))
            self._busy.add_done_callback(lambda _: self._when_done())
        return done

    def _batch_size(self) -> int:
        if self._like is None:
            return 1
        fitting = _BATCH_SECONDS / max(self._seconds_per_window or 0.0, 1e-4)
        return max(1, min(int(fitting), self._options.batch_size))

    def _localize(self, windows: list[Window]) -> list[ScoreMap]:
        heard = [w for w in windows if self._is_heard(w)]
        if not heard and self._like is None:
            heard = windows[:1]
        start = time.perf_counter()
        maps = self._localizer.localize(heard) if heard else []
        found = {id(window): found for window, found in zip(heard, maps, strict=True)}
        if heard:
            self._seconds_per_window = (time.perf_counter() - start) / len(heard)
        like = next(iter(found.values()), self._like)
        assert like is not None
        return [
            found[id(w)] if self._is_heard(w) else _unheard(like, w.key_frame.pts_seconds)
            for w in windows
        ]

    def _is_heard(self, window: Window) -> bool:
        gate = self._options.skip_silence_below_dbfs
        return self._has_sound and (gate is None or window.level_dbfs >= gate)

    def close(self) -> None:
        """Drop what waits; a batch at work ends by itself."""
        self._queue.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _unheard(like: ScoreMap, pts_seconds: float) -> ScoreMap:
    return replace(like, values=np.zeros_like(like.values), confidence=0.0, pts_seconds=pts_seconds)


class TrackBuilder:
    """Collects maps in an unnamed temporary file, so that memory does not grow with the length.

    The track that is built maps that file; it goes when the last track of it does.
    """

    def __init__(
        self, identity: Identity, spec: InputSpec, options: AnalysisOptions, has_sound: bool
    ) -> None:
        self._identity = identity
        self._settings: dict[str, Any] = {
            **to_json(options), "has_sound": has_sound, "audio_seconds": float(spec.audio_seconds),
        }  # fmt: skip
        self._scale = ScoreScale.COSINE
        self._grid = (1, 1)
        self._numbers: list[tuple[float, float, float]] = []
        self._maps = _temporary_file()

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, score_map: ScoreMap, level_dbfs: float) -> None:
        """The next map.

        Raises:
            ValueError: The localizer changed its grid on the way, or a score is no number.
            OutputError: The temporary folder is full.
        """
        grid = score_map.values.shape
        if not np.isfinite(score_map.values).all():
            raise ValueError(f"the map at {score_map.pts_seconds:g} s holds NaN or infinity")
        if not self._numbers:
            self._scale, self._grid = score_map.scale, grid
        if grid != self._grid:
            raise ValueError(f"a map of {grid} cells among maps of {self._grid}")
        with _room_for_maps():
            self._maps.write(np.ascontiguousarray(score_map.values).data)
        self._numbers.append((score_map.pts_seconds, score_map.confidence, level_dbfs))

    def build(self, video_sha256: str, duration_seconds: float, complete: bool) -> ScoreTrack:
        """The track of all maps so far.

        Raises:
            OutputError: The temporary folder is full.
        """
        numbers = np.array(self._numbers, np.float64).reshape(-1, 3)
        return ScoreTrack(
            values=self._mapped(),
            names=("sound",),
            times=np.ascontiguousarray(numbers[:, 0]),
            confidence=numbers[:, 1:2].astype(np.float32),
            level_dbfs=numbers[:, 2].astype(np.float32),
            scale=self._scale,
            identity=self._identity,
            video_sha256=video_sha256,
            duration_seconds=duration_seconds,
            settings=self._settings,
            complete=complete,
        )

    def close(self) -> None:
        """Let go of the file; tracks that were built keep it."""
        self._maps.close()

    def _mapped(self) -> NDArray[np.float32]:
        shape = (len(self), 1, *self._grid)
        if not len(self):
            return np.zeros(shape, np.float32)
        with _room_for_maps():
            self._maps.flush()
        return np.memmap(self._maps, np.float32, mode="r", shape=shape)


def _temporary_file() -> IO[bytes]:
    with _room_for_maps():
        return tempfile.TemporaryFile(prefix="sslviz-maps-")


@contextmanager
def _room_for_maps() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The maps cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}; make "
            "room there, or name another folder in the environment variable TMPDIR."
        ) from error
