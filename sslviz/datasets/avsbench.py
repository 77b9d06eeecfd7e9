"""AVSBench: five frames of each five-second clip with masks of what sounds.

Zhou et al., "Audio-Visual Segmentation", ECCV 2022, arXiv 2207.05042. One folder per subset, as published:
``s4_data`` with ``visual_frames/SPLIT/CATEGORY/ID/ID_1.png``, ``audio_wav/SPLIT/CATEGORY/ID.wav`` and
``gt_masks/...`` like the frames; ``ms3_data`` with ``visual_frames/ID/ID.mp4_1.png``,
``audio_wav/SPLIT/ID.wav`` and ``gt_masks/SPLIT/ID/ID_1.png``; lists ``s4_meta_data.csv`` and
``ms3_meta_data.csv``.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from sslviz.datasets.annotated import Annotated, Benchmark, find, with_files
from sslviz.errors import DatasetError

_FRAMES = 5
_SOUNDS = (".wav", ".flac", ".mp3")


def read_avsbench(root: Path | str, subset: str, split: str = "test") -> Benchmark:
    """Frames of one subset, each heard with the sound of its second.

    Frame i (from 1) is taken near the end of second i of its clip (15/16 of it in the benchmark's own
    preparation), and belongs to the sound of that whole second: excerpts are centred at i - 0.5 s.

    Args:
        root: The folder that holds ``s4_data`` or ``ms3_data``, or one of these itself.
        subset: ``s4`` (one source, the category is known) or ``ms3`` (several sources).
        split: ``train``, ``val`` or ``test``.

    Raises:
        DatasetError: The list is missing, or has no such split.
    """
    root = Path(root)
    folder = root / f"{subset}_data" if (root / f"{subset}_data").is_dir() else root
    places = [f / f"{subset}_meta_data.csv" for f in (folder, root, root / subset)]
    listing = next((path for path in places if path.is_file()), None)
    if listing is None:
        raise DatasetError(f"{subset}_meta_data.csv is not in {folder}.")
    rows = [row for row in _rows(listing) if row["split"] == split]
    if not rows:
        raise DatasetError(
            f"{listing} has no clip of split {split!r}; test, val and train are usual."
        )
    describe = _single if subset == "s4" else _several
    samples = (sample for row in rows for sample in describe(folder, row, split))
    return with_files(f"avsbench-{subset}", ((sample, "") for sample in samples), root, split)


def _rows(listing: Path) -> list[dict[str, str]]:
    with listing.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if "split" not in (reader.fieldnames or ()):
            raise DatasetError(f"{listing} has no column split; it has {reader.fieldnames}.")
        first = (reader.fieldnames or ("",))[0]
        return [{**row, "id": row[first]} for row in reader]


def _single(folder: Path, row: dict[str, str], split: str) -> Iterator[Annotated]:
    name, category = row["id"], row["category"]
    sound = find(folder / "audio_wav" / split / category, name, _SOUNDS)
    for index in range(1, _FRAMES + 1):
        frame = Path(split) / category / name / f"{name}_{index}.png"
        yield Annotated(
            f"{name}_{index}",
            folder / "visual_frames" / frame,
            sound,
            mask_path=folder / "gt_masks" / frame,
            category=category,
            group=name,
            frame_seconds=index - 0.5,
        )


def _several(folder: Path, row: dict[str, str], split: str) -> Iterator[Annotated]:
    name = row["id"]
    sound = find(folder / "audio_wav" / split, name, _SOUNDS)
    for index in range(1, _FRAMES + 1):
        yield Annotated(
            f"{name}_{index}",
            folder / "visual_frames" / name / f"{name}.mp4_{index}.png",
            sound,
            mask_path=folder / "gt_masks" / split / name / f"{name}_{index}.png",
            group=name,
            frame_seconds=index - 0.5,
        )
