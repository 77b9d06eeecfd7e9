"""Masks of the objects in training photos, from weak supervision only.

Ours. A photo with an even background is cut out by its border colour; any other one by GrabCut
(Rother et al., SIGGRAPH 2004) from a seed map: class activations at first, the trained localizer's
own maps in a second round. No network trained on masks or boxes takes part.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.training.pictures import Picture

SIZE = 160
"""Masks are found at this size, (SIZE, SIZE), aspect not kept."""
Seeds = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cut:
    """How far GrabCut may depart from its seeds."""

    surely_ground: float = 0.14
    """Seeds below this stay background."""
    surely_object: float = 0.85
    """Seeds above this stay object."""
    rounds: int = 4
    min_agreement: float = 0.0
    """IoU with the seeds above one half, below which those are kept instead."""


def plain_mask(image: Picture) -> Picture | None:
    """The object of a photo (SIZE, SIZE, 3) on an even background; ``None`` where it is uneven."""
    lab = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.float32)
    border = np.concatenate([part.reshape(-1, 3) for part in _edges(lab)])
    colour = np.median(border, axis=0)
    spread = np.linalg.norm(border - colour, axis=1)
    if (spread < 10).mean() < 0.75:
        return None
    distance = np.linalg.norm(lab - colour, axis=2)
    differs = distance > max(12.0, 3 * float(np.percentile(spread[spread < 10], 95)))
    outside = _touching_border(~differs)
    mask = ~outside
    holes = _large_parts(~differs & mask, 0.012)
    mask &= ~holes
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return _largest_parts(np.asarray(opened, np.uint8), 0.1)


def activation_seeds(activation: NDArray[np.floating]) -> Seeds:
    """Class activations (h, w) -> [0, 1] at SIZE, leaning towards the middle of the photo."""
    large = np.asarray(
        cv2.resize(activation.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    )
    low, high = np.percentile(large, 2), np.percentile(large, 99)
    seeds = np.clip((large - low) / (high - low + 1e-6), 0, 1)
    steps = np.linspace(-1, 1, SIZE)
    middle = np.exp(-(steps[:, None] ** 2 + steps[None, :] ** 2) / 0.9)
    return np.asarray(seeds * 0.75 + 0.25 * middle * seeds + 0.12 * middle - 0.06, np.float32)


def map_seeds(scores: NDArray[np.floating]) -> Seeds:
    """A localizer's map (h, w) -> [0, 1] at SIZE."""
    large = np.asarray(
        cv2.resize(scores.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    )
    return np.asarray((large - large.min()) / (np.ptp(large) + 1e-6), np.float32)


def grab_cut(image: Picture, seeds: Seeds, cut: Cut) -> Picture:
    """GrabCut from seeds; the seeds above one half where it runs away from them.

    Args:
        image: (SIZE, SIZE, 3).
        seeds: (SIZE, SIZE) in [0, 1].
        cut: How far the seeds are trusted.
    """
    likely = (seeds > 0.5).astype(np.uint8)
    trimap = np.where(seeds > 0.45, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trimap[seeds > cut.surely_object], trimap[seeds < cut.surely_ground] = cv2.GC_FGD, cv2.GC_BGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(image, trimap, (0, 0, 1, 1), *models, cut.rounds, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # only one of the two classes has pixels
        return likely
    found = ((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)).astype(np.uint8)
    found = np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    mask = _without_small_holes(_largest_parts(found, 0.15))
    union = np.count_nonzero(mask | likely)
    agreement = np.count_nonzero(mask & likely) / union if union else 0.0
    return mask if agreement >= cut.min_agreement else likely


def usable(mask: Picture) -> bool:
    """Whether a mask says anything: neither almost nothing nor almost everything."""
    return 0.015 < float(mask.mean()) < 0.95


def _edges(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    return image[:3], image[-3:], image[:, :3], image[:, -3:]


def _parts(mask: NDArray[np.bool_] | Picture) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Labels of connected parts, and the area of each (the first is what is not in the mask)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return np.asarray(labels, np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32)


def _touching_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, _ = _parts(mask)
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.isin(labels, edge[edge > 0])


def _large_parts(mask: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    labels, areas = _parts(mask)
    large = np.flatnonzero(areas > share * mask.size)
    return np.isin(labels, large[large > 0])


def _largest_parts(mask: Picture, share: float) -> Picture:
    """The largest connected part and those with at least ``share`` of its area."""
    labels, areas = _parts(mask)
    if len(areas) < 2:
        return mask
    kept = np.flatnonzero(areas[1:] >= share * areas[1:].max()) + 1
    return np.isin(labels, kept).astype(np.uint8)


def _without_small_holes(mask: Picture) -> Picture:
    empty = mask == 0
    holes = empty & ~_touching_border(empty) & ~_large_parts(empty, 0.02)
    return np.asarray(mask | holes, np.uint8)
