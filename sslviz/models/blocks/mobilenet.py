"""MobileNetV2 with batch norm folded, as a feature extractor with taps at strides 8, 16 and 32.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, arXiv:1801.04381. The layout follows the
TensorFlow release (asymmetric "SAME" padding at stride 2), whose ImageNet weights the bundled checkpoints start from.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCK_WIDTHS = (24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
STRIDE_TWO = frozenset({0, 4, 10, 19, 40})  # convolution indices
NUM_TO_STRIDE8 = 18  # convolutions 0..17 end in the stride-8 bottleneck
NUM_EARLY = 39  # convolutions 0..38 end in the stride-16 bottleneck
NUM_CONVOLUTIONS = 52


class EarlyFeatures(NamedTuple):
    """Linear bottlenecks of the early trunk; everything later is computed from `stride16`."""

    stride8: Tensor  # (B, 32, H/8, W/8)
    stride16: Tensor  # (B, 96, H/16, W/16)


class LateFeatures(NamedTuple):
    """Outputs of the late trunk, after ReLU6."""

    stride16: Tensor  # (B, 576, H/16, W/16)
    stride32: Tensor  # (B, 1280, H/32, W/32)


class ConvLayer(nn.Module):
    """One convolution with TensorFlow padding; ReLU6 unless it is a linear projection."""

    def __init__(
        self, channels: tuple[int, int], kernel: int, stride: int, depthwise: bool, linear: bool
    ) -> None:
        super().__init__()
        inputs, outputs = channels
        self.linear = linear
        self.pad = kernel == 3 and stride == 2
        padding = kernel // 2 if stride == 1 else 0
        groups = inputs if depthwise else 1
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H/stride, W/stride)."""
        if self.pad:
            features = same_padding(features)
        features = self.conv(features)
        return (
            features
            if self.linear
            else functional.relu6(features, inplace=not features.requires_grad)
        )


def same_padding(features: Tensor) -> Tensor:
    """TensorFlow's "SAME" padding of a 3x3 kernel at stride 2: one row and column after even sizes, both sides of odd ones."""
    height, width = features.shape[-2:]
    return functional.pad(features, (width % 2, 1, height % 2, 1))


class MobileNetV2(nn.Module):
    """The trunk without its classifier: `early` (strides 2 to 16) and `late` (stride 16 expansion to the 1280-channel map)."""

    def __init__(self) -> None:
        super().__init__()
        layers = [ConvLayer((3, 32), 3, 2, False, False)]
        layers += [ConvLayer((32, 32), 3, 1, True, False), ConvLayer((32, 16), 1, 1, False, True)]
        width = 16
        for block, output in enumerate(BLOCK_WIDTHS):
            first, hidden = 3 + 3 * block, 6 * width
            stride = 2 if first + 1 in STRIDE_TWO else 1
            layers.append(ConvLayer((width, hidden), 1, 1, False, False))
            layers.append(ConvLayer((hidden, hidden), 3, stride, True, False))
            layers.append(ConvLayer((hidden, output), 1, 1, False, True))
            width = output
        layers.append(ConvLayer((width, 1280), 1, 1, False, False))
        self.layers = nn.ModuleList(layers)

    def _block(self, features: Tensor, first: int) -> Tensor:
        """Inverted residual block whose expansion is convolution `first`."""
        output: Tensor = self.layers[first + 2](
            self.layers[first + 1](self.layers[first](features))
        )
        if features.shape == output.shape:
            output = output + features
        return output

    def early(self, image: Tensor) -> EarlyFeatures:
        """Normalised image (B, 3, H, W) -> bottlenecks at strides 8 and 16."""
        features = image
        for index in range(3):
            features = self.layers[index](features)
        for first in range(3, NUM_TO_STRIDE8, 3):
            features = self._block(features, first)
        stride8 = features
        for first in range(NUM_TO_STRIDE8, NUM_EARLY, 3):
            features = self._block(features, first)
        return EarlyFeatures(stride8, features)

    def expand(self, bottleneck: Tensor) -> Tensor:
        """Stride-16 bottleneck (B, 96, h, w) -> its expansion (B, 576, h, w)."""
        stride16: Tensor = self.layers[NUM_EARLY](bottleneck)
        return stride16

    def late(self, bottleneck: Tensor) -> LateFeatures:
        """Stride-16 bottleneck (B, 96, h, w) -> expansion (B, 576, h, w) and final map (B, 1280, h/2, w/2)."""
        stride16 = self.expand(bottleneck)
        features = self.layers[NUM_EARLY + 2](self.layers[NUM_EARLY + 1](stride16))
        for first in range(NUM_EARLY + 3, NUM_CONVOLUTIONS - 1, 3):
            features = self._block(features, first)
        return LateFeatures(stride16, self.layers[NUM_CONVOLUTIONS - 1](features))

    def late_parameters(self) -> list[nn.Parameter]:
        """Parameters of the layers after the stride-16 expansion: those worth fine-tuning."""
        return [
            parameter for layer in self.layers[NUM_EARLY + 1 :] for parameter in layer.parameters()
        ]

    def load_folded(self, weights: dict[str, Tensor]) -> None:
        """Load the flat `w0..w51`, `b0..b51` layout of the folded ImageNet weights."""
        with torch.no_grad():
            for index, conv in enumerate(m for m in self.modules() if isinstance(m, nn.Conv2d)):
                conv.weight.copy_(weights[f"w{index}"].float().reshape(conv.weight.shape))
                if conv.bias is not None:
                    conv.bias.copy_(weights[f"b{index}"].float())
