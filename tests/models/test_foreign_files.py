"""Files in the authors' layouts: what loads, what is refused, and that nothing is ever executed."""

import argparse
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cases import window
from safetensors.torch import save_file

from sslviz.checkpoints import load_localizer
from sslviz.checkpoints.priors import load_object_prior
from sslviz.errors import CheckpointError, CheckpointMissingError
from sslviz.models import JSA, MarginNCE
from sslviz.models.blocks.resnet import ResNet18
from sslviz.training.objectives import JSAObjective


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSLVIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def marginnce() -> MarginNCE:
    torch.manual_seed(0)
    return MarginNCE(dim=16, width=4).eval()


@pytest.fixture(scope="module")
def authors_state(marginnce: MarginNCE) -> dict[str, torch.Tensor]:
    return MarginNCE.key_map.export_state(marginnce.state_dict())


def write(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("wrapping", ["model", "state_dict", "model_state_dict", "bare"])
def test_every_wrapping_of_the_authors_loads(
    wrapping: str, marginnce: MarginNCE, authors_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    state = {f"module.{name}": tensor for name, tensor in authors_state.items()}
    content = state if wrapping == "bare" else {wrapping: state, "epoch": 3, "best_cIoU": 0.1}
    file = write(tmp_path / "best.pth", content)
    localizer = load_localizer(file=file, allow_pickle=True, device="cpu")
    one = window(marginnce, 1)
    np.testing.assert_allclose(
        localizer.localize([one])[0].values, marginnce.localize([one])[0].values, atol=1e-3
    )
    assert localizer.identity.method == "marginnce"


def test_a_file_is_converted_once_to_safetensors(
    authors_state: dict[str, torch.Tensor], tmp_path: Path, empty_cache: Path
) -> None:
    file = write(tmp_path / "best.pth", {"model": authors_state})
    load_localizer("marginnce", file=file, allow_pickle=True, device="cpu")
    (converted,) = empty_cache.rglob("model.safetensors")
    before = converted.stat().st_mtime_ns
    # The second time nothing is read as a pickle any more, so nothing has to be allowed.
    load_localizer("marginnce", file=file, device="cpu")
    assert converted.stat().st_mtime_ns == before


def test_a_jsa_file_keeps_what_only_training_needs(tmp_path: Path, empty_cache: Path) -> None:
    torch.manual_seed(0)
    objective = JSAObjective(JSA(dim=16, width=4))
    state = objective.network.state_dict() | {
        f"objective.{name}": tensor for name, tensor in objective.training_state().items()
    }
    file = write(
        tmp_path / "vggss_best.pth", {"model": JSA.key_map.export_state(state), "epoch": 1}
    )
    localizer = load_localizer("jsa", file=file, allow_pickle=True, device="cpu")
    assert localizer.identity.method == "jsa"
    from sslviz.checkpoints.folder import read_safetensors

    (converted,) = empty_cache.rglob("model.safetensors")
    kept = read_safetensors(converted)
    assert torch.equal(kept["objective.image_decoder.head.bias"], objective.image_decoder.head.bias)


def test_pickles_have_to_be_allowed(authors_state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = write(tmp_path / "best.pth", authors_state)
    with pytest.raises(CheckpointError, match=r"pickle format.*--allow-pickle"):
        load_localizer("marginnce", file=file)


class Attack:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.witness,)


@pytest.mark.parametrize("kind", ["code", "namespace", "numpy scalar"])
def test_a_file_that_could_run_code_is_refused_and_runs_nothing(tmp_path: Path, kind: str) -> None:
    witness = tmp_path / "executed"
    content = {
        "code": Attack(witness),
        "namespace": {"model": {}, "args": argparse.Namespace()},
        "numpy scalar": {"model": {}, "loss": np.float64(1)},
    }[kind]
    file = write(tmp_path / "best.pth", content)
    with pytest.raises(CheckpointError, match=r"more than tensors.*refused"):
        load_localizer("marginnce", file=file, allow_pickle=True)
    assert not witness.exists()


def test_a_tensor_that_claims_more_than_it_holds_is_refused(
    authors_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    bomb = torch.zeros(1).expand(1_000_000_000)
    file = write(tmp_path / "best.pth", {**authors_state, "img_proj.bias": bomb})
    with pytest.raises(CheckpointError, match="repeats fewer numbers than it claims"):
        load_localizer("marginnce", file=file, allow_pickle=True)


def test_an_archive_that_grows_when_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "best.pth"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(50_000_000))
    with pytest.raises(CheckpointError, match="would grow to"):
        load_localizer("marginnce", file=file, allow_pickle=True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.pt2", b"anything", "exported program"),
        ("model.onnx", b"anything", "has the suffix .onnx"),
        ("best.pth", b"not a pickle at all", "no readable PyTorch file|more than tensors"),
        ("best.pth", b"", "no readable PyTorch file|more than tensors"),
        ("best.safetensors", b"\x00" * 64, "no readable safetensors file"),
    ],
)
def test_what_is_no_file_of_weights_says_so(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_localizer("marginnce", file=file, allow_pickle=True)


def test_the_difference_between_layouts_can_be_read(
    authors_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    changed = {n: t for n, t in authors_state.items() if n != "aud_proj.bias"}
    changed |= {"extra.weight": torch.zeros(1), "img_proj.bias": torch.zeros(3)}
    save_file(changed, tmp_path / "best.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_localizer("marginnce", file=tmp_path / "best.safetensors")
    for part in (
        "1 missing (audio_projection.bias)",
        "1 unexpected (extra.weight)",
        "image_projection.bias is (3,) instead of (16,)",
    ):
        assert part in str(caught.value)


def test_a_file_of_another_method_is_called_by_its_name(
    authors_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    save_file(authors_state, tmp_path / "best.safetensors")
    with pytest.raises(CheckpointError, match="It looks like marginnce, not jsa"):
        load_localizer("jsa", file=tmp_path / "best.safetensors")


@pytest.mark.parametrize(
    ("telltale", "family"),
    [("img_proj1.weight", "SLAVC"), ("audnet.conv1_a.weight", "LVS or SSL-Align")],
)
def test_families_that_are_not_supported_are_recognised(
    tmp_path: Path, telltale: str, family: str
) -> None:
    save_file({telltale: torch.zeros(1)}, tmp_path / "best.safetensors")
    with pytest.raises(CheckpointError, match=f"This is a {family} file"):
        load_localizer(file=tmp_path / "best.safetensors")


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissingError, match="There is no file"):
        load_localizer("jsa", file=tmp_path / "absent.pth")


def test_the_object_prior_loads_from_the_classifier_file_of_torchvision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = ResNet18(3, 4).eval()
    state = encoder.state_dict() | {
        "fc.weight": torch.zeros(1000, 32),
        "fc.bias": torch.zeros(1000),
    }
    file = write(tmp_path / "resnet18.pth", state)
    prior = load_object_prior(file, allow_pickle=True)
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected = encoder(prior.normalize(image)).abs().mean(1)
        torch.testing.assert_close(prior(image, ()), expected)
    with pytest.raises(CheckpointError, match="no ResNet-18"):
        load_object_prior(write(tmp_path / "other.pth", {"a": torch.zeros(1)}), allow_pickle=True)
