"""Blend heat into YUV planes: the work done for every frame, so it is spare with time.

Colour and transparency are looked up on a coarse grid (an eighth of the width for 720p), enlarged
bilinearly, and blended only inside the rectangle where anything is to be seen.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.options import Style
from sslviz.overlay.color import Bytes, ColorTags, Planes, to_bytes, yuv_from_rgb
from sslviz.overlay.marks import draw_marks


@dataclass(frozen=True, slots=True)
class Sprite:
    """A small picture with transparency, at a fixed place in the frame."""

    rgba: Bytes
    """(h, w, 4), even sizes."""
    x: int
    """Even."""
    y: int
    """Even."""


@dataclass(frozen=True, slots=True)
class Artwork:
    """What is drawn once for a whole video, as plain arrays that can be sent to another process."""

    colors: Bytes
    """RGB of each of 256 steps of heat, (256, 3)."""
    always: tuple[Sprite, ...] = ()
    """On every frame: colour bar, the mark of untrained weights."""
    badges: dict[str, Sprite] = field(default_factory=dict)
    """By the verdict's text."""


class _Stamp:
    """A sprite ready to blend into planes."""

    def __init__(self, sprite: Sprite, tags: ColorTags, height: int, width: int) -> None:
        rgba = sprite.rgba[: max(height - sprite.y, 0), : max(width - sprite.x, 0)]
        alpha = rgba[..., 3].astype(np.float32) / 255
        yuv = yuv_from_rgb(rgba[..., :3].astype(np.float32), tags) * alpha[..., None]
        half = (rgba.shape[1] // 2, rgba.shape[0] // 2)
        self.empty = 0 in half
        if self.empty:
            return
        self.luma = (
            slice(sprite.y, sprite.y + rgba.shape[0]),
            slice(sprite.x, sprite.x + rgba.shape[1]),
        )
        y, x = sprite.y // 2, sprite.x // 2
        self.chroma = slice(y, y + half[1]), slice(x, x + half[0])
        self.add = [to_bytes(yuv[..., 0])]
        self.add += [
            to_bytes(cv2.resize(yuv[..., i], half, interpolation=cv2.INTER_AREA)) for i in (1, 2)
        ]
        small = cv2.resize(alpha, half, interpolation=cv2.INTER_AREA)
        self.keep = [to_bytes(255 - 255 * alpha), to_bytes(255 - 255 * small)]

    def blend(self, planes: Planes) -> None:
        if self.empty:
            return
        _blend(planes.y[self.luma], self.keep[0], self.add[0])
        _blend(planes.u[self.chroma], self.keep[1], self.add[1])
        _blend(planes.v[self.chroma], self.keep[1], self.add[2])


class Painter:
    """Paints one video: everything that does not change from frame to frame is made here."""

    def __init__(
        self, style: Style, artwork: Artwork, width: int, height: int, tags: ColorTags | None = None
    ) -> None:
        """Prepare tables for one size.

        Args:
            style: Colours, transparency, marks.
            artwork: From `sslviz.overlay.artwork.make_artwork`.
            width: Of the planes, pixels, even.
            height: Of the planes, pixels, even.
            tags: Meaning of the planes; BT.709 limited range by default.

        Raises:
            ValueError: A size is odd or not positive.
        """
        if width < 2 or height < 2 or width % 2 or height % 2:
            raise ValueError(f"planes need even sizes, got {width}x{height}")
        self.style, self.width, self.height = style, width, height
        tags = tags or ColorTags()
        self._step = 2
        while self._step < 16 and width / self._step > 200:
            self._step *= 2
        self._tables = _tables(artwork.colors, style, tags)
        self._grid = -(-height // self._step), -(-width // self._step)
        self._always = [_Stamp(s, tags, height, width) for s in artwork.always]
        self._badges = {k: _Stamp(s, tags, height, width) for k, s in artwork.badges.items()}

    def paint_yuv(self, planes: Planes, heat: NDArray[np.float32], badge: str = "") -> None:
        """Paint in place.

        Args:
            planes: Of the painter's size, writable.
            heat: In [0, 1], (h, w), any grid.
            badge: Verdict to show; empty for none. With a badge no mark points at anything.
        """
        if planes.y.shape != (self.height, self.width):
            raise ValueError(f"painter is for {self.width}x{self.height}, got {planes.y.shape}")
        fine = self._enlarge(heat)
        if self.style.fill:
            self._fill(planes, fine)
        if not badge:
            draw_marks(planes, self.style, heat, fine)
        for stamp in self._always:
            stamp.blend(planes)
        if self.style.badge and badge in self._badges:
            self._badges[badge].blend(planes)

    def _enlarge(self, heat: NDArray[np.float32]) -> Bytes:
        """Heat on the coarse grid of the lookup, 0 to 255."""
        rows = _weights(heat.shape[0], self._grid[0], self.height / self._step)
        columns = _weights(heat.shape[1], self._grid[1], self.width / self._step)
        fine = rows @ heat @ columns.T
        return to_bytes(fine * 255)

    def _fill(self, planes: Planes, fine: Bytes) -> None:
        keep = cv2.LUT(fine, self._tables[3])
        x, y, wide, high = cv2.boundingRect(255 - keep)
        if not wide:
            return
        top, left = max(y - 1, 0), max(x - 1, 0)
        area = slice(top, y + high + 1), slice(left, x + wide + 1)
        fine, keep = fine[area], keep[area]
        for plane, table, step in zip(
            planes, self._tables, (self._step, self._step // 2, self._step // 2), strict=False
        ):
            spot = plane[top * step : (top + fine.shape[0]) * step]
            spot = spot[:, left * step : (left + fine.shape[1]) * step]
            size = fine.shape[1] * step, fine.shape[0] * step
            add, kept = cv2.LUT(fine, table), keep
            if step > 1:
                add = cv2.resize(add, size, interpolation=cv2.INTER_LINEAR)
                kept = cv2.resize(keep, size, interpolation=cv2.INTER_LINEAR)
            _blend(
                spot, kept[: spot.shape[0], : spot.shape[1]], add[: spot.shape[0], : spot.shape[1]]
            )


def _blend(spot: Bytes, keep: NDArray[Any], add: NDArray[Any]) -> None:
    np.copyto(spot, cv2.add(cv2.multiply(spot, keep, scale=1 / 255), add))


def opacity_ramp(style: Style) -> NDArray[np.float32]:
    """Opacity of each of 256 steps of heat: nothing below the threshold, then soon visible."""
    heat = np.arange(256, dtype=np.float32) / 255
    above = np.clip((heat - style.threshold) / (1 - style.threshold), 0, 1)
    edge = np.clip(above / 0.12, 0, 1)
    edge = edge * edge * (3 - 2 * edge)
    ramp: NDArray[np.float32] = (style.opacity * edge * (0.55 + 0.45 * above)).astype(np.float32)
    return ramp


def _tables(colors: Bytes, style: Style, tags: ColorTags) -> list[Bytes]:
    """For luma and both chroma: colour times opacity; then 255 minus opacity."""
    opacity = opacity_ramp(style)
    yuv = yuv_from_rgb(colors.astype(np.float32), tags) * opacity[:, None]
    return [*(to_bytes(yuv[:, i]) for i in range(3)), to_bytes(255 - 255 * opacity)]


@lru_cache(maxsize=32)
def _weights(source: int, target: int, span: float) -> NDArray[np.float32]:
    """Catmull-Rom weights that take ``source`` cells to ``target`` samples, (target, source).

    Args:
        source: Number of cells; together they cover the picture.
        target: Number of samples.
        span: Number of samples (not always whole) that cover the picture.
    """
    centre = (np.arange(target) + 0.5) / span * source - 0.5
    first = np.floor(centre).astype(int)
    weights = np.zeros((target, source), np.float32)
    for tap in range(-1, 3):
        away = np.abs(centre - (first + tap))
        near = 1.5 * away**3 - 2.5 * away**2 + 1
        far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
        weight = np.where(away < 1, near, np.where(away < 2, far, 0))
        np.add.at(weights, (np.arange(target), np.clip(first + tap, 0, source - 1)), weight)
    return weights
