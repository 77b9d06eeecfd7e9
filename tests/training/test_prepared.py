"""What a compact run prepares: made once, gone on with after an interruption, the same either way."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sslviz.checkpoints import find_folder, load_network
from sslviz.models.compact import MarginNCECompact
from sslviz.training import masks, picture_pool
from sslviz.training.compact_task import equal_error_gate
from sslviz.training.composites import Composer, CompositeOptions, Cutout
from sslviz.training.cutouts import BACKGROUND_CATEGORY, Photo, cut_out
from sslviz.training.picture_pool import PARTS, build_pictures
from tests.training.conftest import drawing


@pytest.fixture
def network() -> MarginNCECompact:
    torch.set_num_threads(1)
    folder = find_folder("marginnce-compact")
    assert folder is not None
    network = load_network(folder)
    assert isinstance(network, MarginNCECompact)
    return network.eval()


def composer() -> Composer:
    image = drawing("dog", 1)
    cutout = Cutout(image, (image != 250).any(2).astype(np.uint8), 1, plain=True)
    return Composer([cutout], [np.full((80, 120, 3), 10, np.uint8)], CompositeOptions(size=64))


def pool(folder: Path) -> list[np.ndarray]:
    return [np.load(folder / f"{part}.npy") for part in PARTS]


def test_an_interrupted_pool_is_gone_on_with(
    network: MarginNCECompact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_pool, "_BETWEEN_SAVES", 2)
    assert list(build_pictures(network, composer(), 5, tmp_path / "whole", 3)) == [2, 4, 5]
    run = build_pictures(network, composer(), 5, tmp_path / "cut", 3)
    assert next(run) == 2
    run.close()
    assert not (tmp_path / "cut" / "labels.npy").exists()
    assert list(build_pictures(network, composer(), 5, tmp_path / "cut", 3)) == [4, 5]
    for whole, cut in zip(pool(tmp_path / "whole"), pool(tmp_path / "cut"), strict=True):
        assert np.array_equal(whole, cut)


def test_pools_hold_the_same_without_openvino(
    network: MarginNCECompact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(build_pictures(network, composer(), 2, tmp_path / "graph", 3))
    monkeypatch.setattr(picture_pool, "openvino", lambda: None)
    list(build_pictures(network, composer(), 2, tmp_path / "torch", 3))
    for found, expected in zip(pool(tmp_path / "graph"), pool(tmp_path / "torch"), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(
            found.astype(np.float32), expected.astype(np.float32), rtol=0.01, atol=0.01
        )


def test_masks_are_found_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photos = []
    for name in ("dog", "dog", BACKGROUND_CATEGORY):
        image = rng.integers(0, 90, (96, 120, 3)).astype(np.uint8)
        if name == "dog":
            image[30:70, 30:80] = rng.integers(170, 255, (40, 50, 3))
        photos.append(Photo(image, name))
    asked = []

    def seeds(image: np.ndarray, category: str) -> np.ndarray:
        asked.append(category)
        found = np.full((masks.SIZE, masks.SIZE), 0.05, np.float32)
        found[50:117, 40:107] = 1.0
        return found

    first = cut_out(photos, seeds, masks.Cut(), tmp_path)
    again = cut_out(photos, seeds, masks.Cut(), tmp_path)
    assert asked == ["dog", "dog"]
    assert len(first[0]) == 2
    for one, other in zip(first[0], again[0], strict=True):
        assert np.array_equal(one.mask, other.mask)
        assert one.plain == other.plain
    assert len(first[1]) == len(again[1]) >= 1
    for one, other in zip(first[1], again[1], strict=True):
        assert np.array_equal(one, other)


def test_the_gate_lies_where_as_many_right_ones_are_missed_as_wrong_ones_pass() -> None:
    rng = np.random.default_rng(0)
    right, wrong = rng.normal(0.7, 0.1, 500), rng.normal(0.3, 0.1, 400)
    gate = equal_error_gate(right, wrong)
    assert abs(np.mean(right < gate) - np.mean(wrong >= gate)) < 0.01
    assert 0.45 < gate < 0.55
    assert equal_error_gate(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0.8
