"""What was encoded lately: neighbouring windows of a video show and play nearly the same."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Encoding = tuple[Tensor, ...]
THUMBNAIL, PATCHES = 88, 22


class Signature(NamedTuple):
    """By what an input is known again."""

    digest: bytes
    """Of its content and of what the encoder's weights were."""
    thumbnail: NDArray[np.int16] | None = None
    """(88, 88, 3) for pictures that may be taken for one another."""

    def fits(self, other: "Signature", tolerance: float) -> bool:
        """Same content, or no patch of the picture differs by more than ``tolerance`` grey levels."""
        if self.digest == other.digest:
            return True
        if tolerance <= 0 or self.thumbnail is None or other.thumbnail is None:
            return False
        return patch_difference(self.thumbnail, other.thumbnail) <= tolerance


def patch_difference(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    """Mean absolute difference in the patch of 16 x 16 input pixels that differs most, in grey levels of 255."""
    cells = np.abs(one - other).mean(axis=2).reshape(PATCHES, THUMBNAIL // PATCHES, PATCHES, -1)
    return float(cells.mean(axis=(1, 3)).max())


def picture_signature(image: NDArray[np.uint8], with_thumbnail: bool) -> Signature:
    """Signature of RGB (H, W, 3)."""
    image = np.ascontiguousarray(image)
    hashed = hashlib.blake2b(str(image.shape).encode(), digest_size=16)
    hashed.update(image.data)
    if not with_thumbnail:
        return Signature(hashed.digest())
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return Signature(hashed.digest(), small.astype(np.int16))


def sound_signature(samples: NDArray[np.float32], version: str) -> Signature:
    """Signature of samples (n,) under weights of this version."""
    digest = hashlib.blake2b(version.encode(), digest_size=16)
    digest.update(np.ascontiguousarray(samples).data)
    return Signature(digest.digest())


class Memo:
    """The last few encodings, by signature; a pure shortcut while the tolerance is 0.

    A picture is compared with pictures that were encoded, never with one that was itself taken
    for another, so that small changes cannot add up unseen.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[bytes, tuple[Signature, Encoding]] = OrderedDict()
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def remember(
        self,
        signatures: Sequence[Signature],
        encode: Callable[[list[int]], Encoding],
        tolerance: float = 0.0,
    ) -> Encoding:
        """Encodings of all inputs, batched; ``encode`` is asked only for indices that nothing fits."""
        found = [self._match(s, tolerance) for s in signatures]
        leaders: list[int] = []
        leader_of: dict[int, int] = {}
        for index, signature in enumerate(signatures):
            if found[index] is None:
                near = (i for i in leaders if signature.fits(signatures[i], tolerance))
                leader_of[index] = next(near, index)
                if leader_of[index] == index:
                    leaders.append(index)
        fresh = self._encode(signatures, leaders, encode)
        rows = [fresh[leader_of[i]] if row is None else row for i, row in enumerate(found)]
        return tuple(torch.cat(parts) for parts in zip(*rows, strict=True))

    def _encode(
        self,
        signatures: Sequence[Signature],
        leaders: list[int],
        encode: Callable[[list[int]], Encoding],
    ) -> dict[int, Encoding]:
        if not leaders:
            return {}
        batch = encode(leaders)
        rows = {
            index: tuple(part[row : row + 1] for part in batch) for row, index in enumerate(leaders)
        }
        with self._lock:
            for index, row in rows.items():
                self._entries[signatures[index].digest] = signatures[index], row
                self._entries.move_to_end(signatures[index].digest)
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)
        return rows

    def _match(self, signature: Signature, tolerance: float) -> Encoding | None:
        with self._lock:
            entry = self._entries.get(signature.digest)
            if entry is not None:
                return entry[1]
            near = (e for s, e in reversed(self._entries.values()) if signature.fits(s, tolerance))
            return next(near, None)
