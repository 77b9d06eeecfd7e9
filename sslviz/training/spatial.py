"""Losses that say where, on pairs of pictures and sounds with exact masks. Ours, not the papers'.

Pairs are (B, S): picture i with sound j. A pair is *positive* where the picture holds a source of the
sound; its mask says where. ``doubt`` in [0, 1] takes weight from negatives that may be none.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import (
    avg_pool2d,
    binary_cross_entropy_with_logits,
    cross_entropy,
    interpolate,
    log_softmax,
    softplus,
)

from sslviz.training.composites import HALO

HALO_SHARE = 0.6
"""What a halo counts as of the object: enough to be marked, less than the object itself. People who mark
sources draw boxes, so a map that is cut along every leg misses what they count."""
SMALLEST_SHARE = 0.002
"""A category that covers less of the picture does not count as present."""
ON_THRESHOLD, OFF_THRESHOLD, RULE_SHARPNESS = 0.72, 0.5, 14.0
"""Around the fixed rule of the JSA protocol, by which a cell counts from 0.6 of the map's own range:
objects have to pass it, and ground to miss it, with room to spare for what was never trained on."""


class Targets(NamedTuple):
    """What is where, for a batch of composites and sounds."""

    masks: Tensor
    """(B, C, 2h, 2w) share of each category in each cell; category 0 is background."""
    present: Tensor
    """(B, C) 1 where a category counts as present; 0 for the background."""
    wanted: Tensor
    """(S, C) 1 where a sound belongs to a category."""
    positive: Tensor
    """(B, S) bool."""
    weight: Tensor
    """(B, S) weight as a negative pair."""

    @property
    def things(self) -> Tensor:
        """(B, 1, 2h, 2w) share of any category at all."""
        return self.masks[:, 1:].sum(1, keepdim=True).clamp(0, 1)

    def pair_masks(self, pictures: Tensor, sounds: Tensor) -> Tensor:
        """Masks of chosen pairs, (N, 2h, 2w)."""
        return torch.einsum("nc,nchw->nhw", self.wanted[sounds], self.masks[pictures]).clamp(0, 1)


def make_targets(labels: Tensor, wanted: Tensor, doubt: Tensor) -> Targets:
    """Targets from composite labels.

    Args:
        labels: (B, 4h, 4w) categories, 0 for background; ``HALO`` added beside objects.
        wanted: (S, C) categories of the sounds.
        doubt: (S, C) 1 where a category is no negative of the sound at all.
    """
    shares = torch.where(labels >= HALO, HALO_SHARE, 1.0)[:, None]
    cells = shares.new_zeros(len(labels), wanted.shape[1], *labels.shape[1:])
    masks = avg_pool2d(cells.scatter_(1, (labels % HALO).long()[:, None], shares), 2)
    present = (masks.mean((2, 3)) > SMALLEST_SHARE).float()
    present[:, 0] = 0
    weight = 1 - (present @ doubt.T).clamp(0, 1)
    return Targets(masks, present, wanted, present @ wanted.T > 0, weight)


def on_object(logits: Tensor, masks: Tensor) -> Tensor:
    """Logistic loss of positive pairs (N, H, W): object and ground count alike, hard ground more."""
    off = softplus(logits)
    on = off - logits
    covered = (on * masks).sum((1, 2)) / (masks.sum((1, 2)) + 1e-3)
    ground = (off * (1 + off.detach().clamp(max=3)) * (1 - masks)).mean((1, 2))
    return (0.7 * covered + ground).mean()


def nowhere(logits: Tensor, weight: Tensor) -> Tensor:
    """Logistic loss of negative pairs (N, cells): all cells, and the eight worst."""
    worst = softplus(logits.topk(8, 1).values).mean(1)
    each = 0.5 * softplus(logits).mean(1) + 0.5 * worst
    return (each * weight).sum() / (weight.sum() + 1)


def rule_dice(maps: Tensor, masks: Tensor) -> Tensor:
    """Dice loss of what the fixed 0.6 rule would mark, softened, with room on both sides.

    Args:
        maps: Of positive pairs, (N, H, W).
        masks: Share of the object in each cell, (N, H, W).
    """
    high, low = maps.amax((1, 2), keepdim=True), maps.amin((1, 2), keepdim=True)
    stretched = (maps - low) / (high - low + 1e-4)
    threshold = OFF_THRESHOLD + (ON_THRESHOLD - OFF_THRESHOLD) * masks
    marked = torch.sigmoid(RULE_SHARPNESS * (stretched - threshold))
    overlap = (marked * masks).sum((1, 2))
    return (1 - (2 * overlap + 1) / ((marked + masks).sum((1, 2)) + 1)).mean()


def thing_loss(objectness: Tensor, things: Tensor) -> Tensor:
    """Logistic loss of the class-agnostic outline, (B, 1, H, W) each."""
    return binary_cross_entropy_with_logits(objectness, things, weight=1 + 1.5 * things)


def choose_loss(similarity: Tensor, targets: Targets) -> Tensor:
    """MarginNCE over (B, S) logits: sound i was chosen for picture i, the others are extra negatives.

    Pairs of one category, and those in doubt, are no negatives (they leave the sum).
    """
    batch = len(similarity)
    own = torch.arange(batch, device=similarity.device)
    is_own = torch.zeros_like(targets.positive)
    is_own[own, own] = True
    leave = (targets.positive | (targets.weight < 0.5)) & ~is_own
    logits = similarity.masked_fill(leave, -1e4)
    has = targets.positive[own, own]
    rows = cross_entropy(logits[has], own[has])
    return rows + cross_entropy(logits[:, :batch].T[has], own[has])


def share_loss(shares: Tensor, kinds: Tensor) -> Tensor:
    """What part of a sound's vector should carry it (softmax logits (S, 3)), by the sound's kind.

    Kind 0 has photos, kind 1 has a source without photos (its groups speak), kind 2 has none.
    """
    wanted = shares.new_tensor(((0.5, 0.4, 0.1), (0.1, 0.85, 0.05), (0.0, 0.05, 0.95)))
    return -(wanted[kinds] * log_softmax(shares, 1)).sum(1).mean()


def kept_loss(seen: Tensor, before: Tensor) -> Tensor:
    """How far group probabilities went from those of the classifier before training: mean divergence of the cells.

    It keeps the breadth of 1,000 classes while the trunk learns from photos of a few dozen.

    Args:
        seen: (B, G, h, w), at most 1 in each cell.
        before: The same, before.
    """
    now, then = (
        torch.cat((part.float(), 1 - part.float().sum(1, keepdim=True)), 1).clamp(min=1e-4)
        for part in (seen, before)
    )
    return (then * (then / now).log()).sum(1).mean()


def agreement_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Logistic loss of the confidence of all pairs (B, S)."""
    matching = targets.positive.float()
    weight = torch.where(targets.positive, 1.0, 0.25 * targets.weight)
    return binary_cross_entropy_with_logits(logits, matching, weight=weight)


def double(maps: Tensor) -> Tensor:
    """(N, h, w) -> (N, 2h, 2w), bilinear."""
    return interpolate(maps[:, None], scale_factor=2, mode="bilinear", align_corners=False)[:, 0]
