"""Where a picture has objects, whatever sounds: object-guided localization (OGL)."""

from torch import Tensor, nn

from sslviz.models.base import Encoding
from sslviz.models.blocks.resnet import ResNet18
from sslviz.models.blocks.spectrogram import Normalize
from sslviz.models.refinement import OGL_ALPHA, Prior


def saliency(features: Tensor) -> Tensor:
    """Mean absolute feature of each cell, (B, C, h, w) -> (B, h, w)."""
    return features.abs().mean(1)


class ObjectPrior(Prior):
    """Saliency of an image encoder before any training on sound (EZ-VSL, section 3.3)."""

    title = "object prior"
    alpha = OGL_ALPHA

    def __init__(
        self, encoder: nn.Module | None = None, normalize: nn.Module | None = None
    ) -> None:
        """Wrap an encoder, (B, 3, S, S) -> (B, C, h, w); by default the papers' ResNet-18."""
        super().__init__()
        self.normalize = normalize or Normalize()
        self.encoder = encoder or ResNet18(3)

    def forward(self, images: Tensor, encoding: Encoding) -> Tensor:
        """(B, 3, S, S) in [0, 1] -> (B, h, w); the network's encoding is not used."""
        return saliency(self.encoder(self.normalize(images)))
