import numpy as np
import pytest
from ui_helpers import track_of_maps

from sslviz.types import ScoreScale
from sslviz.ui import measure


def ramp(count: int = 4) -> np.ndarray:
    return np.stack([np.arange(12).reshape(3, 4) / 20 * (t + 1) / count for t in range(count)])


def test_a_probe_reads_the_cell_under_the_spot_over_time():
    track = track_of_maps(ramp())
    found = measure.probe(track, x=0.99, y=0.4, at_seconds=0.0)
    assert (found.row, found.column) == (1, 3)
    assert found.scores == pytest.approx(ramp()[:, 1, 3])


def test_a_probe_lists_every_other_cell_that_is_at_least_as_high():
    found = measure.probe(track_of_maps(ramp()), x=0.5, y=0.99, at_seconds=0.6)
    assert found.window == 3
    assert sorted(found.similar) == [(2, 3)]


def test_a_probe_outside_the_picture_is_refused():
    with pytest.raises(ValueError, match="spot"):
        measure.probe(track_of_maps(ramp()), 1.2, 0.5, 0)


def test_a_window_is_shown_until_the_next_one_starts():
    track = track_of_maps(ramp())
    assert [measure.window_at(track, t) for t in (-1, 0, 0.19, 0.2, 0.59, 99)] == [0, 0, 0, 1, 2, 3]


def test_rank_correlation_sees_order_only():
    values = np.random.default_rng(0).random((5, 5)).astype(np.float32)
    assert measure.rank_correlation(values, values**3) == pytest.approx(1)
    assert measure.rank_correlation(values, -values) == pytest.approx(-1)
    assert measure.rank_correlation(values, np.zeros((5, 5), np.float32)) == 0


def test_rank_correlation_gives_ties_their_mean_rank():
    a = np.array([[1, 2, 2, 3]], np.float32)
    b = np.array([[1, 3, 2, 4]], np.float32)
    assert measure.rank_correlation(a, b) == pytest.approx(0.9486833)  # scipy.stats.spearmanr


def test_a_difference_exists_only_between_equal_scales():
    first, second = track_of_maps(ramp()), track_of_maps(ramp() * 0.5)
    assert measure.agreement(first, second).ranks == pytest.approx(np.ones(4))
    assert measure.agreement(first, second).difference.max() > 0.05
    other = track_of_maps(ramp(), scale=ScoreScale.PROBABILITY)
    assert measure.agreement(first, other).difference is None
    attention = track_of_maps(ramp(), scale=ScoreScale.ATTENTION)
    assert measure.agreement(attention, attention).difference is None


def test_tracks_of_different_videos_are_not_compared():
    with pytest.raises(ValueError, match="different videos"):
        measure.agreement(track_of_maps(ramp(), video="a"), track_of_maps(ramp(), video="b"))


def test_infinite_levels_become_json_numbers():
    assert measure.as_list(np.array([-np.inf, -3.14159])) == [-120.0, -3.1416]
