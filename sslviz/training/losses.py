"""The papers' losses as pure functions of embeddings and maps.

Similarities are (B, B): row i is picture i, column j is sound j, the diagonal belongs together.
Everything is computed in float32, whatever the networks ran in: products of matrices stand outside
of autocast, which would cast them back.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss, normalize


def max_similarities(cells: Tensor, sounds: Tensor) -> Tensor:
    """Multiple-instance score of every pair: the best cell's cosine (EZ-VSL, equation 2).

    Args:
        cells: Unit vectors, (B, C, h, w).
        sounds: Unit vectors, (B, C).

    Returns:
        (B, B).
    """
    with torch.autocast(cells.device.type, enabled=False):
        return torch.einsum("nchw,mc->nmhw", cells.float(), sounds.float()).amax((2, 3))


def cosines(left: Tensor, right: Tensor) -> Tensor:
    """Cosine of every pair of rows, (N, C) and (M, C) -> (N, M)."""
    with torch.autocast(left.device.type, enabled=False):
        return normalize(left.float(), dim=1) @ normalize(right.float(), dim=1).T


def contrastive(similarity: Tensor, tau: float, keep: Tensor | None = None) -> Tensor:
    """InfoNCE from pictures to sounds plus from sounds to pictures: a sum of two batch means.

    Args:
        similarity: Cosines, (B, B).
        tau: Temperature.
        keep: (B, B) bool; pairs that are ``False`` are no negatives. The diagonal must be kept.
    """
    logits = similarity.float() / tau
    if keep is not None:
        logits = logits.masked_fill(~keep, -torch.inf)
    target = torch.arange(len(logits), device=logits.device)
    return cross_entropy(logits, target) + cross_entropy(logits.T, target)


def margin_nce(similarity: Tensor, tau: float, margin: float, keep: Tensor | None = None) -> Tensor:
    """MarginNCE: InfoNCE with a margin subtracted from the positives (arXiv 2211.01966).

    A negative margin gives the positives a bonus, a boundary less strict than InfoNCE's; 0 gives
    InfoNCE back. ``tau`` and ``keep`` as for ``contrastive``.
    """
    diagonal = torch.eye(len(similarity), dtype=torch.float32, device=similarity.device)
    return contrastive(similarity.float() - margin * diagonal, tau, keep)


def different_categories(categories: Tensor) -> Tensor:
    """Which pairs (B, B) may be negatives: those of other categories, and the diagonal."""
    same = categories[:, None] == categories[None, :]
    return ~same | torch.eye(len(categories), dtype=torch.bool, device=categories.device)


@torch.no_grad()
def not_reciprocal(images: Tensor, sounds: Tensor, k: int) -> Tensor:
    """JSA's false-negative mask: which pairs (B, B) stay negatives.

    A pair i, j is dropped where each is among the other's k nearest both as pictures and as
    sounds; the diagonal always stays.

    Args:
        images: Embeddings of the pictures, (B, C); any length.
        sounds: Embeddings of the sounds, (B, C).
        k: Neighbours, oneself included; at most the batch size is used.
    """
    near = _nearest(images, k) & _nearest(sounds, k)
    return ~(near & near.T) | torch.eye(len(images), dtype=torch.bool, device=images.device)


def _nearest(embeddings: Tensor, k: int) -> Tensor:
    similarity = cosines(embeddings, embeddings)
    nearest = similarity.topk(min(k, len(similarity)), dim=1).indices
    return torch.zeros_like(similarity, dtype=torch.bool).scatter_(1, nearest, True)


def attention_matching(crossed: Tensor, own: Tensor) -> Tensor:
    """JSA: the other modality's query should look where the own one does, (B, N) each.

    Only the crossed map learns; maps sum to 1 over the tokens.
    """
    return mse_loss(crossed.float(), own.detach().float())


def slot_divergence(slots: Tensor) -> Tensor:
    """JSA: mean positive cosine between different slots of one modality, (B, K, C)."""
    slots = slots.float()
    cosine = cosine_similarity(slots[:, :, None], slots[:, None, :], dim=-1)  # (B, K, K)
    different = ~torch.eye(slots.shape[1], dtype=torch.bool, device=slots.device)
    return cosine[:, different].relu().mean()


def reconstruction(rebuilt: Tensor, tokens: Tensor) -> Tensor:
    """JSA: squared error of the tokens that decoders rebuild from slots, (B, N, C) each."""
    return mse_loss(rebuilt.float(), tokens.detach().float())
