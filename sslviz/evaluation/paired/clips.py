"""Real clips with boxes at one time: the only part where picture and sound belong together."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.boxes import MarkedMoment, read_moments
from sslviz.datasets.own import clip_folder, find_clip
from sslviz.errors import DatasetError, MediaError
from sslviz.evaluation.figures import Figure, Tally
from sslviz.evaluation.metrics import Floats, adaptive_mask, iou, min_max, pointing
from sslviz.evaluation.paired.bench import Bench
from sslviz.evaluation.priors import centre_prior
from sslviz.evaluation.protocols import SIZE, upsample
from sslviz.types import Window

PART = "clips"
NAMES = ("clips_pointing", "clips_iou_half_max", "clips_iou_adaptive")


@dataclass(frozen=True, slots=True)
class ClipSet:
    """A folder of clips and the boxes drawn in them."""

    folder: Path
    moments: tuple[MarkedMoment, ...]


def find_clip_sets(root: Path, notes: list[str]) -> list[ClipSet]:
    """Every ``NAME`` folder beside a ``NAME_boxes.json`` under a folder, for names that start with ``av``."""
    sets = []
    for path in sorted(root.glob("av*_boxes.json")):
        folder = clip_folder(path)
        if not folder.is_dir():
            notes.append(f"{path} has no folder {folder.name} beside it: skipped.")
            continue
        try:
            sets.append(ClipSet(folder, read_moments(path)))
        except DatasetError as error:
            notes.append(f"{error} Skipped.")
    return sets


@dataclass(frozen=True, slots=True)
class _Marked:
    path: Path
    truth: NDArray[np.float32]


def measure_clips(bench: Bench) -> list[Figure]:
    """Pointing game, and IoU of the map's upper half (and of an adaptive mask) with the union of boxes."""
    sets = find_clip_sets(bench.root / "eval", bench.notes)
    moments = [(clips, moment) for clips in sets for moment in clips.moments]
    tally, groups, random = Tally(), list[str](), bench.rng(f"{PART} random")
    centre = centre_prior(SIZE)
    for scored in bench.score(PART, _trials(bench, moments), len(moments)):
        truth, (score_map,) = scored.payload.truth, scored.maps
        groups.append(str(scored.payload.path))
        _add(tally, "", upsample(score_map.values, SIZE), truth)
        _add(tally, "|random", upsample(bench.random_like(score_map, random), SIZE), truth)
        _add(tally, "|centre", centre, truth)
        if scored.object_map is not None:
            _add(tally, "|object", upsample(scored.object_map, SIZE), truth)
    if not groups:
        bench.notes.append(f"{PART}: skipped, no readable clip with boxes in an av*_boxes.json.")
        return []
    return [tally.figure(name, groups=groups) for name in NAMES]


def _trials(
    bench: Bench, moments: list[tuple[ClipSet, MarkedMoment]]
) -> Iterator[tuple[_Marked, list[Window]]]:
    for clips, moment in moments:
        path = find_clip(clips.folder, moment)
        if not moment.boxes:
            bench.notes.append(f"{PART}: {moment.file} has no boxes, left out.")
            continue
        if path is None:
            bench.notes.append(f"{PART}: {clips.folder / moment.file} is not there, left out.")
            continue
        try:
            found = bench.library.source.moment(path, moment.time_seconds, bench.localizer.spec)
        except MediaError as error:
            bench.notes.append(f"{PART}: {moment.file} is left out ({error}).")
            continue
        height, width = found.key_frame.image.shape[:2]
        yield _Marked(path, moment.mask(SIZE, width, height)), [found]


def _add(tally: Tally, suffix: str, values: Floats, truth: NDArray[np.float32]) -> None:
    inside = truth > 0
    found = (
        pointing(values, truth),
        iou(np.asarray(min_max(values) >= 0.5), inside),
        iou(adaptive_mask(values, truth), inside),
    )
    for name, value in zip(NAMES, found, strict=True):
        tally.add(f"{name}{suffix}", float(value))
