"""Photos with people's masks and boxes: is the right object covered, and does the sound matter?"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.marked import MarkedPhoto, read_marked
from sslviz.errors import MediaError
from sslviz.evaluation.figures import Figure, Tally
from sslviz.evaluation.library import still_window
from sslviz.evaluation.metrics import Floats, ciou, success_rate
from sslviz.evaluation.paired.bench import Bench, pick
from sslviz.evaluation.priors import centre_prior
from sslviz.evaluation.protocols import SIZE, protocol, upsample
from sslviz.types import ScoreScale, Window

NAME = "masks_success_0_5"
RULES = {NAME: protocol("jsa"), f"{NAME}_adaptive": protocol("adaptive")}


@dataclass(slots=True)
class _Marked:
    """A photo to measure."""

    photo: MarkedPhoto
    truth: NDArray[np.bool_]
    present: set[str] = field(default_factory=set)
    """Categories marked in the picture: none of them is a wrong sound."""


def measure_masks(bench: Bench) -> list[Figure]:
    """Success rate at cIoU 0.5 by the fixed-0.6 and the adaptive rule, frames of one video resampled together.

    Each photo is heard with several sounds of its category, and as often with a sound of a category that is
    not in it (``wrong_sound``); its value is the mean.
    """
    marked, repeats = _usable(bench), bench.options.sounds_per_photo
    if not marked:
        bench.notes.append(f"{NAME}: skipped, no marked photo has a category with sounds.")
        return []
    rng, random, tally = bench.rng(NAME), bench.rng(f"{NAME} random"), Tally()
    centre, groups = centre_prior(SIZE), []

    def trials() -> Iterator[tuple[_Marked, list[Window]]]:
        for item in marked:
            image = bench.library.picture(item.photo.path)
            absent = [name for name in bench.sounds if name not in item.present]
            right = [pick(bench.sounds[item.photo.category], rng) for _ in range(repeats)]
            wrong = [
                pick(bench.sounds[pick(absent, rng)], rng) for _ in range(repeats if absent else 0)
            ]
            sounds = [bench.library.excerpt(sound.path) for sound in (*right, *wrong)]
            yield item, [still_window(image, sound) for sound in sounds]

    for scored in bench.score(NAME, trials(), len(marked)):
        item, maps = scored.payload, [score_map.values for score_map in scored.maps]
        truth = item.truth.astype(np.float32)
        groups.append(item.photo.group)
        _add(tally, "", maps[:repeats], truth)
        _add(tally, "|wrong_sound", maps[repeats:], truth)
        _add(tally, "|random", [bench.random_like(scored.maps[0], random)], truth)
        _add(tally, "|centre", [centre], truth)
        _add(tally, "|object", [] if scored.object_map is None else [scored.object_map], truth)
    return [tally.figure(name, groups=groups) for name in RULES]


def _add(tally: Tally, suffix: str, maps: list[Floats], truth: Floats) -> None:
    for name, rule in RULES.items():
        if maps:
            values = [_ciou(rule.name, values, truth) for values in maps]
            tally.add(f"{name}{suffix}", success_rate(values))


def _ciou(rule: str, values: Floats, truth: Floats) -> float:
    how = protocol(rule)
    if values.shape != truth.shape:
        values = upsample(values, SIZE, how.kernel, how.align_corners)
    # Both rules look at ranks or at the map's own range, so its unit does not matter.
    return ciou(how.predictions(values, truth, ScoreScale.ATTENTION)[0], truth)


def _usable(bench: Bench) -> list[_Marked]:
    found = read_marked(bench.root / "eval")
    bench.notes += found.notes
    present: dict[str, set[str]] = {}
    for photo in found.photos:
        present.setdefault(str(photo.path), set()).add(photo.category)
    usable, small = [], 0
    for photo in found.photos:
        if photo.category not in bench.sounds:
            continue
        try:
            bench.library.picture(photo.path)
            truth = photo.mask(SIZE, bench.library.source.picture)
        except MediaError as error:
            bench.notes.append(f"{photo.name} cannot be read ({error}): skipped.")
            continue
        if truth.mean() < bench.options.min_area:
            small += 1
            continue
        usable.append(_Marked(photo, truth, present[str(photo.path)]))
    if small:
        share = bench.options.min_area
        bench.notes.append(
            f"{NAME}: {small} objects below {share:.0%} of the picture are left out."
        )
    return usable
