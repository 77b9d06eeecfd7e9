"""Composites after the frozen early layers, made once in files of a folder."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sslviz.models.compact import CompactNetwork
from sslviz.models.openvino_runtime import openvino
from sslviz.training.composites import Composer
from sslviz.whole_file import whole_file

_BETWEEN_SAVES = 512


class Kept(NamedTuple):
    """What is kept of a composite."""

    stride8: NDArray[np.generic]
    """(32, 2h, 2w)."""
    stride16: NDArray[np.generic]
    """(96, h, w)."""
    seen: NDArray[np.generic]
    """(G, h/2, w/2) group probabilities before training."""
    labels: NDArray[np.generic]
    """(4h, 4w) categories, with halos."""


PARTS = Kept._fields


class PicturePool:
    """Composites after the early layers, in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arrays = [np.load(folder / f"{part}.npy", mmap_mode="r") for part in PARTS]

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> Kept:
        return Kept(*(np.array(array[index]) for array in self.arrays))


def build_pictures(
    network: CompactNetwork, composer: Composer, count: int, folder: Path, seed: int
) -> Iterator[int]:
    """Draw composites, run the trunk, and write a pool; yields how many are done.

    A picture depends on the seed and its number only: several are made at a time, and what an
    interrupted run left is gone on with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress, extract = folder / "pictures_done.txt", _extractor(network)
    done = int(progress.read_text()) if progress.is_file() else 0

    def make(row: int) -> Kept:
        composite = composer.sample(np.random.default_rng((seed, row)))
        stride8, stride16, seen = extract(composite.image.astype(np.float32) / np.float32(255))
        return Kept(stride8, stride16, seen, composite.labels)

    shapes = _shapes(composer.options.size, network.num_groups)
    files = [_open(folder / f"{p}.npy.part", (count, *shapes[p]), done) for p in PARTS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(done, count, _BETWEEN_SAVES):
            rows = range(first, min(first + _BETWEEN_SAVES, count))
            for row, made in zip(rows, pool.map(make, rows), strict=True):
                for file, values in zip(files, made, strict=True):
                    file[row] = values
            for file in files:
                file.flush()
            with whole_file(progress) as part:
                part.write_text(str(rows.stop))
            yield rows.stop
    del files
    for name in PARTS:  # the last one says that the pool is whole
        (folder / f"{name}.npy.part").replace(folder / f"{name}.npy")
    progress.unlink()


def is_built(folder: Path) -> bool:
    """Whether a folder holds a whole pool."""
    return (folder / f"{PARTS[-1]}.npy").is_file()


def _shapes(size: int, num_groups: int) -> dict[str, tuple[int, ...]]:
    return {
        "stride8": (32, size // 8, size // 8),
        "stride16": (96, size // 16, size // 16),
        "seen": (num_groups, size // 32, size // 32),
        "labels": (size // 4, size // 4),
    }


def _open(path: Path, shape: tuple[int, ...], done: int) -> "np.memmap[Any, Any]":
    """A part of a pool: anew, gone on with, or whole already where a run ended while it was renamed."""
    whole = path.with_suffix("")
    if done and not path.is_file() and whole.is_file():
        whole.replace(path)
    dtype = np.uint8 if len(shape) == 3 else np.float16
    return np.lib.format.open_memmap(path, "r+" if done else "w+", dtype, shape)


def _extractor(
    network: CompactNetwork,
) -> Callable[[NDArray[np.float32]], Sequence[NDArray[np.floating]]]:
    """What is kept of a picture (S, S, 3) in [0, 1]: early maps, and what the classifier sees."""
    trunk, head = network.image_encoder, network.cell_head
    if openvino() is not None:
        from sslviz.models.graphs import TrainingGraph  # needs OpenVINO

        return TrainingGraph(trunk, head)

    @torch.inference_mode()
    def extract(pixels: NDArray[np.float32]) -> list[NDArray[np.floating]]:
        early = trunk.early(torch.from_numpy(pixels).permute(2, 0, 1)[None] * 2 - 1)
        seen = head.seen(trunk.late(early.stride16).stride32)
        return [part[0].numpy() for part in (*early, seen)]

    return extract
