"""What the engine's tests share."""

import numpy as np

from sslviz.types import Calibration, Identity, InputSpec, ScoreMap, ScoreScale

CALIBRATION = Calibration(confidence_gate=0.4, score_low=0.1, score_high=0.5)


def blob(x: float, y: float, side: int = 14) -> np.ndarray:
    """A soft spot at a place given in fractions of the picture."""
    rows, columns = np.mgrid[0:side, 0:side]
    away = (columns + 0.5 - x * side) ** 2 + (rows + 0.5 - y * side) ** 2
    return np.exp(-away / 8).astype(np.float32)


class BrightestIsLoudest:
    """A localizer without a network: brightness is the score, loudness the confidence."""

    def __init__(self, cells: int = 14, trained: bool = True, scale=ScoreScale.PROBABILITY) -> None:
        self.spec = InputSpec(image_size=cells * 4, sample_rate=8000, audio_seconds=1.0)
        calibration = Calibration(confidence_gate=0.2, score_low=0.2, score_high=0.9)
        self.identity = Identity("brightest", "none", "", calibration, trained)
        self.cells, self.scale = cells, scale

    def localize(self, windows):
        maps = []
        for window in windows:
            grey = window.key_frame.image.mean(axis=2, dtype=np.float32) / 255
            cells = grey.reshape(self.cells, 4, self.cells, 4).mean(axis=(1, 3), dtype=np.float32)
            loud = float(np.abs(window.audio.samples).max())
            sure = min(loud * 2, 1.0)
            maps.append(ScoreMap(cells, self.scale, sure, window.key_frame.pts_seconds))
        return maps
