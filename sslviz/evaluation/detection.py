"""Metrics of confidence: is there a source at all, negatives, retrieval, and how sure a figure is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslviz.evaluation.metrics import area

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Detections:
    """The extended sets of SLAVC: pairs that sound and pairs that do not."""

    ciou: NDArray[np.float64]
    """(n,) of each sample; ignored where it is a negative."""
    confidence: NDArray[np.float64]
    """(n,) in any unit."""
    positive: NDArray[np.bool_]
    """(n,) whether something in the picture sounds."""

    def precision_recall(
        self, threshold: float, ciou_threshold: float = 0.5
    ) -> tuple[float, float]:
        """Of samples with at least this confidence; 1 where undefined.

        A positive that is confident but wrongly placed is a false positive, not a miss.
        """
        sure = self.confidence >= threshold
        hit = sure & self.positive & (self.ciou >= ciou_threshold)
        true, false = int(hit.sum()), int((sure & ~hit).sum())
        missed = int((~sure & self.positive).sum())
        return _ratio(true, true + false), _ratio(true, true + missed)

    def curve(self, ciou_threshold: float = 0.5) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Precision and recall over falling confidence, about 200 steps, the largest left out."""
        step = max(1, len(self.ciou) // 200)
        thresholds = np.sort(self.confidence)[:-1][::-step]
        points = [self.precision_recall(float(t), ciou_threshold) for t in thresholds]
        pairs = np.array(points, np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def average_precision(self, ciou_threshold: float = 0.5) -> float:
        """AP: sum of the precision envelope times the rise of recall."""
        precision, recall = self.curve(ciou_threshold)
        if len(precision) < 2:
            return 0.0
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(envelope[:-1] * np.diff(recall)))

    def max_f1(self, ciou_threshold: float = 0.5) -> float:
        """Largest F1 over about 11 confidences (every tenth of the sorted samples)."""
        step = max(1, len(self.ciou) // 10)
        pairs = [
            self.precision_recall(float(t), ciou_threshold)
            for t in np.sort(self.confidence)[::step]
        ]
        return max((2 * p * r / (p + r) if p + r > 0 else 0.0) for p, r in pairs)

    def precision_at_50(self) -> float:
        """Share of positives with cIoU *above* 0.5, whatever the confidence."""
        return float(np.mean(self.ciou[self.positive] > 0.5)) if self.positive.any() else 0.0


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def highlighted_share(values: Floats, threshold: float) -> float:
    """pIA: share of pixels of an un-normalised map above a universal threshold."""
    return float(np.mean(values > threshold))


def negative_auc(shares: Sequence[float] | Floats) -> float:
    """AUC_N: area under the share of negatives with pIA at or below 0, 0.05 ... 1; 1 is best."""
    array = np.asarray(shares, np.float64)
    return area(np.array([np.mean(array <= 0.05 * step) for step in range(21)]))


def harmonic(first: float, second: float) -> float:
    """F_LOC and F_AUC: harmonic mean of a figure on positives and one on negatives."""
    return 2 * first * second / (first + second) if first + second > 0 else 0.0


def f_loc(mean_ciou: float, mean_share: float) -> float:
    """Mean cIoU at the universal threshold against the share left dark on negatives, both in [0, 1]."""
    return harmonic(mean_ciou, 1 - mean_share)


def universal_threshold(largest: Sequence[float] | Floats) -> float:
    """Third quartile of map maxima under negative sound.

    Inferred from the published evaluator's name for it (``maxq3``); its values are hard-coded there.
    """
    return float(np.quantile(np.asarray(largest, np.float64), 0.75))


def auroc(positive: Sequence[float] | Floats, negative: Sequence[float] | Floats) -> float:
    """Chance that a random positive scores above a random negative; ties count one half.

    Raises:
        ValueError: One side is empty.
    """
    high, low = np.asarray(positive, np.float64), np.sort(np.asarray(negative, np.float64))
    if not len(high) or not len(low):
        raise ValueError("auroc needs positives and negatives")
    below, at_most = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return float((below + at_most).sum() / (2 * len(high) * len(low)))


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Share of queries with a hit among the k nearest, for k in 1, 5, 10."""

    sound_to_image: dict[int, float]
    image_to_sound: dict[int, float]


def recall_at(
    sounds: Floats,
    images: Floats,
    classes: Sequence[str] | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> Retrieval:
    """Cross-modal retrieval by cosine on n pairs.

    No published code settles what a hit is: without ``classes`` it is the very pair, with them any item of
    the query's class. Ties count against the query.

    Args:
        sounds: (n, C) unit vectors.
        images: (n, C) unit vectors; row i belongs to row i of ``sounds``.
        classes: n names for the class rule.
        ks: Depths.
    """
    similarity = np.asarray(sounds, np.float32) @ np.asarray(images, np.float32).T
    names = (
        np.arange(len(similarity))
        if classes is None
        else np.unique(classes, return_inverse=True)[1]
    )
    return Retrieval(_recall(similarity, names, ks), _recall(similarity.T, names, ks))


def _recall(similarity: Floats, names: NDArray[np.intp], ks: Sequence[int]) -> dict[int, float]:
    ranks = np.empty(len(similarity), np.intp)
    for row, scores in enumerate(similarity):
        hits = names == names[row]
        best = scores[hits].max()
        ranks[row] = np.count_nonzero(scores[~hits] >= best)
    return {k: float(np.mean(ranks < k)) for k in ks}


@dataclass(frozen=True, slots=True)
class Interval:
    """Where 95 % of resampled figures lie."""

    low: float
    high: float


def bootstrap(
    values: Sequence[float] | Floats,
    groups: Sequence[str] | None = None,
    *,
    rounds: int = 2000,
    seed: int = 0,
) -> Interval:
    """95 % percentile interval of a mean, resampling whole groups (frames of one video hang together)."""
    array = np.asarray(values, np.float64)
    names = np.arange(len(array)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(names, weights=array), np.bincount(names)
    rng = np.random.default_rng(seed)
    picked = rng.integers(0, len(sums), (rounds, len(sums)))
    means = sums[picked].sum(axis=1) / sizes[picked].sum(axis=1)
    return _interval(means)


def bootstrap_of(
    statistic: Callable[[NDArray[np.intp]], float],
    count: int,
    groups: Sequence[str] | None = None,
    *,
    rounds: int = 300,
    seed: int = 0,
) -> Interval:
    """95 % interval of any statistic of resampled indices.

    Args:
        statistic: Of some of the indices 0 to ``count - 1``, each any number of times.
        count: Number of samples.
        groups: Of each sample; whole groups are resampled, so that the number of indices varies.
        rounds: How often.
        seed: Of the draws.
    """
    names = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    order, sizes = np.argsort(names, kind="stable"), np.bincount(names)
    starts = np.cumsum(sizes) - sizes
    rng = np.random.default_rng(seed)

    def drawn() -> NDArray[np.intp]:
        picked = rng.integers(0, len(sizes), len(sizes))
        lengths = sizes[picked]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.asarray(order[np.repeat(starts[picked], lengths) + within], np.intp)

    return _interval(np.array([statistic(drawn()) for _ in range(rounds)]))


def _interval(figures: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(figures, (0.025, 0.975))
    return Interval(float(low), float(high))
