"""What the app's tests share: clips made with ffmpeg, and localizers that really look and listen."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from sslviz.types import (
    Calibration,
    Identity,
    InputSpec,
    ScoreMap,
    ScoreScale,
    ScoreTrack,
    Window,
)


class Listener:
    """Scores a cell by its brightness, or its darkness, where the sound is loud."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dark = "dark" in name
        self.scale = ScoreScale.COSINE if "cosine" in name else ScoreScale.PROBABILITY

    @property
    def spec(self) -> InputSpec:
        return InputSpec(image_size=112, sample_rate=16_000, audio_seconds=1.0)

    @property
    def identity(self) -> Identity:
        trained = "untrained" not in self.name
        return Identity(self.name, self.name, "ab" * 32, Calibration(0.2, 0.1, 0.9), trained)

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        if "broken" in self.name:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return [self._score(window) for window in windows]

    def _score(self, window: Window) -> ScoreMap:
        grey = window.key_frame.image.mean(axis=2).astype(np.float32) / 255
        cells = cv2.resize(grey, (14, 14), interpolation=cv2.INTER_AREA)
        cells = 1 - cells if self.dark else cells
        loudness = float(np.sqrt(np.mean(np.square(window.audio.samples))))
        confidence = min(4 * loudness, 1.0)
        values = (cells**2 * confidence).astype(np.float32)
        return ScoreMap(values, self.scale, confidence, window.key_frame.pts_seconds)


def ffmpeg(*arguments: object) -> None:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=300)


def humming_spot(path: Path, seconds: float = 3, silent_from: float | None = None) -> Path:
    """A bright spot that wanders from left to right over grey, humming until it falls silent."""
    loud = "1" if silent_from is None else f"lt(t\\,{silent_from})"
    hum = f"aevalsrc=0.5*sin(2*PI*300*t)*{loud}:s=16000:d={seconds}"
    command = [
        "ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "gray",
        "-s", "320x240", "-r", "25", "-i", "-", "-f", "lavfi", "-i", hum, "-c:v", "libx264",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path),
    ]  # fmt: skip
    count = round(seconds * 25)
    frames = np.full((count, 240, 320), 40, np.uint8)
    for index, frame in enumerate(frames):
        cv2.circle(frame, (40 + round(240 * index / count), 120), 34, 240, -1)
    subprocess.run(command, input=frames.tobytes(), check=True, timeout=300)
    return path


def picture(path: Path) -> Path:
    """A grey picture with a bright spot at the upper left."""
    image = np.full((240, 320, 3), 40, np.uint8)
    cv2.circle(image, (70, 60), 34, (240, 240, 240), -1)
    cv2.imwrite(str(path), image)
    return path


def tone(path: Path, hertz: int = 300, volume: float = 0.5, seconds: float = 2) -> Path:
    ffmpeg(
        "-f", "lavfi", "-i", f"aevalsrc={volume}*sin(2*PI*{hertz}*t):s=16000:d={seconds}", path
    )  # fmt: skip
    return path


def track_of_maps(
    values: np.ndarray,
    confidence: float = 1.0,
    scale: ScoreScale = ScoreScale.COSINE,
    video: str = "a",
) -> ScoreTrack:
    """A track with one map per window, five windows a second."""
    count = len(values)
    return ScoreTrack(
        values=values[:, None].astype(np.float32),
        names=("sound",),
        times=np.arange(count) / 5,
        confidence=np.full((count, 1), confidence, np.float32),
        level_dbfs=np.full(count, -20, np.float32),
        scale=scale,
        identity=Identity("method", "checkpoint", "ab" * 32, Calibration(0.4, 0.1, 0.9)),
        video_sha256=video * 64,
        duration_seconds=count / 5,
        settings={"has_sound": True},
    )
