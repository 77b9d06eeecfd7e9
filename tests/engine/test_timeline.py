"""The clip along time."""

import numpy as np
import pytest

from sslviz.options import Style
from sslviz.timeline import figure, make_timeline, mel_centres, mel_power, to_decibel, waveform
from sslviz.types import AudioClip

RATE = 16_000


def tone(hertz: float, seconds: float = 2.0, loud: float = 0.5) -> AudioClip:
    t = np.arange(round(seconds * RATE)) / RATE
    return AudioClip((loud * np.sin(2 * np.pi * hertz * t)).astype(np.float32), RATE)


@pytest.mark.parametrize("hertz", [300, 1000, 4000])
def test_a_tone_shows_in_its_own_mel_band(hertz):
    power = mel_power(tone(hertz), 50)
    centres = mel_centres(RATE, 64)
    loudest = centres[power[:, 10:40].mean(axis=1).argmax()]
    assert loudest == pytest.approx(hertz, rel=0.08)


def test_the_waveform_holds_the_extremes_of_each_column():
    samples = np.zeros(RATE, np.float32)
    samples[RATE // 2] = 0.7
    samples[RATE // 2 + 1] = -0.3
    wave = waveform(AudioClip(samples, RATE), 10)
    np.testing.assert_allclose(wave[5], (-0.3, 0.7))
    assert not wave[:5].any()


def test_silence_is_the_floor_and_not_nan():
    power = mel_power(AudioClip(np.zeros(RATE, np.float32), RATE), 8)
    np.testing.assert_array_equal(to_decibel(power), -80)
    assert waveform(AudioClip(np.zeros(0, np.float32), RATE), 4).shape == (4, 2)
    assert mel_power(AudioClip(np.zeros(0, np.float32), RATE), 4).shape == (64, 4)


def test_spans_follow_the_gates(track):
    sound = tone(440)
    line = make_timeline(track, Style(), waveform(sound, 100), mel_power(sound, 100), RATE)
    assert line.silent == ((pytest.approx(1.6), 2.0),)
    assert line.unsure == ((pytest.approx(1.2), pytest.approx(1.6)),)
    assert line.heat[0] > 0.9
    assert not line.heat[6:].any()
    assert line.score[7] > 0.4


@pytest.mark.parametrize("dark", [False, True])
def test_the_figure_is_drawn_in_light_and_dark(track, tmp_path, dark):
    sound = tone(440)
    line = make_timeline(track, Style(), waveform(sound, 100), mel_power(sound, 100), RATE)
    drawn = figure(line, dark)
    drawn.savefig(tmp_path / "t.png", dpi=60)
    back = np.asarray(drawn.get_facecolor()[:3])
    assert (back.mean() < 0.2) == dark
    assert (tmp_path / "t.png").stat().st_size > 5000
