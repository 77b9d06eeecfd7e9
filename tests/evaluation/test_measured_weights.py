"""What ``sslviz evaluate`` measures: weights named as in every other command, maps refined as published."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from known_answers import Maker, tone
from numpy.typing import NDArray

from sslviz.cli import build_parser, main
from sslviz.commands.evaluate import load_measured
from sslviz.evaluation.library import still_window
from sslviz.evaluation.metrics import min_max
from sslviz.evaluation.protocols import PROTOCOLS, upsample
from sslviz.evaluation.registry import PROTOCOL_NAMES
from sslviz.models import JSA
from sslviz.models.jsa import ImageQueryPrior
from sslviz.types import Window

BOX = (0.2, 0.2, 0.8, 0.8)


@pytest.fixture
def authors_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small JSA in the layout of the authors' checkpoints."""
    monkeypatch.setenv("SSLVIZ_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(2)
    state = JSA.key_map.export_state(JSA(dim=16, width=4).state_dict())
    torch.save({"model": state, "epoch": 1}, tmp_path / "best.pth")
    return tmp_path / "best.pth"


def load(*words: str) -> JSA:
    args = build_parser("evaluate").parse_args(
        ["evaluate", "vggss", "--data", "nowhere", "--device", "cpu", *words]
    )
    found: JSA = load_measured(args, lambda line: None)
    return found


def test_the_protocols_of_the_help_page_are_those_there_are() -> None:
    assert set(PROTOCOL_NAMES) == set(PROTOCOLS)


def test_an_authors_file_is_measured_with_the_flags_of_other_commands(
    make: Maker, authors_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "clip0000000_000000"
    make.picture(f"frames/{name}.jpg", "red", BOX)
    make.sound(f"audio/{name}.wav", "red", 6)
    make.text("vggss.json", json.dumps([{"file": name, "class": "red", "bbox": [list(BOX)]}]))
    words = ["evaluate", "vggss", "--data", str(make.root), "--out", str(tmp_path / "out")]
    words += ["--method", "jsa", "--from-file", str(authors_file), "--device", "cpu", "--quiet"]
    words += ["--no-gallery", "--protocol", "jsa"]
    assert main(words) == 1
    assert "--allow-pickle" in capsys.readouterr().err
    assert main([*words, "--allow-pickle", "--refine", "iqr"]) == 0
    (result,) = (tmp_path / "out").rglob("result.json")
    values = json.loads(result.read_text())
    assert (values["method"], values["num_measured"], values["trained"]) == ("jsa", 1, True)
    assert values["checkpoint"].endswith("with image-query refinement (alpha 0.6)")


def test_refined_maps_are_blended_at_the_size_of_the_truth(authors_file: Path) -> None:
    """N(0.6 N(up(sound)) + 0.4 N(up(picture))), up to 224 bicubic by half pixels, N the map's range."""
    words = ["--method", "jsa", "--from-file", str(authors_file), "--allow-pickle"]
    plain, refined = load(*words), load(*words, "--refine", "iqr")
    picture = np.random.default_rng(2).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    window = still_window(picture, tone("red", 5.0))
    by_sound, by_picture = plain.localize([window])[0].values, queried(plain, window)
    (found,) = refined.localize([window])
    wide = blended(upsample(by_sound, 224), upsample(by_picture, 224))
    assert found.values.shape == (224, 224)
    assert min_max(found.values) == pytest.approx(wide, abs=1e-3)
    narrow = min_max(upsample(blended(by_sound, by_picture), 224))
    assert np.abs(narrow - wide).max() > 0.01, "on the grid of 7 x 7 it is another map"
    (mask,) = PROTOCOLS["jsa"].predictions(found.values, wide, found.scale)
    assert np.mean(mask != (wide >= 0.6)) < 0.005


def blended(
    by_sound: NDArray[np.floating], by_picture: NDArray[np.floating]
) -> NDArray[np.float64]:
    return min_max(0.6 * min_max(by_sound) + 0.4 * min_max(by_picture))


def queried(network: JSA, window: Window) -> NDArray[np.float32]:
    with torch.inference_mode():
        images = network.images_to_tensor([window.key_frame])
        (cells,) = ImageQueryPrior(network.sharpness)(images, network.encode_images(images))
    return np.asarray(cells.numpy(), np.float32)
