"""Marks that need no colour: contours, a cross-hair at the peak, a box around the source."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.options import Style
from sslviz.overlay.color import Bytes, Planes
from sslviz.regions import find_region

_BITS = 4
"""Of fraction in the coordinates handed to OpenCV."""


def draw_marks(planes: Planes, style: Style, heat: NDArray[np.float32], fine: Bytes) -> None:
    """Draw what the style asks for, in place.

    Args:
        planes: The picture.
        style: Which marks.
        heat: In [0, 1], (h, w).
        fine: The same heat on a finer grid, 0 to 255.
    """
    wanted = style.contours or style.box or style.cross_hair
    if not wanted or float(heat.max()) <= style.threshold:
        return
    height, width = planes.y.shape
    if style.contours:
        _lines(planes, _contours(fine, style.threshold, width, height), closed=True)
    region = find_region(heat)
    if region is None:
        return
    if style.box:
        corners = [(region.x0, region.y0), (region.x1, region.y0)]
        corners += [(region.x1, region.y1), (region.x0, region.y1)]
        inside = np.clip(np.array(corners) * (width, height), 2, (width - 3, height - 3))
        _lines(planes, [inside], closed=True)
    if style.cross_hair:
        _lines(planes, _cross(region.peak_x * width, region.peak_y * height, height), closed=False)


def _contours(fine: Bytes, threshold: float, width: int, height: int) -> list[NDArray[np.float64]]:
    """Outlines at the threshold and half-way from there to full heat, in pixels."""
    smooth = cv2.resize(fine, (width // 2, height // 2), interpolation=cv2.INTER_LINEAR)
    found: list[NDArray[np.float64]] = []
    for level in (threshold, (1 + threshold) / 2):
        above = (smooth > level * 255).astype(np.uint8)
        outlines, _ = cv2.findContours(above, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        found += [
            outline[:, 0].astype(np.float64) * 2 + 0.5 for outline in outlines if len(outline) > 2
        ]
    return found


def _cross(x: float, y: float, height: int) -> list[NDArray[np.float64]]:
    arm, gap = max(height / 28, 6), max(height / 90, 2)
    ends = ((1, 0), (-1, 0), (0, 1), (0, -1))
    return [
        np.array([(x + dx * gap, y + dy * gap), (x + dx * arm, y + dy * arm)]) for dx, dy in ends
    ]


def _lines(planes: Planes, lines: Sequence[NDArray[np.float64]], closed: bool) -> None:
    """White lines with a dark rim: seen on any picture, and grey, so that colours stay the heat's."""
    thick = max(planes.y.shape[0] // 400, 1)
    full = [_fixed(line) for line in lines]
    half = [_fixed(line / 2 - 0.25) for line in lines]
    for plane in (planes.u, planes.v):
        cv2.polylines(plane, half, closed, 128, thick, cv2.LINE_AA, _BITS)
    cv2.polylines(planes.y, full, closed, 16, thick + 2, cv2.LINE_AA, _BITS)
    cv2.polylines(planes.y, full, closed, 235, thick, cv2.LINE_AA, _BITS)


def _fixed(line: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(line * (1 << _BITS)).astype(np.int32)
