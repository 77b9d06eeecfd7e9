"""Published files become our state dict and back; anything else is named and refused."""

import copy
from pathlib import Path

import pytest
import torch
from acl_published import CFG, published
from acl_tiny import TINY_BEATS, TINY_CLIP, tiny_acl

from sslviz.errors import CheckpointError
from sslviz.models import ACL
from sslviz.models.acl_weights import KEY_MAP, convert_parts, trained_part, trim
from sslviz.models.blocks.beats import BEATsConfig


def test_published_files_give_the_network_back(network: ACL) -> None:
    arguments, state = ACL.convert(published(network))
    assert BEATsConfig(**arguments["beats"]) == network.audio_encoder.config
    fresh = tiny_acl(seed=7)
    fresh.load_state_dict(state)
    waveforms, images = 0.1 * torch.randn(1, 160_000), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(fresh(images, waveforms), network(images, waveforms))


def test_the_trained_part_is_written_in_the_authors_layout(network: ACL) -> None:
    part = trained_part(network.state_dict())
    shapes = {n: tuple(t.shape) for n, t in part["audio_proj"].items()}
    assert len(shapes) == 13
    assert shapes["fga.un_models.0.embed.weight"] == (32, 32, 1)
    assert shapes["fga.un_models.0.feature_reduce.weight"] == (1, 32, 1)
    assert shapes["fga.reduce_potentials.0.weight"] == (1, 2, 1)
    assert shapes["fc1.weight"] == (96, 96)
    assert {n: tuple(t.shape) for n, t in part["masker_i"].items()} == {"w": (), "b": ()}


def test_names_translate_one_to_one(network: ACL) -> None:
    for name in network.state_dict():
        theirs = KEY_MAP.to_reference(name)
        assert KEY_MAP.to_ours(theirs) == name
        assert theirs.startswith(("beats.", "clipseg.", "audio_proj.", "masker_i."))


def test_what_torch_saves_is_read_as_data_only(network: ACL, tmp_path: Path) -> None:
    torch.save(published(network)["acl"], tmp_path / "Param_best.pth")
    loaded = torch.load(tmp_path / "Param_best.pth", weights_only=True)
    parts = {**published(network), "acl": loaded}
    assert set(convert_parts(parts)[1]) == set(network.state_dict())


@pytest.mark.parametrize("part", ["acl", "beats", "clipseg"])
def test_a_missing_part_is_named(network: ACL, part: str) -> None:
    parts = published(network)
    del parts[part]
    with pytest.raises(CheckpointError, match=rf"{part} is missing; run `sslviz fetch acl`"):
        convert_parts(parts)


def test_files_in_each_others_place_are_told_apart(network: ACL) -> None:
    parts = published(network)
    with pytest.raises(CheckpointError, match="holds audio_proj and masker_i, this file holds cfg"):
        convert_parts({**parts, "acl": parts["beats"]})
    with pytest.raises(CheckpointError, match="A BEATs file holds cfg and model"):
        convert_parts({**parts, "beats": parts["clipseg"]})


def test_a_beats_file_with_two_position_tables_is_refused(network: ACL) -> None:
    parts = copy.deepcopy(published(network))
    name = "encoder.layers.1.self_attn.relative_attention_bias.weight"
    parts["beats"]["model"][name] += 1
    with pytest.raises(CheckpointError, match="one table of relative positions"):
        convert_parts(parts)


def test_a_beats_file_of_another_kind_is_refused() -> None:
    with pytest.raises(CheckpointError, match="layer_norm_first': True"):
        BEATsConfig.from_cfg({**CFG, "layer_norm_first": True})


def test_a_network_without_words_or_last_layers_is_a_part_of_the_whole() -> None:
    sizes = {"vision_layers": 12, "extract_layers": [3, 6, 9]}
    torch.manual_seed(0)
    whole = ACL(beats=TINY_BEATS, clip={**TINY_CLIP, **sizes}, image_size=64).eval()
    small = ACL(
        beats=TINY_BEATS, clip={**TINY_CLIP, **sizes}, image_size=64, words=False, confidence=False
    ).eval()
    small.load_state_dict(trim(whole.state_dict(), words=False, last_layers=False))
    waveforms, images = 0.1 * torch.randn(1, 160_000), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(whole(images, waveforms).cells, small(images, waveforms).cells)
