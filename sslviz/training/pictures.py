"""Small random changes of pictures and their masks, for composites."""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""RGB (H, W, 3), or a mask or labels (H, W)."""


def jitter(rng: np.random.Generator, image: Picture) -> Picture:
    """Brightness, contrast, colour balance; grey in one of six, so that colour names nothing."""
    if rng.random() < 0.16:
        grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
        image = np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=2)
    gain = rng.uniform(0.7, 1.3) * np.exp(rng.normal(0, 0.07, 3))
    table = np.clip(np.arange(256)[:, None] * gain + rng.uniform(-25, 25), 0, 255)
    return np.asarray(cv2.LUT(np.ascontiguousarray(image), table.astype(np.uint8)[None]), np.uint8)


def degrade(rng: np.random.Generator, image: Picture) -> Picture:
    """Bad light, few pixels, blur, noise and compression, as web video has them."""
    if rng.random() < 0.15:
        table = 255 * np.linspace(0, 1, 256) ** float(np.exp(rng.uniform(-0.6, 0.8)))
        image = np.asarray(cv2.LUT(image, table.astype(np.uint8)[None]), np.uint8)
    if rng.random() < 0.25:
        height, width = image.shape[:2]
        share = float(rng.uniform(0.3, 0.8))
        fewer = fit_picture(image, max(int(width * share), 1), max(int(height * share), 1))
        image = fit_picture(fewer, width, height)
    if rng.random() < 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.6))), np.uint8)
    if rng.random() < 0.15:
        grain = rng.normal(0, rng.uniform(2, 14), image.shape)
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        packed = cv2.imencode(".jpg", np.ascontiguousarray(image), quality)[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(image)


def warp(
    rng: np.random.Generator, pixels: Picture, mask: Picture, scale: float, squeeze: float = 1.0
) -> tuple[Picture, Picture]:
    """Resize, squeeze, stretch by up to a sixth, flip and turn by up to 20 degrees."""
    stretch = float(np.exp(rng.uniform(-0.15, 0.15))) * squeeze**0.5
    size = (
        max(int(mask.shape[1] * scale * stretch), 4),
        max(int(mask.shape[0] * scale / stretch), 4),
    )
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = np.asarray(cv2.resize(np.ascontiguousarray(pixels), size, interpolation=how), np.uint8)
    mask = np.asarray(cv2.resize(np.ascontiguousarray(mask), size), np.uint8)
    if rng.random() < 0.5:
        pixels, mask = np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])
    if rng.random() < 0.4:
        turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), float(rng.uniform(-20, 20)), 1.0)
        turned = cv2.warpAffine(pixels, turn, size, borderMode=cv2.BORDER_REPLICATE)
        pixels = np.asarray(turned, np.uint8)
        mask = np.asarray(cv2.warpAffine(mask, turn, size), np.uint8)
    return pixels, mask


def random_crop(rng: np.random.Generator, mask: Picture) -> tuple[slice, slice]:
    """A crop of 45 to 100 % of each side that keeps at least a third of the object."""
    height, width = mask.shape
    total = int(mask.sum())
    for _ in range(6):
        rows, columns = (random_span(rng, side, rng.uniform(0.45, 1.0)) for side in mask.shape)
        if mask[rows, columns].sum() > total / 3:
            return rows, columns
    return slice(0, height), slice(0, width)


def close_crop(rng: np.random.Generator, mask: Picture) -> tuple[slice, slice]:
    """A crop of 20 to 60 % of each side around a pixel of the object: something large."""
    rows, columns = np.nonzero(mask)
    if not rows.size:
        return random_crop(rng, mask)
    chosen = int(rng.integers(rows.size))
    spans = []
    for centre, side in zip((int(rows[chosen]), int(columns[chosen])), mask.shape, strict=True):
        size = max(int(side * rng.uniform(0.2, 0.6)), 8)
        first = min(max(centre - size // 2, 0), max(side - size, 0))
        spans.append(slice(first, first + size))
    return spans[0], spans[1]


def random_span(rng: np.random.Generator, length: int, share: float) -> slice:
    """A stretch of ``share`` of a length, anywhere."""
    size = max(int(length * share), 1)
    first = int(rng.integers(length - size + 1))
    return slice(first, first + size)


def place(rng: np.random.Generator, length: int, size: int, overhang: float) -> int:
    """First pixel of an object on a canvas of ``size``; up to a share of it may lie outside."""
    low, high = sorted((-overhang * length, size - length * (1.0 - overhang)))
    return round(rng.uniform(low, high))


def extent(mask: Picture) -> tuple[slice, slice]:
    """Rows and columns that hold the non-zero pixels; all of them where there are none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return slice(0, mask.shape[0]), slice(0, mask.shape[1])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def fit_picture(image: Picture, width: int, height: int) -> Picture:
    """To a size, aspect not kept; area averaging where it shrinks."""
    shrinks = image.shape[0] > height and image.shape[1] > width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    source = np.ascontiguousarray(image)
    return np.asarray(cv2.resize(source, (width, height), interpolation=how), np.uint8)


def fit_labels(labels: Picture, width: int, height: int) -> Picture:
    """To a size, nearest neighbour."""
    source = np.ascontiguousarray(labels)
    return np.asarray(
        cv2.resize(source, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8
    )
