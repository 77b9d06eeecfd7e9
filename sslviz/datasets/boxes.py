"""Boxes: how they become masks, and annotation files of a user's own clips."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import DatasetError

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1."""
_NAMES = {
    "file": ("file", "path", "video", "clip", "filename", "name"),
    "t": ("t", "time", "time_seconds", "at_seconds", "seconds", "pts_seconds", "t_seconds"),
    "boxes": ("boxes", "bbox", "bboxes", "box"),
    "label": ("label", "class", "category", "sound"),
}
_LARGEST = 1e9
"""Beyond every time in seconds and every place in pixels."""
_LISTS = ("clips", "items", "annotations", "frames", "samples")


@dataclass(frozen=True, slots=True)
class MarkedMoment:
    """Boxes around what sounds at one time of one clip."""

    file: str
    """As written; empty where the file names no clip."""
    time_seconds: float
    boxes: tuple[Box, ...]
    """x0, y0, x1, y1: shares of the picture, or pixels where a value is beyond 1.5."""
    label: str = ""

    def mask(self, size: int, width: int, height: int) -> NDArray[np.float32]:
        """Union of the boxes, (size, size); pixels are brought to shares by the picture's size."""
        boxes = self.boxes
        if any(value > 1.5 for box in boxes for value in box):
            scale = (width, height, width, height)
            boxes = tuple(_box([v / s for v, s in zip(box, scale, strict=True)]) for box in boxes)
        return boxes_to_mask(boxes, size)


def boxes_to_mask(boxes: Iterable[Sequence[float]], size: int) -> NDArray[np.float32]:
    """Union of normalised boxes by VGG-SS's rule, float32 (size, size).

    Coordinates are clipped to [0, 1], scaled and truncated to whole pixels; the last row and column of a
    box stay outside (``jsa`` and ``ezvsl`` evaluators alike).
    """
    mask = np.zeros((size, size), np.float32)
    for box in boxes:
        x0, y0, x1, y1 = (np.clip(np.asarray(box, float), 0, 1) * size).astype(int)
        mask[y0:y1, x0:x1] = 1
    return mask


def to_square(values: NDArray[Any], size: int) -> NDArray[Any]:
    """The nearest pixels of (H, W) on a (size, size) grid."""
    rows, columns = (
        (np.arange(size) * length + length // 2) // size for length in values.shape[:2]
    )
    return np.asarray(values[np.ix_(rows, columns)])


def read_moments(path: Path | str) -> tuple[MarkedMoment, ...]:
    """Read an annotation file of clips.

    A JSON list of ``{"file", "t", "boxes": [[x0, y0, x1, y1], ...], "label"}`` is the plain form. Also
    accepted: one such object, a mapping from file name to one or a list of them, a list under ``clips``,
    ``items``, ``annotations``, ``frames`` or ``samples``, also nested per clip, and ``bbox`` or ``time`` for
    ``boxes`` and ``t``.

    Raises:
        DatasetError: Not JSON, or an entry has no boxes.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        moments = tuple(_walk(content, {}, Path(path)))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path} cannot be read as JSON ({error}).") from error
    if not moments:
        raise DatasetError(f"{path} holds no boxes; a list of {{file, t, boxes}} is expected.")
    return moments


def _walk(node: Any, inherited: Mapping[str, Any], path: Path) -> Iterable[MarkedMoment]:
    if isinstance(node, list):
        for entry in node:
            yield from _walk(entry, inherited, path)
        return
    if not isinstance(node, dict):
        raise DatasetError(f"{path} holds {node!r} where an object with boxes is expected.")
    known = dict(inherited) | {
        key: node[name] for key, names in _NAMES.items() for name in reversed(names) if name in node
    }
    if "boxes" in node or any(name in node for name in _NAMES["boxes"]):
        yield _moment(known, path)
        return
    for key, child in node.items():
        if key in _LISTS:
            yield from _walk(child, known, path)
        elif isinstance(child, list | dict):
            yield from _walk(_bare_boxes(child), known | {"file": key}, path)


def _bare_boxes(node: Any) -> Any:
    numbers = node[0] if isinstance(node, list) and node else None
    flat = isinstance(numbers, int | float)
    nested = isinstance(numbers, list) and len(numbers) == 4
    return {"boxes": node} if flat or nested else node


def _moment(known: Mapping[str, Any], path: Path) -> MarkedMoment:
    boxes = known["boxes"]
    try:
        if boxes and (isinstance(boxes, dict) or not isinstance(boxes[0], list | dict)):
            boxes = [boxes]
        return MarkedMoment(
            str(known.get("file", "")),
            _finite(known.get("t", 0.0)),
            tuple(_box(box) for box in boxes),
            str(known.get("label", "")),
        )
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise DatasetError(
            f"{path}: the entry for {known.get('file', 'a clip')!r} has boxes {boxes!r} "
            f"(x0, y0, x1, y1 are expected: {error})."
        ) from error


def _box(values: Any) -> Box:
    if isinstance(values, dict):
        values = [values[key] for key in ("x0", "y0", "x1", "y1")]
    x0, y0, x1, y1 = (_finite(value) for value in values)
    return x0, y0, x1, y1


def _finite(value: Any) -> float:
    number = float(value)
    if not abs(number) < _LARGEST:
        raise ValueError(f"{number} is no time or place")
    return number
