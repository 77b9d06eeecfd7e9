"""From a tagger's features to a vector that can be compared with cells. Ours; see ``cell_head``.

The vector has the learned part, the square roots of group probabilities read off AudioSet's
classifier, and a part that no cell has: what is silence or noise goes there, and scores 0.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from sslviz.models.blocks.efficientat import HIDDEN_SIZE, NUM_AUDIOSET


class SoundHead(nn.Module):
    """Hidden features of AudioSet's classifier (B, 512) -> the parts of a sound's vector."""

    group_of: Tensor

    def __init__(self, num_learned: int = 164, num_groups: int = 90, width: int = 256) -> None:
        super().__init__()
        self.register_buffer("group_of", torch.zeros(num_groups, NUM_AUDIOSET))
        self.learned = nn.Sequential(
            nn.Linear(HIDDEN_SIZE, width), nn.ReLU(), nn.Linear(width, num_learned)
        )
        self.shares = nn.Sequential(nn.Linear(HIDDEN_SIZE, 64), nn.ReLU(), nn.Linear(64, 3))

    def forward(self, hidden: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden (B, 512) and AudioSet logits (B, 527) -> (B, L), (B, G) and the share without a place (B,).

        The squares of all three add up to 1.
        """
        heard, classes = self.group_of.nonzero(as_tuple=True)
        groups = logits.new_zeros(len(logits), len(self.group_of))
        heard = heard.expand(len(logits), -1)
        groups = groups.scatter_reduce(1, heard, logits.sigmoid()[:, classes], "amax")  # (B, G)
        groups = groups / (groups.sum(1, keepdim=True) + 1e-4)
        learned = normalize(self.learned(hidden), dim=1)
        shares = (self.shares(hidden).softmax(1) + 1e-6).sqrt()
        placed = shares[:, :1] * learned, shares[:, 1:2] * (groups + 1e-6).sqrt()
        return placed[0], placed[1], shares[:, 2]
