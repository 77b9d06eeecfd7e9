"""IS3, the interactive set, and what shares its file layout (AVSBench and VPO as boxes).

Senocak et al., "Aligning Sight and Sound", TPAMI 2025, arXiv 2407.13676. A JSON list of
``{image, audio, gt_box [x0, y0, x1, y1] in pixels of 224}``; the segmentation list holds
the path of a mask picture (``gt_masks``) there instead. A file
is called ``OBJECT-A_OBJECT-B_NUMBER_OBJECT``: the two entries of one picture share all but the last part.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sslviz.datasets.annotated import Annotated, Benchmark, PixelBox, find, with_files
from sslviz.errors import DatasetError

_BOXES = ("synthetic3240_bbox.json", "is3_bbox.json")
_MASKS = ("synthetic3240_seg.json", "is3_seg.json")
_SOUNDS = (".wav", ".flac", ".mp3")


def read_is3(
    root: Path | str, *, masks: bool = False, annotation: Path | str | None = None
) -> Benchmark:
    """The pairs of IS3 by boxes or by masks; samples of one picture share their ``group``.

    Args:
        root: Folder with the list; ``visual_frames`` and ``audio_wav`` beside it hold the files, or the
            paths of the list are relative to it.
        masks: Use the segmentation list.
        annotation: The list itself.

    Raises:
        DatasetError: The list is missing or of another layout.
    """
    root = Path(root)
    names = _MASKS if masks else _BOXES
    places = [folder / name for folder in (root, root / "metadata") for name in names]
    path = Path(annotation) if annotation else next((p for p in places if p.is_file()), places[0])
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        samples = [_sample(root, entry, masks) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is not IS3's annotation: a list of {{image, audio, gt_box}} is expected ({error})."
        ) from error
    listed = ((sample, "") for sample in samples)
    return with_files("is3-masks" if masks else "is3", listed, root, interactive=True)


def _sample(root: Path, entry: dict[str, Any], masks: bool) -> Annotated:
    image = Path(entry["image"])
    pair, _, category = image.stem.rpartition("_")
    sound = Path(entry["audio"])
    return Annotated(
        image.stem,
        _file(root, image, "visual_frames"),
        _sound(root, sound),
        () if masks else (_box(entry["gt_box"]),),
        mask_path=_file(root, Path(_mask_name(entry)), "gt_masks") if masks else None,
        category=category,
        group=pair or image.stem,
    )


def _mask_name(entry: dict[str, Any]) -> str:
    """The published list keeps the path of the mask under the name of the box."""
    name = entry.get("gt_mask", entry["gt_box"])
    if not isinstance(name, str):
        raise TypeError(f"{entry['image']} has no mask, only {name!r}")
    return name


def _file(root: Path, path: Path, folder: str) -> Path:
    """The path as written, under the folder by its name, or with the last parts of the path."""
    return next((p for p in _places(root, path, folder) if p.is_file()), root / folder / path.name)


def _places(root: Path, path: Path, folder: str) -> Iterator[Path]:
    yield root / path if not path.is_absolute() else path
    for count in (1, 2, 3):
        yield root / folder / Path(*path.parts[-count:])


def _sound(root: Path, path: Path) -> Path:
    found = _file(root, path, "audio_wav")
    return found if found.is_file() else find(root / "audio_wav", path.stem, _SOUNDS)


def _box(values: list[float]) -> PixelBox:
    x0, y0, x1, y1 = (int(value) for value in values)
    return x0, y0, x1, y1
