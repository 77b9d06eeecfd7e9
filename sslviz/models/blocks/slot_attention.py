"""Joint slot attention: a few slots compete for the tokens of a picture, and of a sound.

Kim et al., "Improving Sound Source Localization with Joint Slot Attention on Image and Audio",
CVPR 2025, arXiv 2504.15118; after Locatello et al., NeurIPS 2020, arXiv 2006.15055.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

EPSILON = 1e-8
TARGET = 0
"""The slot that the losses make the target; the other one takes the rest."""


class Slots(NamedTuple):
    """What attending to one modality gives."""

    slots: Tensor
    """(B, K, C), after the last update; not normalised."""
    queries: Tensor
    """(B, K, C) of the last update, thus made from the slots before it."""
    keys: Tensor
    """(B, N, C)."""


class ModalitySlotAttention(nn.Module):
    """The half of joint slot attention that sees one modality."""

    def __init__(self, dim: int = 512) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.randn(1, 1, dim))
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim) for _ in range(3))
        self.gru = nn.GRUCell(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))
        self.norm_tokens, self.norm_slots, self.norm_mlp = (nn.LayerNorm(dim) for _ in range(3))

    def mask(self, tokens: Tensor, ratio: float) -> Tensor:
        """Replace each token (B, N, C) by the mask token with probability ``ratio``; training."""
        hidden = torch.rand(tokens.shape[:2], device=tokens.device) < ratio
        return torch.where(hidden[..., None], self.mask_token.to(tokens.dtype), tokens)

    def forward(self, tokens: Tensor, slots: Tensor, num_iterations: int) -> Slots:
        """Let slots (1, K, C) compete for tokens (B, N, C)."""
        tokens = self.norm_tokens(tokens)
        keys, values = self.to_k(tokens), self.to_v(tokens)  # (B, N, C) each
        slots = slots.expand(len(tokens), -1, -1)
        queries = slots
        for _ in range(num_iterations):
            queries = self.to_q(self.norm_slots(slots))
            update = attention(queries, keys) @ values  # (B, K, C)
            slots = self._step(update, slots)
        return Slots(slots, queries, keys)

    def _step(self, update: Tensor, slots: Tensor) -> Tensor:
        new = self.gru(update.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
        return new + self.mlp(self.norm_mlp(new))  # type: ignore[no-any-return]


class JointSlotAttention(nn.Module):
    """Both halves, started from the same learned slots: that is what joins them."""

    def __init__(self, dim: int = 512, num_slots: int = 2, num_iterations: int = 5) -> None:
        super().__init__()
        self.num_iterations = num_iterations
        self.slots = nn.Parameter(torch.randn(1, num_slots, dim))
        self.image = ModalitySlotAttention(dim)
        self.audio = ModalitySlotAttention(dim)

    def attend_image(self, tokens: Tensor) -> Slots:
        """Slots of picture tokens (B, N, C)."""
        slots: Slots = self.image(tokens, self.slots, self.num_iterations)
        return slots

    def attend_audio(self, tokens: Tensor) -> Slots:
        """Slots of sound tokens (B, N, C)."""
        slots: Slots = self.audio(tokens, self.slots, self.num_iterations)
        return slots


def attention(queries: Tensor, keys: Tensor, sharpness: float = 1.0) -> Tensor:
    """How slots share the tokens: softmax over slots, then each slot's row scaled to sum 1.

    Args:
        queries: (B, K, C).
        keys: (B, N, C).
        sharpness: Factor on the logits; below 1 it softens.

    Returns:
        (B, K, N), float32.
    """
    # Maps are read as numbers, not as hints.
    with torch.autocast(queries.device.type, enabled=False):
        logits = queries.float() @ keys.float().transpose(1, 2)
        share = (logits * (sharpness * queries.shape[-1] ** -0.5)).softmax(1) + EPSILON
        normalised: Tensor = share / share.sum(2, keepdim=True)
    return normalised


class SlotDecoder(nn.Module):
    """Slot broadcast decoder: rebuilds the tokens from the slots; training only.

    Each position is the column embedding followed by the row embedding.
    """

    def __init__(self, dim: int, height: int, width: int) -> None:
        super().__init__()
        self.row_embedding = nn.Embedding(height, dim // 2)
        self.column_embedding = nn.Embedding(width, dim // 2)
        for embedding in (self.row_embedding, self.column_embedding):
            nn.init.uniform_(embedding.weight)
        self.layers = nn.ModuleList(nn.Linear(dim, dim) for _ in range(3))
        self.head = nn.Linear(dim, dim + 1)

    def forward(self, slots: Tensor) -> Tensor:
        """(B, K, C) -> tokens (B, height * width, C)."""
        rows, columns = self.row_embedding.weight, self.column_embedding.weight
        grid = torch.cat(
            (columns.expand(len(rows), -1, -1), rows[:, None].expand(-1, len(columns), -1)), -1
        )
        x = slots[:, :, None] + grid.flatten(0, 1)  # (B, K, N, C)
        for layer in self.layers:
            x = relu(layer(x))
        features, alpha = self.head(x).split((slots.shape[-1], 1), -1)
        tokens: Tensor = (features * alpha.softmax(1)).sum(1)
        return tokens
