"""Objects cut out of training photos, and photos' parts without objects."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from sslviz.datasets.paired import Item
from sslviz.errors import DatasetError, MediaError
from sslviz.models.blocks.mobilenet import MobileNetV2
from sslviz.training import masks
from sslviz.training.composites import Cutout
from sslviz.training.pictures import Picture, fit_labels, fit_picture
from sslviz.whole_file import whole_file

BACKGROUND_CATEGORY = "background"
LONGEST_SIDE = 340
NO_PART = (0, 0, 0, 0)
SAVED_AT_ONCE = 256
SeedMaps = Callable[[Picture, str], NDArray[np.float32]]
"""A photo (H, W, 3) and its category -> seeds in [0, 1] at ``masks.SIZE``."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded training photo."""

    image: Picture
    category: str


def read_photos(
    items: Sequence[Item], read: Callable[[Path], Picture]
) -> tuple[list[Photo], list[str]]:
    """Decode photos, at most ``LONGEST_SIDE`` long; second, why some could not be read.

    Raises:
        DatasetError: None can be read.
    """
    photos, lost = [], []
    for item in items:
        try:
            image = read(item.path)
        except MediaError as error:
            lost.append(str(error))
            continue
        ratio = min(1.0, LONGEST_SIDE / max(image.shape[:2]))
        height, width = (max(8, round(side * ratio)) for side in image.shape[:2])
        photos.append(Photo(fit_picture(image, width, height), item.category))
    if not photos:
        raise DatasetError("none of the training photos can be read.")
    return photos, lost


def cut_out(
    photos: Sequence[Photo], seeds: SeedMaps, cut: masks.Cut, folder: Path
) -> tuple[list[Cutout], list[Picture]]:
    """Cut-outs of all photos with a usable mask, and backgrounds.

    Backgrounds are the photos of that category and parts of the others that hold nothing of theirs.

    Args:
        photos: Training photos.
        seeds: Where the object of a photo probably is.
        cut: How far the seeds are trusted.
        folder: Masks are kept there as they are found; those that lie there are not sought again.
    """
    names = photo_categories(photos)
    cutouts, backgrounds = [], []
    for photo, found in zip(photos, _search(photos, seeds, cut, folder / "masks.npz"), strict=True):
        top, bottom, left, right = found.empty
        if bottom > top:
            backgrounds.append(np.ascontiguousarray(photo.image[top:bottom, left:right]))
        if masks.usable(found.mask):
            height, width = photo.image.shape[:2]
            category = names.index(photo.category) + 1
            mask = fit_labels(found.mask, width, height)
            cutouts.append(Cutout(photo.image, mask, category, bool(found.plain)))
    return cutouts, backgrounds or [np.full((64, 64, 3), 128, np.uint8)]


class _Found(NamedTuple):
    """What was found in a photo."""

    mask: Picture
    """(SIZE, SIZE), 0 or 1."""
    plain: bool
    """Its ground is even."""
    empty: tuple[int, int, int, int]
    """Top, bottom, left and right of a part without the object; no part where bottom is top."""


def _search(
    photos: Sequence[Photo], seeds: SeedMaps, cut: masks.Cut, file: Path
) -> Iterator[_Found]:
    """Search all photos, several at a time; ``file`` keeps what was found."""
    arrays: dict[str, list[NDArray[np.generic]]] = {name: [] for name in _Found._fields}
    if file.is_file():
        with np.load(file) as kept:
            arrays = {name: list(kept[name]) for name in _Found._fields}
    file.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(len(arrays["mask"]), len(photos), SAVED_AT_ONCE):
            part = range(first, min(first + SAVED_AT_ONCE, len(photos)))
            for found in pool.map(lambda i: _search_one(i, photos[i], seeds, cut), part):
                for name, value in found._asdict().items():
                    arrays[name].append(np.asarray(value))
            with whole_file(file) as path, path.open("wb") as stream:
                np.savez_compressed(
                    stream, mask=arrays["mask"], plain=arrays["plain"], empty=arrays["empty"]
                )
    for values in zip(*arrays.values(), strict=True):
        yield _Found(*values)


