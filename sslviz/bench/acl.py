"""What ACL costs on one CPU core, and what sharing saves; random weights of the real size.

The floor is a plain transformers forward of the same sizes, taken in the same run: CLIPSeg with all twelve layers, CLIP's text
tower on six tokens, and for BEATs, which transformers does not have, its audio spectrogram transformer on as many tokens of the
same width and depth, with the same filter bank and projector. CPU time, so that load on the machine matters little.
"""

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sslviz.bench.measure import Measurement, spread
from sslviz.models.acl import ACL
from sslviz.models.blocks.beats import beats_fbank
from sslviz.types import AudioClip, Frame, Window
from sslviz.windows import window_at

MAPS_PER_SECOND = 5
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Inputs(NamedTuple):
    """One window."""

    images: Tensor
    """(1, 3, 352, 352)."""
    waveforms: Tensor
    """(1, 160000)."""


class PlainForward:
    """The same work by transformers' own modules, nothing left out and nothing shared."""

    def __init__(self, network: ACL, dtype: torch.dtype) -> None:
        transformers: Any = import_module("transformers")
        config = transformers.ASTConfig(max_length=998, time_stride=16, frequency_stride=16)
        self.audio = transformers.ASTModel(config).to(dtype).eval()
        self.network, self.dtype = network, dtype

    def __call__(self, inputs: Inputs) -> None:
        """One window."""
        model = self.network.clip.clipseg
        bank = beats_fbank(inputs.waveforms).to(self.dtype)
        hidden = self.audio(bank, output_hidden_states=True).hidden_states
        features = torch.cat([hidden[i] for i in (4, 8, 12)], dim=-1)
        self.network.projector(features)
        text = model.clip.text_model(input_ids=torch.tensor([[49406, 320, 1125, 539, 320, 49407]]))
        queries = model.clip.text_projection(text.pooler_output)
        logits = model(
            pixel_values=inputs.images.to(self.dtype), conditional_embeddings=queries
        ).logits
        self.network.masker.heat(logits)


def bench_acl(options: Any, folder: Path) -> list[Measurement]:
    """Stages, a whole window and a second of video, in float32 and bfloat16."""
    del folder
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return [
                one
                for name, dtype in DTYPES.items()
                for one in _measurements(name, dtype, options.repeats)
            ]
    finally:
        torch.set_num_threads(threads)


def _measurements(name: str, dtype: torch.dtype, repeats: int) -> list[Measurement]:
    network = ACL(words=True).eval()
    network.use_precision(dtype)
    inputs = Inputs(torch.rand(1, 3, 352, 352), 0.1 * torch.randn(1, 160_000))
    # The floor runs on the untouched modules, with all twelve layers.
    plain = PlainForward(network, dtype)
    stages = _stages(network, inputs)
    taken: dict[str, list[float]] = {key: [] for key in (*stages, "plain", "window")}
    for _ in range(repeats + 1):
        taken["plain"].append(_cpu_ms(lambda: plain(inputs)))
        taken["window"].append(_cpu_ms(lambda: network(*inputs)))
        for key, stage in stages.items():
            taken[key].append(_cpu_ms(stage))
    floor = float(np.median(taken["plain"][1:]))  # the first round warms up
    measurements = [
        spread(
            f"acl_{name}_{key}_ms",
            values[1:],
            "ms",
            floor if key == "window" else None,
            "floor: plain transformers forward" if key == "window" else "",
        )
        for key, values in taken.items()
    ]
    return measurements + _sharing(name, network, repeats)


def _stages(network: ACL, inputs: Inputs) -> dict[str, Callable[[], object]]:
    clip = network.clip
    features = network.audio_encoder(inputs.waveforms)
    token = network.projector(features)
    query = clip.embed_word(token)
    code = clip.encode_images(inputs.images)
    without = ACL(words=False, confidence=False).eval()
    without.use_precision(code.reduced.dtype)
    return {
        "beats": lambda: network.audio_encoder(inputs.waveforms),
        "projector": lambda: network.projector(features),
        "text": lambda: clip.embed_word(token),
        "vision": lambda: clip.encode_images(inputs.images),
        "vision_without_confidence": lambda: without.clip.encode_images(inputs.images),
        "decoder": lambda: clip.decode(code.reduced, query),
    }


def _sharing(name: str, network: ACL, repeats: int) -> list[Measurement]:
    """One step of the sound's grid at 5 maps per second: as the pipeline does it, and nothing shared."""
    seconds_of_video = network.audio_hop_seconds
    windows = _windows(network, round(seconds_of_video * MAPS_PER_SECOND))

    def shared() -> None:
        network.eval()  # forgets what was encoded
        for first in range(0, len(windows), 8):
            network.localize(windows[first : first + 8])

    def anew() -> None:
        for window in windows[::2]:
            network.eval()
            network.localize([window])

    rounds = max(repeats - 1, 1)
    ratios, seconds = [], []
    for _ in range(rounds):
        whole, saved = _cpu_ms(anew) * len(windows) / len(windows[::2]), _cpu_ms(shared)
        ratios.append(saved / whole)
        seconds.append(saved / seconds_of_video)
    note = "every map its own picture; anew: sound and picture encoded for each map"
    return [
        spread(f"acl_{name}_second_of_video_ms", seconds, "ms", None, "5 maps"),
        spread(f"acl_{name}_shared_over_anew", ratios, "x", None, note),
    ]


def _windows(network: ACL, num_windows: int) -> list[Window]:
    rng = np.random.default_rng(0)
    sound = AudioClip(0.1 * rng.standard_normal(16_000 * 20).astype(np.float32), 16_000)
    first = network.spec.audio_seconds / 2 + 0.1  # the excerpt starts just after a grid point
    times = [first + i / MAPS_PER_SECOND for i in range(num_windows)]
    size = network.spec.image_size
    frames = [Frame(rng.integers(0, 256, (size, size, 3), dtype=np.uint8), t) for t in times]
    return [window_at(f, sound, network.spec, f.pts_seconds + 0.2) for f in frames]


def _cpu_ms(job: Callable[[], object]) -> float:
    start = time.process_time()
    job()
    return 1000 * (time.process_time() - start)
