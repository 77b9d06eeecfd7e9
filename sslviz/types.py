"""The nouns of the pipeline: what flows from a video to a heatmap.

Times are seconds as ``float`` from the earliest shown frame. Every type checks rank, dtype and range
when it is made, so that a mistake shows where it is made.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


def _check_array(name: str, array: NDArray[Any], ndim: int, dtype: type) -> None:
    if not isinstance(array, np.ndarray) or array.ndim != ndim or array.dtype != dtype:
        came = _show(array) if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{name} must be a {np.dtype(dtype)} array of rank {ndim}, got {came}")


def _check_unit(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be in [0, 1], got {value}")


class _ShowsShapes:
    """Prints arrays by shape, so that a frame in an error message is a line and not a page."""

    __slots__ = ()

    def __repr__(self) -> str:
        names = [f.name for f in fields(self)]  # type: ignore[arg-type]
        return (
            f"{type(self).__name__}({', '.join(f'{n}={_show(getattr(self, n))}' for n in names)})"
        )


def _show(value: object) -> str:
    return f"{value.dtype}{[*value.shape]}" if isinstance(value, np.ndarray) else repr(value)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a player would show, after rotation."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    fps: Fraction
    """Average frames per second, exact (29.97 is 30000/1001). For display; times come from frames."""
    duration_seconds: float | None
    """``None`` where the container does not say."""
    num_frames: int | None
    """``None`` where the container does not say; often wrong where it does."""
    has_audio: bool

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or self.fps <= 0:
            raise ValueError(f"a video needs at least one pixel and a positive fps, got {self}")


@dataclass(frozen=True, slots=True, repr=False)
class Frame(_ShowsShapes):
    """One decoded picture."""

    image: NDArray[np.uint8]
    """RGB, (H, W, 3)."""
    pts_seconds: float
    """When it is shown."""

    def __post_init__(self) -> None:
        _check_array("image", self.image, 3, np.uint8)
        if self.image.shape[2] != 3 or 0 in self.image.shape:
            raise ValueError(f"image must be (H, W, 3), got {self}")


@dataclass(frozen=True, slots=True, repr=False)
class AudioClip(_ShowsShapes):
    """A stretch of mono sound."""

    samples: NDArray[np.float32]
    """(num_samples,), in [-1, 1]."""
    sample_rate: int
    """Hz."""
    start_seconds: float = 0.0
    """Time of the first sample."""

    def __post_init__(self) -> None:
        _check_array("samples", self.samples, 1, np.float32)
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate must be positive, got {self.sample_rate}")

    @property
    def duration_seconds(self) -> float:  # noqa: D102
        return len(self.samples) / self.sample_rate

    def excerpt(self, start_seconds: float, duration_seconds: float) -> "AudioClip":
        """Cut an excerpt of exactly the asked length; what lies outside the clip is silence."""
        samples = np.zeros(round(duration_seconds * self.sample_rate), np.float32)
        first = round((start_seconds - self.start_seconds) * self.sample_rate)
        low, high = max(first, 0), min(first + len(samples), len(self.samples))
        if low < high:
            samples[low - first : high - first] = self.samples[low:high]
        return AudioClip(samples, self.sample_rate, start_seconds)


@dataclass(frozen=True, slots=True, repr=False)
class Window(_ShowsShapes):
    """A short run of frames that share one excerpt of sound: one model call."""

    key_frame: Frame
    """The picture that the model sees; its ``pts_seconds`` is the time of the window."""
    audio: AudioClip
    """Exactly ``InputSpec.audio_seconds`` long, at ``InputSpec.sample_rate``."""
    start_seconds: float
    """Time of the first frame of the run."""
    end_seconds: float
    """Time at which the next run starts (the end of the video for the last)."""
    level_dbfs: float
    """RMS of the 0.25 s around the key frame, dB of full scale; ``-inf`` for digital silence."""

    def __post_init__(self) -> None:
        if not self.start_seconds <= self.key_frame.pts_seconds <= self.end_seconds:
            raise ValueError(f"the key frame lies outside its window: {self}")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network was trained on."""

    image_size: int
    """Side of the square input, pixels."""
    sample_rate: int
    """Hz."""
    audio_seconds: float

    def __post_init__(self) -> None:
        if min(self.image_size, self.sample_rate, self.audio_seconds) <= 0:
            raise ValueError(f"sizes and lengths must be positive, got {self}")

    @property
    def num_samples(self) -> int:
        """Length of the excerpt a network is given."""
        return round(self.audio_seconds * self.sample_rate)


