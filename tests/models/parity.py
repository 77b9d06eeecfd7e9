"""Compare our networks with the stored outputs of the reference implementations.

Run as a script it prints the table: entry, largest relative error, tolerance.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from seeded import seeded_array, seeded_input, seeded_value
from torch import Tensor, nn

from sslviz.models import JSA, MarginNCE
from sslviz.models.blocks.object_prior import saliency
from sslviz.models.blocks.resnet import ResNet18
from sslviz.models.blocks.slot_attention import TARGET, attention
from sslviz.models.blocks.spectrogram import LogDensitySpectrogram, LogPowerSpectrogram
from sslviz.models.key_map import KeyMap
from sslviz.models.refinement import OGL_ALPHA, blend, min_max
from sslviz.training import losses
from sslviz.training.objectives import (
    JSAObjective,
    JSAOptions,
    MarginNCEObjective,
    MarginNCEOptions,
)

REFERENCE = Path(__file__).parent / "reference"


class Entry(NamedTuple):
    name: str
    error: float
    tolerance: float


@torch.no_grad()
def fill_by_reference_name(
    module: nn.Module, key_map: KeyMap, seed: int = 0, ours: str = ""
) -> None:
    """Give every entry the value that the reference's entry of the same meaning has."""
    for name, tensor in module.state_dict().items():
        tensor.copy_(seeded_value(key_map.to_reference(ours + name), tensor, seed))


def relative_error(expected: np.ndarray, got: Tensor) -> float:
    value = got.detach().numpy().reshape(expected.shape)
    scale = np.abs(expected).max()
    return float(np.abs(value - expected).max() / scale)


def compare(method: str, got: dict[str, Tensor]) -> Iterator[Entry]:
    with np.load(REFERENCE / f"{method}_seed0.npz") as stored:
        assert set(got) == set(stored.files), set(got) ^ set(stored.files)
        for name in stored.files:
            tolerance = 1e-3 if name.startswith("gradnorm") else 1e-4
            yield Entry(f"{method}: {name}", relative_error(stored[name], got[name]), tolerance)


def jsa_objective() -> JSAObjective:
    objective = JSAObjective(JSA(), JSAOptions(num_neighbours=5, mask_ratio=0.0))
    fill_by_reference_name(objective.network, JSA.key_map)
    for name in ("image_decoder", "audio_decoder"):
        decoder = getattr(objective, name)
        fill_by_reference_name(decoder, JSA.key_map, ours=f"objective.{name}.")
    return objective


def jsa_outputs() -> dict[str, Tensor]:
    images, spectrograms = (
        seeded_input("image", 8, 3, 224, 224),
        seeded_input("spectrogram", 8, 1, 257, 501),
    )
    objective = jsa_objective().eval()
    network = objective.network
    got: dict[str, Tensor] = {}
    with torch.no_grad():
        image = network.slot_attention.attend_image(network.image_tokens(images))
        audio = network.slot_attention.attend_audio(network.audio_tokens(spectrograms))
        for name, sharpness in (("0_1", 0.1), ("1", 1.0)):
            for which, queries in (("image", image.queries), ("cross", audio.queries)):
                claimed = attention(queries, image.keys, sharpness)[:, TARGET]
                got[f"{which}_attention_sharp{name}"] = claimed.reshape(8, 1, 7, 7)
        got["image_slots"], got["audio_slots"] = image.slots, audio.slots
        got["keep_negative"] = losses.not_reciprocal(
            image.slots[:, TARGET], audio.slots[:, TARGET], 5
        ).float()
        scores = network.score(tuple(image), tuple(audio))
        torch.testing.assert_close(scores.cells, got["cross_attention_sharp0_1"][:, 0])
        got["heatmap_item0"] = min_max(network.upsampling(scores.cells[:1], 224))[0]
    named = objective.train().of_inputs(images, spectrograms)
    named["total"].backward()
    got.update({f"loss_{name}": named[name] for name in named if name != "total"})
    gradients = dict(network.named_parameters())
    for name in (
        "slot_attn.slots",
        "slot_attn.img_to_k.weight",
        "audnet.conv1_1.weight",
        "imgnet.proj.bias",
    ):
        got[f"gradnorm.{name}"] = gradients[JSA.key_map.to_ours(name)].grad.norm()
    return got


def marginnce_outputs() -> dict[str, Tensor]:
    images, spectrograms = (
        seeded_input("image", 6, 3, 224, 224),
        seeded_input("spectrogram", 6, 1, 257, 200),
    )
    network = MarginNCE()
    fill_by_reference_name(network, MarginNCE.key_map)
    prior = ResNet18(3).eval()
    fill_by_reference_name(prior, KeyMap(()), seed=1)
    objective = MarginNCEObjective(network, MarginNCEOptions(tau=0.03, margin=0.0)).eval()
    got: dict[str, Tensor] = {}
    with torch.no_grad():
        cells = network.embed_cells(images)
        sounds = network.embed_spectrograms(spectrograms)
        similarity = network.score((cells,), (sounds,)).cells
        got["similarity_map_over_tau"] = similarity / 0.03
        got["loss_infonce"] = objective.of_inputs(images, spectrograms)["total"]
        upsampled = network.upsampling(similarity[:1], 224)
        got["heatmap_item0"] = min_max(upsampled)[0]
        got["object_saliency_7x7"] = saliency(prior(images))
        of_objects = network.upsampling(got["object_saliency_7x7"][:1], 224)
        got["heatmap_ogl_item0"] = blend(upsampled, of_objects, OGL_ALPHA)[0]
    loss = objective.train().of_inputs(images, spectrograms)["total"]
    loss.backward()
    got["loss_infonce_train_bn"] = loss
    gradients = dict(network.named_parameters())
    for name in ("img_proj.weight", "audnet.conv1.weight"):
        got[f"gradnorm.{name}"] = gradients[MarginNCE.key_map.to_ours(name)].grad.norm()
    return got


def waveform(name: str, num_samples: int) -> Tensor:
    time = np.arange(num_samples) / 16_000
    noise = seeded_array(f"wave:{name}", (num_samples,), 0).astype(np.float64)
    tone = np.sin(2 * np.pi * (200 + 300 * time) * time)
    return torch.from_numpy((0.1 * noise + 0.3 * tone).astype(np.float32))


def spectrogram_outputs() -> dict[str, Tensor]:
    return {
        "marginnce_spectrogram": LogDensitySpectrogram()(waveform("3s", 48_000)[None])[0],
        "jsa_spectrogram": LogPowerSpectrogram()(waveform("5s", 80_000)[None])[0],
    }


def spectrogram_entries(full: Path | None = None) -> Iterator[Entry]:
    with np.load(full or REFERENCE / "spectrograms_seed0.npz") as stored:
        for name, got in spectrogram_outputs().items():
            kept = got if full else got[:, ::2, ::2]
            yield Entry(f"front end: {name}", relative_error(stored[name], kept), 1e-4)


def table() -> list[Entry]:
    return [
        *spectrogram_entries(),
        *compare("ezvsl", marginnce_outputs()),
        *compare("jsa", jsa_outputs()),
    ]


if __name__ == "__main__":
    sys.stdout.write(f"{'entry':45} {'relative error':>14} {'allowed':>8}\n")
    for entry in table():
        sys.stdout.write(f"{entry.name:45} {entry.error:14.1e} {entry.tolerance:8.0e}\n")
