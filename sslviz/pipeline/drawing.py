"""From score maps to what is painted: scale, gates, persistence, words."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.errors import OptionError
from sslviz.options import ColorScale, Style
from sslviz.overlay import Artwork
from sslviz.overlay.strip import StripData
from sslviz.pipeline.heatline import fade
from sslviz.pipeline.job import Heat
from sslviz.regions import Region, find_region
from sslviz.scaling import Verdict, clip_range, describe, has_sound, judge, to_heat
from sslviz.smoothing import TemporalSmoother
from sslviz.timeline import peak_heat, spans
from sslviz.types import Heatmap, Identity, ScoreMap, ScoreScale, ScoreTrack

_MAX_CELLS = 96
"""Finer maps are averaged to this many cells a side before they are painted."""
_MEMORY_IN_HALF_LIVES = 12


class Drawer:
    """Turns the score maps of one video, in order, into heat to paint."""

    def __init__(
        self,
        identity: Identity,
        style: Style,
        sound: bool,
        own_range: tuple[float, float] | None = None,
    ) -> None:
        self._calibration, self._style, self._sound = identity.calibration, style, sound
        self._own_range = own_range
        self._badge = ""
        self._smooth = TemporalSmoother(style.half_life_ms / 1000)
        self._smooth_gate = TemporalSmoother(style.half_life_ms / 1000)

    def __call__(self, score_map: ScoreMap, level_dbfs: float) -> Heat:
        """Scale, gate and smooth one map.

        The badge is as persistent as the heat: it comes when the gate has been closed for a half-life,
        so that one doubtful window in a row of sure ones neither blinks nor contradicts the picture.
        Each-frame stretching glows in silence too, as it says; only the badge then tells.
        """
        style, sure = self._style, score_map.confidence
        verdict = judge(level_dbfs, sure, self._calibration, style, self._sound)
        values = to_heat(
            score_map.values, self._calibration, score_map.scale, style.color_scale,
            self._own_range, sure,
        )  # fmt: skip
        is_source = verdict is Verdict.SOURCE
        if not is_source and style.color_scale is not ColorScale.FRAME:
            values = np.zeros_like(values)
        when = score_map.pts_seconds
        shown = self._smooth(Heatmap(values, when))
        openness = self._smooth_gate(Heatmap(np.full((1, 1), is_source, np.float32), when))
        self._badge = self._badge if is_source else verdict.value
        closed = float(openness.values[0, 0]) < 0.5
        return Heat(when, _as_bytes(shown.values), self._badge if closed else "")


def _as_bytes(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    height, width = heat.shape
    if max(height, width) > _MAX_CELLS:
        size = min(width, _MAX_CELLS), min(height, _MAX_CELLS)
        heat = np.asarray(cv2.resize(heat, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.rint(heat * 255).astype(np.uint8)


def heats_of(
    track: ScoreTrack, style: Style, name: int = 0, since_seconds: float = 0.0
) -> Iterator[Heat]:
    """Everything a track gives to paint, in order, as a render would have painted it."""
    drawer = Drawer(track.identity, style, has_sound(track), clip_range_for(track, style, name))
    past = since_seconds - _MEMORY_IN_HALF_LIVES * style.half_life_ms / 1000
    first = max(int(np.searchsorted(track.times, past)) - 1, 0)
    for index in range(first, len(track)):
        yield drawer(track.score_map(index, name), float(track.level_dbfs[index]))


def heat_at(
    track: ScoreTrack, style: Style, at_seconds: float, name: int = 0
) -> tuple[NDArray[np.float32], str]:
    """Heat in [0, 1] and badge at one time, as a render would have painted it."""
    known: list[Heat] = []
    for heat in heats_of(track, style, name, at_seconds):
        known.append(heat)
        if heat.pts_seconds > at_seconds:
            break
    if not known:
        return np.zeros((1, 1), np.float32), ""
    return fade(known, at_seconds)


def region_at(track: ScoreTrack, style: Style, at_seconds: float, name: int = 0) -> Region | None:
    """Where the source is at one time; ``None`` where none is claimed."""
    heat, badge = heat_at(track, style, at_seconds, name)
    return None if badge or float(heat.max()) <= style.threshold else find_region(heat)


def best_moment(track: ScoreTrack, style: Style) -> float:
    """When the source is seen best: the time of the strongest heat, else the middle of the clip."""
    heat = peak_heat(track, style)
    if not len(heat) or float(heat.max()) <= 0:
        return track.duration_seconds / 2
    return float(track.times[int(heat.argmax())])


def clip_range_for(track: ScoreTrack, style: Style, name: int = 0) -> tuple[float, float] | None:
    """The clip's own range where the style asks for it."""
    return clip_range(track, style, name) if style.color_scale is ColorScale.CLIP else None


def draw_artwork(
    identity: Identity,
    scale: ScoreScale,
    style: Style,
    size: tuple[int, int],
    own_range: tuple[float, float] | None = None,
) -> Artwork:
    """Colour bar, words and marks for one video of (width, height)."""
    from sslviz.overlay.artwork import (
        make_artwork,
    )  # matplotlib, which the media child must not load

    label = describe(identity.calibration, scale, style.color_scale, own_range)
    return make_artwork(style, label, *size, trained=identity.trained)


def check_style(style: Style) -> None:
    """Refuse a style that cannot be drawn, before any work is done.

    Raises:
        OptionError: The colour map is unknown.
    """
    from sslviz.overlay.artwork import color_table  # matplotlib, as above

    color_table(style.color_map)


def check_name(track: ScoreTrack, name: int) -> None:
    """Refuse the number of a map that a track does not have.

    Raises:
        OptionError: It has not so many.
    """
    if not 0 <= name < len(track.names):
        raise OptionError(
            f"name is {name}; this score track has {len(track.names)} maps, counted from 0: "
            f"{', '.join(track.names)}."
        )


def strip_of(
    track: ScoreTrack,
    style: Style,
    waveform: NDArray[np.float32],
    span: tuple[float, float],
    name: int = 0,
) -> StripData:
    """What the strip under the picture shows."""
    kinds = (Verdict.SILENT, Verdict.NO_SOUND_TRACK, Verdict.NO_CONFIDENT_SOURCE)
    heat, quiet = peak_heat(track, style, name), spans(track, style, kinds, name)
    return StripData(waveform, track.times, heat, quiet, *span)
