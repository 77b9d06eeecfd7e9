"""The bundled localizers' encoders and head as OpenVINO graphs: what their modules' ``forward`` says, again.

Weights are the modules' own. Equality with the modules is tested, so that the two cannot drift apart.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslviz.models.batching import join
from sslviz.models.blocks.cell_head import CellHead, Cells, Outline
from sslviz.models.blocks.efficientat import EfficientAT, InvertedResidual, SoundFeatures
from sslviz.models.blocks.mobilenet import (
    NUM_CONVOLUTIONS,
    NUM_EARLY,
    NUM_TO_STRIDE8,
    ConvLayer,
    MobileNetV2,
)
from sslviz.models.openvino_runtime import Graph, openvino

ops: Any = openvino().opset13
Node = Any
"""Of a graph; OpenVINO's own type."""


class CompactGraphs:
    """A compact network's picture and sound encoders.

    Args:
        image_encoder: Its trunk.
        cell_head: What follows the trunk.
        audio_encoder: Its tagger.
        half_head: Run the picture's head in bfloat16.
    """

    def __init__(
        self,
        image_encoder: MobileNetV2,
        cell_head: CellHead,
        audio_encoder: EfficientAT,
        half_head: bool,
    ) -> None:
        self._trunk = Graph(lambda pixels: mobilenet(image_encoder, pixels))
        self._head = Graph(lambda *trunk: head(cell_head, *trunk), half=half_head)
        self._tagger = Graph(lambda spectrogram: tagger(audio_encoder, spectrogram))

    def cells(self, images: Tensor) -> Cells:
        """RGB in [0, 1], (B, 3, S, S) -> cells."""
        pixels = images.permute(0, 2, 3, 1).contiguous().numpy()
        each = []
        for one in pixels:
            with self._trunk.run(one[None]) as trunk, self._head.run(*trunk) as cells:
                each.append(_tensors(cells))
        return Cells(*join(each))

    def sound_features(self, spectrograms: Tensor) -> SoundFeatures:
        """Log-mel spectrograms (B, 1, 128, T) -> what the tagger knows."""
        each = []
        for one in spectrograms.contiguous().numpy():
            with self._tagger.run(one[None]) as features:
                each.append(_tensors(features))
        return SoundFeatures(*join(each))


def _tensors(arrays: list[Any]) -> list[Tensor]:
    return [torch.from_numpy(array.copy()) for array in arrays]


