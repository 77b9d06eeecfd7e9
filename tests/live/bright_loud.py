"""A small localizer that really looks and listens: the brightest patch times the loudness."""

import time
from collections.abc import Sequence

import cv2
import numpy as np

from sslviz.types import Calibration, Identity, InputSpec, ScoreMap, ScoreScale, Window


class BrightLoud:
    """Scores a cell by its brightness where the sound is loud; keeps no state but a log."""

    def __init__(self, slow_seconds: float = 0.0, checkpoint: str = "bright-loud") -> None:
        self.slow_seconds = slow_seconds
        self.checkpoint = checkpoint
        self.log: list[Window] | None = None
        self._spec = InputSpec(image_size=112, sample_rate=16_000, audio_seconds=1.0)

    @property
    def spec(self) -> InputSpec:
        return self._spec

    @property
    def identity(self) -> Identity:
        return Identity("marginnce-compact", self.checkpoint, "", Calibration(0.2, 0.1, 0.9))

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        time.sleep(self.slow_seconds)
        if self.log is not None:
            self.log.extend(windows)
        return [self._score(window) for window in windows]

    def _score(self, window: Window) -> ScoreMap:
        grey = window.key_frame.image.mean(axis=2).astype(np.float32) / 255
        cells = cv2.resize(grey, (14, 14), interpolation=cv2.INTER_AREA) ** 2
        loudness = float(np.sqrt(np.mean(np.square(window.audio.samples[-4000:]))))
        confidence = min(4 * loudness, 1.0)
        values = (cells * confidence).astype(np.float32)
        return ScoreMap(values, ScoreScale.PROBABILITY, confidence, window.key_frame.pts_seconds)
