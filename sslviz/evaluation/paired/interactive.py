"""Two objects on one background: does each sound find its own?"""

from collections.abc import Iterator, Sequence

from sslviz.datasets.boxes import Box, boxes_to_mask
from sslviz.datasets.paired import Item
from sslviz.evaluation.composites import Composite, cut_out, paste_objects
from sslviz.evaluation.figures import Figure, Tally
from sslviz.evaluation.library import still_window
from sslviz.evaluation.metrics import Floats, ciou
from sslviz.evaluation.paired.bench import Bench, pick
from sslviz.evaluation.priors import centre_prior
from sslviz.evaluation.protocols import SIZE, protocol, upsample
from sslviz.types import ScoreScale, Window

NAME = "iiou"
NUM_PRIORS = 200
RULES = {NAME: protocol("jsa"), f"{NAME}_adaptive": protocol("adaptive")}


def measure_interactive(bench: Bench) -> list[Figure]:
    """IIoU: share of composites in which both sounds reach cIoU 0.5 on the box of their object."""
    total = bench.options.num_composites
    if not total or len(bench.shared) < 2:
        bench.notes.append(f"{NAME}: skipped, it needs two categories with photos and sounds.")
        return []
    rng, random, tally = bench.rng(NAME), bench.rng(f"{NAME} random"), Tally()
    background = _background(bench)
    centre = centre_prior(SIZE)

    def trials() -> Iterator[tuple[Sequence[Box], list[Window]]]:
        for _ in range(total):
            names = [bench.shared[i] for i in rng.permutation(len(bench.shared))[:2]]
            objects = [
                cut_out(bench.library.picture(pick(bench.photos[n], rng).path)) for n in names
            ]
            ground = bench.library.picture(pick(background, rng).path)
            made: Composite = paste_objects(ground, objects, bench.localizer.spec.image_size, rng)
            sounds = [bench.library.excerpt(pick(bench.sounds[n], rng).path) for n in names]
            yield made.boxes, [still_window(made.image, sound) for sound in sounds]

    for scored in bench.score(NAME, trials(), total, NUM_PRIORS):
        boxes = scored.payload
        _add(tally, "", [score_map.values for score_map in scored.maps], boxes)
        noise = [bench.random_like(score_map, random) for score_map in scored.maps]
        _add(tally, "|random", noise, boxes)
        _add(tally, "|centre", [centre, centre], boxes)
        if scored.object_map is not None:
            _add(tally, "|object", [scored.object_map] * 2, boxes)
    return [tally.figure(name) for name in RULES]


def _background(bench: Bench) -> tuple[Item, ...]:
    """Photos called background, else photos of categories that have no sounds, else any."""
    if "background" in bench.photos:
        return bench.photos["background"]
    bench.notes.append(f"{NAME}: no photos called background, other silent photos serve.")
    silent = tuple(p for p in bench.data.photos if p.category not in bench.shared)
    return silent or bench.data.photos


def _add(tally: Tally, suffix: str, maps: Sequence[Floats], boxes: Sequence[Box]) -> None:
    for name, rule in RULES.items():
        smallest = 1.0
        for values, box in zip(maps, boxes, strict=True):
            truth = boxes_to_mask([box], SIZE)
            if values.shape != truth.shape:
                values = upsample(values, SIZE, rule.kernel, rule.align_corners)
            prediction = rule.predictions(values, truth, ScoreScale.ATTENTION)[0]
            smallest = min(smallest, ciou(prediction, truth))
        tally.add(f"{name}{suffix}", smallest >= 0.5)
