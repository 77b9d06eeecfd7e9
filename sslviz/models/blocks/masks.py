"""ACL's two ways to turn decoder logits into masks (WACV 2024, arXiv:2311.04066, section 3.3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def logistic_noise(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Difference of two Gumbel draws, shaped like ``like``: log(u) - log(1 - u)."""
    smallest = torch.finfo(torch.float32).eps
    u = torch.rand(like.shape, generator=generator, device=like.device)
    u = u.clamp(smallest, 1 - smallest)
    return (torch.log(u) - torch.log1p(-u)).to(like.dtype)


class ImageMasker(nn.Module):
    """Probability of each pixel from its logit, with two learned scalars."""

    def __init__(self, scale: float = 10.0, shift: float = 14.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float(scale)))
        self.shift = nn.Parameter(torch.tensor(float(shift)))

    def heat(self, logits: Tensor) -> Tensor:
        """What is shown and measured: sigmoid(logit + shift / scale), in [0, 1]; nothing is stretched."""
        return torch.sigmoid(logits.float() + self.shift.float() / self.scale.float())

    def forward(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Training only: a hard 0/1 sample of sigmoid(scale * logit + shift), with the soft sample's gradient."""
        logits = self.scale.float() * logits.float() + self.shift.float()
        soft = torch.sigmoid(logits + logistic_noise(logits, generator))
        return (soft > 0.5).float() + soft - soft.detach()


def feature_mask(logits: Tensor, threshold: float = 0.5, temperature: float = 0.07) -> Tensor:
    """Soft mask from each map's own range: (..., H, W) -> (..., H, W) in (0, 1)."""
    logits = logits.float()
    low = logits.amin(dim=(-2, -1), keepdim=True)
    high = logits.amax(dim=(-2, -1), keepdim=True)
    return torch.sigmoid(((logits - low) / (high - low + 1e-7) - threshold) / temperature)


def pool_features(features: Tensor, masks: Tensor) -> Tensor:
    """Features summed under each mask: (B, C, h, w), (B, N, H, W) -> (B, N, C); the mask is read at nearest pixels.

    Divided by the sum of all masks, as the reference does; only the direction of the result matters.
    """
    small = functional.interpolate(masks.float(), features.shape[-2:], mode="nearest")
    with torch.autocast(features.device.type, enabled=False):
        pooled = torch.einsum("bchw,bnhw->bnc", features.float(), small)
    return pooled / (small.sum() + 1e-7)
