"""ACL's objective: three losses over every pair of picture and sound in a batch.

S. Park, A. Senocak, J. S. Chung, "Can CLIP Help Sound Source Localization?", WACV 2024, arXiv:2311.04066, section 3.3.
Only the projector and the masker's two numbers learn; CLIP, CLIPSeg and BEATs are frozen.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

from sslviz.errors import OptionError
from sslviz.models.acl import ACL
from sslviz.models.acl_clip import CLIP_MEAN
from sslviz.models.blocks.masks import feature_mask, pool_features
from sslviz.training import acl_losses
from sslviz.training.objectives import Batch, Losses, Objective


@dataclass(frozen=True, slots=True)
class ACLOptions:
    """The authors' released values."""

    tau: float = 0.07
    positive_area: float = 0.4
    """Share of the picture that its own sound should cover."""
    weight_image: float = 1.0
    weight_feature: float = 1.0
    weight_area: float = 1.0

    def __post_init__(self) -> None:
        if self.tau <= 0:
            raise OptionError(f"tau is {self.tau}, it must be positive.")
        if not 0 < self.positive_area < 1:
            raise OptionError(f"positive_area is {self.positive_area}, allowed is between 0 and 1.")


class Pairs(NamedTuple):
    """What the losses of a batch are made of."""

    sounds: Tensor
    """(B, C): what the decoder is asked for."""
    reduced: Tensor
    """(B, 3, T, R): pictures as the decoder sees them; no gradient."""
    dense: Tensor
    """(B, C, h, w): cells in the space of text; no gradient."""
    logits: Tensor
    """(B, B, S, S): of picture i by sound j."""


class ACLObjective(Objective):
    """Image-level and feature-level contrast, and the area of masks."""

    network: ACL

    def __init__(self, network: ACL, options: ACLOptions = ACLOptions()) -> None:
        super().__init__()
        if not network.clip.last_layers:
            raise OptionError(
                "Training ACL needs CLIP's last layers; use a checkpoint that was not trimmed of them."
            )
        self.network, self.options = network, options
        network.clip.requires_grad_(False)
        network.audio_encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As of ``nn.Module``, but the frozen encoders stay in evaluation mode: no dropout, no layer drop."""
        super().train(mode)
        self.network.clip.eval()
        self.network.audio_encoder.eval()
        return self

    def forward(self, batch: Batch) -> Losses:
        """Losses of a batch; categories are not used."""
        return self.of_pairs(batch, self.pairs(batch))

    def pairs(self, batch: Batch) -> Pairs:
        """Encode pictures and sounds once, and decode every pair of them."""
        sounds = self.network.encode_sounds(batch.waveforms)[0]
        with torch.no_grad():
            reduced, dense, _ = self.network.encode_images(batch.images)
        size = len(sounds)
        logits = self.network.clip.decode(
            reduced.repeat_interleave(size, dim=0), sounds.repeat(size, 1)
        )
        return Pairs(sounds, reduced, dense, logits.unflatten(0, (size, size)))  # type: ignore[no-untyped-call]

    def of_pairs(self, batch: Batch, pairs: Pairs) -> Losses:
        """The paper's three losses and their weighted sum."""
        o = self.options
        masks = self.network.masker(pairs.logits)  # (B, B, S, S), hard
        own = masks.diagonal().permute(2, 0, 1)  # (B, S, S)
        pictures = self.masked_pictures(batch.images, own)
        found = pool_features(pairs.dense, feature_mask(pairs.logits))
        named = {
            "image": acl_losses.image_level(pictures, pairs.sounds, o.tau),
            "feature": acl_losses.feature_level(found, pairs.sounds, o.tau),
            "area": acl_losses.area(masks, o.positive_area),
        }
        total = (
            o.weight_image * named["image"]
            + o.weight_feature * named["feature"]
            + o.weight_area * named["area"]
        )
        return {**named, "total": total}

    def masked_pictures(self, images: Tensor, masks: Tensor) -> Tensor:
        """CLIP's vectors (B, C) of pictures whose masked-out pixels have CLIP's mean colour."""
        mean = images.new_tensor(CLIP_MEAN).view(1, 3, 1, 1)
        masked = mean + (images - mean) * masks.unsqueeze(1)
        vector = self.network.clip.encode_images(masked, whole=True).vector
        assert vector is not None
        return vector
