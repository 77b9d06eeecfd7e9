"""From trunk features to cells that can be compared with a sound: what is there, and is it a thing.

Ours. A cell's vector has three parts: a learned embedding; the square roots of the probabilities of
sound-making groups, read off the frozen ImageNet classifier (breadth beyond the training photos);
and what is missing to length 1. Attention between cells carries both from the part of an object
that names it to its whole extent, and a class-agnostic objectness at stride 8 cuts its outline.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize, relu

NUM_IMAGENET = 1001
"""ImageNet's 1,000 classes after a background class, as the trunk's classifier counts them."""


class Cells(NamedTuple):
    """What a picture offers to a sound."""

    learned: Tensor
    """(B, L, h, w) unit vectors, stride 16."""
    groups: Tensor
    """(B, G, h, w) square roots of group probabilities, stride 16."""
    objectness: Tensor
    """(B, 1, 2h, 2w) logits, stride 8."""


class CellHead(nn.Module):
    """Trunk features -> ``Cells``."""

    group_of: Tensor

    def __init__(self, num_learned: int = 164, num_groups: int = 90, width: int = 192) -> None:
        super().__init__()
        self.classifier = nn.Conv2d(1280, NUM_IMAGENET, 1)
        self.register_buffer("group_of", torch.zeros(num_groups, NUM_IMAGENET))
        self.sharpness = nn.Parameter(torch.ones(()))
        self.from_stride16 = nn.Conv2d(576, width, 1)
        self.from_stride32 = nn.Conv2d(1280, width, 1)
        self.context = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.mix = nn.Conv2d(width, width, 1)
        self.query_key = nn.Conv2d(width, 2 * 48, 1)
        self.values = nn.Conv2d(width, width, 1)
        self.embed = nn.Sequential(
            nn.Conv2d(2 * width, 256, 1), nn.ReLU(), nn.Conv2d(256, num_learned, 1)
        )
        self.outline = Outline(2 * width)

    def seen(self, stride32: Tensor) -> Tensor:
        """What the ImageNet classifier sees, (B, 1280, h/2, w/2) -> group probabilities (B, G, h/2, w/2)."""
        posterior = (self.classifier(stride32) * self.sharpness).softmax(1)
        return torch.einsum("gk,bkhw->bghw", self.group_of, posterior)

    def forward(
        self, stride8: Tensor, stride16: Tensor, stride32: Tensor, seen: Tensor | None = None
    ) -> Cells:
        """Cells of trunk maps.

        Args:
            stride8: (B, 32, 2h, 2w).
            stride16: (B, 576, h, w).
            stride32: (B, 1280, h/2, w/2).
            seen: What the method of that name says of ``stride32``, where it was asked already.
        """
        size = stride16.shape[-2:]
        groups = self.seen(stride32) if seen is None else seen
        groups = interpolate(groups, size, mode="bilinear", align_corners=False)
        coarse = interpolate(
            self.from_stride32(stride32), size, mode="bilinear", align_corners=False
        )
        features = relu(self.from_stride16(stride16) + coarse)
        features = features + relu(self.mix(relu(self.context(features))))
        groups, gathered = self._gather(features, groups)
        both = torch.cat((features, gathered), 1)
        learned = normalize(self.embed(both), dim=1)
        return Cells(learned, (groups + 1e-6).sqrt(), self.outline(stride8, both))

    def _gather(self, features: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Carry group probabilities and features between cells that look alike."""
        query, key = self.query_key(features).flatten(2).chunk(2, 1)  # (B, 48, N) each
        affinity = (query.transpose(1, 2) @ key * key.shape[1] ** -0.5).softmax(2)  # (B, N, N)
        content = torch.cat((groups, self.values(features)), 1).flatten(2)  # (B, G + W, N)
        carried = (content @ affinity.transpose(1, 2)).unflatten(2, features.shape[-2:])
        return carried[:, : groups.shape[1]], carried[:, groups.shape[1] :]


class Outline(nn.Module):
    """Is there a thing, whatever it is: logits at stride 8."""

    def __init__(self, num_inputs: int, width: int = 64) -> None:
        super().__init__()
        self.from_stride8 = nn.Conv2d(32, width, 1)
        self.from_cells = nn.Conv2d(num_inputs, width, 1)
        self.depthwise = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, groups=width) for _ in range(2)
        )
        self.pointwise = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(2))
        self.logit = nn.Conv2d(width, 1, 1)

    def forward(self, stride8: Tensor, cells: Tensor) -> Tensor:
        """(B, 32, 2h, 2w) and (B, C, h, w) -> (B, 1, 2h, 2w)."""
        coarse = interpolate(
            self.from_cells(cells), stride8.shape[-2:], mode="bilinear", align_corners=False
        )
        features = relu(self.from_stride8(stride8) + coarse)
        for depthwise, pointwise in zip(self.depthwise, self.pointwise, strict=True):
            features = features + relu(pointwise(relu(depthwise(features))))
        logit: Tensor = self.logit(features)
        return logit
