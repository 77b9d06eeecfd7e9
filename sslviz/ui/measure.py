"""Numbers that the screen shows, read from score tracks: pure functions, no Gradio."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.types import ScoreScale, ScoreTrack

_COMMON_GRID = 32


@dataclass(frozen=True, slots=True)
class Probe:
    """What one spot of the picture says over time."""

    scores: NDArray[np.float32]
    """(T,) the score of the spot's cell in each window."""
    row: int
    column: int
    similar: list[tuple[int, int]]
    """Cells that score at least as high at the asked time, without the spot itself."""
    window: int
    """Index of the window at the asked time."""


def window_at(track: ScoreTrack, at_seconds: float) -> int:
    """The window that is shown at a time: the last one that has started; 0 before the first."""
    return max(int(np.searchsorted(track.times, at_seconds + 1e-6, side="right")) - 1, 0)


def probe(track: ScoreTrack, x: float, y: float, at_seconds: float) -> Probe:
    """Score of the spot (x, y), in [0, 1] from the upper left, over the whole track.

    Raises:
        ValueError: The track is empty, or the spot lies outside the picture.
    """
    if not len(track):
        raise ValueError("the track is empty")
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"a spot lies in [0, 1], got ({x}, {y})")
    height, width = track.values.shape[2:]
    row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
    window = window_at(track, at_seconds)
    now = track.values[window, 0]
    rows, columns = np.nonzero(now >= now[row, column])
    similar = [
        (int(r), int(c))
        for r, c in zip(rows, columns, strict=True)
        if (int(r), int(c)) != (row, column)
    ]
    return Probe(track.values[:, 0, row, column].copy(), row, column, similar, window)


def on_common_grid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maps of two networks made comparable: bilinear onto one square grid."""
    size = (_COMMON_GRID, _COMMON_GRID)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)


def rank_correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Spearman's rank correlation of two maps on one grid; 0 where one of them is flat."""
    a = _ranks(first.ravel())
    b = _ranks(second.ravel())
    spread = float(a.std() * b.std())
    if spread == 0:
        return 0.0
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread)


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Ranks from 0, ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_ranks: NDArray[np.float64] = (ends - counts + ends - 1) / 2
    return mean_ranks[inverse]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two tracks of one clip agree."""

    ranks: NDArray[np.float64]
    """(T,) rank correlation of the maps at the first track's times."""
    difference: NDArray[np.float64] | None
    """(T,) mean absolute difference of the scores; only between equal scales."""


def agreement(first: ScoreTrack, second: ScoreTrack) -> Agreement:
    """Compare two tracks window by window, at the first one's times.

    Raises:
        ValueError: The tracks belong to different videos.
    """
    if first.video_sha256 != second.video_sha256:
        raise ValueError("these tracks belong to different videos")
    same_scale = first.scale == second.scale and first.scale != ScoreScale.ATTENTION
    ranks = np.zeros(len(first))
    difference = np.zeros(len(first)) if same_scale else None
    for index, time in enumerate(first.times):
        if not len(second):
            break
        a = on_common_grid(first.values[index, 0])
        b = on_common_grid(second.values[window_at(second, float(time)), 0])
        ranks[index] = rank_correlation(a, b)
        if difference is not None:
            difference[index] = float(np.abs(a - b).mean())
    return Agreement(ranks, difference)


def as_list(values: NDArray[Any], digits: int = 4) -> list[float]:
    """JSON numbers, rounded; infinities become the end of the decibel scale."""
    finite = np.nan_to_num(np.asarray(values, np.float64), neginf=-120.0, posinf=120.0)
    return [round(float(v), digits) for v in finite]
