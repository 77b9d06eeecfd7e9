"""EfficientAT mn04: MobileNetV3-large at width 0.4, an AudioSet tagger; batch norm is folded into the convolutions.

Schmid, Koutini, Widmer, "Efficient Large-scale Audio Tagging via Transformer-to-CNN Knowledge Distillation", ICASSP 2023,
arXiv:2211.04772. `load_released` takes the authors' state dict and folds its batch norms.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

BN_EPSILON = 1e-3
EMBEDDING_SIZE, HIDDEN_SIZE, NUM_AUDIOSET = 384, 512, 527


class BlockShape(NamedTuple):
    """One inverted residual block; `squeeze` is the width of its channel gate (0: none)."""

    inputs: int
    hidden: int
    outputs: int
    kernel: int
    stride: int
    squeeze: int
    hardswish: bool


BLOCKS = (
    BlockShape(8, 8, 8, 3, 1, 0, False),
    BlockShape(8, 24, 16, 3, 2, 0, False),
    BlockShape(16, 32, 16, 3, 1, 0, False),
    BlockShape(16, 32, 16, 5, 2, 8, False),
    BlockShape(16, 48, 16, 5, 1, 16, False),
    BlockShape(16, 48, 16, 5, 1, 16, False),
    BlockShape(16, 96, 32, 3, 2, 0, True),
    BlockShape(32, 80, 32, 3, 1, 0, True),
    BlockShape(32, 72, 32, 3, 1, 0, True),
    BlockShape(32, 72, 32, 3, 1, 0, True),
    BlockShape(32, 192, 48, 3, 1, 48, True),
    BlockShape(48, 272, 48, 3, 1, 72, True),
    BlockShape(48, 272, 64, 5, 2, 72, True),
    BlockShape(64, 384, 64, 5, 1, 96, True),
    BlockShape(64, 384, 64, 5, 1, 96, True),
)


class SoundFeatures(NamedTuple):
    """What the tagger knows about a sound."""

    tokens: Tensor  # (B, 384, T/32): the final map, averaged over frequency
    embedding: Tensor  # (B, 384): mean over frequency and time
    hidden: Tensor  # (B, 512): the space in which AudioSet's class vectors live


class SqueezeExcitation(nn.Module):
    """Channel gate from the mean over frequency and time."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, squeeze), nn.Linear(squeeze, channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, F, T) -> the same shape, channels rescaled."""
        gate = self.fc2(functional.relu(self.fc1(features.mean((2, 3)))))
        return features * torch.sigmoid(gate)[:, :, None, None]


class InvertedResidual(nn.Module):
    """Expand, depthwise, gate, project."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape
        hidden = shape.hidden
        self.expand = nn.Conv2d(shape.inputs, hidden, 1) if hidden != shape.inputs else None
        self.depthwise = nn.Conv2d(
            hidden, hidden, shape.kernel, shape.stride, shape.kernel // 2, groups=hidden
        )
        self.gate = SqueezeExcitation(hidden, shape.squeeze) if shape.squeeze else None
        self.project = nn.Conv2d(hidden, shape.outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, F, T) -> (B, C', F/stride, T/stride)."""
        activation = functional.hardswish if self.shape.hardswish else functional.relu
        output: Tensor = features if self.expand is None else activation(self.expand(features))
        output = activation(self.depthwise(output))
        if self.gate is not None:
            output = self.gate(output)
        output = self.project(output)
        if output.shape == features.shape:
            output = output + features
        return output


class EfficientAT(nn.Module):
    """Log-mel spectrogram (B, 1, 128, T) -> `SoundFeatures`, and AudioSet logits from them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, 2, 1)
        self.blocks = nn.ModuleList(InvertedResidual(shape) for shape in BLOCKS)
        self.final = nn.Conv2d(64, EMBEDDING_SIZE, 1)
        self.hidden = nn.Linear(EMBEDDING_SIZE, HIDDEN_SIZE)
        self.classifier = nn.Linear(HIDDEN_SIZE, NUM_AUDIOSET)

    def forward(self, spectrogram: Tensor) -> SoundFeatures:
        """(B, 1, 128, T) -> tokens (B, 384, T/32), embedding (B, 384), hidden (B, 512)."""
        features = functional.hardswish(self.stem(spectrogram))
        for block in self.blocks:
            features = block(features)
        tokens = functional.hardswish(self.final(features)).mean(2)
        embedding = tokens.mean(2)
        return SoundFeatures(tokens, embedding, functional.hardswish(self.hidden(embedding)))

    def load_released(self, weights: dict[str, Tensor]) -> None:
        """Load the authors' state dict (`mn04_as`), folding every batch norm into the convolution before it."""
        with torch.no_grad():
            fold(self.stem, weights, "features.0")
            for number, block in enumerate(self.blocks, start=1):
                load_block(block, weights, f"features.{number}.block")
            fold(self.final, weights, "features.16")
            for layer, name in ((self.hidden, "classifier.2"), (self.classifier, "classifier.5")):
                layer.weight.copy_(weights[f"{name}.weight"])
                layer.bias.copy_(weights[f"{name}.bias"])


def fold(conv: nn.Conv2d, weights: dict[str, Tensor], prefix: str) -> None:
    """Copy convolution `prefix.0` scaled by batch norm `prefix.1`."""
    scale = weights[f"{prefix}.1.weight"] / torch.sqrt(
        weights[f"{prefix}.1.running_var"] + BN_EPSILON
    )
    conv.weight.copy_(weights[f"{prefix}.0.weight"] * scale[:, None, None, None])
    if conv.bias is not None:
        conv.bias.copy_(weights[f"{prefix}.1.bias"] - weights[f"{prefix}.1.running_mean"] * scale)


def load_block(block: nn.Module, weights: dict[str, Tensor], prefix: str) -> None:
    """Load one inverted residual block; its parts are numbered in the order in which they exist."""
    if not isinstance(block, InvertedResidual):
        raise TypeError(f"expected an InvertedResidual, got {type(block).__name__}")
    position = 0
    if block.expand is not None:
        fold(block.expand, weights, f"{prefix}.0")
        position = 1
    fold(block.depthwise, weights, f"{prefix}.{position}")
    if block.gate is not None:
        position += 1
        for name in ("fc1", "fc2"):
            layer: nn.Linear = getattr(block.gate, name)
            layer.weight.copy_(weights[f"{prefix}.{position}.conc_se_layers.0.{name}.weight"])
            layer.bias.copy_(weights[f"{prefix}.{position}.conc_se_layers.0.{name}.bias"])
    fold(block.project, weights, f"{prefix}.{position + 1}")
