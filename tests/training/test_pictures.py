"""Composites and masks on drawings whose truth is known."""

import numpy as np
import pytest

from sslviz.training import masks
from sslviz.training.composites import (
    HALO,
    Composer,
    CompositeOptions,
    Cutout,
    label,
    paste,
)
from sslviz.training.pictures import degrade, extent, fit_picture
from sslviz.training.sounds import SoundMixer, loudness
from tests.training.conftest import drawing


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / (found | truth).sum())


def test_an_even_background_is_cut_away() -> None:
    image = drawing("dog", 1, masks.SIZE)
    mask = masks.plain_mask(image)
    assert mask is not None
    assert overlap(mask > 0, (image != 250).any(2)) > 0.9


def test_grab_cut_finds_the_outline_from_a_rough_seed() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 90, (masks.SIZE, masks.SIZE, 3)).astype(np.uint8)
    truth = np.zeros((masks.SIZE, masks.SIZE), bool)
    truth[40:110, 50:120] = True
    image[truth] = rng.integers(170, 255, (int(truth.sum()), 3))
    seeds = np.zeros(truth.shape, np.float32)
    seeds[28:122, 38:132] = 0.55
    seeds[55:95, 65:105] = 1.0
    assert masks.plain_mask(image) is None
    assert overlap(masks.grab_cut(image, seeds, masks.Cut()) > 0, truth) > 0.9


def composer(**changes: float) -> Composer:
    cutouts = []
    for category, kind in enumerate(("dog", "cat"), start=1):
        image = drawing(kind, category)
        mask = (image != 250).any(2).astype(np.uint8)
        cutouts.append(Cutout(image, mask, category, plain=True))
    ground = np.full((80, 120, 3), 10, np.uint8)
    return Composer(cutouts, [ground], CompositeOptions(size=160, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{"photo_share": 1.0}, {"photo_share": 0.0, "mosaic_share": 1.0},
                                     {"photo_share": 0.0, "mosaic_share": 0.0}])  # fmt: skip
def test_composites_have_labels_of_the_objects_in_them(changes: dict[str, float]) -> None:
    made = [composer(**changes).sample(np.random.default_rng(seed)) for seed in range(20)]
    assert {m.image.shape for m in made} == {(160, 160, 3)}
    assert {m.labels.shape for m in made} == {(40, 40)}
    assert set(np.unique(np.stack([m.labels for m in made]) % HALO)) == {0, 1, 2}


def test_a_halo_fills_the_hull_of_each_large_part_beside_the_object() -> None:
    mask = np.zeros((60, 100), np.uint8)
    mask[10:50, 10:16], mask[44:50, 10:40] = 1, 1  # an L
    mask[20:40, 70:90] = 1  # a block, convex already
    mask[2, 2] = 1  # a speck
    labels = label(mask, 3)
    assert np.array_equal(labels == 3, mask > 0)
    assert labels[40, 20] == 3 + HALO  # inside the L's corner
    assert not labels[30, 60]  # between the parts
    assert not labels[3:9, 3:9].any()
    assert (labels[20:40, 70:90] == 3).all()


def test_a_halo_never_covers_what_lies_below_an_object() -> None:
    square = np.ones((40, 40), np.uint8)
    corner = np.triu(square).astype(np.uint8)
    pixels = np.full((40, 40, 3), 200, np.uint8)
    image, labels = np.zeros((40, 40, 3), np.uint8), np.full((40, 40), 1, np.uint8)
    options = CompositeOptions(size=40, min_scale=0.9, max_scale=0.9)
    paste(np.random.default_rng(0), Cutout(pixels, corner, 2, plain=True), image, labels, options)
    assert 2 in labels
    assert not (labels == 2 + HALO).any()


def test_a_herd_is_many_of_one_kind() -> None:
    options = {"photo_share": 0.0, "mosaic_share": 0.0, "herd_share": 1.0}
    for seed in range(6):
        labels = composer(**options).sample(np.random.default_rng(seed)).labels % HALO
        assert len(np.unique(labels)) == 2  # ground and one category


@pytest.mark.parametrize("squeeze", [1.0, 9 / 16, 16 / 9])
def test_pasted_objects_are_as_narrow_as_the_frame_would_make_them(squeeze: float) -> None:
    square = np.ones((40, 40), np.uint8)
    cutout = Cutout(np.full((40, 40, 3), 200, np.uint8), square, 1, plain=True)
    options = CompositeOptions(size=200, min_scale=0.3, max_scale=0.3)
    shapes = []
    for seed in range(40):
        image, labels = np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200), np.uint8)
        paste(np.random.default_rng(seed), cutout, image, labels, options, squeeze)
        rows, columns = extent(labels)
        shapes.append((columns.stop - columns.start) / (rows.stop - rows.start))
    assert np.median(shapes) == pytest.approx(squeeze, rel=0.15)


@pytest.mark.parametrize("level", [0, 255])
def test_bad_video_keeps_the_shape_and_range_of_a_picture(level: int) -> None:
    even = np.full((48, 64, 3), level, np.uint8)
    for seed in range(30):
        made = degrade(np.random.default_rng(seed), even)
        assert made.shape == even.shape
        assert made.dtype == np.uint8
        assert abs(float(made.mean()) - level) < 12  # grain is cut off at the ends


def test_one_seed_makes_one_composite() -> None:
    first, again = (composer().sample(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)


def test_the_extent_holds_every_pixel_of_a_mask() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[2:5, 3:8] = 1
    assert mask[extent(mask)].shape == (3, 5)
    assert fit_picture(drawing("dog", 0), 10, 20).shape == (20, 10, 3)


def test_mixed_sounds_have_the_asked_length_and_stay_in_range() -> None:
    rng = np.random.default_rng(0)
    mixer = SoundMixer(
        {"dog": [np.ones(500, np.float32)], "rain": [np.ones(9000, np.float32)]}, 4000, 8000
    )
    drawn = [mixer.single(rng, "dog"), mixer.mixture(rng, "dog", "rain"), mixer.noise(rng)]
    assert all(len(s) == 4000 and np.abs(s).max() <= 1 and s.dtype == np.float32 for s in drawn)
    assert loudness(mixer.silence(rng)) < 1e-3
