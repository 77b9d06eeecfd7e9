"""What every benchmark reader hands out: a picture, its sound, and where the sound comes from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.boxes import to_square

SIZE = 224
"""Side of every ground truth of the field, pixels."""

PixelBox = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of a 224 x 224 picture; the last row and column stay outside."""
ReadsMask = Callable[[Path], NDArray[np.uint8]]
"""Reads a picture file as (H, W, 3)."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """One sample of a benchmark; nothing is decoded yet."""

    name: str
    image_path: Path
    audio_path: Path
    boxes: tuple[PixelBox, ...] = ()
    consensus: bool = False
    """Boxes of several annotators: a pixel marked by one weighs 0.5, by two or more 1."""
    mask_path: Path | None = None
    """A mask picture instead of boxes."""
    mask_value: int | None = None
    """Pixels of this value are the object; ``None``: every pixel that is not 0."""
    category: str = ""
    group: str = ""
    """Samples of one picture (IS3) or one video (AVSBench)."""
    sounding: bool = True
    """``False`` for the negatives of the extended sets: nothing in the picture makes the sound."""
    frame_seconds: float | None = None
    """Around which time of the sound it is heard (of a moment, also the picture's time); ``None``: the middle."""
    loudest: bool = False
    """Take the sound's loudest stretch: it was never recorded with the picture."""

    @property
    def is_moment(self) -> bool:
        """Whether picture and sound are one video."""
        return self.image_path == self.audio_path

    def truth(self, read_mask: ReadsMask) -> NDArray[np.float32]:
        """Weight per pixel, float32 (224, 224)."""
        if self.mask_path is not None:
            if self.mask_value is not None:
                found = read_mask(self.mask_path)[:, :, 0] == self.mask_value
                return to_square(found, SIZE).astype(np.float32)
            # A JPEG mask (IS3) has halos around its edges; the published evaluator cuts at 128.
            lossy = self.mask_path.suffix.lower() in (".jpg", ".jpeg")
            return _mask(read_mask(self.mask_path), 128 if lossy else 1)
        marks = np.zeros((SIZE, SIZE), np.float32)
        for x0, y0, x1, y1 in self.boxes:
            marks[y0:y1, x0:x1] += 1
        return np.minimum(marks / 2, 1) if self.consensus else np.minimum(marks, 1)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The samples that are there, and those that are not."""

    name: str
    samples: tuple[Annotated, ...]
    missing: tuple[str, ...] = field(default=())
    """``name: reason`` of listed samples whose files are not there."""
    root: Path | None = None
    """The folder it was read from."""
    split: str = ""
    """Empty where the benchmark has only one."""
    interactive: bool = False
    """Samples of one ``group`` are one picture with several sounds, all of which must be found (IS3)."""

    @property
    def num_listed(self) -> int:
        """How many samples the annotation lists."""
        return len(self.samples) + len(self.missing)


def with_files(
    name: str,
    listed: Iterable[tuple[Annotated, str]],
    root: Path,
    split: str = "",
    *,
    interactive: bool = False,
) -> Benchmark:
    """Sort listed samples into those whose files exist and those whose do not.

    Args:
        name: Of the benchmark.
        listed: Samples, each with a reason that makes it unusable, or an empty text.
        root: The folder that they are from.
        split: Of that folder, where it has several.
        interactive: See ``Benchmark``.
    """
    samples, missing = [], []
    for sample, reason in listed:
        absent = reason or _absent(sample)
        if absent:
            missing.append(f"{sample.name}: {absent}")
        else:
            samples.append(sample)
    return Benchmark(name, tuple(samples), tuple(missing), root, split, interactive)


def find(folder: Path, stem: str, suffixes: Iterable[str]) -> Path:
    """The file of a stem under any of some extensions; the first extension's path if there is none."""
    candidates = [folder / f"{stem}{suffix}" for suffix in suffixes]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _absent(sample: Annotated) -> str:
    for path in (sample.image_path, sample.audio_path, sample.mask_path):
        if path is not None and not path.is_file():
            return f"{path.name} is not there"
    return ""


def _mask(picture: NDArray[np.uint8], least: int) -> NDArray[np.float32]:
    marked = picture.max(axis=2) >= least
    return to_square(marked, SIZE).astype(np.float32)
