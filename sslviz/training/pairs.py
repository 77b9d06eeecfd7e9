"""Pictures with their own sounds, in the csv layout of the field (VGGSound, Flickr-SoundNet).

``frames/ID.jpg``, ``audio/ID.wav`` and a list of ids, one per line; further columns are ignored, but a
second one named ``label`` or ``class`` makes pairs of one category no negatives. Augmentation is that
of each paper's released code (``Recipe``).
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sslviz.datasets.vggsound import frame_path, sound_path
from sslviz.errors import DatasetError, MediaError
from sslviz.models.acl import ACL, TRAINED_SECONDS
from sslviz.models.base import Network
from sslviz.models.jsa import JSA
from sslviz.training.decoding import FileReader
from sslviz.training.objectives import Batch, Objective
from sslviz.training.options import TrainOptions
from sslviz.training.pictures import Picture
from sslviz.training.sources import Task
from sslviz.types import InputSpec


@dataclass(frozen=True, slots=True)
class Pair:
    """One clip."""

    name: str
    image: Path
    sound: Path
    label: str = ""


def read_pairs(root: Path, split: str, leave_out: frozenset[str] = frozenset()) -> list[Pair]:
    """Clips that ``root/SPLIT.csv`` or ``.txt`` lists.

    Args:
        root: Folder with ``frames``, ``audio`` and the list.
        split: Name of the list.
        leave_out: Ids of test clips: the field's published training lists contain some.

    Raises:
        DatasetError: There is no such list, or it is empty.
    """
    found = [p for p in (root / f"{split}.csv", root / f"{split}.txt") if p.is_file()]
    if not found:
        raise DatasetError(f"{root} holds neither {split}.csv nor {split}.txt with ids of clips.")
    with found[0].open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row and row[0].strip()]
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    labelled = next((i for i, n in enumerate(header) if n in ("label", "class", "category")), None)
    body = rows[1:] if header[:1] in (["id"], ["file"], ["name"]) else rows
    pairs = []
    for row in body:
        name = Path(row[0].strip()).stem
        label = row[labelled].strip() if labelled is not None and labelled < len(row) else ""
        if name not in leave_out:
            pairs.append(
                Pair(
                    name, frame_path(root / "frames", name), sound_path(root / "audio", name), label
                )
            )
    if not pairs:
        raise DatasetError(f"{found[0]} lists no clip to train on.")
    return pairs


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a paper's released code prepares a clip for training."""

    square: bool = False
    """ACL squeezes pictures to a square before the crop; the others keep their shape."""
    colour: bool = False
    """JSA also changes colours, takes them away, and blurs."""
    first_seconds: float | None = None
    """ACL hears the first 10 s, with silence behind a shorter sound; the others the middle, repeated."""

    @classmethod
    def of(cls, network: Network) -> "Recipe":
        """That of a network's paper."""
        if isinstance(network, ACL):
            return cls(square=True, first_seconds=TRAINED_SECONDS)
        return cls(colour=isinstance(network, JSA))

    def picture(self, rng: np.random.Generator, image: Picture, size: int) -> Picture:
        """To 1.1 times the size, a random crop of (size, size, 3), a flip, and colours."""
        image = crop(rng, image, size, self.square)
        return recoloured(rng, image) if self.colour else image

    def sound(self, samples: NDArray[np.float32], spec: InputSpec) -> NDArray[np.float32]:
        """The excerpt that the network learns from."""
        if self.first_seconds is None:
            return middle(samples, spec.num_samples)
        excerpt = np.zeros(round(self.first_seconds * spec.sample_rate), np.float32)
        heard = samples[: len(excerpt)]
        excerpt[: len(heard)] = heard
        return excerpt


class Sample(NamedTuple):
    """A clip, read and augmented."""

    image: Picture
    """(S, S, 3)."""
    sound: NDArray[np.float32]
    """(n,)."""
    label: int
    name: str


