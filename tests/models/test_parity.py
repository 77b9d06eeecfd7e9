"""Our networks compute what the papers' own code computes."""

import json

import numpy as np
import pytest
import torch
from parity import (
    REFERENCE,
    compare,
    fill_by_reference_name,
    jsa_outputs,
    marginnce_outputs,
    spectrogram_entries,
)
from seeded import seeded_input
from torch import Tensor

from sslviz.models import JSA, MarginNCE, Network
from sslviz.models.jsa import ImageQueryPrior
from sslviz.models.key_map import KeyMap
from sslviz.training.objectives import JSAObjective

CASES = [("jsa", JSA), ("ezvsl", MarginNCE)]


def our_names_and_shapes(network_class: type[Network]) -> dict[str, list[int]]:
    with torch.device("meta"):
        network = network_class()
        state = dict(network.state_dict())
        if isinstance(network, JSA):
            extra = JSAObjective(network).training_state()
            state |= {f"objective.{name}": tensor for name, tensor in extra.items()}
    return {name: list(tensor.shape) for name, tensor in state.items()}


@pytest.mark.parametrize(("method", "network_class"), CASES)
def test_names_map_one_to_one_to_the_reference_and_back(
    method: str, network_class: type[Network]
) -> None:
    reference = json.loads((REFERENCE / f"{method}_keys.json").read_text())
    ours, key_map = our_names_and_shapes(network_class), network_class.key_map
    assert key_map is not None
    assert {key_map.to_ours(name): shape for name, shape in reference.items()} == ours
    assert {key_map.to_reference(name): shape for name, shape in ours.items()} == reference


@pytest.mark.parametrize(("method", "network_class"), CASES)
def test_our_names_follow_the_vocabulary(method: str, network_class: type[Network]) -> None:
    names = our_names_and_shapes(network_class)
    assert not [name for name in names if "img" in name or "aud_" in name or "net." in name]


@pytest.mark.parametrize(
    ("network_class", "tensors", "parameters"),
    [(JSA, None, 29_708_288), (MarginNCE, 244, 22_872_064)],
)
def test_the_networks_have_the_published_size(
    network_class: type[Network], tensors: int | None, parameters: int
) -> None:
    with torch.device("meta"):
        network = network_class()
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert tensors is None or len(network.state_dict()) == tensors


def test_with_its_decoders_jsa_has_the_published_size() -> None:
    with torch.device("meta"):
        objective = JSAObjective(JSA())
    assert sum(p.numel() for p in objective.parameters()) == 31_818_498
    assert len(objective.state_dict()) == 307


def test_a_key_map_that_is_not_one_to_one_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="occurs twice"):
        KeyMap((("a.", "x."), ("b.", "x.")))


def test_exported_weights_import_unchanged() -> None:
    network = MarginNCE(dim=4, width=2)
    key_map = MarginNCE.key_map
    back = key_map.import_state(key_map.export_state(network.state_dict()))
    assert list(back) == list(network.state_dict())


def test_front_ends_agree_with_the_reference() -> None:
    for entry in spectrogram_entries():
        assert entry.error <= entry.tolerance, entry


@torch.no_grad()
def test_the_first_maps_agree_with_the_references() -> None:
    marginnce = MarginNCE().eval()
    fill_by_reference_name(marginnce, MarginNCE.key_map)
    images = seeded_input("image", 6, 3, 224, 224)[:1]
    sounds = seeded_input("spectrogram", 6, 1, 257, 200)[:1]
    cells = marginnce.embed_cells(images), marginnce.embed_spectrograms(sounds)
    similarity = marginnce.score((cells[0],), (cells[1],)).cells
    assert_near(similarity / 0.03, "ezvsl", "similarity_map_over_tau")

    jsa = JSA().eval()
    fill_by_reference_name(jsa, JSA.key_map)
    image = jsa.slot_attention.attend_image(
        jsa.image_tokens(seeded_input("image", 8, 3, 224, 224)[:1])
    )
    audio = jsa.slot_attention.attend_audio(
        jsa.audio_tokens(seeded_input("spectrogram", 8, 1, 257, 501)[:1])
    )
    cross = jsa.score(tuple(image), tuple(audio)).cells
    assert_near(cross, "jsa", "cross_attention_sharp0_1")
    assert_near(
        ImageQueryPrior(0.1)(torch.empty(0), tuple(image)), "jsa", "image_attention_sharp0_1"
    )


def assert_near(got: Tensor, method: str, entry: str) -> None:
    with np.load(REFERENCE / f"{method}_seed0.npz") as stored:
        expected = stored[entry][:1].reshape(got.shape)
    assert np.abs(got.numpy() - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.slow
def test_every_stored_entry_of_marginnce_agrees_with_the_reference() -> None:
    wrong = [e for e in compare("ezvsl", marginnce_outputs()) if e.error > e.tolerance]
    assert not wrong


@pytest.mark.slow
def test_every_stored_entry_of_jsa_agrees_with_the_reference() -> None:
    wrong = [e for e in compare("jsa", jsa_outputs()) if e.error > e.tolerance]
    assert not wrong
