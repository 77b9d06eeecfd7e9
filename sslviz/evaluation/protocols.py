"""How a score map becomes a binary prediction: one named preset per paper.

The rules differ so much that figures of two protocols must not be compared: the median rule marks half of
the picture and cannot exceed cIoU 50.54 on VGG-SS, a fixed threshold has no such ceiling, and an adaptive
one is told the size of the object.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import OptionError
from sslviz.evaluation.metrics import Floats, Mask, adaptive_mask, ciou, median_threshold, min_max
from sslviz.types import ScoreMap, ScoreScale

SIZE = 224
"""Side of every ground truth, pixels."""


class Kernel(StrEnum):
    """How values between cells are made."""

    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


class Rule(StrEnum):
    """Where the threshold comes from."""

    MEDIAN = "median"
    """Half of the pixels are marked."""
    FIXED = "fixed"
    """A share of the map's own range."""
    ADAPTIVE = "adaptive"
    """As many pixels as the truth has: knows the size of the object."""
    SWEEP = "sweep"
    """19 thresholds on the absolute map; the best one of the whole set is reported (tuned on the test set)."""


SWEEP = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Thresholds of ``Rule.SWEEP``."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A named way to measure."""

    name: str
    source: str
    """Whose evaluator it follows."""
    kernel: Kernel
    align_corners: bool
    """Whether the outer cells' centres lie on the picture's edge (else half a cell inside)."""
    rule: Rule
    strict: bool
    """Marked are values ``>`` the threshold (else ``>=``)."""
    threshold: float = 0.5
    """For ``Rule.FIXED``."""
    top_share: float | None = None
    """Confidence is the mean of this share of the strongest pixels; ``None``: the localizer's own."""

    def describe(self) -> str:
        """One line for tables."""
        edges = "aligned corners" if self.align_corners else "half-pixel"
        fixed = f" {self.threshold:g} of the map's range" if self.rule is Rule.FIXED else ""
        sign = ">" if self.strict else ">="
        return f"{self.kernel} ({edges}), {self.rule} threshold{fixed}, {sign}"

    def upsample(self, score_map: ScoreMap) -> NDArray[np.float64]:
        """The map at 224 x 224, in its own unit."""
        return upsample(score_map.values, SIZE, self.kernel, self.align_corners)

    def predictions(self, values: Floats, truth: Floats, scale: ScoreScale) -> list[Mask]:
        """Binary predictions of one map at 224 x 224: one, or 19 for ``Rule.SWEEP``."""
        if self.rule is Rule.ADAPTIVE:
            return [adaptive_mask(values, truth)]
        if self.rule is Rule.SWEEP:
            absolute = absolute_map(values, scale)
            return [self._compare(absolute, threshold) for threshold in SWEEP]
        stretched = min_max(values)
        fixed = self.rule is Rule.FIXED
        return [self._compare(stretched, self.threshold if fixed else median_threshold(stretched))]

    def cious(self, score_map: ScoreMap, truth: Floats) -> list[float]:
        """Each prediction of one sample, measured by cIoU."""
        values = self.upsample(score_map)
        return [ciou(mask, truth) for mask in self.predictions(values, truth, score_map.scale)]

    def confidence(self, score_map: ScoreMap) -> float:
        """What the extended sets rank samples by."""
        if self.top_share is None:
            return score_map.confidence
        flat = absolute_map(self.upsample(score_map), score_map.scale).reshape(-1)
        count = max(1, int(flat.size * self.top_share))
        return float(np.partition(flat, flat.size - count)[flat.size - count :].mean())

    def _compare(self, values: Floats, threshold: float) -> Mask:
        return np.asarray(values > threshold if self.strict else values >= threshold)


def absolute_map(values: Floats, scale: ScoreScale) -> NDArray[np.float64]:
    """The map in [0, 1] without stretching: (cos + 1) / 2 for cosines.

    Attention has no absolute meaning; its map is stretched after all.
    """
    if scale is ScoreScale.COSINE:
        return np.asarray((values + 1) / 2, np.float64)
    return min_max(values) if scale is ScoreScale.ATTENTION else np.asarray(values, np.float64)


def upsample(
    values: Floats, size: int, kernel: Kernel = Kernel.BICUBIC, align_corners: bool = False
) -> NDArray[np.float64]:
    """Resize a map to (size, size) as torch's ``interpolate`` does, without antialiasing."""
    rows = _weights(values.shape[0], size, kernel, align_corners)
    columns = _weights(values.shape[1], size, kernel, align_corners)
    tall = rows @ values.astype(np.float64)
    # Not "@": for this size BLAS wakes all its threads, which on a busy machine costs a hundredfold.
    return np.asarray(np.einsum("ik,lk->il", tall, columns), np.float64)


@lru_cache(maxsize=64)
def _weights(cells: int, size: int, kernel: Kernel, align_corners: bool) -> NDArray[np.float64]:
    step = (cells - 1) / max(size - 1, 1) if align_corners else cells / size
    centres = np.arange(size) * step if align_corners else (np.arange(size) + 0.5) * step - 0.5
    if kernel is Kernel.BILINEAR:
        centres = np.clip(centres, 0, cells - 1)
    first = np.floor(centres).astype(int)
    offsets = (0, 1) if kernel is Kernel.BILINEAR else (-1, 0, 1, 2)
    weights = np.zeros((size, cells))
    for offset in offsets:
        distance = np.abs(centres - (first + offset))
        share = 1 - distance if kernel is Kernel.BILINEAR else _cubic(distance)
        np.add.at(weights, (np.arange(size), np.clip(first + offset, 0, cells - 1)), share)
    weights.setflags(write=False)
    return weights


def _cubic(distance: Floats, a: float = -0.75) -> NDArray[np.float64]:
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


PROTOCOLS: dict[str, Protocol] = {
    p.name: p
    for p in (
        Protocol("lvs", "LVS", Kernel.BILINEAR, False, Rule.MEDIAN, True),
        Protocol("ezvsl", "EZ-VSL and FNAC, test", Kernel.BILINEAR, True, Rule.MEDIAN, False),
        Protocol(
            "slavc", "SLAVC, relative", Kernel.BICUBIC, True, Rule.MEDIAN, False, top_share=0.25
        ),
        Protocol("sslalign", "SSL-Align, VGG-SS", Kernel.BILINEAR, False, Rule.MEDIAN, True),
        Protocol("acl", "ACL", Kernel.BICUBIC, False, Rule.SWEEP, False),
        Protocol("jsa", "JSA", Kernel.BICUBIC, False, Rule.FIXED, False, 0.6),
        Protocol("adaptive", "SSL-Align, adaptive", Kernel.BILINEAR, False, Rule.ADAPTIVE, True),
    )
}


def protocol(name: str) -> Protocol:
    """A preset by name.

    Raises:
        OptionError: There is none of that name.
    """
    if name not in PROTOCOLS:
        raise OptionError(f"protocol is {name!r}, allowed are {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


def comparable(names: set[str]) -> bool:
    """Whether figures taken under these protocols may stand in one column."""
    return len(names) < 2
