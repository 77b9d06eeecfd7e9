"""Localizers whose answers are known, and tiny data sets written with real encoders."""

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.types import (
    AudioClip,
    Calibration,
    Frame,
    Identity,
    InputSpec,
    ScoreMap,
    ScoreScale,
    Window,
)

SPEC = InputSpec(image_size=64, sample_rate=16_000, audio_seconds=1.0)
CALIBRATION = Calibration(0.5, 0.0, 1.0)
COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "grey": (90, 90, 90)}
TONES = {"red": 500.0, "green": 1000.0, "blue": 2000.0}


class ColorListener:
    """Knows that red hums at 500 Hz, green at 1000, blue at 2000; marks that colour, 16 x 16 cells.

    Args:
        checkpoint: Its name.
        deaf: Marks whatever is colourful and is always sure.
    """

    def __init__(self, checkpoint: str = "colors", *, deaf: bool = False) -> None:
        self.spec = SPEC
        self.identity = Identity("test", checkpoint, "", CALIBRATION)
        self.num_windows = 0
        self._deaf = deaf

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        self.num_windows += len(windows)
        return [self._one(window) for window in windows]

    @property
    def image_sizes(self) -> tuple[int, ...]:
        return (64, 224)

    def at_image_size(self, image_size: int) -> "ColorListener":
        other = ColorListener(self.identity.checkpoint, deaf=self._deaf)
        other.spec = replace(SPEC, image_size=image_size)
        return other

    def object_prior(self, frames: Sequence[Frame]) -> list[NDArray[np.float32]]:
        return [colorful(frame.image) for frame in frames]

    def embed_sound(self, audio: AudioClip) -> NDArray[np.float32]:
        return unit([float(heard(audio) == name) for name in TONES])

    def embed_image(self, frame: Frame) -> NDArray[np.float32]:
        return unit([float(cells(frame.image, name).mean()) for name in TONES])

    def _one(self, window: Window) -> ScoreMap:
        when, name = window.key_frame.pts_seconds, heard(window.audio)
        if self._deaf:
            return ScoreMap(colorful(window.key_frame.image), ScoreScale.COSINE, 0.9, when)
        if name is None:
            return ScoreMap(np.zeros((16, 16), np.float32), ScoreScale.COSINE, 0.0, when)
        values = cells(window.key_frame.image, name)
        return ScoreMap(values, ScoreScale.COSINE, float(min(1, 20 * values.mean())), when)


def unit(values: list[float]) -> NDArray[np.float32]:
    vector = np.array(values, np.float32) + 1e-3
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def cells(image: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
    small = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    distance = np.abs(small - np.array(COLORS[name], np.float32)).max(axis=2)
    marked = np.asarray(distance < 90, np.float32)
    return np.asarray(
        cv2.GaussianBlur(marked, (0, 0), 0.8), np.float32
    )  # real maps have no plateaus


def colorful(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(np.max([cells(image, name) for name in TONES], axis=0), np.float32)


def heard(audio: AudioClip) -> str | None:
    """The tone that carries most of the sound; noise and silence are none."""
    power = np.abs(np.fft.rfft(audio.samples)) ** 2
    frequency = np.fft.rfftfreq(len(audio.samples), 1 / audio.sample_rate)
    shares = {
        n: power[np.abs(frequency - t) < 40].sum() / (power.sum() + 1e-9) for n, t in TONES.items()
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.5 else None


class Maker:
    """Writes pictures, sounds and texts under a root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def picture(
        self,
        name: str,
        color: str,
        box: tuple[float, float, float, float] = (0, 0, 1, 1),
        size: int = 96,
    ) -> Path:
        """A grey picture with a coloured box (shares of the side)."""
        image = np.full((size, size, 3), COLORS["grey"], np.uint8)
        x0, y0, x1, y1 = (round(v * size) for v in box)
        image[y0:y1, x0:x1] = COLORS[color]
        path = self._at(name)
        assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return path

    def mask(self, name: str, box: tuple[float, float, float, float], size: int = 96) -> Path:
        image = np.zeros((size, size), np.uint8)
        x0, y0, x1, y1 = (round(v * size) for v in box)
        image[y0:y1, x0:x1] = 255
        path = self._at(name)
        assert cv2.imwrite(str(path), image)
        return path

    def sound(self, name: str, color: str, seconds: float = 1.5) -> Path:
        time = np.arange(round(16_000 * seconds)) / 16_000
        samples = 0.4 * np.sin(2 * np.pi * TONES[color] * time)
        path = self._at(name)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        return path

    def text(self, name: str, text: str) -> Path:
        path = self._at(name)
        path.write_text(text)
        return path

    def _at(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def tone(name: str, seconds: float = 1.0, start: float = 0.0) -> AudioClip:
    time = np.arange(round(16_000 * seconds)) / 16_000
    return AudioClip(
        (0.4 * np.sin(2 * np.pi * TONES[name] * time)).astype(np.float32), 16_000, start
    )