class PairTask(Task):
    """An objective of a paper on clips."""

    objective: Objective

    def __init__(self, objective: Objective, options: TrainOptions) -> None:
        self.objective = objective
        self.spec: InputSpec = objective.network.spec
        self.recipe, self.seed = Recipe.of(objective.network), options.seed
        self.pairs = read_pairs(options.data, options.split, ids_of_test_set(options.data))
        self.labels = {label: i for i, label in enumerate(sorted({p.label for p in self.pairs}))}
        self.reader = FileReader()
        self._order: tuple[int, NDArray[np.int64]] | None = None

    def sample(self, rng: np.random.Generator, index: int) -> Sample | None:
        """A clip of the list, read and augmented."""
        pair = self.pair(index)
        try:
            image = self.reader.picture(pair.image)
            samples = self.reader.sound(pair.sound, self.spec.sample_rate)
        except (MediaError, OSError):
            return None
        picture = self.recipe.picture(rng, image, self.spec.image_size)
        sound = self.recipe.sound(samples, self.spec)
        return Sample(picture, sound, self.labels[pair.label], pair.name)

    def pair(self, index: int) -> Pair:
        """Each clip once before any comes again, in another order every time."""
        epoch, place = divmod(index, len(self.pairs))
        if self._order is None or self._order[0] != epoch:
            order = np.random.default_rng((self.seed, 1, epoch)).permutation(len(self.pairs))
            self._order = epoch, order
        return self.pairs[int(self._order[1][place])]

    def close(self) -> None:
        """End the decoding child."""
        self.reader.close()

    def collate(self, samples: Sequence[Sample | None]) -> tuple[Batch | None, int]:
        """A batch of the readable samples."""
        good = [sample for sample in samples if sample is not None]
        lost = len(samples) - len(good)
        if len(good) < 2:
            return None, lost
        images = torch.from_numpy(np.stack([g.image for g in good])).permute(0, 3, 1, 2)
        waveforms = torch.from_numpy(np.stack([g.sound for g in good]))
        ids = tuple(g.name for g in good)
        # A clip that comes twice, as where a batch is larger than the list, is no negative of itself.
        kinds = [g.label for g in good] if len(self.labels) > 1 else list(ids)
        categories = torch.from_numpy(np.unique(kinds, return_inverse=True)[1])
        return Batch(images.float() / 255, waveforms, categories, ids), lost


def ids_of_test_set(root: Path) -> frozenset[str]:
    """Ids of a ``vggss.json`` in the folder: they must not be trained on."""
    import json

    path = root / "vggss.json"
    if not path.is_file():
        return frozenset()
    return frozenset(str(entry["file"]) for entry in json.loads(path.read_text(encoding="utf-8")))


def crop(rng: np.random.Generator, image: Picture, size: int, square: bool = False) -> Picture:
    """Short side (or both) to 1.1 times the size, random crop, flip."""
    height, width = image.shape[:2]
    long = int(size * 1.1)
    ratio = long / min(height, width)
    how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    shape = (long, long) if square else (round(width * ratio), round(height * ratio))
    image = np.asarray(cv2.resize(image, shape, interpolation=how), np.uint8)
    top, left = (int(rng.integers(side - size + 1)) for side in image.shape[:2])
    image = image[top : top + size, left : left + size]
    if rng.random() < 0.5:
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def recoloured(rng: np.random.Generator, image: Picture) -> Picture:
    """Colour, grey, blur."""
    if rng.random() < 0.8:
        gain, offset = rng.uniform(0.4, 1.6), rng.uniform(-60, 60)
        tint = rng.uniform(0.8, 1.2, 3)
        image = np.clip(image * gain * tint + offset, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        image = np.repeat(image.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)
    if rng.random() < 0.8:
        sigma = float(rng.uniform(0.1, 2.0))
        image = np.asarray(cv2.GaussianBlur(np.ascontiguousarray(image), (5, 5), sigma), np.uint8)
    return np.ascontiguousarray(image)


def middle(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The middle of a sound; a shorter one is repeated, as in the authors' code."""
    if len(samples) < length:
        samples = np.tile(samples, length // max(len(samples), 1) + 1)
    first = (len(samples) - length) // 2
    return np.ascontiguousarray(samples[first : first + length])
