"""ACL's losses, and ours for guidance, as pure functions.

S. Park, A. Senocak, J. S. Chung, "Can CLIP Help Sound Source Localization?", WACV 2024, arXiv:2311.04066, section 3.3:
``image_level``, ``feature_level``, ``area``. The three for guidance are this project's reconstruction, see ``acl_guided``.
Everything is computed in float32, whatever the networks ran in.
"""

import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cosine_similarity,
    cross_entropy,
)

from sslviz.training.losses import cosines


def _symmetric(similarity: Tensor, tau: float) -> Tensor:
    """Mean of both directions of InfoNCE over cosines (B, B) whose diagonal belongs together."""
    logits = similarity / tau
    target = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2


def image_level(pictures: Tensor, sounds: Tensor, tau: float = 0.07) -> Tensor:
    """Each masked picture (B, C) should mean what its own sound (B, C) means: L_ACL_I."""
    return _symmetric(cosines(sounds, pictures), tau)


def feature_level(found: Tensor, sounds: Tensor, tau: float = 0.07) -> Tensor:
    """Within a picture, the mask of its own sound should hold what that sound means: L_ACL_F.

    Args:
        found: Features of picture i under the mask that sound j draws in it, (B, B, C).
        sounds: (B, C).
        tau: Temperature.
    """
    return _symmetric(cosine_similarity(found.float(), sounds.float().unsqueeze(1), dim=-1), tau)


def area(masks: Tensor, positive: float = 0.4, negative: float = 0.0) -> Tensor:
    """Masks of own sounds should cover 40 % of the picture, those of other sounds nothing: L_REG.

    Args:
        masks: Of picture i by sound j, (B, B, H, W), in [0, 1].
        positive: Share of the picture that its own sound may have.
        negative: Share for other sounds; as in the reference their sum is divided by all pairs.
    """
    areas = masks.float().mean(dim=(2, 3))
    own, others = areas.diagonal().mean(), (areas.sum() - areas.trace()) / areas.numel()
    return (own - positive).abs() + (others - negative).abs()


def token_alignment(sounds: Tensor, words: Tensor, same: Tensor, tau: float = 0.07) -> Tensor:
    """Ours: a sound should mean what the words for its sources mean.

    Args:
        sounds: (B, C).
        words: Text embeddings of the sources of each clip, (B, C).
        same: (B, B) bool: pairs that share a phrase are no negatives.
        tau: Temperature.
    """
    similarity = cosines(sounds, words)
    own = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    return _symmetric(similarity.masked_fill(same & ~own, -torch.inf), tau)


def mask_distillation(logits: Tensor, teacher: Tensor, used: Tensor) -> Tensor:
    """Ours: the map of the sound should be the map of the words; cross-entropy plus Dice.

    Args:
        logits: Scaled and shifted logits of the sound, (B, H, W).
        teacher: Probabilities of the words, (B, H, W); gets no gradient.
        used: (B,) bool: clips whose teacher found neither nothing nor everything.

    Returns:
        0 where no clip is used.
    """
    if not bool(used.any()):
        return logits.sum() * 0.0
    logits, teacher = logits[used].float(), teacher[used].detach().float()
    entropy = binary_cross_entropy_with_logits(logits, teacher)
    probability = logits.sigmoid()
    overlap = (probability * teacher).sum(dim=(1, 2))
    total = probability.sum(dim=(1, 2)) + teacher.sum(dim=(1, 2))
    return entropy + (1 - 2 * overlap / (total + 1e-6)).mean()


def silent_area(probabilities: Tensor, silent: Tensor) -> Tensor:
    """Ours: mean probability of the sound on what is visible but silent, (B, H, W) each.

    Args:
        probabilities: Of the sound.
        silent: Teacher's probability of the silent objects; no gradient; 0 where there are none.
    """
    weight = silent.detach().float()
    return (probabilities.float() * weight).sum() / (weight.sum() + 1e-6)
