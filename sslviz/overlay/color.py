"""Colours in the planes of a video: luma and two chroma planes at half size (YUV 4:2:0, 8 bit)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


@dataclass(frozen=True, slots=True)
class ColorTags:
    """How the numbers in the planes mean colours."""

    matrix: str = "bt709"
    """One of bt601, bt709, bt2020."""
    full_range: bool = False
    """Luma 0 to 255 instead of 16 to 235."""

    def __post_init__(self) -> None:
        if self.matrix not in _LUMA_WEIGHTS:
            raise ValueError(f"matrix must be one of {sorted(_LUMA_WEIGHTS)}, got {self.matrix!r}")


class Planes(NamedTuple):
    """One picture, upright, of even size."""

    y: Bytes
    """(H, W)."""
    u: Bytes
    """(H / 2, W / 2)."""
    v: Bytes
    """(H / 2, W / 2)."""


def to_bytes(values: NDArray[Any]) -> Bytes:
    """Nearest numbers from 0 to 255."""
    rounded: Bytes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def yuv_from_rgb(rgb: NDArray[np.float32], tags: ColorTags) -> NDArray[np.float32]:
    """Colours (..., 3) in [0, 255] as luma and chroma, in the range that the tags name."""
    red_weight, blue_weight = _LUMA_WEIGHTS[tags.matrix]
    red, green, blue = (rgb[..., i] for i in range(3))
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    cb = (blue - luma) / (2 * (1 - blue_weight))
    cr = (red - luma) / (2 * (1 - red_weight))
    if not tags.full_range:
        luma, cb, cr = luma * (219 / 255) + 16, cb * (224 / 255), cr * (224 / 255)
    return np.stack([luma, cb + 128, cr + 128], axis=-1).astype(np.float32)


def rgb_from_yuv(yuv: NDArray[np.uint8], tags: ColorTags) -> Bytes:
    """Luma and chroma (H, W, 3) as RGB of the same shape; the inverse of `yuv_from_rgb`."""
    units = np.eye(3, dtype=np.float32)
    forward = (yuv_from_rgb(units, tags) - yuv_from_rgb(np.zeros((1, 3), np.float32), tags)).T
    back = np.linalg.inv(forward.astype(np.float64))
    foot = np.array([0 if tags.full_range else 16, 128, 128], np.float64)
    shifted = np.hstack([back, -(back @ foot)[:, None]])
    return np.asarray(cv2.transform(yuv, shifted), np.uint8)


PREVIEW_TAGS = ColorTags("bt601", full_range=False)
"""What OpenCV's I420 conversions mean."""


def planes_from_rgb(image: Bytes) -> Planes:
    """An RGB picture (H, W, 3) as BT.601 planes; odd sizes lose their last row or column."""
    height, width = (image.shape[0] // 2) * 2, (image.shape[1] // 2) * 2
    stacked = cv2.cvtColor(np.ascontiguousarray(image[:height, :width]), cv2.COLOR_RGB2YUV_I420)
    luma, chroma = stacked[:height], stacked[height:].reshape(2, height // 2, width // 2)
    return Planes(
        np.array(luma, np.uint8), np.array(chroma[0], np.uint8), np.array(chroma[1], np.uint8)
    )


def rgb_from_planes(planes: Planes, tags: ColorTags = PREVIEW_TAGS) -> Bytes:
    """Planes as an RGB picture, (H, W, 3)."""
    height, width = planes.y.shape
    chroma = (
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        for plane in (planes.u, planes.v)
    )
    return rgb_from_yuv(np.asarray(cv2.merge([planes.y, *chroma]), np.uint8), tags)
