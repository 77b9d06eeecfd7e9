"""One small network per method, and windows to run it on."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sslviz.models import METHODS, Network
from sslviz.types import AudioClip, Frame, Window

sys.path.append(str(Path(__file__).parent.parent / "acl"))
from acl_tiny import TINY_BEATS, TINY_CLIP

_TINY_ACL = {"beats": TINY_BEATS, "clip": TINY_CLIP, "words": False, "image_size": 64}
SMALL: dict[str, dict[str, Any]] = {
    "acl": {**_TINY_ACL, "map_size": 16},
    "acl-guided": {**_TINY_ACL, "map_size": 16},
    "jsa": {"dim": 16, "width": 8},
    "marginnce": {"dim": 16, "width": 8},
}
"""Arguments that make a network quick; a method that is not here is tested as it is."""


def small_network(method: str) -> Network:
    torch.manual_seed(0)
    network = METHODS[method](**SMALL.get(method, {}))
    # One step in training mode, so that batch norms have statistics that are not the initial ones.
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        for name, buffer in network.named_buffers():
            if name.endswith("group_of"):  # class lists of the compact networks come with weights
                buffer.copy_(torch.eye(*buffer.shape))
    return network.eval()


def window(network: Network, seed: int, silent: bool = False) -> Window:
    rng = np.random.default_rng(seed)
    spec = network.spec
    frame = Frame(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8), float(seed))
    samples = rng.normal(0, 0.1, spec.num_samples).clip(-1, 1).astype(np.float32)
    if silent:
        samples = np.zeros_like(samples)
    start = seed - spec.audio_seconds / 2
    return Window(frame, AudioClip(samples, spec.sample_rate, start), seed, seed + 1.0, -20.0)
