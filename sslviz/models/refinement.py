"""Refining a map by one that hears nothing: object-guided localization and image-query refinement.

Both are in the papers' tables and both can light up silent objects, so they are options that a
picture has to name. A refined map compares within its picture only.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import interpolate

from sslviz.errors import OptionError
from sslviz.models.base import Encoding, Network, Scores
from sslviz.types import ScoreScale

OGL_ALPHA = 0.4
"""Weight of the sound's own map in object-guided localization (EZ-VSL's test script)."""
IQR_ALPHA = 0.6
"""Weight of the sound's own map in image-query refinement. The paper is said to use 0.6, the
authors' released scripts use 0.4; which one was used belongs beside every figure."""


@dataclass(frozen=True, slots=True)
class Upsampling:
    """How a method's evaluation brings its cells to the size of the picture."""

    mode: Literal["bilinear", "bicubic"]
    align_corners: bool

    def __call__(self, maps: Tensor, size: int) -> Tensor:
        """(B, h, w) -> (B, size, size)."""
        return interpolate(
            maps[:, None], (size, size), mode=self.mode, align_corners=self.align_corners
        )[:, 0]


def min_max(maps: Tensor) -> Tensor:
    """Each map (B, h, w) stretched to [0, 1]; a constant one stays as it is."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    spread = high - low
    return ((maps - low) / spread.where(spread > 0, 1)).where(spread > 0, maps)


def blend(maps: Tensor, prior: Tensor, alpha: float) -> Tensor:
    """N(alpha N(maps) + (1 - alpha) N(prior)), where N is ``min_max``; (B, h, w) each."""
    return min_max(alpha * min_max(maps) + (1 - alpha) * min_max(prior))


class Prior(nn.Module, ABC):
    """A map of a picture that does not depend on the sound."""

    title: str
    """What a picture that was made with it says."""
    alpha: float
    """Default weight of the sound's own map beside this one."""

    @abstractmethod
    def forward(self, images: Tensor, encoding: Encoding) -> Tensor:
        """Pictures (B, 3, S, S) in [0, 1] and the network's encoding of them -> (B, h, w)."""


class Refined(Network):
    """A network whose maps are blended with a prior; its ``identity`` tells with which and how."""

    scale = ScoreScale.ATTENTION

    def __init__(
        self,
        network: Network,
        prior: Prior,
        alpha: float | None = None,
        upsampling: Upsampling | None = None,
        size: int | None = None,
    ) -> None:
        """Wrap a network.

        Args:
            network: Scores the cells.
            prior: Hears nothing.
            alpha: Weight of the network's map, in [0, 1]; by default the prior's.
            upsampling: Where maps of different or other size have to fit; needed with ``size``.
            size: Blend at this size, as the papers' evaluation does at 224; by default on the
                network's own grid.

        Raises:
            OptionError: ``alpha`` is out of range.
        """
        super().__init__()
        self.network, self.prior, self.size = network, prior, size
        self.alpha = prior.alpha if alpha is None else alpha
        if not 0 <= self.alpha <= 1:
            raise OptionError(f"alpha is {self.alpha}, allowed is 0 to 1.")
        self.upsampling = upsampling or Upsampling("bilinear", align_corners=False)
        self.method, self.spec, self.resize = network.method, network.spec, network.resize
        self.autocast_dtype = network.autocast_dtype
        told = f"{network.identity.checkpoint} with {prior.title} (alpha {self.alpha:g})"
        self.identity = replace(network.identity, checkpoint=told)
        self.train(network.training)

    def encode_images(self, images: Tensor) -> Encoding:
        """The network's encoding, and the prior as its last tensor."""
        encoding = self.network.encode_images(images)
        return (*encoding, self.prior(images, encoding))

    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        """The network's encoding."""
        return self.network.encode_sounds(waveforms)

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """Blended maps that sum to 1; the confidence is the network's, which hears the sound."""
        *encoding, prior = images
        scores = self.network.score(tuple(encoding), sounds)
        size = self.size or scores.cells.shape[-1]
        blended = blend(self._fit(scores.cells, size), self._fit(prior, size), self.alpha)
        total = blended.sum((1, 2), keepdim=True)
        flat = 1 / (size * size)
        return Scores((blended / total).where(total > 0, flat), scores.confidence)

    def _fit(self, maps: Tensor, size: int) -> Tensor:
        return maps if maps.shape[-1] == size else self.upsampling(maps, size)
