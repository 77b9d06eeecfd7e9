"""Pictures put together from photos, with exact knowledge of what is where."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.boxes import Box

Picture = NDArray[np.uint8]


def fit(image: Picture, width: int, height: int) -> Picture:
    """Bring a picture to a size; the aspect is not kept, as in all papers of the field."""
    shrinks = width <= image.shape[1] and height <= image.shape[0]
    flag = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=flag), np.uint8)


def mosaic(pictures: Sequence[Picture], size: int) -> Picture:
    """Whole photos side by side in a square of k x k tiles, row by row, (size, size, 3)."""
    side = round(len(pictures) ** 0.5)
    edges = [round(index * size / side) for index in range(side + 1)]
    canvas = np.empty((size, size, 3), np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, side)
        top, bottom, left, right = edges[row], edges[row + 1], edges[column], edges[column + 1]
        canvas[top:bottom, left:right] = fit(picture, right - left, bottom - top)
    return canvas


def tile_of(peak: int, size: int, tiles_per_side: int) -> int:
    """The tile, counted row by row, in which a flat pixel index of a (size, size) map lies."""
    row, column = divmod(peak, size)
    return (row * tiles_per_side // size) * tiles_per_side + column * tiles_per_side // size


@dataclass(frozen=True, slots=True)
class CutOut:
    """An object to paste."""

    image: Picture
    """(h, w, 3)."""
    opaque: NDArray[np.bool_]
    """(h, w)."""


def cut_out(image: Picture, tolerance: int = 14) -> CutOut:
    """The object of a photo on plain ground, cropped tightly; without such ground the photo's middle.

    The middle is 0.8 of each side: photos of one thing have it there.
    """
    top, left = image.shape[0] // 10, image.shape[1] // 10
    middle = image[top : image.shape[0] - top, left : image.shape[1] - left]
    whole = CutOut(np.ascontiguousarray(middle), np.ones(middle.shape[:2], np.bool_))
    border = np.concatenate((image[0], image[-1], image[:, 0], image[:, -1])).astype(int)
    plain = np.abs(border - np.median(border, axis=0)).max(axis=1) <= tolerance
    if plain.mean() < 0.7:
        return whole
    opaque = ~_ground(image, tolerance)
    kernel = np.ones((3, 3), np.uint8)
    opaque = cv2.morphologyEx(opaque.astype(np.uint8), cv2.MORPH_OPEN, kernel).astype(np.bool_)
    if not 0.1 <= opaque.mean() <= 0.95:
        return whole
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if opaque[box].mean() < 0.3:
        return whole
    return CutOut(np.ascontiguousarray(image[box]), np.ascontiguousarray(opaque[box]))


def _ground(image: Picture, tolerance: int) -> NDArray[np.bool_]:
    """Everything that hangs together with the border and has its colour."""
    padded = cv2.copyMakeBorder(
        image,
        1,
        1,
        1,
        1,
        cv2.BORDER_CONSTANT,
        value=[float(v) for v in np.median(np.concatenate((image[0], image[-1])), axis=0)],
    )
    filled = np.zeros((padded.shape[0] + 2, padded.shape[1] + 2), np.uint8)
    spread = (tolerance,) * 3
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    cv2.floodFill(padded, filled, (0, 0), (0, 0, 0), spread, spread, flags)
    return np.asarray(filled[2:-2, 2:-2] > 0)


@dataclass(frozen=True, slots=True)
class Composite:
    """Several objects on one background."""

    image: Picture
    """(size, size, 3)."""
    boxes: tuple[Box, ...]
    """Normalised, one per object, in order; they do not overlap."""


def paste_objects(
    background: Picture, objects: Sequence[CutOut], size: int, rng: np.random.Generator
) -> Composite:
    """Objects at random places, their longer side 0.3 to 0.5 of the picture, never overlapping."""
    canvas = fit(background, size, size).copy()
    shapes = [_shape(o, round(size * rng.uniform(0.3, 0.5))) for o in objects]
    places = _places(shapes, size, rng)
    boxes = []
    for cut, (height, width), (top, left) in zip(objects, shapes, places, strict=True):
        image = fit(cut.image, width, height)
        opaque = cv2.resize(cut.opaque.astype(np.uint8), (width, height)) > 0
        canvas[top : top + height, left : left + width][opaque] = image[opaque]
        edges = (left, top, left + width, top + height)
        boxes.append((edges[0] / size, edges[1] / size, edges[2] / size, edges[3] / size))
    return Composite(canvas, tuple(boxes))


def _shape(cut: CutOut, longer: int) -> tuple[int, int]:
    height, width = cut.image.shape[:2]
    ratio = longer / max(height, width)
    # A very thin object keeps a tenth of its length, so that a map of 14 x 14 cells can meet it at all.
    return max(round(height * ratio), longer // 10), max(round(width * ratio), longer // 10)


def _places(
    shapes: Sequence[tuple[int, int]], size: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Top and left of each; two objects of at most 0.5 always fit into opposite corners."""
    for _ in range(200):
        places = [
            (int(rng.integers(0, size - h + 1)), int(rng.integers(0, size - w + 1)))
            for h, w in shapes
        ]
        taken = np.zeros((size, size), np.uint8)
        for (height, width), (top, left) in zip(shapes, places, strict=True):
            taken[top : top + height, left : left + width] += 1
        if taken.max() < 2:
            return places
    return [(0, 0), *((size - h, size - w) for h, w in shapes[1:])]
