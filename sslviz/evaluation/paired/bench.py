"""What every part of the paired measurement needs: the localizer, the data, the draws, the progress."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.paired import Item, PairedSet, by_category
from sslviz.errors import OptionError
from sslviz.evaluation.library import Library
from sslviz.evaluation.priors import object_priors, random_map
from sslviz.types import Localizer, ScoreMap, Window

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with the part's name, trials done, trials in all."""


@dataclass(frozen=True, slots=True)
class Scored(Generic[T]):
    """A trial and what the localizer said."""

    payload: T
    maps: list[ScoreMap]
    """One per window."""
    object_map: NDArray[np.float32] | None
    """Object prior of the trial's picture, where the network has one and it was asked for."""


@dataclass(frozen=True, slots=True)
class PairedOptions:
    """How many draws, and from which seed."""

    num_mosaics: int = 1000
    """Per size of mosaic."""
    num_composites: int = 500
    num_confidence: int = 400
    """Photos with matching sound, silence, noise and a mismatched sound."""
    sounds_per_photo: int = 3
    """Draws of a sound for each marked photo; its value is their mean."""
    num_timed: int = 30
    """Windows of the latency measurement; 0 skips it."""
    min_area: float = 0.01
    """Marked objects that cover less of the picture are left out and counted."""
    seed: int = 0
    batch_size: int = 8

    def __post_init__(self) -> None:
        if min(self.num_mosaics, self.num_composites, self.num_confidence, self.num_timed) < 0:
            raise OptionError(f"numbers of draws cannot be negative, got {self}.")
        if self.batch_size < 1 or self.sounds_per_photo < 1:
            raise OptionError(f"batch_size and sounds_per_photo must be at least 1, got {self}.")


DEFAULT_OPTIONS = PairedOptions()


@dataclass(slots=True)
class Bench:
    """One localizer on one split of one folder."""

    localizer: Localizer
    library: Library
    data: PairedSet
    """Readable photos and sounds of the split."""
    root: Path
    options: PairedOptions
    progress: Progress
    notes: list[str] = field(default_factory=list)
    """What was skipped, and why; one sentence each."""
    photos: dict[str, tuple[Item, ...]] = field(init=False)
    sounds: dict[str, tuple[Item, ...]] = field(init=False)
    shared: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.photos, self.sounds = by_category(self.data.photos), by_category(self.data.sounds)
        self.shared = self.data.shared_categories

    def rng(self, part: str) -> np.random.Generator:
        """Random numbers of one part: independent of the other parts and of their sizes."""
        return np.random.default_rng([self.options.seed, *part.encode()])

    def score(
        self,
        part: str,
        trials: Iterable[tuple[T, Sequence[Window]]],
        total: int,
        num_priors: int | None = None,
    ) -> Iterator[Scored[T]]:
        """Score the windows of each trial; those of one trial share a batch, and so their encodings.

        Args:
            part: Name for the progress.
            trials: What the caller wants back, and windows; the object prior is of the first one's picture.
            total: Number of trials, for the progress.
            num_priors: Object priors are taken for the first so many trials; ``None``: for all.
        """
        done = 0
        for chunk in _chunks(trials, self.options.batch_size):
            maps = iter(self.localizer.localize([w for _, windows in chunk for w in windows]))
            with_prior = chunk if num_priors is None or done < num_priors else []
            frames = [windows[0].key_frame for _, windows in with_prior]
            priors = iter((object_priors(self.localizer, frames) if frames else None) or [])
            for payload, windows in chunk:
                yield Scored(payload, list(islice(maps, len(windows))), next(priors, None))
            done += len(chunk)
            self.progress(part, done, total)

    def random_like(self, score_map: ScoreMap, rng: np.random.Generator) -> NDArray[np.float32]:
        """A random map on the grid of a score map."""
        rows, columns = score_map.values.shape
        return random_map((rows, columns), rng)


def _chunks(
    trials: Iterable[tuple[T, Sequence[Window]]], batch_size: int
) -> Iterator[list[tuple[T, Sequence[Window]]]]:
    chunk: list[tuple[T, Sequence[Window]]] = []
    for trial in trials:
        chunk.append(trial)
        if sum(len(windows) for _, windows in chunk) >= batch_size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def pick(items: Sequence[T], rng: np.random.Generator) -> T:
    """One item at random."""
    return items[int(rng.integers(len(items)))]
