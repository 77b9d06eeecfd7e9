"""Heat in the planes of a picture."""

import time

import cv2
import numpy as np
import pytest
from engine_helpers import blob

from sslviz.errors import OptionError
from sslviz.options import Style
from sslviz.overlay import ColorTags, Painter, Planes, planes_from_rgb, rgb_from_planes
from sslviz.overlay.artwork import color_table, make_artwork, text_mask
from sslviz.overlay.color import PREVIEW_TAGS, yuv_from_rgb
from sslviz.overlay.strip import Strip, StripData, strip_height
from sslviz.scaling import ScaleLabel

LABEL = ScaleLabel("0.10", "0.45", "fixed scale, cosine")
PLAIN = Style(color_bar=False)


def grey(width: int = 640, height: int = 360, value: int = 120) -> Planes:
    half = (height // 2, width // 2)
    return Planes(
        np.full((height, width), value, np.uint8),
        np.full(half, 128, np.uint8),
        np.full(half, 128, np.uint8),
    )


def painted(heat, style=PLAIN, badge="", size=(640, 360), tags=None, trained=True) -> Planes:
    planes = grey(*size)
    art = make_artwork(style, LABEL, *size, trained)
    Painter(style, art, *size, tags).paint_yuv(planes, heat, badge)
    return planes


def changed(planes: Planes) -> np.ndarray:
    height, width = planes.y.shape
    clean = grey(width, height)
    return np.abs(planes.y.astype(int) - clean.y) > 1


def test_nothing_below_the_threshold_is_touched():
    heat = np.full((14, 14), 0.24, np.float32)
    for plane, clean in zip(painted(heat), grey(), strict=True):
        np.testing.assert_array_equal(plane, clean)


def test_full_heat_has_the_colour_of_the_map_mixed_by_opacity():
    style = Style(color_bar=False, opacity=0.5)
    planes = painted(np.ones((14, 14), np.float32), style)
    top = yuv_from_rgb(color_table("inferno")[255].astype(np.float32), ColorTags())
    expected = 0.5 * np.array([120, 128, 128]) + 0.5 * top
    for plane, value in zip(planes, expected, strict=True):
        np.testing.assert_allclose(plane.astype(float), value, atol=1.5)


@pytest.mark.parametrize(
    "size", [(640, 360), (1280, 720), (854, 480), (358, 640), (64, 48), (16, 2)]
)
@pytest.mark.parametrize("spot", [(0.25, 0.6), (0.03, 0.5), (0.98, 0.97)])
def test_heat_lands_where_the_map_says(size, spot):
    width, height = size
    if height < 48:
        painted(blob(*spot), size=size)
        return
    planes = painted(blob(*spot), size=size)
    gain = np.abs(planes.y.astype(float) - 120) + np.abs(
        cv2.resize(planes.v, size, interpolation=cv2.INTER_LINEAR).astype(float) - 128
    )
    heavy = gain > gain.max() * 0.5
    rows, columns = np.nonzero(heavy)
    if 0.1 < spot[0] < 0.9:
        assert columns.mean() / width == pytest.approx(spot[0], abs=0.02)
        assert rows.mean() / height == pytest.approx(spot[1], abs=0.02)
    else:
        assert heavy[int(spot[1] * height) - 1, int(spot[0] * width) - 1]


def test_the_same_look_in_yuv_and_in_rgb():
    image = np.full((360, 640, 3), (90, 120, 150), np.uint8)
    heat = blob(0.5, 0.5)
    planes = planes_from_rgb(image)
    Painter(PLAIN, make_artwork(PLAIN, LABEL, 640, 360), 640, 360, PREVIEW_TAGS).paint_yuv(
        planes, heat
    )
    out = rgb_from_planes(planes).astype(float)
    top = color_table("inferno")[255]
    expected = image[0, 0] * (1 - PLAIN.opacity) + top * PLAIN.opacity
    np.testing.assert_allclose(out[180, 320], expected, atol=8)
    np.testing.assert_allclose(out[5, 5], image[0, 0], atol=3)


def test_bt601_and_bt709_differ_and_full_range_reaches_the_ends():
    red = np.array([[255, 0, 0], [255, 255, 255], [0, 0, 0]], np.float32)
    wide, narrow = yuv_from_rgb(red, ColorTags("bt709")), yuv_from_rgb(red, ColorTags("bt601"))
    np.testing.assert_allclose(wide[0], [62.6, 102.3, 240], atol=0.1)
    np.testing.assert_allclose(narrow[0], [81.5, 90.2, 240], atol=0.1)
    np.testing.assert_allclose(
        yuv_from_rgb(red, ColorTags(full_range=True))[1:, 0], [255, 0], atol=0.01
    )
    with pytest.raises(ValueError, match="bt601"):
        ColorTags("rgb")


def test_untrained_weights_are_marked_on_every_picture_whatever_the_style():
    bare = Style(color_bar=False, badge=False, fill=False)
    cold = np.zeros((14, 14), np.float32)
    for size in ((640, 360), (1280, 720), (96, 64)):
        marked = changed(painted(cold, bare, size=size, trained=False))
        width, height = size
        assert marked[height // 3 : 2 * height // 3, width // 4 : 3 * width // 4].mean() > 0.2
        assert not changed(painted(cold, bare, size=size)).any()


def test_the_badge_shows_only_with_a_closed_gate_and_hides_the_marks():
    style = Style(color_bar=False, fill=False, cross_hair=True, box=True, contours=True)
    heat = blob(0.7, 0.7)
    pointed = changed(painted(heat, style))
    assert pointed[180:, 320:].any()
    assert not pointed[:60, :100].any()
    gated = changed(painted(heat, style, badge="no confident source"))
    assert gated[:60, :100].any()
    assert not gated[180:, 320:].any()
    assert not changed(
        painted(heat, Style(color_bar=False, fill=False, badge=False), badge="silent")
    ).any()


def test_cross_hair_points_at_the_peak_and_the_box_surrounds_it():
    heat = blob(0.3, 0.6)
    cross = np.argwhere(changed(painted(heat, Style(color_bar=False, fill=False, cross_hair=True))))
    centre = (cross.min(axis=0) + cross.max(axis=0)) / 2
    np.testing.assert_allclose(centre / (360, 640), (0.6, 0.3), atol=0.01)
    box = np.argwhere(changed(painted(heat, Style(color_bar=False, fill=False, box=True))))
    low, high = box.min(axis=0) / (360, 640), box.max(axis=0) / (360, 640)
    assert low[0] < 0.6 < high[0]
    assert low[1] < 0.3 < high[1]


def test_contours_are_grey_and_go_round_the_heat():
    planes = painted(blob(0.5, 0.5), Style(color_bar=False, fill=False, contours=True))
    np.testing.assert_array_equal(planes.u, 128)
    marked = changed(planes)
    assert marked[180, :320].any()
    assert marked[180, 320:].any()
    assert not marked[180, 315:325].any()


def test_the_colour_bar_lies_inside_the_frame_at_the_lower_right():
    marked = np.argwhere(changed(painted(np.zeros((14, 14), np.float32), Style())))
    assert marked[:, 0].min() > 180
    assert marked[:, 1].min() > 320
    assert marked[:, 0].max() < 359
    assert marked[:, 1].max() < 639


def test_an_unknown_colour_map_is_refused_with_names():
    with pytest.raises(OptionError, match="viridis"):
        color_table("rainbow_unicorn")


def test_longer_text_makes_a_wider_mask_of_the_same_height():
    short, long = text_mask("silent", 20), text_mask("no confident source", 20)
    assert short.shape[0] == long.shape[0] == 20
    assert long.shape[1] > 2 * short.shape[1]


def test_odd_sizes_and_foreign_planes_are_refused():
    art = make_artwork(PLAIN, LABEL, 64, 48)
    with pytest.raises(ValueError, match="even"):
        Painter(PLAIN, art, 63, 48)
    with pytest.raises(ValueError, match="64x48"):
        Painter(PLAIN, art, 64, 48).paint_yuv(grey(32, 48), blob(0.5, 0.5))


def test_the_strip_fills_the_last_rows_and_the_playhead_moves_with_time():
    wave = np.stack([-np.linspace(0, 1, 100), np.linspace(0, 1, 100)], axis=1).astype(np.float32)
    times, curve = np.linspace(0, 10, 50), np.linspace(0, 1, 50).astype(np.float32)
    strip = Strip(StripData(wave, times, curve, ((2.0, 4.0),), 0, 10), 640, 360, ColorTags())
    early, late = (grey(640, 360 + strip_height(360)) for _ in range(2))
    strip.draw(early, 0.0)
    strip.draw(late, 9.0)
    assert (early.y[360:, 0] == 235).all()
    assert (late.y[360:, 576] == 235).all()
    np.testing.assert_array_equal(early.y[:360], 120)


def test_a_720p_frame_is_painted_in_a_few_milliseconds_of_one_thread():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        planes, heat = grey(1280, 720), blob(0.5, 0.5)
        painter = Painter(Style(), make_artwork(Style(), LABEL, 1280, 720), 1280, 720)
        costs = []
        for _ in range(30):
            start = time.thread_time()
            painter.paint_yuv(planes, heat)
            costs.append(time.thread_time() - start)
    finally:
        cv2.setNumThreads(threads)
    assert np.median(costs) < 0.004
