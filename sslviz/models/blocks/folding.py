"""Folding a batch norm into the convolution before it: the same map with one pass less."""

import itertools
from typing import ClassVar, Protocol, runtime_checkable

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


@runtime_checkable
class HasBatchNormPairs(Protocol):
    """A module that says which of its batch norms directly follow which convolutions."""

    batch_norm_pairs: ClassVar[tuple[tuple[str, str], ...]]
    """Attribute names, convolution first."""


def fold_batch_norms(module: nn.Module) -> None:
    """Fold in place wherever the order is certain: in ``Sequential`` and where pairs are declared.

    A folded batch norm becomes ``Identity``. The module must be in evaluation mode.
    """
    for child in list(module.modules()):
        for convolution, norm in _pairs(child):
            _fold(child, convolution, norm)


def _pairs(module: nn.Module) -> tuple[tuple[str, str], ...]:
    if isinstance(module, HasBatchNormPairs):
        return module.batch_norm_pairs
    if isinstance(module, nn.Sequential):
        names = [name for name, _ in module.named_children()]
        return tuple(itertools.pairwise(names))
    return ()


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    conv, bn = getattr(parent, convolution), getattr(parent, norm)
    if isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d):
        setattr(parent, convolution, fuse_conv_bn_eval(conv, bn))
        setattr(parent, norm, nn.Identity())
