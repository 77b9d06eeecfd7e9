"""What every localizer promises; one test per promise, one case per method."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import SMALL, small_network, window

from sslviz import catalog
from sslviz.checkpoints import (
    CheckpointConfig,
    find_folder,
    load_localizer,
    load_network,
    save_checkpoint,
)
from sslviz.errors import (
    CheckpointError,
    CheckpointMissingError,
    DeviceError,
    HubError,
    OptionError,
)
from sslviz.models import METHODS, EmbeddingNetwork, Network
from sslviz.types import AudioClip, Localizer, ScoreScale, Window

RANGE = {
    ScoreScale.COSINE: (-1, 1),
    ScoreScale.PROBABILITY: (0, 1),
    ScoreScale.ATTENTION: (0, 1),
}
OTHER = {"jsa": "marginnce"}
"""Whose weights are the wrong ones; for all others JSA's."""


@pytest.fixture(autouse=True)
def _no_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLVIZ_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module", params=sorted(METHODS))
def network(request: pytest.FixtureRequest) -> Network:
    return small_network(request.param)


def save(network: Network, folder: Path) -> Path:
    config = CheckpointConfig(
        method=network.method,
        name="small",
        input=network.spec,
        calibration=network.default_calibration,
        network=SMALL.get(network.method, {}),
    )
    save_checkpoint(network, folder, config)
    return folder


def test_the_method_is_in_the_catalog_under_its_own_name(network: Network) -> None:
    assert METHODS[network.method] is type(network)
    assert network.method in catalog.METHODS


def test_it_is_a_localizer(network: Network) -> None:
    assert isinstance(network, Localizer)
    assert network.identity.method == network.method


def test_eval_returns_the_network(network: Network) -> None:
    assert network.eval() is network


def test_scores_stay_in_the_range_of_their_scale(network: Network) -> None:
    (scored,) = network.localize([window(network, 1)])
    low, high = RANGE[scored.scale]
    assert low <= scored.values.min() <= scored.values.max() <= high
    assert scored.pts_seconds == 1.0
    if scored.scale is ScoreScale.ATTENTION:
        assert scored.values.sum() == pytest.approx(1, abs=1e-3)


def test_a_map_does_not_depend_on_its_batch_mates(network: Network) -> None:
    windows = [window(network, seed) for seed in (1, 2, 3)]
    together = network.localize(windows)
    apart = [network.localize([w])[0] for w in reversed(windows)][::-1]
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-5)


