"""Maps that hear nothing: what a figure is worth shows only beside them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sslviz.types import Frame


@runtime_checkable
class HasObjectPrior(Protocol):
    """A network that can show what its image encoder found salient before any training on sound."""

    def object_prior(self, frames: Sequence[Frame]) -> list[NDArray[np.float32]]:
        """Mean absolute stride-16 (or last) feature per cell, (h, w) for each frame."""
        ...


@lru_cache(maxsize=4)
def centre_prior(size: int) -> NDArray[np.float64]:
    """1 - r / r_max from the middle of the picture, (size, size), read-only."""
    steps = np.arange(size) - (size - 1) / 2
    radius = np.hypot(steps[:, None], steps[None, :])
    prior = np.asarray(1 - radius / radius.max(), np.float64)
    prior.setflags(write=False)
    return prior


def random_map(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Independent uniform cells on a localizer's own grid."""
    return rng.random(shape, dtype=np.float32)


def object_priors(localizer: object, frames: Sequence[Frame]) -> list[NDArray[np.float32]] | None:
    """The network's object prior; ``None`` where it has none to show."""
    if not isinstance(localizer, HasObjectPrior):
        return None
    return localizer.object_prior(frames)
