"""Heat from scores, and the gates."""

import math

import numpy as np
import pytest

from sslviz.options import ColorScale, Style
from sslviz.scaling import (
    Verdict,
    calibrated_confidence,
    clip_range,
    describe,
    judge,
    to_heat,
    verdicts,
)
from sslviz.types import Calibration, Identity, ScoreScale, ScoreTrack

CALIBRATION = Calibration(confidence_gate=0.4, score_low=0.1, score_high=0.5)
COSINE, ATTENTION = ScoreScale.COSINE, ScoreScale.ATTENTION


def ramp(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, 16, dtype=np.float32).reshape(4, 4)


def track_of(values, confidence, level, scale=COSINE, **settings) -> ScoreTrack:
    values = np.asarray(values, np.float32)[:, None]
    return ScoreTrack(
        values,
        ("sound",),
        np.arange(len(values), dtype=np.float64),
        np.asarray(confidence, np.float32)[:, None],
        np.asarray(level, np.float32),
        scale,
        Identity("test", "test", "", CALIBRATION),
        "0" * 64,
        float(len(values)),
        settings,
    )


def heat(values, color_scale=ColorScale.FIXED, scale=COSINE, own=None, confidence=1.0):
    return to_heat(values, CALIBRATION, scale, color_scale, own, confidence)


def test_low_scores_stay_cold_under_the_fixed_scale():
    assert heat(ramp(-0.5, 0.1)).max() == 0


def test_the_fixed_scale_is_linear_between_its_ends():
    np.testing.assert_allclose(heat(ramp(0.1, 0.5)), ramp(0, 1), atol=1e-6)


def test_the_frame_scale_glows_on_any_scores():
    assert heat(ramp(-0.5, -0.4), ColorScale.FRAME).max() == 1


@pytest.mark.parametrize("color_scale", list(ColorScale))
@pytest.mark.parametrize("scale", list(ScoreScale))
def test_a_flat_map_is_finite_under_every_scale(color_scale, scale):
    flat = np.full((4, 4), 0.3, np.float32)
    out = to_heat(flat, CALIBRATION, scale, color_scale, (0.0, 0.9), 0.7)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()


def test_the_clip_scale_gives_full_colour_to_the_strongest_map_only():
    track = track_of([ramp(0.0, 0.2), ramp(0.0, 0.3)], [1, 1], [-20, -20])
    own = clip_range(track, Style())
    assert own == (0.0, pytest.approx(0.3))
    assert heat(track.values[1, 0], ColorScale.CLIP, own=own).max() == pytest.approx(1)
    assert heat(track.values[0, 0], ColorScale.CLIP, own=own).max() == pytest.approx(2 / 3)


def test_gated_windows_do_not_set_the_clip_scale():
    track = track_of([ramp(0, 0.2), ramp(0, 9), ramp(0, 8)], [1, 0.1, 1], [-20, -20, -90])
    assert clip_range(track, Style()) == (0.0, pytest.approx(0.2))


def test_a_clip_without_a_source_has_no_scale_of_its_own():
    track = track_of([ramp(0, 0.2)], [0.1], [-20])
    assert clip_range(track, Style()) is None
    assert describe(CALIBRATION, COSINE, ColorScale.CLIP, None).name == "fixed scale, cosine"


def test_attention_is_dimmed_by_confidence_and_says_so():
    strong = heat(ramp(0, 0.1), scale=ATTENTION, confidence=1.0)
    weak = heat(ramp(0, 0.1), scale=ATTENTION, confidence=0.2)
    assert strong.max() == pytest.approx(1)
    assert weak.max() == pytest.approx(0.25)
    assert "x confidence" in describe(CALIBRATION, ATTENTION, ColorScale.FIXED, None).name


def test_the_gate_is_the_middle_of_calibrated_confidence():
    assert [calibrated_confidence(c, 0.4) for c in (0, 0.4, 1)] == [0, 0.5, 1]
    assert calibrated_confidence(1.0, 1.0) == pytest.approx(0.5)


def test_each_gate_has_its_own_words():
    style = Style(silence_gate_dbfs=-60)
    assert judge(-20, 0.9, CALIBRATION, style, True) is Verdict.SOURCE
    assert judge(-70, 0.9, CALIBRATION, style, True) is Verdict.SILENT
    assert judge(-math.inf, 0.9, CALIBRATION, style, True) is Verdict.SILENT
    assert judge(-20, 0.1, CALIBRATION, style, True) is Verdict.NO_CONFIDENT_SOURCE
    assert judge(-math.inf, 0.0, CALIBRATION, style, False) is Verdict.NO_SOUND_TRACK


def test_a_track_of_a_mute_video_says_no_sound_track():
    track = track_of([ramp(0, 1)], [0], [-math.inf], has_sound=False)
    assert verdicts(track, Style()) == [Verdict.NO_SOUND_TRACK]


def test_the_colour_bar_names_the_scale_and_both_ends():
    label = describe(CALIBRATION, COSINE, ColorScale.FIXED, None)
    assert (label.low, label.high, label.name) == ("0.10", "0.50", "fixed scale, cosine")
    assert describe(CALIBRATION, COSINE, ColorScale.FRAME, None).name.startswith("each frame")
