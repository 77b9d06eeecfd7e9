"""Decoded pictures and sounds, kept while they fit: evaluation looks at the same files many times."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.paired import Item
from sslviz.errors import MediaError
from sslviz.types import AudioClip, Frame, InputSpec, Window
from sslviz.windows import LEVEL_SECONDS, level_dbfs


class MediaSource(Protocol):
    """Where pictures and sounds come from: ``files.SandboxedSource``, or arrays in a test."""

    def picture(self, path: Path) -> NDArray[np.uint8]:
        """RGB (H, W, 3); raises ``MediaError``."""
        ...

    def sound(self, path: Path, sample_rate: int) -> AudioClip:
        """The whole file as mono; raises ``MediaError``."""
        ...

    def moment(self, path: Path, time_seconds: float, spec: InputSpec) -> Window:
        """The frame shown at a time of a video, and the excerpt around it; raises ``MediaError``."""
        ...


@dataclass(slots=True)
class Library:
    """Pictures and sounds as a localizer wants them, cached up to ``max_bytes``."""

    spec: InputSpec
    source: MediaSource
    max_bytes: int = 400 << 20
    unreadable: dict[str, str] = field(default_factory=dict)
    """Path: reason."""
    _cache: "OrderedDict[Path, NDArray[np.uint8] | AudioClip]" = field(default_factory=OrderedDict)
    _bytes: int = 0

    def picture(self, path: Path) -> NDArray[np.uint8]:
        """RGB (H, W, 3), its short side at most the network's input.

        Raises:
            MediaError: The file cannot be read.
        """
        found = self._cache.get(path)
        if not isinstance(found, np.ndarray):
            found = shrink(self.source.picture(path), self.spec.image_size)
            self._keep(path, found, found.nbytes)
        self._cache.move_to_end(path)
        return found

    def excerpt(self, path: Path) -> AudioClip:
        """The loudest stretch of a sound, exactly as long as the network wants it.

        A shorter sound lies in the middle of silence, as it would in a video.

        Raises:
            MediaError: The file cannot be read.
        """
        found = self._cache.get(path)
        if not isinstance(found, AudioClip):
            clip = self.source.sound(path, self.spec.sample_rate)
            found = loudest_excerpt(clip, self.spec.audio_seconds)
            self._keep(path, found, found.samples.nbytes)
        self._cache.move_to_end(path)
        return found

    def readable_pictures(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """The photos that decode; the others go to ``unreadable``."""
        return tuple(item for item in items if self._try(self.picture, item.path))

    def readable_sounds(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """The sounds that decode and are not digital silence; the others go to ``unreadable``."""
        readable = []
        for item in items:
            if not self._try(self.excerpt, item.path):
                continue
            if not self.excerpt(item.path).samples.any():
                self.unreadable[str(item.path)] = "digital silence"
                continue
            readable.append(item)
        return tuple(readable)

    def _try(self, read: Callable[[Path], object], path: Path) -> bool:
        try:
            read(path)
        except (MediaError, OSError) as error:
            self.unreadable[str(path)] = str(error)
            return False
        return True

    def _keep(self, path: Path, value: NDArray[np.uint8] | AudioClip, size: int) -> None:
        self._cache[path] = value
        self._bytes += size
        while self._bytes > self.max_bytes and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._bytes -= old.samples.nbytes if isinstance(old, AudioClip) else old.nbytes


def shrink(image: NDArray[np.uint8], short_side: int) -> NDArray[np.uint8]:
    """Area-averaged to at most this short side; the aspect is kept."""
    height, width = image.shape[:2]
    ratio = short_side / min(height, width)
    if ratio >= 1:
        return image
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def loudest_excerpt(clip: AudioClip, seconds: float) -> AudioClip:
    """The stretch of this length with the most energy; a shorter clip is centred in silence."""
    length = round(seconds * clip.sample_rate)
    spare = len(clip.samples) - length
    if spare <= 0:
        start = clip.start_seconds - (-spare // 2) / clip.sample_rate
        return clip.excerpt(start, seconds)
    energy = np.concatenate(([0.0], np.cumsum(clip.samples.astype(np.float64) ** 2)))
    totals = energy[length:] - energy[:-length]
    first = int(np.argmax(totals))
    return clip.excerpt(clip.start_seconds + first / clip.sample_rate, seconds)


def still_window(image: NDArray[np.uint8], audio: AudioClip) -> Window:
    """A window of a photo and an excerpt, at time 0."""
    middle = audio.start_seconds + audio.duration_seconds / 2
    near = audio.excerpt(middle - LEVEL_SECONDS / 2, LEVEL_SECONDS)
    return Window(Frame(image, 0.0), audio, 0.0, 1.0, level_dbfs(near.samples))


def silence(spec: InputSpec) -> AudioClip:
    """Digital silence."""
    return AudioClip(np.zeros(spec.num_samples, np.float32), spec.sample_rate)


def white_noise(spec: InputSpec, rng: np.random.Generator, rms: float = 0.1) -> AudioClip:
    """White noise at -20 dBFS unless asked otherwise, clipped to [-1, 1]."""
    samples = rng.normal(0, rms, spec.num_samples)
    return AudioClip(np.clip(samples, -1, 1).astype(np.float32), spec.sample_rate)
