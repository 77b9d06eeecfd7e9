"""What every localizer promises, kept by ACL."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from acl_tiny import tiny_acl

from sslviz.errors import OptionError
from sslviz.models import ACL, METHODS
from sslviz.types import AudioClip, Frame, ScoreScale, Window
from sslviz.windows import window_at


def windows_of(network: ACL, frames: list[Frame], sound: AudioClip, offset: float = 8) -> list:
    moved = [Frame(f.image, f.pts_seconds + offset) for f in frames]
    return [window_at(f, sound, network.spec, f.pts_seconds + 0.2) for f in moved]


def test_both_methods_are_on_offer_and_importing_them_loads_no_transformers() -> None:
    assert METHODS["acl"] is ACL
    assert issubclass(METHODS["acl-guided"], ACL)
    code = "import sys, sslviz.models; assert not {'transformers', 'torchaudio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_eval_returns_the_network_and_so_does_train(network: ACL) -> None:
    assert network.eval() is network
    assert network.train() is network


def test_maps_are_probabilities_on_the_asked_grid(
    network: ACL, frames: list[Frame], sound: AudioClip
) -> None:
    maps = network.localize(windows_of(network, frames, sound))
    assert [m.pts_seconds for m in maps] == [8 + f.pts_seconds for f in frames]
    for score_map in maps:
        assert score_map.scale is ScoreScale.PROBABILITY
        assert score_map.values.shape == (16, 16)
        assert 0 <= score_map.values.min() < score_map.values.max() <= 1


def test_a_map_does_not_depend_on_its_batch_mates(frames: list[Frame], sound: AudioClip) -> None:
    together = tiny_acl()
    windows = windows_of(together, frames, sound)
    expected = together.localize(windows)
    for window, score_map in zip(windows, expected, strict=True):
        [alone] = tiny_acl().localize([window])
        np.testing.assert_allclose(alone.values, score_map.values, atol=1e-6)
        assert alone.confidence == pytest.approx(score_map.confidence, abs=1e-6)


def test_maps_follow_picture_and_sound(network: ACL, frames: list[Frame], sound: AudioClip) -> None:
    other = AudioClip(np.sin(np.arange(480_000) / 5).astype(np.float32), 16_000)
    [first], [again] = (network.localize(windows_of(network, frames[:1], sound)) for _ in range(2))
    [elsewhere] = network.localize(windows_of(network, frames[1:2], sound))
    [otherwise] = network.localize(windows_of(network, frames[:1], other))
    assert (first.values == again.values).all()
    assert np.abs(first.values - elsewhere.values).max() > 1e-3
    assert np.abs(first.values - otherwise.values).max() > 1e-4


@pytest.mark.parametrize("loudness", [0.0, 1e-4])
def test_silence_gives_finite_maps_and_no_confidence(
    network: ACL, frames: list[Frame], loudness: float
) -> None:
    noise = loudness * np.random.default_rng(2).standard_normal(480_000)
    silence = AudioClip(noise.astype(np.float32), 16_000)
    for score_map in network.localize(windows_of(network, frames, silence)):
        assert np.isfinite(score_map.values).all()
        assert score_map.confidence == 0


def test_without_the_last_layers_maps_stay_equal_and_confidence_is_the_peak(
    frames: list[Frame], sound: AudioClip
) -> None:
    whole, short = tiny_acl(), tiny_acl(confidence=False)
    missing = short.load_state_dict(
        {n: t for n, t in whole.state_dict().items() if n in short.state_dict()}
    )
    assert not missing.missing_keys
    assert len(short.clip.clipseg.clip.vision_model.encoder.layers) == 3
    windows = windows_of(whole, frames, sound)
    for full, cut in zip(whole.localize(windows), short.localize(windows), strict=True):
        assert (full.values == cut.values).all()
        assert cut.confidence == pytest.approx(float(cut.values.max()))


def test_every_pixel_can_be_had(frames: list[Frame], sound: AudioClip) -> None:
    small, large = tiny_acl(), tiny_acl(map_size=64)
    windows = windows_of(small, frames, sound)
    for averaged, every in zip(small.localize(windows), large.localize(windows), strict=True):
        assert every.values.shape == (64, 64)
        means = every.values.reshape(16, 4, 16, 4).mean(axis=(1, 3))
        np.testing.assert_allclose(averaged.values, means, atol=1e-6)


def test_forward_hears_the_middle_of_a_longer_excerpt(network: ACL) -> None:
    waveforms = 0.1 * torch.randn(2, network.spec.num_samples)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        longer = network(images, waveforms)
        cut = network(images, waveforms[:, 8_000:-8_000])
    torch.testing.assert_close(longer.cells, cut.cells)


def test_sounds_and_pictures_become_unit_vectors_of_one_space(
    network: ACL, frames: list[Frame], sound: AudioClip
) -> None:
    picture = network.embed_image(frames[0])
    heard = network.embed_sound(sound.excerpt(0, network.spec.audio_seconds))
    assert picture.shape == heard.shape == (32,)
    assert np.linalg.norm(picture) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(heard) == pytest.approx(1, abs=1e-5)


def test_a_hop_longer_than_what_is_heard_is_refused() -> None:
    with pytest.raises(OptionError, match=r"audio_hop_seconds is 11.*0 to 10"):
        tiny_acl(audio_hop_seconds=11)


def test_a_window_of_another_length_is_refused(network: ACL, frames: list[Frame]) -> None:
    short = AudioClip(np.zeros(48_000, np.float32), 16_000)
    window = Window(frames[0], short, 0.0, 0.2, -np.inf)
    with pytest.raises(OptionError, match="176000 samples at 16000 Hz"):
        network.localize([window])
