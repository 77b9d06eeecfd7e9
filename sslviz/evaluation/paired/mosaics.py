"""Mosaic pointing: which of the tiles does the sound come from?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sslviz.datasets.paired import Item
from sslviz.evaluation.composites import mosaic, tile_of
from sslviz.evaluation.figures import Figure, Tally
from sslviz.evaluation.library import still_window
from sslviz.evaluation.metrics import Floats
from sslviz.evaluation.paired.bench import Bench, pick
from sslviz.evaluation.priors import centre_prior
from sslviz.evaluation.protocols import SIZE, upsample
from sslviz.types import Window

NUM_PRIORS = 200
"""Object priors are blind to sound: on a mosaic they point at chance, which fewer draws show as well."""


@dataclass(frozen=True, slots=True)
class MosaicDraw:
    """Photos of distinct categories, one of which is heard."""

    photos: tuple[Item, ...]
    """Row by row."""
    sound: Item
    target: int
    """The tile that is heard."""


def draw_mosaic(bench: Bench, num_tiles: int, rng: np.random.Generator) -> MosaicDraw:
    """One draw: the sounding category evenly among those with photos and sounds, the others any photos.

    Where a folder has fewer categories than tiles, silent ones repeat; the sounding one never does.
    """
    category = pick(bench.shared, rng)
    others = [name for name in bench.photos if name != category]
    wanted = num_tiles - 1
    silent = list(rng.permutation(others)[:wanted])
    silent += [pick(others, rng) for _ in range(wanted - len(silent))]
    target = int(rng.integers(num_tiles))
    names = [*silent[:target], category, *silent[target:]]
    photos = tuple(pick(bench.photos[str(name)], rng) for name in names)
    return MosaicDraw(photos, pick(bench.sounds[category], rng), target)


def measure_mosaics(bench: Bench, tiles_per_side: int) -> Figure | None:
    """Share of mosaics whose strongest pixel lies in the tile that is heard.

    Args:
        bench: Localizer and data.
        tiles_per_side: 2 for four tiles, 4 for sixteen.

    Returns:
        The figure, or ``None`` where the folder cannot make a mosaic (said in the notes).
    """
    num_tiles, total = tiles_per_side**2, bench.options.num_mosaics
    name = f"mosaic{num_tiles}_pointing"
    if not total or not bench.shared or len(bench.photos) < 2:
        bench.notes.append(
            f"{name}: skipped, it needs photos of two categories and a sound of one."
        )
        return None
    if len(bench.photos) < num_tiles:
        bench.notes.append(f"{name}: only {len(bench.photos)} categories, silent ones repeat.")
    rng, tally = bench.rng(name), Tally()
    random, centre = bench.rng(f"{name} random"), centre_prior(SIZE)

    def trials() -> Iterator[tuple[int, list[Window]]]:
        for _ in range(total):
            draw = draw_mosaic(bench, num_tiles, rng)
            pictures = [bench.library.picture(photo.path) for photo in draw.photos]
            image = mosaic(pictures, bench.localizer.spec.image_size)
            yield draw.target, [still_window(image, bench.library.excerpt(draw.sound.path))]

    def points_at(values: Floats, target: int) -> bool:
        return tile_of(int(np.argmax(values)), SIZE, tiles_per_side) == target

    for scored in bench.score(name, trials(), total, NUM_PRIORS):
        target, (score_map,) = scored.payload, scored.maps
        tally.add(name, points_at(upsample(score_map.values, SIZE), target))
        noise = upsample(bench.random_like(score_map, random), SIZE)
        tally.add(f"{name}|random", points_at(noise, target))
        tally.add(f"{name}|centre", points_at(centre, target))
        if scored.object_map is not None:
            tally.add(f"{name}|object", points_at(upsample(scored.object_map, SIZE), target))
    return tally.figure(name)
