"""Composite pictures with exact masks: crops, mosaics, and cut-outs pasted on backgrounds.

Ours, not the papers'. Photos paired with sounds by category say *what* sounds; composites say
*where*, for nothing. A cut-out's mask comes from ``training.masks`` (class activations, border
colours and GrabCut), never from a segmenter trained on masks or boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from sslviz.training.pictures import (
    Picture,
    close_crop,
    degrade,
    extent,
    fit_labels,
    fit_picture,
    jitter,
    place,
    random_crop,
    random_span,
    warp,
)

BACKGROUND = 0
HALO = 128
"""Added to the category of what lies beside an object but within the convex hull of its outline."""
LABEL_STRIDE = 4
SMALLEST_PART = 0.1
"""Of an object's pixels; smaller parts get no hull."""
SMALLEST_OBJECT = 30
"""Pixels; what is smaller is not pasted."""
SQUEEZES, SQUEEZE_SHARES = (1.0, 9 / 16, 3 / 4, 16 / 9), (0.45, 0.3, 0.15, 0.1)
"""What a square network does to things in a square, a wide, a 4:3 and an upright frame, and how often."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A photo and the pixels of its object."""

    image: Picture
    mask: Picture
    """(H, W), 0 or 1."""
    category: int
    """From 1."""
    plain: bool
    """The photo has a nearly uniform background."""


@dataclass(frozen=True, slots=True)
class Composite:
    """A training picture and the category of its pixels."""

    image: Picture
    """(size, size, 3)."""
    labels: Picture
    """(size / 4, size / 4); 0 is background, ``HALO`` more than a category is beside it."""


@dataclass(frozen=True, slots=True)
class CompositeOptions:
    """Shares of the kinds of composite; the rest are objects pasted on backgrounds."""

    size: int = 320
    photo_share: float = 0.3
    mosaic_share: float = 0.27
    close_share: float = 0.15
    """Of photos and tiles: a crop so close that the object fills most of it."""
    photo_background_share: float = 0.25
    """Of the pasted ones: on another photo instead of a background."""
    herd_share: float = 0.15
    """Of the pasted ones: many small ones of one category."""
    framed_share: float = 0.5
    """Of pasted objects without a plain background: the whole crop, which counts as the object."""
    max_pasted: int = 4
    min_scale: float = 0.14
    max_scale: float = 0.95