def test_the_same_twice_is_the_same(network: Network) -> None:
    first, second = (network.localize([window(network, 1)])[0] for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    assert first.confidence == second.confidence


def test_the_sound_matters(network: Network) -> None:
    one, two = window(network, 1), window(network, 2)
    other = Window(one.key_frame, two.audio, one.start_seconds, one.end_seconds, -20.0)
    first, second = network.localize([one, other])
    assert not np.array_equal(first.values, second.values)


def test_silence_gives_finite_scores(network: Network) -> None:
    (scored,) = network.localize([window(network, 1, silent=True)])
    assert np.isfinite(scored.values).all()
    assert 0 <= scored.confidence <= 1


def test_no_windows_give_no_maps(network: Network) -> None:
    assert network.localize([]) == []


def test_localizing_changes_no_weights_and_keeps_no_gradient(network: Network) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.localize([window(network, 1)])
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_sound_of_another_length_or_rate_is_refused(network: Network) -> None:
    good = window(network, 1)
    short = AudioClip(good.audio.samples[:-1000], good.audio.sample_rate)
    wrong = Window(good.key_frame, short, good.start_seconds, good.end_seconds, -20.0)
    with pytest.raises(OptionError, match="cut the windows with this localizer's spec"):
        network.localize([wrong])


def test_a_network_in_training_mode_does_not_localize(network: Network) -> None:
    network.train()
    try:
        with pytest.raises(OptionError, match=r"call eval\(\)"):
            network.localize([window(network, 1)])
    finally:
        network.eval()


def test_embeddings_are_unit_vectors_of_one_space(network: Network) -> None:
    if not isinstance(network, EmbeddingNetwork):
        pytest.skip(f"{network.method} has no embeddings")
    one = window(network, 1)
    sound, image = network.embed_sound(one.audio), network.embed_image(one.key_frame)
    assert sound.shape == image.shape
    assert np.linalg.norm(sound) == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(image) == pytest.approx(1, abs=1e-3)


def test_a_saved_checkpoint_localizes_the_same_from_any_directory(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(network, tmp_path / "saved")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = load_network(folder).prepare_for_inference()
    expected, got = (n.localize([window(network, 1)])[0] for n in (network, loaded))
    # Batch norms were folded at loading: the agreement that speed has to keep.
    np.testing.assert_allclose(got.values, expected.values, atol=1e-3)
    assert got.confidence == pytest.approx(expected.confidence, abs=1e-3)
    ready = load_localizer(str(folder), device="cpu")
    assert ready.identity.trained
    assert ready.identity.sha256 == loaded.identity.sha256
    assert ready.localize([window(network, 1)])[0].values.shape == expected.values.shape


def test_weights_of_another_method_are_refused(network: Network, tmp_path: Path) -> None:
    folder = save(network, tmp_path / "right")
    other = save(small_network(OTHER.get(network.method, "jsa")), tmp_path / "wrong")
    (other / "model.safetensors").replace(folder / "model.safetensors")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"sha256": "', '"was": "'))
    with pytest.raises(CheckpointError, match=f"not a {network.method} network: "):
        load_localizer(str(folder))


def test_damaged_weights_are_refused(network: Network, tmp_path: Path) -> None:
    weights = save(network, tmp_path / "saved") / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged or was exchanged"):
        load_localizer(str(weights.parent))


@pytest.mark.parametrize("name", sorted(catalog.CHECKPOINTS))
def test_a_checkpoint_that_is_not_here_says_how_to_get_it(name: str) -> None:
    if find_folder(name) is not None:
        pytest.skip(f"{name} is bundled")
    with pytest.raises(
        (CheckpointMissingError, HubError), match=r"sslviz (fetch|train)|HF_HUB_OFFLINE|install"
    ):
        load_localizer(name)


@pytest.mark.parametrize("method", ["jsa", "marginnce"])
def test_untrained_weights_have_to_be_asked_for_and_say_what_they_are(method: str) -> None:
    with pytest.raises(CheckpointMissingError):
        load_localizer(method)
    localizer = load_localizer(method, device="cpu", allow_untrained=True)
    assert not localizer.identity.trained


def test_the_number_of_threads_is_taken_when_it_is_given() -> None:
    before = torch.get_num_threads()
    try:
        load_localizer("jsa", device="cpu", allow_untrained=True, num_threads=2)
        assert torch.get_num_threads() == 2
        load_localizer("jsa", device="cpu", allow_untrained=True)
        assert torch.get_num_threads() == 2
        with pytest.raises(OptionError, match="num_threads is 0"):
            load_localizer("jsa", num_threads=0)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "abacus"])
def test_a_device_that_is_not_here_says_what_is_allowed(device: str) -> None:
    with pytest.raises(DeviceError, match=r"auto"):
        load_localizer("jsa", device=device)


def bundled() -> Iterator[str]:
    for name, checkpoint in catalog.CHECKPOINTS.items():
        if checkpoint.source is catalog.Source.BUNDLED and find_folder(name) is not None:
            yield name


@pytest.mark.parametrize("name", list(bundled()))
def test_a_bundled_checkpoint_loads_anywhere_and_is_not_confident_in_silence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    localizer = load_localizer(name, device="cpu")
    windows = [window(localizer, seed, silent=True) for seed in range(3)]
    gate = localizer.identity.calibration.confidence_gate
    assert all(scored.confidence < gate for scored in localizer.localize(windows))


def test_importing_changes_no_global_state() -> None:
    code = """
import os, random, sys, warnings
import cv2  # sets Qt variables of its own
import numpy as np
import torch

def state():
    return {
        "environment": dict(os.environ), "folder": os.getcwd(), "path": list(sys.path),
        "warnings": list(warnings.filters), "random": random.getstate(),
        "numpy": (np.geterr(), np.random.get_state()[1].tolist()),
        "torch": (
            torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(),
            torch.initial_seed(), torch.get_rng_state().tolist(),
            torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision(),
            torch.are_deterministic_algorithms_enabled(),
        ),
    }

before = state()
import sslviz.checkpoints.loading, sslviz.models, sslviz.training.objectives
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, changed
assert "transformers" not in sys.modules and "torchaudio" not in sys.modules
"""
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
