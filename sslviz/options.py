"""Every choice a user has, as frozen data: command-line flags and controls are views of these."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sslviz.errors import OptionError


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise OptionError(f"{name} is {value}, allowed is {low} to {high}.")


class ColorScale(StrEnum):
    """What full colour means; printed beside the colour bar."""

    FIXED = "fixed"
    """The checkpoint's calibrated range: silence stays dark, pictures compare."""
    CLIP = "clip"
    """The clip's own range: its strongest map gets full colour."""
    FRAME = "frame"
    """Each frame's own range: always glows, also in silence."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a file may cost before it is refused. The defaults suit a local machine."""

    max_pixels: int = 4096 * 2304
    """Per frame."""
    max_duration_seconds: float | None = None
    """``None``: any length. A public Space sets 600."""
    max_bytes: int | None = None
    """``None``: any size. A public Space sets 200 MB."""
    max_fps: float = 240.0
    """Of the average frame rate; beyond it frames are refused as a frame-count bomb."""
    stall_seconds: float = 20.0
    """The decoding child is killed after this long without progress."""
    max_memory_bytes: int = 3 * 1024**3
    """Address space of the decoding child beyond what it starts with (Linux)."""


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """How a video becomes a score track."""

    maps_per_second: float = 5.0
    start_seconds: float = 0.0
    end_seconds: float | None = None
    batch_size: int = 8
    """Windows per model call."""
    audio_track: int = 0
    """Which sound track, counted from 0."""
    skip_silence_below_dbfs: float | None = None
    """Windows quieter than this cost no model call and get a zero-confidence map; ``None``: off."""

    def __post_init__(self) -> None:
        _check("maps_per_second", self.maps_per_second, 0.05, 60)
        _check("start_seconds", self.start_seconds, 0, float("inf"))
        _check("batch_size", self.batch_size, 1, 256)
        _check("audio_track", self.audio_track, 0, 63)
        if self.end_seconds is not None and self.end_seconds <= self.start_seconds:
            raise OptionError(
                f"end_seconds is {self.end_seconds}, it must come after "
                f"start_seconds ({self.start_seconds})."
            )


@dataclass(frozen=True, slots=True)
class Style:
    """How a score track is painted; changing it never runs a model."""

    color_map: str = "inferno"
    """A matplotlib colour map."""
    opacity: float = 0.65
    """Of full colour, in [0, 1]."""
    threshold: float = 0.25
    """Heat below this is transparent, in [0, 1)."""
    color_scale: ColorScale = ColorScale.FIXED
    half_life_ms: float = 250.0
    """Persistence: after this long without support a spot has lost half its heat; 0 is off."""
    fill: bool = True
    """Paint the heat itself; without it, contours alone need no colour."""
    contours: bool = False
    box: bool = False
    """Bounding box of the cells above half of the peak."""
    cross_hair: bool = False
    """Cross at the strongest point."""
    color_bar: bool = True
    badge: bool = True
    """Say "no confident source" inside the frame when a gate closes."""
    silence_gate_dbfs: float = -60.0
    """Quieter windows count as silent."""
    strip: bool = False
    """Waveform, score curve and silent spans under the picture (the file grows in height)."""

    def __post_init__(self) -> None:
        _check("opacity", self.opacity, 0, 1)
        _check("threshold", self.threshold, 0, 0.99)
        _check("half_life_ms", self.half_life_ms, 0, 60_000)
        _check("silence_gate_dbfs", self.silence_gate_dbfs, -200, 0)


def to_json(options: AnalysisOptions | Style | MediaLimits) -> dict[str, Any]:
    """The options as JSON values, by field name."""
    return {f.name: getattr(options, f.name) for f in fields(options)}


def style_from_json(values: dict[str, Any]) -> Style:
    """A style from saved settings.

    Raises:
        OptionError: A name is unknown, or a value is of another kind or out of range.
    """
    known = {f.name for f in fields(Style)}
    if unknown := sorted(set(values) - known):
        raise OptionError(
            f"Unknown style settings {', '.join(unknown)}; known are {', '.join(sorted(known))}."
        )
    usual = to_json(Style())
    for name, value in values.items():
        if not _is_like(value, usual[name]):
            raise OptionError(f"{name} is {value!r}, wanted is {_KINDS[type(usual[name])]}.")
    try:
        scale = ColorScale(values.get("color_scale", ColorScale.FIXED))
        return Style(**{**values, "color_scale": scale})
    except (TypeError, ValueError) as error:
        raise OptionError(f"These style settings cannot be used: {error}") from error


_KINDS = {bool: "true or false", float: "a number", str: "a text", ColorScale: "a text"}


def _is_like(value: Any, usual: Any) -> bool:
    """Whether a value that came from outside is of the kind of the usual one."""
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(usual, bool)
    return isinstance(value, int | float if isinstance(usual, float) else str)
