"""The marked photos and clips beside a paired set, as benchmarks for every protocol."""

from pathlib import Path

import numpy as np

from sslviz.datasets.annotated import Annotated, Benchmark, with_files
from sslviz.datasets.boxes import Box, MarkedMoment, read_moments
from sslviz.datasets.marked import MarkedPhoto, read_marked
from sslviz.datasets.paired import Item, by_category, read_paired
from sslviz.datasets.vggsound import pixel_box
from sslviz.errors import DatasetError

_SOUNDS_PER_PHOTO = 3


def read_marked_photos(root: Path | str, split: str, seed: int = 0) -> Benchmark:
    """COCO, VOC and DAVIS photos of ``eval``, each heard with three sounds of the marked category.

    Args:
        root: Folder with ``audio.csv`` and ``eval``.
        split: Of the sounds.
        seed: Of the draw of sounds.

    Raises:
        DatasetError: There are no tables, or no such split.
    """
    root = Path(root)
    sounds = by_category(read_paired(root).of_split(split).sounds)
    photos = [p for p in read_marked(root / "eval").photos if p.category in sounds]
    rng = np.random.default_rng(seed)
    samples = [
        _heard(photo, sounds[photo.category][int(rng.integers(len(sounds[photo.category])))], index)
        for photo in photos
        for index in range(_SOUNDS_PER_PHOTO)
    ]
    return with_files("marked", ((sample, "") for sample in samples), root, split)


def _heard(photo: MarkedPhoto, sound: Item, index: int) -> Annotated:
    return Annotated(
        f"{photo.name}#{index}",
        photo.path,
        sound.path,
        () if photo.mask_path else tuple(pixel_box(list(box)) for box in photo.boxes),
        mask_path=photo.mask_path,
        mask_value=photo.mask_value,
        group=photo.group,
        category=photo.category,
        loudest=True,
    )


def read_marked_clips(root: Path | str) -> Benchmark:
    """Moments of real clips: every ``eval/av*_boxes.json`` with the folder of its name.

    Raises:
        DatasetError: There is none, or one cannot be read.
    """
    folder = Path(root) / "eval"
    listings = [p for p in sorted(folder.glob("av*_boxes.json")) if clip_folder(p).is_dir()]
    if not listings:
        raise DatasetError(f"{folder} has no av*_boxes.json with a folder of clips beside it.")
    listed = []
    for listing in listings:
        for moment in read_moments(listing):
            path = find_clip(clip_folder(listing), moment)
            reason = (
                "" if path and moment.boxes and _are_shares(moment.boxes) else "no clip or no boxes"
            )
            boxes = tuple(pixel_box(list(box)) for box in moment.boxes)
            name = f"{moment.file}@{moment.time_seconds:g}"
            place = path or folder
            listed.append(
                (
                    Annotated(
                        name,
                        place,
                        place,
                        boxes,
                        group=moment.file,
                        frame_seconds=moment.time_seconds,
                    ),
                    reason,
                )
            )
    return with_files("clips", listed, Path(root))


def clip_folder(listing: Path) -> Path:
    """``av_dev`` for ``av_dev_boxes.json``."""
    return listing.with_name(listing.name.removesuffix("_boxes.json"))


def find_clip(folder: Path, moment: MarkedMoment) -> Path | None:
    """The file of a moment: as written, by its name, or by its stem whatever the extension."""
    for path in (folder / moment.file, folder / Path(moment.file).name):
        if path.is_file():
            return path
    stem = Path(moment.file).stem
    return next((p for p in sorted(folder.glob("**/*")) if p.stem == stem), None)


def _are_shares(boxes: tuple[Box, ...]) -> bool:
    """Boxes in pixels would need the picture's size; the paired measurement reads those, too."""
    return all(value <= 1.5 for box in boxes for value in box)