class TrainingGraph:
    """What training keeps of a picture: the frozen early maps, and what the classifier sees in it.

    Args:
        image_encoder: The trunk.
        cell_head: Has the classifier.
    """

    def __init__(self, image_encoder: MobileNetV2, cell_head: CellHead) -> None:
        self._graph = Graph(lambda pixels: early_and_seen(image_encoder, cell_head, pixels))

    def __call__(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Pixels in [0, 1], (S, S, 3) -> (32, S/8, S/8), (96, S/16, S/16) and (G, S/32, S/32)."""
        with self._graph.run(np.ascontiguousarray(pixels)[None]) as found:
            return [part[0].copy() for part in found]


def early_and_seen(trunk: MobileNetV2, module: CellHead, pixels: Node) -> list[Node]:
    """Pixels in [0, 1], (1, H, W, 3) -> both bottlenecks of the early trunk, and group probabilities."""
    stride8, bottleneck, _, stride32 = _trunk(trunk, pixels)
    return [stride8, bottleneck, _seen(module, stride32)]


def mobilenet(trunk: MobileNetV2, pixels: Node) -> list[Node]:
    """Pixels in [0, 1], (1, H, W, 3) -> strides 8 (bottleneck), 16 (expansion) and 32 (final map)."""
    stride8, _, stride16, stride32 = _trunk(trunk, pixels)
    return [stride8, stride16, stride32]


def _trunk(trunk: MobileNetV2, pixels: Node) -> tuple[Node, Node, Node, Node]:
    """Bottlenecks at strides 8 and 16, the expansion of the latter, and the final map."""
    stride8 = bottleneck = stride16 = None
    node = ops.transpose(pixels, np.array([0, 3, 1, 2]))
    node = ops.subtract(ops.multiply(node, np.float32(2)), np.float32(1))
    for layer in trunk.layers[:3]:
        node = _conv_layer(layer, node)
    for first in range(3, NUM_CONVOLUTIONS - 1, 3):
        expand, depthwise, project = trunk.layers[first : first + 3]
        expanded = _conv_layer(expand, node)
        stride8 = node if first == NUM_TO_STRIDE8 else stride8
        if first == NUM_EARLY:
            bottleneck, stride16 = node, expanded
        output = _conv_layer(project, _conv_layer(depthwise, expanded))
        node = _with_shortcut(output, node)
    return stride8, bottleneck, stride16, _conv_layer(trunk.layers[-1], node)


def _conv_layer(layer: nn.Module, node: Node) -> Node:
    assert isinstance(layer, ConvLayer)
    if layer.pad:  # TensorFlow's "SAME" padding, as ``same_padding`` says it
        height, width = node.shape[2:]
        node = _convolve(layer.conv, node, ([height % 2, width % 2], [1, 1]))
    else:
        node = _convolve(layer.conv, node)
    return node if layer.linear else ops.clamp(node, 0.0, 6.0)


def head(module: CellHead, stride8: Node, stride16: Node, stride32: Node) -> list[Node]:
    """Trunk maps -> the parts of ``Cells``."""
    size = list(stride16.shape[2:])
    groups = _resize(_seen(module, stride32), size)
    coarse = _resize(_convolve(module.from_stride32, stride32), size)
    features = ops.relu(ops.add(_convolve(module.from_stride16, stride16), coarse))
    context = ops.relu(_convolve(module.context, features))
    features = ops.add(features, ops.relu(_convolve(module.mix, context)))
    groups, gathered = _gather(module, features, groups)
    both = ops.concat([features, gathered], 1)
    first, _, last = module.embed
    learned = _convolve(last, ops.relu(_convolve(first, both)))
    learned = ops.normalize_l2(learned, np.array([1]), 1e-24, "max")
    groups = ops.sqrt(ops.add(groups, np.float32(1e-6)))
    return [learned, groups, _outline(module.outline, stride8, both)]


def _seen(module: CellHead, stride32: Node) -> Node:
    sharpness = np.float32(module.sharpness.item())
    posterior = ops.softmax(ops.multiply(_convolve(module.classifier, stride32), sharpness), 1)
    return _mix(_array(module.group_of), posterior)


def _gather(module: CellHead, features: Node, groups: Node) -> tuple[Node, Node]:
    num_groups, shape = groups.shape[1], list(features.shape)
    query, key = ops.split(_flat(_convolve(module.query_key, features)), 1, 2).outputs()
    scale = np.float32(key.shape[1] ** -0.5)
    affinity = ops.softmax(ops.multiply(ops.matmul(query, key, True, False), scale), 2)
    content = _flat(ops.concat([groups, _convolve(module.values, features)], 1))
    carried = ops.matmul(content, affinity, False, True)
    carried = ops.reshape(carried, np.array([1, content.shape[1], *shape[2:]]), False)
    lengths = np.array([num_groups, content.shape[1] - num_groups])
    kept, gathered = ops.variadic_split(carried, 1, lengths).outputs()
    return kept, gathered


def _outline(module: Outline, stride8: Node, cells: Node) -> Node:
    coarse = _resize(_convolve(module.from_cells, cells), list(stride8.shape[2:]))
    features = ops.relu(ops.add(_convolve(module.from_stride8, stride8), coarse))
    for depthwise, pointwise in zip(module.depthwise, module.pointwise, strict=True):
        context = ops.relu(_convolve(depthwise, features))
        features = ops.add(features, ops.relu(_convolve(pointwise, context)))
    return _convolve(module.logit, features)


def tagger(module: EfficientAT, spectrogram: Node) -> list[Node]:
    """Log-mel spectrogram (1, 1, 128, T) -> the parts of ``SoundFeatures``."""
    node = ops.hswish(_convolve(module.stem, spectrogram))
    for block in module.blocks:
        assert isinstance(block, InvertedResidual)
        node = _inverted_residual(block, node)
    node = ops.hswish(_convolve(module.final, node))
    tokens = ops.reduce_mean(node, np.array([2]), False)
    embedding = ops.reduce_mean(tokens, np.array([2]), False)
    return [tokens, embedding, ops.hswish(_linear(module.hidden, embedding))]


def _inverted_residual(block: InvertedResidual, node: Node) -> Node:
    activation = ops.hswish if block.shape.hardswish else ops.relu
    output = node if block.expand is None else activation(_convolve(block.expand, node))
    output = activation(_convolve(block.depthwise, output))
    if block.gate is not None:
        mean = ops.reduce_mean(output, np.array([2, 3]), False)
        gate = _linear(block.gate.fc2, ops.relu(_linear(block.gate.fc1, mean)))
        gate = ops.reshape(ops.sigmoid(gate), np.array([1, output.shape[1], 1, 1]), False)
        output = ops.multiply(output, gate)
    return _with_shortcut(_convolve(block.project, output), node)


def _with_shortcut(output: Node, node: Node) -> Node:
    """A block's output plus its input, where they have one shape."""
    return ops.add(output, node) if output.shape == node.shape else output


def _convolve(
    module: nn.Module, node: Node, pads: tuple[list[int], list[int]] | None = None
) -> Node:
    """A convolution with its bias; depthwise where it has groups."""
    assert isinstance(module, nn.Conv2d)
    assert isinstance(module.padding, tuple)
    before, after = pads or (list(module.padding), list(module.padding))
    arguments = list(module.stride), before, after, list(module.dilation)
    weight = _array(module.weight)
    if module.groups == 1:
        node = ops.convolution(node, weight, *arguments)
    else:
        weight = weight.reshape(module.groups, -1, *weight.shape[1:])
        node = ops.group_convolution(node, weight, *arguments)
    return node if module.bias is None else ops.add(node, _array(module.bias)[None, :, None, None])


def _linear(module: nn.Linear, node: Node) -> Node:
    return ops.add(ops.matmul(node, _array(module.weight), False, True), _array(module.bias)[None])


def _mix(weights: Any, node: Node) -> Node:
    """Channels (1, C, H, W) as weighted sums: weights (C', C)."""
    return ops.convolution(node, weights[:, :, None, None], [1, 1], [0, 0], [0, 0], [1, 1])


def _resize(node: Node, size: list[int]) -> Node:
    """Bilinear, corners not aligned."""
    return ops.interpolate(
        node, np.array(size), "linear_onnx", "sizes",
        coordinate_transformation_mode="half_pixel", axes=np.array([2, 3]),
    )  # fmt: skip


def _flat(node: Node) -> Node:
    """(1, C, H, W) -> (1, C, HW)."""
    return ops.reshape(node, np.array([0, 0, -1]), True)


def _array(tensor: Tensor) -> Any:
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())
