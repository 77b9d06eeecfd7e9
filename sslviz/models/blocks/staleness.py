"""Knowing when something computed from a weight is out of date."""

from torch import Tensor

Identity = tuple[object, ...]


def identity_of(weight: Tensor) -> Identity:
    """Changes when a weight is moved, cast or overwritten (inference tensors cannot be overwritten unseen)."""
    version = 0 if weight.is_inference() else weight._version
    return weight.dtype, weight.device, weight.data_ptr(), version
