"""The object prior of the papers: an ImageNet ResNet-18 that has never heard anything."""

from pathlib import Path

from sslviz.checkpoints.folder import describe_difference
from sslviz.checkpoints.foreign import load_state
from sslviz.errors import CheckpointError
from sslviz.models.base import Network
from sslviz.models.blocks.object_prior import ObjectPrior
from sslviz.models.blocks.resnet import ResNet18
from sslviz.models.refining import Refinement, refine


def load_object_prior(file: Path, allow_pickle: bool = False) -> ObjectPrior:
    """The object prior from torchvision's ResNet-18 file: see ``load_image_encoder``."""
    return ObjectPrior(load_image_encoder(file, allow_pickle)).eval().requires_grad_(False)


def load_image_encoder(file: Path, allow_pickle: bool = False) -> ResNet18:
    """A trunk from torchvision's ResNet-18 file; its classifier is left out.

    Args:
        file: ``resnet18-f37072fd.pth`` or the same as ``.safetensors``.
        allow_pickle: Take PyTorch's pickle formats, read as data, never as code.

    Raises:
        CheckpointError: It is no ResNet-18.
    """
    state = {n: t for n, t in load_state(file, allow_pickle).items() if not n.startswith("fc.")}
    stem = state.get("conv1.weight")
    encoder = ResNet18(3, 64 if stem is None else len(stem))
    if difference := describe_difference(encoder.state_dict(), state):
        raise CheckpointError(f"{file} is no ResNet-18 of torchvision's layout: {difference}.")
    encoder.load_state_dict(state)
    return encoder


def refined(
    network: Network,
    how: str,
    alpha: float | None = None,
    prior_file: Path | None = None,
    allow_pickle: bool = False,
    size: int | None = None,
) -> Network:
    """A loaded localizer with refined maps: ``iqr`` or ``ogl``; see ``models.refining.refine``.

    Args:
        network: Ready to run.
        how: ``iqr`` or ``ogl``.
        alpha: Weight of the network's own map; by default the papers'.
        prior_file: torchvision's ResNet-18, for ``ogl`` of networks without a prior of their own.
        allow_pickle: ``prior_file`` may be a PyTorch pickle.
        size: Blend at this size, as the papers' evaluations do at 224; by default on the network's own grid.

    Raises:
        OptionError: The network cannot be refined so.
        CheckpointError: ``prior_file`` is no ResNet-18.
    """
    prior = None if prior_file is None else load_object_prior(prior_file, allow_pickle)
    return refine(network, Refinement(how), alpha, prior, size)
