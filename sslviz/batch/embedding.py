"""Embeddings kept beside the tracks, so that an archive can be searched by sound and by picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sslviz.abilities import Embedder
from sslviz.errors import OptionError, TrackError
from sslviz.types import Identity, InputSpec, Localizer, ScoreMap, Window
from sslviz.whole_file import whole_file

EMBEDDINGS_SUFFIX = ".embeddings.npz"


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What every window of a track sounds and looks like."""

    times: NDArray[np.float64]
    """(T,) seconds."""
    sounds: NDArray[np.float16]
    """(T, C) unit vectors."""
    images: NDArray[np.float16]
    """(T, C) unit vectors."""

    def save(self, path: Path) -> None:
        """Write them whole or not at all."""
        with whole_file(path) as part, part.open("wb") as file:
            np.savez(file, times=self.times, sounds=self.sounds, images=self.images)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read them back.

        Raises:
            TrackError: The file is damaged or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                loaded = cls(file["times"], file["sounds"], file["images"])
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise TrackError(f"{path.name} holds no embeddings ({error}).") from error
        if not len(loaded.times) == len(loaded.sounds) == len(loaded.images):
            raise TrackError(f"{path.name} holds embeddings that do not fit its times.")
        return loaded

    def __getitem__(self, kept: NDArray[np.bool_]) -> Self:
        """Those of the windows that are kept."""
        return type(self)(self.times[kept], self.sounds[kept], self.images[kept])

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        return cls(
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.sounds for part in parts]),
            np.concatenate([part.images for part in parts]),
        )


@dataclass(slots=True)
class EmbeddingLocalizer:
    """A localizer that also remembers the embeddings of every window it saw."""

    inner: Localizer
    _seen: dict[float, tuple[NDArray[np.float32], NDArray[np.float32]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        if not isinstance(self.inner, Embedder):
            raise OptionError(
                f"{self.inner.identity.method} has no embeddings; leave 'embeddings' out or choose "
                f"another method."
            )

    @property
    def spec(self) -> InputSpec:
        """As the inner one's."""
        return self.inner.spec

    @property
    def identity(self) -> Identity:
        """As the inner one's."""
        return self.inner.identity

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        """Score a batch and remember its embeddings."""
        assert isinstance(self.inner, Embedder)
        for window in windows:
            sound, image = (
                self.inner.embed_sound(window.audio),
                self.inner.embed_image(window.key_frame),
            )
            self._seen[window.key_frame.pts_seconds] = sound, image
        return self.inner.localize(windows)

    def embeddings(self, times: NDArray[np.float64]) -> Embeddings:
        """Of the windows at these times; zero where a window was never shown to the network."""
        size = len(next(iter(self._seen.values()))[0]) if self._seen else 1
        nothing = np.zeros(size, np.float32), np.zeros(size, np.float32)
        pairs = [self._seen.get(float(time), nothing) for time in times]
        shape = len(times), size
        sounds = np.array([sound for sound, _ in pairs], np.float16).reshape(shape)
        images = np.array([image for _, image in pairs], np.float16).reshape(shape)
        return Embeddings(times, sounds, images)