def _search_one(number: int, photo: Photo, seeds: SeedMaps, cut: masks.Cut) -> _Found:
    height, width = photo.image.shape[:2]
    if photo.category == BACKGROUND_CATEGORY:
        return _Found(np.zeros((masks.SIZE, masks.SIZE), np.uint8), False, (0, height, 0, width))
    small = fit_picture(photo.image, masks.SIZE, masks.SIZE)
    mask = masks.plain_mask(small)
    if mask is not None and masks.usable(mask):
        return _Found(mask, True, NO_PART)
    likely = seeds(photo.image, photo.category)
    cv2.setRNGSeed(number)  # of this thread: GrabCut draws, and must not depend on who is asked
    mask = masks.grab_cut(small, likely, cut)
    rng = np.random.default_rng((5, number))
    return _Found(mask, False, empty_part(rng, photo.image.shape, np.maximum(likely, mask)))


def photo_categories(photos: Sequence[Photo]) -> list[str]:
    """Categories of things, sorted; category i + 1 in labels is the i-th."""
    return sorted({photo.category for photo in photos} - {BACKGROUND_CATEGORY})


def empty_part(
    rng: np.random.Generator, shape: tuple[int, ...], likely: NDArray[np.floating]
) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a part of a photo where nothing likely is; empty after 16 tries.

    Its sides are 30 to 80 % of the photo's.
    """
    height, width = shape[:2]
    large = np.asarray(cv2.resize(likely.astype(np.float32), (width, height)))
    for _ in range(16):
        rows, columns = (int(side * rng.uniform(0.3, 0.8)) for side in (height, width))
        top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        part = np.s_[top : top + rows, left : left + columns]
        if float(np.percentile(large[part], 97)) < 0.45:
            return top, top + rows, left, left + columns
    return NO_PART


class Activations(nn.Module):
    """Class activation maps of a linear classifier on a frozen trunk's features.

    Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, trunk: MobileNetV2, size: int = 320) -> None:
        super().__init__()
        self.trunk, self.size = trunk, size
        self.linear = nn.Linear(576 + 1280, 1)
        self.names: list[str] = []

    def features(self, image: Picture) -> Tensor:
        """(H, W, 3) -> (1856, h, w)."""
        pixels = torch.from_numpy(fit_picture(image, self.size, self.size))
        batch = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
        late = self.trunk.late(self.trunk.early(batch).stride16)
        coarse = interpolate(late.stride32, late.stride16.shape[-2:], mode="bilinear")
        return torch.cat((late.stride16, coarse), 1)[0]

    def fit(self, photos: Sequence[Photo], epochs: int = 12) -> None:
        """Train the classifier on mean features of photos."""
        with torch.no_grad():
            pooled = torch.stack([self.features(p.image).mean((1, 2)) for p in photos])
        self.names = sorted({photo.category for photo in photos})
        labels = torch.tensor([self.names.index(photo.category) for photo in photos])
        self.mean, self.deviation = pooled.mean(0), pooled.std(0) + 0.02
        inputs = (pooled - self.mean) / self.deviation
        self.linear = nn.Linear(inputs.shape[1], len(self.names))
        nn.init.zeros_(self.linear.weight)
        optimizer = torch.optim.AdamW(self.linear.parameters(), 1e-3, weight_decay=0.3)
        order = np.random.default_rng(0)
        for _ in range(epochs):
            for rows in torch.split(torch.from_numpy(order.permutation(len(photos))), 64):
                loss = cross_entropy(self.linear(inputs[rows]), labels[rows], label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    @torch.no_grad()
    def seeds(self, image: Picture, category: str) -> NDArray[np.float32]:
        """Seeds for GrabCut from the activation of a category against the others' mean."""
        cells = (self.features(image) - self.mean[:, None, None]) / self.deviation[:, None, None]
        logits = torch.einsum("kc,chw->khw", self.linear.weight, cells)
        activation = logits[self.names.index(category)] - logits.mean(0)
        return masks.activation_seeds(activation.numpy())
