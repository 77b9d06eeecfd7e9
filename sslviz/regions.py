"""Where in a map the source is: its peak and the region around it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Region:
    """The strongest spot of a map and its surroundings, in fractions of width and height."""

    peak_x: float
    peak_y: float
    x0: float
    y0: float
    x1: float
    y1: float
    area: float
    """Share of the picture."""

    @property
    def place(self) -> str:
        """The spot in words, for example "upper left"."""
        row = ("upper", "", "lower")[_third(self.peak_y)]
        column = ("left", "", "right")[_third(self.peak_x)]
        return " ".join(part for part in (row, column) if part) or "centre"


def _third(fraction: float) -> int:
    return min(int(fraction * 3), 2)


def peak_of(values: NDArray[np.float32]) -> tuple[float, float]:
    """Centre of the strongest cell, refined by a parabola through its neighbours.

    Args:
        values: Any map, (h, w).

    Returns:
        (x, y) in fractions of width and height.
    """
    height, width = values.shape
    row, column = divmod(int(values.argmax()), width)
    dx = _vertex(values[row], column)
    dy = _vertex(values[:, column], row)
    return (column + 0.5 + dx) / width, (row + 0.5 + dy) / height


def _vertex(line: NDArray[np.float32], index: int) -> float:
    if not 0 < index < len(line) - 1:
        return 0.0
    left, middle, right = (float(v) for v in line[index - 1 : index + 2])
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else min(max(0.5 * (left - right) / bend, -0.5), 0.5)


def find_region(heat: NDArray[np.float32]) -> Region | None:
    """The connected cells around the peak that hold at least half its heat.

    Args:
        heat: In [0, 1], (h, w).

    Returns:
        ``None`` for a map without any heat.
    """
    peak = float(heat.max())
    if peak <= 0:
        return None
    height, width = heat.shape
    above = (heat >= peak / 2).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=4)
    row, column = divmod(int(heat.argmax()), width)
    left, top, wide, high, cells = (int(v) for v in stats[labels[row, column]])
    x, y = peak_of(heat)
    return Region(
        x,
        y,
        left / width,
        top / height,
        (left + wide) / width,
        (top + high) / height,
        cells / (width * height),
    )
