"""`sslviz fetch acl` from a Hub on the loopback interface, at a small size: files, text queries, bundle."""

import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from acl_published import published
from acl_tiny import TINY_BEATS, tokenizer_files
from safetensors.torch import save

sys.path.append(str(Path(__file__).parent.parent / "hub"))
from hub_server import Hub

from sslviz.catalog import CHECKPOINTS
from sslviz.checkpoints import fetch, find_folder, load_localizer, load_network
from sslviz.checkpoints.bundling import bundle
from sslviz.cli import main
from sslviz.errors import CheckpointError, CheckpointMissingError, OptionError
from sslviz.models import ACL
from sslviz.types import AudioClip, Frame
from sslviz.windows import window_at

SIZES = {
    "vision_size": 64,
    "vision_heads": 1,
    "vision_hidden": 32,
    "text_size": 64,
    "text_layers": 2,
    "text_heads": 1,
    "text_hidden": 32,
    "projection_size": 32,
    "reduce_size": 16,
    "decoder_hidden": 24,
}


def pickled(value: object, path: Path) -> bytes:
    torch.save(value, path)
    return path.read_bytes()


@pytest.fixture
def original() -> ACL:
    torch.manual_seed(0)
    network = ACL(beats=TINY_BEATS, clip=SIZES)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
    return network.eval()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSLVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    return tmp_path / "cache"


@pytest.fixture
def hub(
    cache: Path, original: ACL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    parts = published(original)
    server = Hub()
    contents = {
        "acl": pickled(parts["acl"], tmp_path / "acl.pth"),
        "beats": pickled(parts["beats"], tmp_path / "beats.pt"),
        "clipseg": save({n: t.contiguous() for n, t in parts["clipseg"].items()}),
        **tokenizer_files(),
    }
    repositories: dict[str, dict[str, bytes]] = {}
    for file in CHECKPOINTS["acl"].files:
        files = repositories.setdefault(f"{file.repo_type}:{file.repo_id}", {})
        files[file.filename] = contents[file.part]
    for name, files in repositories.items():
        server.add(name, files)
    for file in CHECKPOINTS["acl"].files:
        if file.revision != "main":  # a pinned commit answers by its number
            repository = server.repositories[f"{file.repo_type}:{file.repo_id}"]
            repository.history[file.revision] = repository.files
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def window() -> object:
    rng = np.random.default_rng(0)
    frame = Frame(rng.integers(0, 256, (90, 160, 3), dtype=np.uint8), 6.0)
    sound = AudioClip(0.1 * rng.standard_normal(200_000).astype(np.float32), 16_000)
    return window_at(frame, sound, ACL.spec, 6.2)


def test_fetched_files_give_the_maps_of_the_network_that_was_published(
    hub: Hub, original: ACL, window: object, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []
    folder = fetch("acl", lambda name, done, total: seen.append(name))
    assert {"Param_best.pth", "model.safetensors"} <= {Path(n).name for n in seen}
    assert "UNVERIFIED" in caplog.text
    assert folder == find_folder("acl")
    [expected] = original.localize([window])
    [got] = load_network(folder).eval().localize([window])
    np.testing.assert_allclose(got.values, expected.values, atol=1e-6)
    localizer = load_localizer("acl", device="cpu")  # in the precision that is fast here
    [fast] = localizer.localize([window])
    np.testing.assert_allclose(fast.values, expected.values, atol=2e-2)
    assert localizer.identity.trained


def test_words_are_looked_for_by_the_same_decoder(hub: Hub, window: object) -> None:
    network = load_network(fetch("acl"))
    assert isinstance(network, ACL)
    assert network.tokenizer is not None
    assert network.tokenizer("A photo of dog") == [49406, 320, 1125, 539, 1929, 49407]
    frames = [window.key_frame]
    [dog], [guitar] = (network.localize_text(frames, word) for word in ("dog", "guitar"))
    assert dog.values.shape == (88, 88)
    assert np.abs(dog.values - guitar.values).max() > 1e-4
    [heard] = network.localize([window])
    assert heard.scale is dog.scale


def test_a_bundle_loads_with_no_hub_and_is_a_fraction_of_the_size(
    hub: Hub, tmp_path: Path, window: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fetch("acl")
    small = bundle(whole, tmp_path / "acl", words=False, confidence=False)
    words = bundle(whole, tmp_path / "words")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    requests = len(hub.log)
    sizes = [(f / "model.safetensors").stat().st_size for f in (whole, words, small)]
    assert sizes[0] > 1.9 * sizes[1] > 3 * sizes[2]
    assert (words / "vocab.json").is_file()
    [expected] = load_network(whole).localize([window])
    for folder in (small, words):
        network = load_localizer(str(folder), device="cpu")
        [got] = network.localize([window])
        np.testing.assert_allclose(got.values, expected.values, atol=2e-2)
    assert len(hub.log) == requests
    with pytest.raises(OptionError, match="answers sounds only"):
        load_network(small).localize_text([window.key_frame], "dog")
    with pytest.raises(CheckpointError, match="trimmed already"):
        bundle(small, tmp_path / "again")


def test_a_file_of_ones_own_needs_only_the_trained_part(
    hub: Hub, original: ACL, tmp_path: Path, window: object
) -> None:
    own = tmp_path / "Param_best.pth"
    torch.save(published(original)["acl"], own)
    network = load_localizer("acl", file=own, allow_pickle=True, device="cpu")
    [got] = network.localize([window])
    [expected] = original.localize([window])
    np.testing.assert_allclose(got.values, expected.values, atol=2e-2)
    guided = load_localizer("acl-guided", file=own, allow_pickle=True, device="cpu")
    assert guided.identity.method == "acl-guided"


def test_the_command_takes_a_file_got_elsewhere_and_makes_a_bundle(
    hub: Hub, original: ACL, tmp_path: Path, window: object, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "Param_best.pth"
    torch.save(published(original)["acl"], own)
    target = tmp_path / "bundle"
    words = ["fetch", "acl", "--from-file", str(own), "--allow-pickle", "--bundle", str(target)]
    assert main([*words, "--quiet"]) == 0
    assert "acl is here" in capsys.readouterr().out
    assert find_folder("acl") is not None
    assert not any("Param_best" in request.path for request in hub.log)
    [got] = load_localizer(str(target), device="cpu").localize([window])
    [expected] = original.localize([window])
    np.testing.assert_allclose(got.values, expected.values, atol=2e-2)
    assert (target / "merges.txt").is_file()


def test_without_weights_the_command_says_what_to_run(cache: Path) -> None:
    with pytest.raises(CheckpointMissingError, match=r"Give its file with --from-file, or train"):
        load_localizer("acl-guided")
