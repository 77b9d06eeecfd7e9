"""The extended sets of SLAVC: the pairs of a test set, and as many in which nothing seen makes the sound.

Mo and Morgado, "A Closer Look at Weakly-Supervised Audio-Visual Source Localization", NeurIPS 2022,
arXiv 2209.09634. ``vggss_test_plus_silent.csv`` and ``flickr_test_plus_silent.csv`` have three columns:
id of the picture, id of the sound, label; rows labelled ``non-sounding`` are the negatives.
"""

import csv
from dataclasses import replace
from pathlib import Path

from sslviz.datasets.annotated import Annotated, Benchmark, with_files
from sslviz.datasets.flickr import read_flickr
from sslviz.datasets.vggsound import frame_path, locate, read_vggss, sound_path

NEGATIVE = "non-sounding"


def read_extended(root: Path | str, base: str) -> Benchmark:
    """Positives and negatives of one extended set.

    Args:
        root: As for the base set, with the list in it or in its ``metadata``.
        base: ``vggss`` or ``flickr``.

    Raises:
        DatasetError: The list is missing, or the base set cannot be read.
    """
    root = Path(root)
    positives = read_vggss(root) if base == "vggss" else read_flickr(root)
    listing = locate(root, f"{base}_test_plus_silent", (".csv",))
    negatives = with_files(
        "negatives", ((sample, "") for sample in _negatives(root, listing)), root
    )
    return replace(
        positives,
        name=f"{base}-extended",
        samples=(*positives.samples, *negatives.samples),
        missing=(*positives.missing, *negatives.missing),
    )


def _negatives(root: Path, listing: Path) -> list[Annotated]:
    with listing.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if len(row) > 2 and row[2].strip() == NEGATIVE]
    return [
        Annotated(
            f"{image}+{sound}",
            frame_path(root / "frames", image),
            sound_path(root / "audio", sound),
            sounding=False,
        )
        for image, sound, *_ in rows
    ]
