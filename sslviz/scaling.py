"""From raw scores to heat in [0, 1], and the gates that say when nothing should be painted.

A fixed scale comes first: the same score has the same colour in every frame and every clip, so that
silence stays dark. Stretching each frame is possible, and the picture then says so.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sslviz.options import ColorScale, Style
from sslviz.types import Calibration, ScoreScale, ScoreTrack

UNIT = {
    ScoreScale.COSINE: "cosine",
    ScoreScale.PROBABILITY: "probability",
    ScoreScale.ATTENTION: "attention",
}


class Verdict(StrEnum):
    """What may be claimed about one window."""

    SOURCE = "source"
    """Loud enough and confident: heat is painted."""
    NO_CONFIDENT_SOURCE = "no confident source"
    SILENT = "silent"
    NO_SOUND_TRACK = "no sound track"


@dataclass(frozen=True, slots=True)
class ScaleLabel:
    """What stands beside the colour bar."""

    low: str
    high: str
    name: str
    """Which scale, and the unit of its numbers."""


def judge(
    level_dbfs: float, confidence: float, calibration: Calibration, style: Style, has_sound: bool
) -> Verdict:
    """Pass a window through the loudness gate and the confidence gate.

    Args:
        level_dbfs: Loudness around the key frame.
        confidence: Of the localizer, in [0, 1].
        calibration: Holds the confidence gate.
        style: Holds the loudness gate.
        has_sound: Whether the video has a sound track at all.
    """
    if not has_sound:
        return Verdict.NO_SOUND_TRACK
    if not level_dbfs >= style.silence_gate_dbfs:
        return Verdict.SILENT
    if confidence < calibration.confidence_gate:
        return Verdict.NO_CONFIDENT_SOURCE
    return Verdict.SOURCE


def has_sound(track: ScoreTrack) -> bool:
    """Whether the analysed video had a sound track."""
    return bool(track.settings.get("has_sound", True))


def verdicts(track: ScoreTrack, style: Style, name: int = 0) -> list[Verdict]:
    """One verdict per window of a track."""
    sound, calibration = has_sound(track), track.identity.calibration
    pairs = zip(track.level_dbfs.tolist(), track.confidence[:, name].tolist(), strict=True)
    return [judge(level, sure, calibration, style, sound) for level, sure in pairs]


def calibrated_confidence(confidence: float, gate: float) -> float:
    """Confidence on a common footing: 0 stays 0, the checkpoint's gate becomes one half, 1 stays 1."""
    if confidence < gate:
        return 0.5 * confidence / gate
    return 0.5 + 0.5 * (confidence - gate) / max(1.0 - gate, 1e-9)


def to_heat(
    values: NDArray[np.float32],
    calibration: Calibration,
    scale: ScoreScale,
    color_scale: ColorScale,
    clip_range: tuple[float, float] | None,
    confidence: float,
) -> NDArray[np.float32]:
    """Scale one score map for painting.

    Attention compares only within its own frame, so its fixed scale is min-max times the calibrated
    confidence; the colour bar says so.

    Args:
        values: Raw scores, (h, w).
        calibration: Of the checkpoint that made them.
        scale: What the scores mean.
        color_scale: What full colour shall mean.
        clip_range: From `clip_range`; needed for ``ColorScale.CLIP`` only.
        confidence: Of the window, in [0, 1].

    Returns:
        Heat in [0, 1], (h, w) float32.
    """
    if color_scale is ColorScale.FRAME:
        return _min_max(values)
    if scale is ScoreScale.ATTENTION:
        strength = calibrated_confidence(confidence, calibration.confidence_gate)
        if color_scale is ColorScale.CLIP and clip_range is not None:
            strength = min(strength / max(clip_range[1], 1e-9), 1.0)
        return _min_max(values) * np.float32(strength)
    low, high = calibration.score_low, calibration.score_high
    if color_scale is ColorScale.CLIP and clip_range is not None:
        low, high = clip_range
    return _stretch(values, low, high)


def clip_range(track: ScoreTrack, style: Style, name: int = 0) -> tuple[float, float] | None:
    """The scores that span the clip's own scale, over the windows that pass the gates.

    For attention: the calibrated confidences. ``None`` where no window passes: then the fixed scale
    serves, since a clip without a source has no strongest one.
    """
    passed = np.array([v is Verdict.SOURCE for v in verdicts(track, style, name)], bool)
    if not passed.any():
        return None
    if track.scale is ScoreScale.ATTENTION:
        best = float(track.confidence[passed, name].max())
        return 0.0, calibrated_confidence(best, track.identity.calibration.confidence_gate)
    low = high = 0.0
    for index, window in enumerate(np.flatnonzero(passed)):  # no copy of the whole track
        values = track.values[window, name]
        low = float(values.min()) if index == 0 else min(low, float(values.min()))
        high = float(values.max()) if index == 0 else max(high, float(values.max()))
    return (low, high) if high > low else None


def describe(
    calibration: Calibration,
    scale: ScoreScale,
    color_scale: ColorScale,
    clip_range: tuple[float, float] | None,
) -> ScaleLabel:
    """Words for the colour bar: both ends and which scale it is."""
    if color_scale is ColorScale.FRAME:
        return ScaleLabel("min", "max", f"each frame stretched, {UNIT[scale]}")
    own = color_scale is ColorScale.CLIP and clip_range is not None
    kind = "clip scale" if own else "fixed scale"
    if scale is ScoreScale.ATTENTION:
        return ScaleLabel("0", "1", f"{kind}, attention min-max x confidence")
    low, high = calibration.score_low, calibration.score_high
    if own and clip_range is not None:
        low, high = clip_range
    return ScaleLabel(f"{low:.2f}", f"{high:.2f}", f"{kind}, {UNIT[scale]}")


def _min_max(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return _stretch(values, float(values.min()), float(values.max()))


def _stretch(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    if not high > low:
        return np.zeros_like(values)
    heat = (values - np.float32(low)) * np.float32(1.0 / (high - low))
    clipped: NDArray[np.float32] = np.clip(heat, 0.0, 1.0).astype(np.float32, copy=False)
    return clipped
