"""Photos in which people marked objects: COCO, Pascal VOC and DAVIS as found in ``eval/``.

One ``MarkedPhoto`` is one photo and one category in it. A mask is used where the data set has one, else
the union of the boxes. A part that is missing is skipped and said so.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.boxes import Box, boxes_to_mask, to_square
from sslviz.datasets.categories import COCO_CATEGORIES, COCO_CLASSES, canonical
from sslviz.errors import DatasetError

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_COCO_IDS = {canonical(name): number for number, name in COCO_CATEGORIES.items()}


ReadsImages = Callable[[Path], NDArray[np.uint8]]
"""Reads a picture file as (H, W, 3)."""


@dataclass(frozen=True, slots=True)
class MarkedPhoto:
    """One photo, one category, and where it is."""

    name: str
    path: Path
    category: str
    """Canonical spelling."""
    group: str
    """Frames of one video share it: they are not independent."""
    dataset: str
    boxes: tuple[Box, ...] = ()
    """Normalised x0, y0, x1, y1; used where there is no mask."""
    mask_path: Path | None = None
    mask_value: int | None = None
    """Pixels of this value are the object; ``None``: every pixel that is not 0."""

    def mask(self, size: int, read_image: ReadsImages) -> NDArray[np.bool_]:
        """Ground truth, (size, size): boxes filled, a mask picture resized to the nearest pixel."""
        if self.mask_path is None:
            return boxes_to_mask(self.boxes, size) > 0
        values = read_image(self.mask_path)[:, :, 0]
        marked = values != 0 if self.mask_value is None else values == self.mask_value
        return np.asarray(to_square(marked, size), np.bool_)


@dataclass(frozen=True, slots=True)
class MarkedSet:
    """Everything found, and what was not."""

    photos: tuple[MarkedPhoto, ...]
    notes: tuple[str, ...]
    """What is missing or unreadable, one sentence each."""


def read_marked(root: Path | str) -> MarkedSet:
    """Read ``coco``, ``voc`` and ``davis`` (+ ``davis.csv``) under a folder."""
    root, notes = Path(root), list[str]()
    photos: list[MarkedPhoto] = []
    for name, reader in (("coco", _read_coco), ("voc", _read_voc), ("davis", _read_davis)):
        if not (root / name).is_dir():
            notes.append(f"{root / name} is not there: skipped.")
            continue
        photos += reader(root / name, notes)
    return MarkedSet(tuple(photos), tuple(notes))


def _pictures(folder: Path, pattern: str = "*") -> dict[str, Path]:
    return {p.stem: p for p in sorted(folder.glob(pattern)) if p.suffix.lower() in PICTURES}


def _read_coco(root: Path, notes: list[str]) -> list[MarkedPhoto]:
    masks, labels = _pictures(root / "masks"), {p.stem: p for p in root.glob("labels/*.txt")}
    found = []
    for stem, path in _pictures(root / "images").items():
        boxes: dict[str, list[Box]] = {}
        try:
            if stem in labels:
                boxes = _read_label(labels[stem])
        except (ValueError, IndexError) as error:
            notes.append(f"{labels[stem]} cannot be read ({error}): skipped.")
        for category, where in boxes.items():
            # The label file says what is in the picture; the mask, where there is one, says where.
            mask_value = _COCO_IDS[category] if stem in masks else None
            found.append(
                MarkedPhoto(
                    f"coco/{stem}/{category}",
                    path,
                    category,
                    f"coco/{stem}",
                    "coco",
                    tuple(where),
                    masks.get(stem),
                    mask_value,
                )
            )
    return found


def _read_label(path: Path) -> dict[str, list[Box]]:
    boxes: dict[str, list[Box]] = {}
    for line in path.read_text().splitlines():
        if not line.strip():
            continue
        number, x, y, width, height = line.split()[:5]
        left, top = float(x) - float(width) / 2, float(y) - float(height) / 2
        box = (left, top, left + float(width), top + float(height))
        boxes.setdefault(canonical(COCO_CLASSES[int(float(number))]), []).append(box)
    return boxes


def _read_voc(root: Path, notes: list[str]) -> list[MarkedPhoto]:
    pictures, found = _pictures(root, "**/*"), []
    for xml in sorted(root.glob("**/*.xml")):
        try:
            boxes = read_voc_boxes(xml)
        except DatasetError as error:
            notes.append(f"{error} Skipped.")
            continue
        if xml.stem not in pictures:
            notes.append(f"{xml} has no picture of its name: skipped.")
            continue
        for category, where in boxes.items():
            stem = f"voc/{xml.stem}"
            found.append(
                MarkedPhoto(
                    f"{stem}/{category}", pictures[xml.stem], category, stem, "voc", tuple(where)
                )
            )
    return found


def read_voc_boxes(path: Path) -> dict[str, list[Box]]:
    """Boxes of a Pascal VOC file by category, normalised by the size it states.

    Raises:
        DatasetError: The file is no VOC annotation.
    """
    try:
        tree = ElementTree.parse(path).getroot()
        width, height = (float(tree.findtext(f"size/{side}") or "") for side in ("width", "height"))
        boxes: dict[str, list[Box]] = {}
        for node in tree.iter("object"):
            edges = [
                float(node.findtext(f"bndbox/{e}") or "") for e in ("xmin", "ymin", "xmax", "ymax")
            ]
            box = (edges[0] / width, edges[1] / height, edges[2] / width, edges[3] / height)
            boxes.setdefault(canonical(node.findtext("name") or ""), []).append(box)
    except (ElementTree.ParseError, ValueError, ZeroDivisionError) as error:
        raise DatasetError(f"{path} is no Pascal VOC annotation ({error}).") from error
    return boxes


def _read_davis(root: Path, notes: list[str]) -> list[MarkedPhoto]:
    tables = [p for p in (root.parent / "davis.csv", root / "davis.csv") if p.is_file()]
    if not tables:
        notes.append(f"{root} has no davis.csv that names the classes: skipped.")
        return []
    pictures = {
        p.stem: p for p in sorted(root.glob("**/*")) if p.suffix.lower() in (".jpg", ".jpeg")
    }
    masks, found = {p.stem: p for p in sorted(root.glob("**/*.png"))}, []
    with tables[0].open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            frame, category = row.get("frame") or "", canonical(row.get("class") or "")
            if frame not in pictures or frame not in masks:
                notes.append(f"{root / frame}: frame or mask is not there: skipped.")
                continue
            group = f"davis/{row.get('sequence') or frame}"
            found.append(
                MarkedPhoto(
                    f"davis/{frame}",
                    pictures[frame],
                    category,
                    group,
                    "davis",
                    mask_path=masks[frame],
                )
            )
    return found
