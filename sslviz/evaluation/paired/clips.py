"""Real clips with boxes at one time: the only part where picture and sound belong together."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.boxes import MarkedMoment, read_moments
from sslviz.datasets.own import clip_folder, find_clip
from sslviz.errors import DatasetError, MediaError
from sslviz.evaluation.figures import Figure, Tally
from sslviz.evaluation.metrics import Floats, adaptive_mask, iou, min_max, pointing
from sslviz.evaluation.paired.bench import Bench
from sslviz.evaluation.paired.confidence import separation
from sslviz.evaluation.priors import centre_prior
from sslviz.evaluation.protocols import SIZE, upsample
from sslviz.types import Window

PART = "clips"
NAMES = ("clips_pointing", "clips_iou_half_max", "clips_iou_adaptive")
CONFIDENCE = "auroc_clips"
MAX_OTHERS = 12
"""A clip exchanges sounds with so many before it."""


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
    label: str
    truth: NDArray[np.float32]
    window: Window


def measure_clips(bench: Bench) -> list[Figure]:
    """Pointing game, IoU of the map's upper half (and of an adaptive mask) with the union of boxes, and confidence.

    ``auroc_clips`` compares the confidence of a clip's picture with its own sound and with sounds of
    clips that are labelled otherwise. Something in the picture may make such a sound as well (people
    are in many), so that even a perfect localizer may stay below 1.
    """
    sets = find_clip_sets(bench.root / "eval", bench.notes)
    moments = [(clips, moment) for clips in sets for moment in clips.moments]
    tally, groups, random = Tally(), list[str](), bench.rng(f"{PART} random")
    centre, confidences = centre_prior(SIZE), list[list[float]]()
    for scored in bench.score(PART, _trials(_marked(bench, moments)), len(moments)):
        truth, score_map = scored.payload.truth, scored.maps[0]
        groups.append(str(scored.payload.path))
        confidences.append([found.confidence for found in scored.maps])
        _add(tally, "", upsample(score_map.values, SIZE), truth)
        _add(tally, "|random", upsample(bench.random_like(score_map, random), SIZE), truth)
        _add(tally, "|centre", centre, truth)
        if scored.object_map is not None:
            _add(tally, "|object", upsample(scored.object_map, SIZE), truth)
    if not groups:
        bench.notes.append(f"{PART}: skipped, no readable clip with boxes in an av*_boxes.json.")
        return []
    figures = [tally.figure(name, groups=groups) for name in NAMES]
    if any(len(row) > 1 for row in confidences):
        guess = bench.rng(f"{CONFIDENCE} random")
        noise = [list(guess.random(len(row))) for row in confidences]
        figures.append(separation(CONFIDENCE, confidences, noise))
    return figures


def _trials(marked: Iterable[_Marked]) -> Iterator[tuple[_Marked, list[Window]]]:
    """Each clip with its own sound; then it and clips of other labels before it with each other's."""
    before: deque[_Marked] = deque(maxlen=MAX_OTHERS)
    for clip in marked:
        windows = [clip.window]
        for other in before:
            if other.label != clip.label:
                windows.append(replace(clip.window, audio=other.window.audio))
                windows.append(replace(other.window, audio=clip.window.audio))
        yield clip, windows
        before.append(clip)


def _marked(bench: Bench, moments: list[tuple[ClipSet, MarkedMoment]]) -> Iterator[_Marked]:
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
        yield _Marked(path, moment.label, moment.mask(SIZE, width, height), found)


def _add(tally: Tally, suffix: str, values: Floats, truth: NDArray[np.float32]) -> None:
    inside = truth > 0
    found = (
        pointing(values, truth),
        iou(np.asarray(min_max(values) >= 0.5), inside),
        iou(adaptive_mask(values, truth), inside),
    )
    for name, value in zip(NAMES, found, strict=True):
        tally.add(f"{name}{suffix}", float(value))
