"""Other names for the groups of classes: breadth for slots. Ours."""

import torch
from torch import Tensor

from sslviz.models.compact import CompactNetwork


def rename_groups(
    network: CompactNetwork, vectors: Tensor, tokens: Tensor, order: Tensor
) -> tuple[Tensor, Tensor]:
    """Rename the groups in pictures and sounds alike, and hide the learned parts.

    Slots then have to match groups instead of remembering the few that the photos show.

    Args:
        network: Knows the sizes of the parts.
        vectors: Unit vectors of cells, (B, C, H, W).
        tokens: Unit vectors of sounds times sqrt(C), (S, T, C).
        order: A permutation of the groups.
    """
    scale = tokens.shape[-1] ** 0.5
    return _renamed(network, vectors, order, 1, -2), _renamed(
        network, tokens / scale, order, 2, -1
    ) * scale


def _renamed(
    network: CompactNetwork, vectors: Tensor, order: Tensor, axis: int, rest: int
) -> Tensor:
    num_learned, size = network.num_learned, vectors.shape[axis]
    groups = vectors.narrow(axis, num_learned, len(order)).index_select(axis, order)
    groups = groups * (1.4 if rest == -2 else 1.2)  # what the learned part carried
    length = groups.square().sum(axis, keepdim=True)
    groups = groups * (0.98 / (length + 1e-6)).clamp(max=1).sqrt()
    lacking = (1 - groups.square().sum(axis, keepdim=True)).clamp(min=1e-6).sqrt()
    parts = [torch.zeros_like(vectors.narrow(axis, 0, num_learned)), groups]
    parts += (
        [lacking, torch.zeros_like(lacking)] if rest == -2 else [torch.zeros_like(lacking), lacking]
    )
    return torch.cat(parts, axis).narrow(axis, 0, size)