class ScoreScale(StrEnum):
    """What the numbers in a score map mean."""

    COSINE = "cosine"
    """In [-1, 1]; comparable between frames."""
    PROBABILITY = "probability"
    """In [0, 1]; comparable between frames."""
    ATTENTION = "attention"
    """Non-negative, sums to 1 over the map; comparable only within a frame."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a checkpoint's scores are painted, measured on its training data.

    Scores from ``score_low`` (no colour) to ``score_high`` (full colour) span the fixed scale. Below
    ``confidence_gate`` a window has no confident source: at that value as large a share of matching
    sounds is held back as of silence, noise and mismatched sounds passes.
    """

    confidence_gate: float
    score_low: float
    score_high: float

    def __post_init__(self) -> None:
        _check_unit("confidence_gate", self.confidence_gate)
        if not -math.inf < self.score_low < self.score_high < math.inf:
            raise ValueError(f"score_low must be below score_high, both finite, got {self}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which method and which weights made a score."""

    method: str
    checkpoint: str
    """Name or path it was loaded by."""
    sha256: str
    """Of the file of weights; empty where there is none."""
    calibration: Calibration
    trained: bool = True
    """``False``: never trained; every picture made with them says so."""


@dataclass(frozen=True, slots=True, repr=False)
class ScoreMap(_ShowsShapes):
    """What a localizer says about one window, untouched; evaluation reads these."""

    values: NDArray[np.float32]
    """(h, w) on the network's own grid, for example 14 x 14."""
    scale: ScoreScale
    confidence: float
    """How well picture and sound agree, in [0, 1]; low in silence."""
    pts_seconds: float

    def __post_init__(self) -> None:
        _check_array("values", self.values, 2, np.float32)
        if not np.isfinite(self.values).all():
            raise ValueError("a score map holds NaN or infinity")
        _check_unit("confidence", self.confidence)


@dataclass(frozen=True, slots=True, repr=False)
class ScoreTrack(_ShowsShapes):
    """The raw maps of a whole video: everything that drawing, export and comparison need."""

    values: NDArray[np.float32]
    """(T, K, h, w): T windows, K named maps."""
    names: tuple[str, ...]
    """Of the K maps: one sound, several sounds, a text query, slots."""
    times: NDArray[np.float64]
    """(T,) seconds of the key frames, rising."""
    confidence: NDArray[np.float32]
    """(T, K), in [0, 1]."""
    level_dbfs: NDArray[np.float32]
    """(T,) loudness around each key frame; ``-inf`` for digital silence."""
    scale: ScoreScale
    identity: Identity
    video_sha256: str
    """Of the file the maps were made from; a restyle of another video is refused."""
    duration_seconds: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = True
    """``False`` when the analysis was stopped early."""

    def __post_init__(self) -> None:
        _check_array("values", self.values, 4, np.float32)
        _check_array("times", self.times, 1, np.float64)
        _check_array("confidence", self.confidence, 2, np.float32)
        _check_array("level_dbfs", self.level_dbfs, 1, np.float32)
        shape = len(self.times), len(self.names)
        if not self.values.shape[:2] == self.confidence.shape == shape:
            raise ValueError(f"maps and confidence do not fit {shape[0]} times x {shape[1]} names")
        if self.level_dbfs.shape != self.times.shape or not (np.diff(self.times) > 0).all():
            raise ValueError("times must rise, with one level each")
        mapped = isinstance(self.values, np.memmap)  # checked as it was written; stays on disk
        if not mapped and not all(np.isfinite(one).all() for one in self.values):
            raise ValueError("a score track holds NaN or infinity")

    def __len__(self) -> int:
        return len(self.times)

    def score_map(self, window: int, name: int = 0) -> ScoreMap:
        """One map as a localizer returned it."""
        confidence, time = float(self.confidence[window, name]), float(self.times[window])
        return ScoreMap(self.values[window, name], self.scale, confidence, time)


@dataclass(frozen=True, slots=True, repr=False)
class Heatmap(_ShowsShapes):
    """A score map made ready to paint; never measured."""

    values: NDArray[np.float32]
    """(h, w), in [0, 1]."""
    pts_seconds: float

    def __post_init__(self) -> None:
        _check_array("values", self.values, 2, np.float32)
        if not ((self.values >= 0) & (self.values <= 1)).all():
            raise ValueError("a heatmap lies in [0, 1]")


@runtime_checkable
class Localizer(Protocol):
    """Anything that finds the source of a sound in a picture: the seam between steps and networks."""

    @property
    def spec(self) -> InputSpec:
        """What it wants to be given."""
        ...

    @property
    def identity(self) -> Identity:
        """Which method and weights it is, and how its scores are painted."""
        ...

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        """Score a batch; one map per window, in order; stateless, no gradient."""
        ...
