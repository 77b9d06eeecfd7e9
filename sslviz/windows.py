"""Cut a video into windows by time, and place the excerpt of sound that goes with each.

Time, not frame counts, so that a variable frame rate and odd rates get the same number of maps per
second. The first frame in each cell of the time grid is the key frame of its window.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sslviz.types import AudioClip, Frame, InputSpec, Window

LEVEL_SECONDS = 0.25
"""Width of the stretch whose loudness gates a window; an excerpt is far too long to follow time."""


class WindowGrid:
    """Says of each frame, in order, whether it starts a window."""

    def __init__(self, maps_per_second: float) -> None:
        self._rate = maps_per_second
        self._cell: int | None = None

    def _cell_of(self, pts_seconds: float) -> int:
        # A frame due exactly on the grid must not fall into the cell before by rounding.
        return math.floor(pts_seconds * self._rate + 1e-6)

    def starts_window(self, pts_seconds: float) -> bool:
        """Whether this frame is the key frame of a new window; call once per frame, in order."""
        cell = self._cell_of(pts_seconds)
        if cell == self._cell:
            return False
        self._cell = cell
        return True

    def end_of(self, pts_seconds: float) -> float:
        """When the window around this time ends."""
        return max((self._cell_of(pts_seconds) + 1) / self._rate, pts_seconds)


def excerpt_start(key_seconds: float, spec: InputSpec) -> float:
    """Start of the excerpt of sound that is centred on a key frame; negative near the beginning."""
    return key_seconds - spec.audio_seconds / 2


def level_dbfs(samples: NDArray[np.float32]) -> float:
    """RMS loudness in dB of full scale; ``-inf`` for digital silence or no sample."""
    if samples.size == 0:
        return -math.inf
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10.0 * math.log10(power) if power > 0 else -math.inf


def cut_windows(
    frames: Iterable[Frame], sound: AudioClip, spec: InputSpec, maps_per_second: float
) -> Iterator[Window]:
    """Windows over frames and a sound that are already in memory.

    The media child does the same in a stream; this serves data sets, evaluation and tests.
    """
    grid = WindowGrid(maps_per_second)
    for frame in frames:
        if grid.starts_window(frame.pts_seconds):
            yield window_at(frame, sound, spec, grid.end_of(frame.pts_seconds))


def window_at(key_frame: Frame, sound: AudioClip, spec: InputSpec, end_seconds: float) -> Window:
    """The window of one key frame."""
    when = key_frame.pts_seconds
    near = sound.excerpt(when - LEVEL_SECONDS / 2, LEVEL_SECONDS)
    return Window(
        key_frame=key_frame,
        audio=sound.excerpt(excerpt_start(when, spec), spec.audio_seconds),
        start_seconds=when,
        end_seconds=end_seconds,
        level_dbfs=level_dbfs(near.samples),
    )
