"""Batches: equal inputs encoded once, tensors where they are needed, and what "full" looks like."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """An array as a tensor on the device; to CUDA without waiting."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def unique(arrays: list[NDArray[Any]]) -> tuple[list[int], list[int]]:
    """Where each different content first occurs, and for each array its place among those."""
    alike: dict[tuple[tuple[int, ...], bytes], list[int]] = {}
    first: list[int] = []
    places: list[int] = []
    for index, array in enumerate(arrays):
        few = array.reshape(-1)[::1009].tobytes()  # tells most apart without reading them whole
        candidates = alike.setdefault((array.shape, few), [])
        same = (p for p in candidates if np.array_equal(arrays[first[p]], array))
        place = next(same, len(first))
        if place == len(first):
            candidates.append(place)
            first.append(index)
        places.append(place)
    return first, places


def take(encoding: tuple[Tensor, ...], places: list[int]) -> tuple[Tensor, ...]:
    """Entries of an encoding by place, as often as they are wanted."""
    if places == list(range(len(encoding[0]))):
        return encoding
    index = torch.tensor(places, device=encoding[0].device)
    return tuple(part.index_select(0, index) for part in encoding)


def join(parts: Iterable[Iterable[Tensor]]) -> tuple[Tensor, ...]:
    """Encodings of parts of a batch as the encoding of the whole."""
    return tuple(torch.cat(same) for same in zip(*parts, strict=True))


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception means that the batch was too large for the device."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def first_vector(vectors: Tensor) -> NDArray[np.float32]:
    """The first of some vectors (B, C) as an array (C,)."""
    return np.asarray(vectors[0].float().cpu().numpy(), np.float32)
