from fractions import Fraction

import numpy as np
import pytest
from ui_helpers import track_of_maps

from sslviz.options import ColorScale, Style
from sslviz.types import ScoreScale, VideoInfo
from sslviz.ui import describe, look, payload, text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about a second"), (4.4, "about 4 seconds"), (42, "about 40 seconds"), (150, "about 2 minutes"), (9000, "about 2.5 hours")],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds, words):
    assert describe.about(seconds) == words


def test_what_may_be_dropped_is_said_with_its_limits():
    assert describe.accepted(2**31, None) == "any length, up to 2048 MB"
    assert describe.accepted(200 * 2**20, 600.0) == "up to 10 minutes and 200 MB"
    assert describe.accepted(5 * 2**20, 30.0) == "up to 30 seconds and 5 MB"


def test_clocks_have_hours_only_when_needed():
    assert [describe.clock(s) for s in (0, 61.9, 3600)] == ["0:00", "1:01", "1:00:00"]


def test_progress_says_windows_speed_and_time_left():
    assert (
        describe.progress_line(3, 50, 12.34, 8)
        == "3 of 50 windows · 12.3 maps/s · about 8 seconds left"
    )
    assert describe.progress_line(3, None, 0, None) == "3 windows"


def test_the_estimate_grows_with_maps_and_pixels_and_needs_a_length():
    small = VideoInfo(320, 240, Fraction(25), 60.0, 1500, True)
    large = VideoInfo(1920, 1080, Fraction(25), 60.0, 1500, True)
    base = describe.estimate_seconds(small, 5, 0.1)
    assert describe.estimate_seconds(small, 10, 0.1) == pytest.approx(base + 30)
    assert describe.estimate_seconds(large, 5, 0.1) > base + 50
    assert describe.estimate_seconds(small, 5, 0.1, length=30) < base
    assert describe.estimate_seconds(VideoInfo(2, 2, Fraction(1), None, None, True), 5, 0.1) is None


def spot(count=6, silent=()):
    maps = np.zeros((count, 4, 4))
    maps[:, 0, 3] = np.linspace(0.3, 0.8, count)
    track = track_of_maps(maps)
    levels = track.level_dbfs.copy()
    levels[list(silent)] = -90
    from dataclasses import replace

    return replace(track, level_dbfs=levels)


def test_the_story_names_time_place_score_and_share():
    told = payload.story(spot(silent=(0, 1, 2)), Style())
    assert told == "Strongest at 0:01, upper right: 0.80 cosine. 50% of it has a confident source."


def test_the_story_claims_nothing_where_nothing_is_sure():
    assert (
        payload.story(track_of_maps(np.ones((3, 2, 2)), confidence=0.1), Style()) == text.STORY_NONE
    )


def test_spans_join_neighbours_of_one_kind():
    assert payload.shaded(spot(silent=(1, 2)), Style()) == [("silent", 0.2, pytest.approx(0.6))]


def test_a_stopped_run_is_shaded_only_as_far_as_it_went():
    from dataclasses import replace

    track = replace(spot(silent=(5,)), duration_seconds=60.0, complete=False)
    assert payload.analysed(track) == (0.0, pytest.approx(1.2))
    assert payload.shaded(track, Style()) == [("silent", 1.0, pytest.approx(1.2))]


def test_sound_and_scores_share_one_clock_where_a_run_ended_early():
    track = spot()
    whole = {"duration": 60.0, "low": [-1] * 60, "high": [1] * 60}
    data = payload.timeline(track, Style(), whole, 0.0)
    assert data["duration"] == 60  # the waveform is spread over all of it
    assert data["analysed"] == [0.0, pytest.approx(1.2)]
    assert payload.timeline(track, Style(), None, 0.0)["duration"] == pytest.approx(1.2)
    assert payload.timeline(track, Style(), {"duration": 1.0}, 0.0)["duration"] == 1.2


def test_attention_has_no_score_axis_but_its_confidence():
    track = track_of_maps(np.full((3, 2, 2), 0.25), confidence=0.7, scale=ScoreScale.ATTENTION)
    (curve,) = payload.score_curves(track)
    assert (curve["name"], curve["values"]) == ("confidence", [0.7] * 3)


def test_an_empty_track_still_makes_a_timeline():
    track = track_of_maps(np.zeros((0, 2, 2)))
    data = payload.timeline(track, Style(), None, 1.0)
    assert data["curves"] == []
    assert data["duration"] > 0


def test_controls_and_style_translate_both_ways():
    style = Style(
        color_map="viridis",
        opacity=0.4,
        color_scale=ColorScale.FRAME,
        contours=True,
        fill=False,
        half_life_ms=0,
    )
    assert look.from_controls(look.to_controls(style)) == style


def test_what_the_controls_do_not_show_stays_as_it_was():
    base = Style(silence_gate_dbfs=-33, strip=True)
    assert look.from_controls(look.to_controls(Style(opacity=0.1)), base) == Style(
        opacity=0.1, silence_gate_dbfs=-33, strip=True
    )
