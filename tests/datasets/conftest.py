"""Tiny data sets in the real layouts, written with real encoders."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sslviz.media.audio import write_wav
from sslviz.types import AudioClip


class Writer:
    """Writes pictures and sounds under a root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def picture(self, name: str, size: int = 32, value: int = 120) -> Path:
        path = self._at(name)
        assert cv2.imwrite(str(path), np.full((size, size, 3), value, np.uint8))
        return path

    def mask(
        self, name: str, box: tuple[int, int, int, int], size: int = 64, value: int = 255
    ) -> Path:
        path = self._at(name)
        image = np.zeros((size, size), np.uint8)
        image[box[1] : box[3], box[0] : box[2]] = value
        assert cv2.imwrite(str(path), image)
        return path

    def sound(self, name: str, seconds: float = 0.2, frequency: float = 440.0) -> Path:
        path = self._at(name)
        time = np.arange(round(16_000 * seconds)) / 16_000
        write_wav(
            path, AudioClip(np.sin(2 * np.pi * frequency * time).astype(np.float32) / 2, 16_000)
        )
        return path

    def text(self, name: str, text: str) -> Path:
        path = self._at(name)
        path.write_text(text)
        return path

    def _at(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    return Writer(tmp_path)
