"""Checkpoints on the Hub in this project's own format: loaded by name, and published."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hub_server import Hub

from sslviz.checkpoints import CheckpointConfig, load_localizer, publish, save_checkpoint
from sslviz.errors import CheckpointError, HubError
from sslviz.models import ACL, MarginNCE
from sslviz.types import AudioClip, Calibration, Frame, Window
from tests.acl.acl_tiny import TINY_CLIP, save_tiny_acl

# huggingface_hub's upload over plain HTTP still calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = MarginNCE(dim=8, width=4)
    target = tmp_path_factory.mktemp("checkpoint")
    config = CheckpointConfig(
        method="marginnce",
        name="small",
        input=network.spec,
        calibration=Calibration(0.6, 0.1, 0.9),
        network={"dim": 8, "width": 4},
        licence="Apache-2.0",
        training={"data": "seeded noise"},
        metrics={"none": "this is a test"},
    )
    save_checkpoint(network.eval(), target, config)
    return target


@pytest.fixture
def filled(hub: Hub, folder: Path) -> Hub:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.add("model:someone/small", files)
    return hub


def window() -> Window:
    rng = np.random.default_rng(0)
    frame = Frame(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8), 0.0)
    return Window(
        frame, AudioClip(rng.normal(0, 0.1, 48_000).astype(np.float32), 16_000), 0, 1, -20
    )


def test_a_repository_loads_by_name_and_gives_the_maps_of_the_folder(
    filled: Hub, folder: Path
) -> None:
    there = load_localizer("hf:someone/small", device="cpu")
    here = load_localizer(str(folder), device="cpu")
    np.testing.assert_array_equal(
        there.localize([window()])[0].values, here.localize([window()])[0].values
    )
    assert there.identity.checkpoint == "hf:someone/small"
    assert there.identity.sha256 == here.identity.sha256
    assert there.identity.calibration == Calibration(0.6, 0.1, 0.9)


def test_a_repository_loads_offline_once_it_is_cached(
    filled: Hub, request: pytest.FixtureRequest
) -> None:
    load_localizer("hf:someone/small", device="cpu")
    request.getfixturevalue("offline")
    filled.log.clear()
    load_localizer("hf:someone/small", device="cpu")
    assert not filled.log


def test_a_revision_loads_what_was_there_then(filled: Hub, folder: Path) -> None:
    first = filled.repositories["model:someone/small"].commit
    changed = json.loads((folder / "config.json").read_text()) | {"name": "newer"}
    filled.add("model:someone/small", {"config.json": json.dumps(changed).encode()})
    filled.add("model:someone/small", {"model.safetensors": b"broken"})
    with pytest.raises(CheckpointError, match="damaged"):
        load_localizer("hf:someone/small", device="cpu")
    assert load_localizer(f"hf:someone/small@{first}", device="cpu").identity.trained


def test_a_repository_of_another_kind_says_what_is_missing(hub: Hub) -> None:
    hub.add("model:someone/other", {"pytorch_model.bin": b"?"})
    with pytest.raises(CheckpointError, match=r"no config\.json at main.*sslviz publish"):
        load_localizer("hf:someone/other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "whisper"}, "unknown method 'whisper'"),
        ({"format_version": 9}, "update sslviz"),
        ({"network": {"dim": 10**9}}, "allowed is up to"),
        ({"network": {"tongue": 1}}, "takes no argument tongue"),
        ({"network": {"dim": 16, "width": 4}}, r"of another shape .*\(16, 32, 1, 1\)"),
        ({"network": {"dim": "many"}}, "cannot be built"),
        ({"calibration": {"confidence_gate": 7, "score_low": 0, "score_high": 1}}, "is damaged"),
        ({"input": None}, "is damaged"),
    ],
)
def test_a_strangers_configuration_is_refused_with_a_reason(
    filled: Hub, folder: Path, change: dict[str, object], message: str
) -> None:
    values = json.loads((folder / "config.json").read_text()) | change
    filled.add("model:someone/small", {"config.json": json.dumps(values).encode()})
    with pytest.raises(CheckpointError, match=message):
        load_localizer("hf:someone/small")


def test_a_name_that_is_no_repository_says_what_to_write(hub: Hub) -> None:
    with pytest.raises(HubError, match="write hf:USER/NAME"):
        load_localizer("hf:just-a-name")


def test_a_published_folder_loads_from_the_hub(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    published = publish(folder, "someone/mine")
    localizer = load_localizer(published.specification, device="cpu")
    assert localizer.identity.sha256 == load_localizer(str(folder)).identity.sha256
    card = hub.repositories["model:someone/mine"].files["README.md"].decode()
    for part in ('license: "apache-2.0"', "2211.01966", "seeded noise", "hf:someone/mine"):
        assert part in card


def test_publishing_again_makes_a_new_revision(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    assert publish(folder, "someone/mine").commit != publish(folder, "someone/mine").commit


@pytest.mark.parametrize("token", [None, "hf_may_only_read"])
def test_publishing_without_permission_says_what_token_is_needed(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=r"write\s+permission"):
        publish(folder, "someone/mine")


def test_a_folder_that_does_not_load_is_never_published(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(CheckpointError):
        publish(tmp_path, "someone/mine")
    assert not hub.log


def test_a_tokenizer_travels_with_the_weights_that_need_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    source, target = save_tiny_acl(tmp_path / "source"), "someone/words"
    publish(source, target)
    there = load_localizer(f"hf:{target}", device="cpu")
    assert isinstance(there, ACL)
    assert there.embed_text(["dog"]).shape == (1, TINY_CLIP["text_size"])
