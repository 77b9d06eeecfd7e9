"""From audio features to one vector that stands where a word would stand: ACL's audio tokenizer.

S. Park, A. Senocak, J. S. Chung, "Can CLIP Help Sound Source Localization?", WACV 2024, arXiv:2311.04066, section 3.1:
two layers and an attentive pooling. The only large part of ACL that is trained.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class AttentivePooling(nn.Module):
    """Weighted mean over tokens; a token weighs by itself (unary) and by its likeness to all others (pairwise)."""

    def __init__(self, size: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.unary_hidden, self.unary = nn.Linear(size, size), nn.Linear(size, 1)
        self.left, self.right = nn.Linear(size, size), nn.Linear(size, size)
        self.mix = nn.Linear(2, 1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> (B, C)."""
        unary = self.unary(self.dropout(functional.relu(self.unary_hidden(tokens))))  # (B, T, 1)
        left = functional.normalize(self.left(tokens), dim=-1)
        right = functional.normalize(self.right(tokens), dim=-1)
        # The mean over all partners first: the same number as the T x T table, at T times less work.
        pairwise = left @ right.mean(dim=1).unsqueeze(-1)  # (B, T, 1)
        weights = self.mix(torch.cat([unary, pairwise], dim=-1)).softmax(dim=1)  # (B, T, 1)
        pooled: Tensor = (weights * tokens).sum(dim=1)
        return pooled


class AudioProjector(nn.Module):
    """Audio features -> one word-like vector."""

    def __init__(self, input_size: int = 2304, output_size: int = 512) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_size, input_size)
        self.fc2 = nn.Linear(input_size, output_size)
        self.pool = AttentivePooling(output_size)

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, input_size) -> (B, output_size)."""
        token: Tensor = self.pool(self.fc2(functional.gelu(self.fc1(features))))
        return token
