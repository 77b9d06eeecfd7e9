"""What some localizers can do besides localizing."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sslviz.types import AudioClip, Frame, Localizer


@runtime_checkable
class Resizable(Localizer, Protocol):
    """A localizer that takes smaller pictures, faster, with maps as much coarser."""

    @property
    def image_sizes(self) -> tuple[int, ...]:
        """Sides that work, rising; empty where only the one of ``spec`` does."""
        ...

    def at_image_size(self, image_size: int) -> Localizer:
        """The same localizer (weights shared) at one of ``image_sizes``."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """A localizer that also maps sounds and pictures to one space, for retrieval and search."""

    def embed_sound(self, audio: AudioClip) -> NDArray[np.float32]:
        """Unit vector, (C,)."""
        ...

    def embed_image(self, frame: Frame) -> NDArray[np.float32]:
        """Unit vector, (C,)."""
        ...