class Composer:
    """Draws composites; all randomness comes from the generator handed to ``sample``."""

    def __init__(
        self,
        cutouts: Sequence[Cutout],
        backgrounds: Sequence[Picture],
        options: CompositeOptions = CompositeOptions(),
    ) -> None:
        self.backgrounds, self.options = list(backgrounds), options
        self.by_category: dict[int, list[Cutout]] = {}
        for cutout in cutouts:
            self.by_category.setdefault(cutout.category, []).append(cutout)
        self.categories = sorted(self.by_category)

    def sample(self, rng: np.random.Generator) -> Composite:
        """One composite of a random kind."""
        kind, options = rng.random(), self.options
        if kind < options.photo_share:
            image, labels = self._photo(rng, options.size)
        elif kind < options.photo_share + options.mosaic_share:
            image, labels = self._mosaic(rng)
        elif rng.random() < options.herd_share:
            image, labels = self._herd(rng)
        else:
            image, labels = self._pasted(rng)
        middle = LABEL_STRIDE // 2
        sparse = labels[middle::LABEL_STRIDE, middle::LABEL_STRIDE]
        return Composite(degrade(rng, image), np.ascontiguousarray(sparse))

    def _draw(self, rng: np.random.Generator) -> Cutout:
        group = self.by_category[self.categories[rng.integers(len(self.categories))]]
        return group[rng.integers(len(group))]

    def _photo(self, rng: np.random.Generator, size: int) -> tuple[Picture, Picture]:
        """A photo, or a crop that keeps a third of its object, squeezed into a square."""
        cutout, options = self._draw(rng), self.options
        image, mask = jitter(rng, cutout.image), cutout.mask
        chance = rng.random()
        if chance < 0.6:
            crop = close_crop(rng, mask) if chance < options.close_share else random_crop(rng, mask)
            image, mask = image[crop], mask[crop]
        if rng.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        labels = label(mask, cutout.category)
        return fit_picture(image, size, size), fit_labels(labels, size, size)

    def _mosaic(self, rng: np.random.Generator) -> tuple[Picture, Picture]:
        """2x2 to 4x4 photos side by side."""
        size, side = self.options.size, int(rng.choice([2, 3, 4], p=[0.35, 0.2, 0.45]))
        edges = np.linspace(0, size, side + 1).round().astype(int)
        image, labels = np.zeros((size, size, 3), np.uint8), np.zeros((size, size), np.uint8)
        spans = [slice(low, high) for low, high in pairwise(edges)]
        for rows in spans:
            for columns in spans:
                tile, tile_labels = self._photo(rng, size // side)
                shape = int(columns.stop - columns.start), int(rows.stop - rows.start)
                image[rows, columns] = fit_picture(tile, *shape)
                labels[rows, columns] = fit_labels(tile_labels, *shape)
        return image, labels

    def _background(self, rng: np.random.Generator) -> Picture:
        size = self.options.size
        if rng.random() < 0.1:
            return fit_picture(rng.integers(0, 256, (2, 2, 3)).astype(np.uint8), size, size)
        image = self.backgrounds[rng.integers(len(self.backgrounds))]
        share = rng.uniform(0.6, 1.0)
        rows, columns = (random_span(rng, side, share) for side in image.shape[:2])
        image = image[rows, columns]
        return fit_picture(jitter(rng, image[:, ::-1] if rng.random() < 0.5 else image), size, size)

    def _pasted(self, rng: np.random.Generator) -> tuple[Picture, Picture]:
        """Objects at random places and scales on a background or on another photo."""
        options, most, squeeze = self.options, self.options.max_pasted, draw_squeeze(rng)
        if rng.random() < options.photo_background_share:
            image, labels = self._photo(rng, options.size)
            most = min(most, 2)
        else:
            image = self._background(rng)
            labels = np.zeros((options.size, options.size), np.uint8)
        image = np.ascontiguousarray(image)
        for _ in range(int(rng.integers(1, most + 1))):
            paste(rng, self._draw(rng), image, labels, options, squeeze)
        return image, labels

    def _herd(self, rng: np.random.Generator) -> tuple[Picture, Picture]:
        """A flock, a herd, a crowd: 4 to 16 of one category, near each other, on a background."""
        options, squeeze = self.options, draw_squeeze(rng)
        image = np.ascontiguousarray(self._background(rng))
        labels = np.zeros((options.size, options.size), np.uint8)
        side = int(options.size * rng.uniform(0.4, 1.0))
        top, left = (int(rng.integers(options.size - side + 1)) for _ in range(2))
        part = np.s_[top : top + side, left : left + side]
        smaller = replace(options, size=side, min_scale=0.15, max_scale=0.5)
        group = self.by_category[self._draw(rng).category]
        for _ in range(int(rng.integers(4, 17))):
            cutout = group[rng.integers(len(group))]
            paste(rng, cutout, image[part], labels[part], smaller, squeeze)
        return image, labels


def label(mask: Picture, category: int) -> Picture:
    """Labels of one object: its category, and its halo where each large part's convex hull goes beyond it."""
    hull = np.zeros(mask.shape, np.uint8)
    mask, smallest = np.ascontiguousarray(mask), SMALLEST_PART * mask.sum()
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for outline in outlines:
        if cv2.contourArea(outline) >= smallest:
            cv2.fillConvexPoly(hull, cv2.convexHull(outline), category + HALO)
    hull[mask > 0] = category
    return hull


def draw_squeeze(rng: np.random.Generator) -> float:
    """Width against height of what is pasted into one picture."""
    return float(rng.choice(SQUEEZES, p=SQUEEZE_SHARES))


def paste(
    rng: np.random.Generator,
    cutout: Cutout,
    image: Picture,
    labels: Picture,
    options: CompositeOptions,
    squeeze: float = 1.0,
) -> None:
    """Paint one object, sometimes with all of its crop, over ``image`` and ``labels`` in place."""
    framed = not cutout.plain and rng.random() < options.framed_share
    pixels, mask = _framed(rng, cutout) if framed else _tight(cutout)
    longer = np.exp(rng.uniform(np.log(options.min_scale), np.log(options.max_scale)))
    scale = float(longer) * options.size / max(mask.shape)
    pixels, mask = warp(rng, jitter(rng, pixels), mask, scale, squeeze)
    if mask.sum() < SMALLEST_OBJECT:
        return
    softness = 0.3 if framed else float(rng.uniform(0.4, 1.3))
    alpha = np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), softness), np.float32)
    overhang = 0.0 if rng.random() < 0.75 else 0.35
    top, left = (place(rng, length, options.size, overhang) for length in mask.shape)
    rows, inner_rows = _overlap(top, mask.shape[0], options.size)
    columns, inner_columns = _overlap(left, mask.shape[1], options.size)
    inner = (inner_rows, inner_columns)
    blend = alpha[inner][..., None]
    below = image[rows, columns]
    image[rows, columns] = (below * (1 - blend) + pixels[inner] * blend).round().astype(np.uint8)
    target, own = labels[rows, columns], label(mask, cutout.category)[inner]
    target[alpha[inner] > 0.5] = BACKGROUND
    free = (own > 0) & ((own < HALO) | (target == BACKGROUND))
    target[free] = own[free]


def _tight(cutout: Cutout) -> tuple[Picture, Picture]:
    crop = extent(cutout.mask)
    return cutout.image[crop], cutout.mask[crop]


def _framed(rng: np.random.Generator, cutout: Cutout) -> tuple[Picture, Picture]:
    """A rectangle around the object, or the photo's middle; all of it counts."""
    height, width = cutout.mask.shape
    crop = extent(cutout.mask)
    if rng.random() < 0.5:
        margins = int(height * 0.1), int(width * 0.1)
        crop = slice(margins[0], height - margins[0]), slice(margins[1], width - margins[1])
    pixels = cutout.image[crop]
    return pixels, np.ones(pixels.shape[:2], np.uint8)


def _overlap(first: int, length: int, size: int) -> tuple[slice, slice]:
    """What of an object at ``first`` lies on the canvas: on the canvas, and in the object."""
    low, high = max(first, 0), max(min(first + length, size), max(first, 0))
    return slice(low, high), slice(low - first, high - first)
