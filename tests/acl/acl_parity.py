"""ACL at its real size against the stored outputs of the authors' code.

Run as a script it prints the table: entry, largest error, tolerance.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

sys.path.append(str(Path(__file__).parent.parent / "models"))

from seeded import seeded_array, seeded_input, seeded_value

from sslviz.models import ACL
from sslviz.models.acl_clip import CLIP_DEVIATION, CLIP_MEAN
from sslviz.models.blocks.beats import beats_fbank
from sslviz.models.blocks.masks import feature_mask, pool_features
from sslviz.training.acl_losses import feature_level

REFERENCE = Path(__file__).parent / "reference"
POSITIONS = "encoder.layers.11.self_attn.relative_attention_bias.weight"


class Entry(NamedTuple):
    name: str
    error: float
    tolerance: float


def seeded_part(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """Values drawn by the reference's names; BEATs' one position table has the value of its last name."""
    return {
        name: seeded_value(
            POSITIONS if "relative_attention_bias" in name else name, torch.empty(shape)
        )
        for name, shape in shapes.items()
        if not name.endswith("position_ids")
    }


def seeded_network() -> ACL:
    keys = json.loads((REFERENCE / "acl_keys.json").read_text())
    masker = {"w": torch.tensor(10.0), "b": torch.tensor(-1.0)}
    arguments, state = ACL.convert(
        {
            "beats": {"cfg": keys["cfg"], "model": seeded_part(keys["beats"])},
            "clipseg": seeded_part(keys["clipseg"]),
            "acl": {"audio_proj": seeded_part(keys["audio_proj"]), "masker_i": masker},
        }
    )
    network = ACL(**arguments)
    network.load_state_dict(state)
    return network.eval()


def seeded_pair() -> tuple[Tensor, Tensor]:
    """Pictures (2, 3, 352, 352) before CLIP's normalisation, and sounds (2, 160000)."""
    mean, deviation = (torch.tensor(c).view(3, 1, 1) for c in (CLIP_MEAN, CLIP_DEVIATION))
    images = seeded_input("image", 2, 3, 352, 352) * deviation + mean
    return images, 0.1 * seeded_input("audio", 2, 160_000)


@torch.inference_mode()
def outputs(network: ACL) -> dict[str, Tensor]:
    images, waveforms = seeded_pair()
    every = (..., slice(8, None, 16), slice(8, None, 16))
    features = network.audio_encoder(waveforms)
    token = network.projector(features)
    sounds = network.clip.embed_word(token)
    code = network.clip.encode_images(images)
    assert code.dense is not None
    own = network.clip.decode(code.reduced, sounds).unsqueeze(1)
    crossed = network.clip.decode(code.reduced.repeat_interleave(2, 0), sounds.repeat(2, 1))
    crossed = crossed.view(2, 2, 352, 352)
    masks = feature_mask(crossed)
    pooled = pool_features(code.dense, masks)
    return {
        "beats_features": features[:, ::50, ::64],
        "audio_token": token,
        "audio_embedding": sounds,
        "logits_352": own[every],
        "heatmap_352": network.masker.heat(own)[every],
        "all_pairs_logits_352": crossed[every],
        "dense_clip_features": code.dense[..., ::4, ::4],
        "feature_mask_352": masks[every],
        "masked_feature_embedding": pooled,
        "loss_acl_f": feature_level(pooled, sounds, tau=0.07),
    }


def filter_bank_entry() -> Entry:
    """The stored bank of ten seconds, every 16th frame."""
    time = np.arange(160_000) / 16_000
    noise = seeded_array("wave:10s", (160_000,), 0).astype(np.float64)
    wave = 0.1 * noise + 0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time)
    with np.load(REFERENCE / "acl_fbank.npz") as stored:
        expected = stored["beats_fbank"]
    got = beats_fbank(torch.from_numpy(wave.astype(np.float32))[None])[0, ::16].numpy()
    return Entry("beats_fbank", float(np.abs(got - expected).max()), 1e-3)


def table() -> Iterator[Entry]:
    yield filter_bank_entry()
    got = outputs(seeded_network())
    with np.load(REFERENCE / "acl_seed0.npz") as stored:
        assert set(stored.files) == set(got)
        for name in stored.files:
            expected, value = stored[name], got[name].numpy()
            assert value.shape == expected.shape, name
            error = np.abs(value - expected).max()
            if "heatmap" in name or "mask_352" in name:
                yield Entry(name, float(error), 1e-4)
            else:
                yield Entry(name, float(error / np.abs(expected).max()), 1e-3)


if __name__ == "__main__":
    torch.set_num_threads(1)
    lines = [f"{'entry':30} {'error':>10} {'allowed':>8}"]
    lines += [f"{e.name:30} {e.error:10.1e} {e.tolerance:8.0e}" for e in table()]
    sys.stdout.write("\n".join(lines) + "\n")
