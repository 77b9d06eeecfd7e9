"""Which prior refines which network."""

from enum import StrEnum

from torch import Tensor

from sslviz.errors import OptionError
from sslviz.models.base import Encoding, Network
from sslviz.models.blocks.object_prior import saliency
from sslviz.models.blocks.slot_attention import JointSlotAttention
from sslviz.models.compact import CompactNetwork
from sslviz.models.jsa import ImageQueryPrior
from sslviz.models.refinement import OGL_ALPHA, Prior, Refined, Upsampling


class Refinement(StrEnum):
    """How a map may be refined by one that hears nothing."""

    IQR = "iqr"
    """Image-query refinement (JSA): by what the picture's own target slot claims."""
    OGL = "ogl"
    """Object-guided localization (EZ-VSL): by where the picture has objects, whatever sounds."""


class CompactObjectPrior(Prior):
    """Saliency of a compact network's image encoder, whose early part never trains on sound."""

    title = "object prior"
    alpha = OGL_ALPHA

    def __init__(self, network: CompactNetwork) -> None:
        super().__init__()
        self._encoder = [network.image_encoder]  # shared, thus no part of this module

    def forward(self, images: Tensor, encoding: Encoding) -> Tensor:
        """(B, 3, S, S) in [0, 1] -> (B, S / 16, S / 16)."""
        (encoder,) = self._encoder
        return saliency(encoder.expand(encoder.early(images * 2 - 1).stride16))


def refine(
    network: Network,
    how: Refinement,
    alpha: float | None = None,
    prior: Prior | None = None,
    size: int | None = None,
) -> Refined:
    """A network whose maps are refined; off by default everywhere, since a prior hears nothing.

    Args:
        network: Ready to run.
        how: By which map.
        alpha: Weight of the network's own map; by default the papers' (OGL 0.4, IQR 0.6).
        prior: For ``OGL`` of a network that has none of its own: ``load_object_prior(file)``.
        size: Blend at this size; by default on the network's own grid.

    Raises:
        OptionError: This network cannot be refined so.
    """
    chosen = prior if how is Refinement.OGL and prior is not None else _own_prior(network, how)
    upsampling = getattr(network, "upsampling", Upsampling("bilinear", align_corners=False))
    return Refined(network, chosen.to(network.device).eval(), alpha, upsampling, size)


def _own_prior(network: Network, how: Refinement) -> Prior:
    if how is Refinement.OGL:
        if isinstance(network, CompactNetwork):
            return CompactObjectPrior(network)
        raise OptionError(
            f"{network.method} has no object prior of its own: give torchvision's ImageNet "
            "ResNet-18 file (resnet18-f37072fd.pth)."
        )
    if not isinstance(getattr(network, "slot_attention", None), JointSlotAttention):
        raise OptionError(f"Image-query refinement needs slots; {network.method} has none.")
    return ImageQueryPrior(getattr(network, "sharpness", 1.0))
