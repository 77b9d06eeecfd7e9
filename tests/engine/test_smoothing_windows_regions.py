"""Persistence, the time grid of windows, and regions."""

import math

import numpy as np
import pytest

from sslviz.regions import find_region, peak_of
from sslviz.smoothing import TemporalSmoother
from sslviz.types import AudioClip, Frame, Heatmap, InputSpec
from sslviz.windows import WindowGrid, cut_windows, level_dbfs

SPEC = InputSpec(image_size=8, sample_rate=1000, audio_seconds=0.5)


def heat_of(value: float, when: float) -> Heatmap:
    return Heatmap(np.full((1, 1), value, np.float32), when)


def after_one_second(rate: int) -> float:
    """Heat shown one second after a jump from 0 to 1."""
    smooth = TemporalSmoother(half_life_seconds=0.5)
    smooth(heat_of(0, 0.0))
    return [smooth(heat_of(1, i / rate)).values.item() for i in range(1, rate + 1)][-1]


def test_two_half_lives_close_three_quarters_of_the_gap():
    assert after_one_second(30) == pytest.approx(0.75)


def test_persistence_does_not_depend_on_the_rate_of_maps():
    assert after_one_second(5) == pytest.approx(after_one_second(60), abs=1e-6)


def test_a_half_life_of_zero_is_off():
    smooth = TemporalSmoother(0)
    smooth(heat_of(1, 0))
    assert smooth(heat_of(0, 0.001)).values.item() == 0


def test_a_step_back_in_time_starts_anew():
    smooth = TemporalSmoother(10)
    smooth(heat_of(1, 5))
    assert smooth(heat_of(0, 1)).values.item() == 0


def frames_at(times) -> list[Frame]:
    return [Frame(np.zeros((2, 2, 3), np.uint8), t) for t in times]


SOUND = AudioClip(np.arange(10_000, dtype=np.float32) / 10_000, 1000)


@pytest.mark.parametrize("fps", [12, 24, 25, 30_000 / 1001, 60])
def test_five_maps_per_second_at_any_frame_rate(fps):
    frames = frames_at(np.arange(0, 10, 1 / fps))
    windows = list(cut_windows(frames, SOUND, SPEC, 5))
    assert len(windows) == 50
    keys = np.array([w.key_frame.pts_seconds for w in windows])
    assert np.all(keys - np.arange(50) / 5 >= -1e-6)
    assert np.all(keys - np.arange(50) / 5 < 1 / fps)


def test_a_variable_rate_is_cut_by_time_and_gaps_make_no_windows():
    times = [0, 0.01, 0.02, 0.5, 0.52, 2.0]
    windows = list(cut_windows(frames_at(times), SOUND, SPEC, 5))
    assert [w.key_frame.pts_seconds for w in windows] == [0, 0.5, 2.0]


def test_a_slow_video_gets_one_window_per_frame():
    assert len(list(cut_windows(frames_at(range(4)), SOUND, SPEC, 5))) == 4


def test_the_excerpt_is_centred_on_the_key_frame_and_exactly_as_long_as_asked():
    (window,) = cut_windows(frames_at([3.0]), SOUND, SPEC, 5)
    assert len(window.audio.samples) == SPEC.num_samples
    assert window.audio.samples[SPEC.num_samples // 2] == pytest.approx(0.3)


def test_sound_outside_the_clip_is_silence():
    (window,) = cut_windows(frames_at([0.0]), SOUND, SPEC, 5)
    assert not window.audio.samples[:250].any()


def test_windows_on_the_grid_are_not_lost_to_rounding():
    grid = WindowGrid(5)
    assert all(grid.starts_window(i * 0.2) for i in range(1000))


def test_the_level_follows_a_quarter_second_not_the_excerpt():
    samples = np.zeros(4000, np.float32)
    samples[:1000] = 0.5
    quiet, loud = cut_windows(frames_at([1.2, 0.5][::-1]), AudioClip(samples, 1000), SPEC, 5)
    assert quiet.level_dbfs == pytest.approx(20 * math.log10(0.5))
    assert loud.level_dbfs == -math.inf
    assert loud.audio.samples.any()


def test_full_scale_square_is_zero_dbfs():
    assert level_dbfs(np.ones(10, np.float32)) == 0
    assert level_dbfs(np.zeros(0, np.float32)) == -math.inf


def blob(x: float, y: float, side: int = 14) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side]
    away = (columns + 0.5 - x * side) ** 2 + (rows + 0.5 - y * side) ** 2
    return np.exp(-away / 8).astype(np.float32)


@pytest.mark.parametrize(("x", "y"), [(0.3, 0.6), (0.52, 0.48), (0.77, 0.21)])
def test_the_peak_is_found_between_cells(x, y):
    found = peak_of(blob(x, y))
    assert found == (pytest.approx(x, abs=0.01), pytest.approx(y, abs=0.01))


def test_the_region_holds_the_peak_and_leaves_out_a_second_source():
    region = find_region(np.maximum(blob(0.25, 0.25), 0.9 * blob(0.8, 0.8)))
    assert region.x0 < 0.25 < region.x1 < 0.6
    assert region.place == "upper left"
    assert 0.01 < region.area < 0.2


def test_a_map_without_heat_has_no_region():
    assert find_region(np.zeros((4, 4), np.float32)) is None
