"""Bringing pictures to the size that a network wants."""

from enum import StrEnum

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate


class Resize(StrEnum):
    """How a picture is brought to ``spec.image_size``; both average what they skip."""

    AREA = "area"
    """Mean of the covered pixels (bilinear where the picture has to grow)."""
    BICUBIC = "bicubic"
    """Antialiased bicubic as PIL does it: what ImageNet networks are usually given."""


def resize_image(image: NDArray[np.uint8], size: int, how: Resize) -> NDArray[np.uint8]:
    """Bring RGB (H, W, 3) to (size, size, 3); the aspect is not kept, as in all four papers."""
    height, width = image.shape[:2]
    if height == width == size:
        return image
    if how is Resize.BICUBIC:
        planes = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
        small = interpolate(planes, (size, size), mode="bicubic", antialias=True)
        return np.ascontiguousarray(small[0].permute(1, 2, 0).numpy())
    flag = cv2.INTER_LINEAR if min(height, width) < size else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (size, size), interpolation=flag), np.uint8)
