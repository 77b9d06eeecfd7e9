"""A user's own annotated clip, and windows spread over a video for the audio-swap test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sslviz.datasets.boxes import MarkedMoment
from sslviz.errors import MediaError
from sslviz.evaluation.library import MediaSource
from sslviz.evaluation.metrics import iou, min_max, pointing
from sslviz.evaluation.priors import centre_prior
from sslviz.evaluation.protocols import PROTOCOLS, SIZE, Rule, upsample
from sslviz.media.probe import probe
from sslviz.types import InputSpec, Localizer, Window


@dataclass(frozen=True, slots=True)
class MomentResult:
    """One annotated moment, measured."""

    time_seconds: float
    label: str
    confidence: float
    pointing: bool
    """Whether the strongest point lies in a box."""
    iou_half_max: float
    iou_half_max_centre: float
    """The same for the centre prior: what no sound and no network reach."""
    ciou: dict[str, float]
    """By protocol; a sweep's best threshold for this moment alone is left out."""


def moments_of(moments: Sequence[MarkedMoment], video: Path) -> list[MarkedMoment]:
    """Those of an annotation file that belong to a video: by its name, or all that name no file."""
    return [m for m in moments if not m.file or Path(m.file).stem == video.stem]


def measure_clip(
    localizer: Localizer, video: Path, moments: Sequence[MarkedMoment], source: MediaSource
) -> list[MomentResult]:
    """Measure each annotated moment of a video.

    Raises:
        MediaError: The video cannot be read, or no annotation belongs to it.
    """
    mine = moments_of(moments, video)
    if not mine:
        named = ", ".join(sorted({moment.file for moment in moments})[:5])
        raise MediaError(f"No boxes belong to {video.name!r}; the file names {named}.")
    results = []
    for moment in mine:
        window = source.moment(video, moment.time_seconds, localizer.spec)
        results.append(_measure(localizer, window, moment))
    return results


def _measure(localizer: Localizer, window: Window, moment: MarkedMoment) -> MomentResult:
    height, width = window.key_frame.image.shape[:2]
    truth = moment.mask(SIZE, width, height)
    (score_map,) = localizer.localize([window])
    values, inside = upsample(score_map.values, SIZE), truth > 0
    fair = [p for p in PROTOCOLS.values() if p.rule is not Rule.SWEEP]
    return MomentResult(
        window.key_frame.pts_seconds,
        moment.label,
        score_map.confidence,
        pointing(values, truth),
        iou(np.asarray(min_max(values) >= 0.5), inside),
        iou(np.asarray(min_max(centre_prior(SIZE)) >= 0.5), inside),
        {protocol.name: protocol.cious(score_map, truth)[0] for protocol in fair},
    )


def clip_summary(results: Sequence[MomentResult]) -> dict[str, Any]:
    """Means over moments, with n."""
    return {
        "n": len(results),
        "pointing": float(np.mean([r.pointing for r in results])),
        "iou_half_max": float(np.mean([r.iou_half_max for r in results])),
        "iou_half_max_centre": float(np.mean([r.iou_half_max_centre for r in results])),
        "confidence": float(np.mean([r.confidence for r in results])),
        "mean_ciou": {
            name: float(np.mean([r.ciou[name] for r in results])) for name in results[0].ciou
        },
    }


def spread_windows(
    video: Path, spec: InputSpec, source: MediaSource, count: int = 8
) -> list[Window]:
    """Windows in the middles of equal parts of a video.

    Raises:
        MediaError: The video cannot be read.
    """
    length = probe(video).duration_seconds or 1.0
    return [source.moment(video, length * (i + 0.5) / count, spec) for i in range(count)]
