"""Metrics of sound source localization as pure functions on arrays.

A *map* is a score map at the size of its ground truth, a *prediction* is a boolean mask, a *truth* is a
weight in [0, 1] per pixel (1 where there is one annotator, the consensus where there are several).
Confidence, negatives and retrieval live in ``evaluation.detection``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]
NUM_STEPS = 21
_STEPS = tuple(0.05 * step for step in range(NUM_STEPS))
"""The thresholds of the success curve in the arithmetic of all published evaluators: 0.05 * 12 is a hair
above 0.6, so that a value of exactly 0.6 fails that step."""


def min_max(values: Floats) -> NDArray[np.float64]:
    """The map stretched to [0, 1]; a constant map is left as it is."""
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.asarray(values, np.float64)
    return np.asarray((values.astype(np.float64) - low) / (high - low), np.float64)


def median_threshold(values: Floats) -> float:
    """Middle of the sorted values, ``sorted[n // 2]``: the rule that marks half of the picture."""
    flat = values.reshape(-1)
    return float(np.partition(flat, flat.size // 2)[flat.size // 2])


def adaptive_threshold(values: Floats, truth: Floats) -> float:
    """The value above which as many pixels lie as the truth has (SSL-Align; knows the object's size).

    With an empty truth, half of the pixels. Compare with ``>``.
    """
    flat = values.reshape(-1)
    marked = int(np.count_nonzero(truth)) or flat.size // 2
    index = min(flat.size - marked, flat.size - 1)
    return float(np.partition(flat, index)[index])


def adaptive_mask(values: Floats, truth: Floats) -> Mask:
    """Prediction by ``adaptive_threshold``."""
    return np.asarray(values > adaptive_threshold(values, truth))


def ciou(prediction: Mask, truth: Floats) -> float:
    """Consensus IoU of one sample: sum(M G) / (sum(G) + #{M and G = 0}).

    An empty truth with an empty prediction has no value by the formula; it counts as 0.

    Raises:
        ValueError: Shapes differ.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction is {prediction.shape}, truth is {truth.shape}")
    covered = float(truth[prediction].sum())
    total = float(truth.sum()) + float(np.count_nonzero(truth[prediction] == 0))
    return covered / total if total else 0.0


def iou(prediction: Mask, truth: Mask) -> float:
    """Intersection over union of two masks; 0 where both are empty."""
    union = np.count_nonzero(prediction | truth)
    return float(np.count_nonzero(prediction & truth) / union) if union else 0.0


def success_rate(values: Sequence[float] | Floats, threshold: float = 0.5) -> float:
    """Share of samples at or above the threshold: what tables call cIoU (or cIoU@0.5).

    Raises:
        ValueError: No samples.
    """
    array = _samples(values)
    return float(np.mean(array >= threshold))


def success_curve(values: Sequence[float] | Floats) -> NDArray[np.float64]:
    """Success rate at 0, 0.05 ... 1, float64 (21,)."""
    array = _samples(values)
    return np.array([np.sum(array >= step) / len(array) for step in _STEPS])


def auc(values: Sequence[float] | Floats) -> float:
    """Area under the success curve, trapezoids over 21 thresholds."""
    return area(success_curve(values))


def area(curve: Floats) -> float:
    """Trapezoid area of a curve over thresholds 0, 0.05 ... 1."""
    return float(np.trapezoid(curve, _STEPS))


def smallest_per_picture(
    values: Sequence[float] | Floats, pictures: Sequence[str]
) -> NDArray[np.float64]:
    """The worst cIoU among the sounds of each picture, which all must be found.

    IIoU and IAUC of IS3 (arXiv 2407.13676) are the ``success_rate`` and the ``auc`` of these.

    Args:
        values: cIoU of each sound.
        pictures: Name of the picture that each sound belongs to.

    Returns:
        One value per picture that has several sounds, in the order of their first; a picture of which
        a single sound could be measured says nothing.
    """
    found: dict[str, list[float]] = {}
    for value, picture in zip(values, pictures, strict=True):
        found.setdefault(picture, []).append(float(value))
    return np.array([min(sounds) for sounds in found.values() if len(sounds) > 1], np.float64)


def pointing(values: Floats, truth: Floats) -> bool:
    """Pointing game: the strongest pixel (the first of equals) lies where the truth is not 0."""
    return bool(truth.reshape(-1)[int(np.argmax(values))] > 0)


def segmentation_iou(prediction: Mask, truth: Mask) -> float:
    """IoU of AVSBench's mIoU: for an empty truth, the share of pixels rightly left out."""
    if not truth.any():
        return float(np.count_nonzero(~prediction) / truth.size)
    union = np.count_nonzero(prediction | truth)
    return float(np.count_nonzero(prediction & truth) / (union + 1e-7))


F_THRESHOLDS = np.linspace(0, 1 - 1e-10, 255)


def f_curve(values: Floats, truth: Mask, beta_squared: float = 0.3) -> NDArray[np.float64]:
    """F measure of one AVSBench frame at 255 thresholds, float64 (255,); undefined counts as 0.

    Args:
        values: Map in [0, 1].
        truth: Ground truth, not empty.
        beta_squared: Weight of recall.
    """
    bins = np.searchsorted(F_THRESHOLDS, values.reshape(-1), side="right")
    count = len(F_THRESHOLDS)
    predicted = np.cumsum(np.bincount(bins, minlength=count + 1)[::-1])[::-1][1:]
    hits = np.bincount(bins, weights=truth.reshape(-1).astype(float), minlength=count + 1)
    found = np.cumsum(hits[::-1])[::-1][1:]
    precision, recall = found / (predicted + 1e-20), found / (truth.sum() + 1e-20)
    weighted = beta_squared * precision + recall
    curve = np.zeros(count)
    np.divide((1 + beta_squared) * precision * recall, weighted, out=curve, where=weighted > 0)
    return curve


@dataclass(slots=True)
class FMeasure:
    """AVSBench's F: the mean curve over frames, then its maximum; frames with an empty truth are skipped.

    The benchmark's own code takes the maximum within each mini-batch and averages those, so that its result
    depends on the batch size; ``batch_size`` asks for that variant.
    """

    batch_size: int | None = None
    _total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(F_THRESHOLDS)))
    _frames: int = 0
    _in_batch: int = 0
    _maxima: list[float] = field(default_factory=list)

    def add(self, values: Floats, truth: Mask) -> None:
        """Take one frame into account."""
        self.add_curve(f_curve(values, truth) if truth.any() else None)

    def add_curve(self, curve: NDArray[np.float64] | None) -> None:
        """Take one frame's ``f_curve`` into account; ``None`` for an empty truth."""
        if curve is not None:
            self._total += curve
            self._frames += 1
        self._in_batch += 1
        if self.batch_size and self._in_batch >= self.batch_size:
            self._close_batch()

    def _close_batch(self) -> None:
        if self._frames:
            self._maxima.append(float((self._total / self._frames).max()))
        self._total[:], self._frames, self._in_batch = 0, 0, 0

    def result(self) -> float:
        """F so far; 0 without frames."""
        if self.batch_size is None:
            return float((self._total / self._frames).max()) if self._frames else 0.0
        if self._in_batch:
            self._close_batch()
        return float(np.mean(self._maxima)) if self._maxima else 0.0


def _samples(values: Sequence[float] | Floats) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"a rate over no samples has no meaning, got shape {array.shape}")
    return array
