"""VGG-SS in the layout of its evaluators: ``frames/ID.jpg``, ``audio/ID.wav``, ``vggss.json``.

Chen et al., "Localizing Visual Sounds the Hard Way", CVPR 2021, arXiv 2104.02691. An ``ID`` is the
eleven-letter video id, an underscore and the six-digit start second. The heard and unheard sets of the
open-set protocol are lists of such ids (``vggss_heard_test.csv``, ``vggss_unheard_test.csv``).
"""

import csv
import json
from pathlib import Path

import numpy as np

from sslviz.datasets.annotated import SIZE, Annotated, Benchmark, PixelBox, find, with_files
from sslviz.errors import DatasetError

IMAGES, SOUNDS = (".jpg", ".jpeg", ".png"), (".wav", ".flac", ".ogg", ".mp3", ".mp4")


def read_vggss(root: Path | str, annotation: Path | str | None = None) -> Benchmark:
    """The 5,158 items of VGG-SS, as far as their files are there.

    Args:
        root: Folder with ``frames`` and ``audio``; frames may also be ``frames/ID/image_050.jpg``, and an id may
            be spelled ``ID_32000_42000``.
        annotation: ``vggss.json``; ``None``: in ``root`` or ``root/metadata``.

    Raises:
        DatasetError: The annotation is missing or of another layout.
    """
    root = Path(root)
    return with_files("vggss", ((sample, "") for sample in _annotated(root, annotation)), root)


def read_vggss_subset(
    root: Path | str, which: str, annotation: Path | str | None = None
) -> Benchmark:
    """The heard (110 classes of training) or unheard (110 others) part.

    Args:
        root: As for ``read_vggss``; the list is in it or in its ``metadata``.
        which: ``heard`` or ``unheard``.
        annotation: As for ``read_vggss``.

    Raises:
        DatasetError: A list is missing.
    """
    root = Path(root)
    wanted = set(read_ids(locate(root, f"vggss_{which}_test")))
    samples = [sample for sample in _annotated(root, annotation) if sample.name in wanted]
    unknown = sorted(wanted - {sample.name for sample in samples})
    listed = [(sample, "") for sample in samples]
    listed += [(Annotated(name, root, root), "no boxes in vggss.json") for name in unknown]
    return with_files(f"vggss-{which}", listed, root)


def _annotated(root: Path, annotation: Path | str | None) -> list[Annotated]:
    path = Path(annotation) if annotation else locate(root, "vggss", (".json",))
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [_sample(root, entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is not VGG-SS's annotation: a list of {{file, class, bbox}} is expected ({error})."
        ) from error


def _sample(root: Path, entry: dict[str, object]) -> Annotated:
    name, boxes = str(entry["file"]), entry["bbox"]
    if not isinstance(boxes, list):
        raise TypeError(f"bbox of {name} is {boxes!r}")
    return Annotated(
        name,
        frame_path(root / "frames", name),
        sound_path(root / "audio", name),
        tuple(pixel_box(box) for box in boxes),
        category=str(entry["class"]),
    )


def pixel_box(box: list[float]) -> PixelBox:
    """Normalised corners to pixels by the rule of all evaluators: clip, times 224, truncate."""
    x0, y0, x1, y1 = (int(v) for v in (np.clip(np.asarray(box, float), 0, 1) * SIZE).astype(int))
    return x0, y0, x1, y1


def frame_path(folder: Path, name: str) -> Path:
    """``ID.jpg``, or the middle one of the extracted frames in a folder called ``ID``."""
    for spelling in spellings(name):
        frames = sorted((folder / spelling).glob("*.jpg"))
        if frames:
            middle = folder / spelling / "image_050.jpg"
            return middle if middle in frames else frames[len(frames) // 2]
        if (found := find(folder, spelling, IMAGES)).is_file():
            return found
    return folder / f"{name}{IMAGES[0]}"


def sound_path(folder: Path, name: str) -> Path:
    """``ID.wav`` or another extension, under either spelling of the id."""
    found = [find(folder, spelling, SOUNDS) for spelling in spellings(name)]
    return next((path for path in found if path.is_file()), found[0])


def spellings(name: str) -> tuple[str, ...]:
    """``ID_000032`` and, as other evaluators call it, ``ID_32000_42000`` (milliseconds)."""
    video, _, start = name[:11], name[11:12], name[12:]
    if not start.isdigit():
        return (name,)
    return name, f"{video}_{int(start) * 1000}_{(int(start) + 10) * 1000}"


def locate(root: Path, stem: str, suffixes: tuple[str, ...] = (".csv", ".txt", ".json")) -> Path:
    """A list or annotation in a folder or in its ``metadata``.

    Raises:
        DatasetError: It is in neither.
    """
    for folder in (root, root / "metadata"):
        for suffix in suffixes:
            if (folder / f"{stem}{suffix}").is_file():
                return folder / f"{stem}{suffix}"
    names = " or ".join(f"{stem}{suffix}" for suffix in suffixes)
    raise DatasetError(f"{names} is neither in {root} nor in {root / 'metadata'}.")


def read_ids(path: Path) -> list[str]:
    """First column of a csv, lines of a text file, or a JSON list."""
    if path.suffix == ".json":
        return [str(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [row[0].strip() for row in csv.reader(file) if row and row[0].strip()]
