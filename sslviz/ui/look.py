"""The style as controls, and back: one list, so that both directions agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from sslviz.options import ColorScale, Style
from sslviz.ui import text

COLOR_MAPS = ("inferno", "magma", "viridis", "cividis", "turbo", "jet")
MARKS = {
    "fill": text.MARK_FILL,
    "contours": text.MARK_CONTOURS,
    "box": text.MARK_BOX,
    "cross_hair": text.MARK_CROSS,
    "color_bar": text.MARK_BAR,
    "badge": text.MARK_BADGE,
}
SCALES = {
    ColorScale.FIXED: text.SCALE_FIXED,
    ColorScale.CLIP: text.SCALE_CLIP,
    ColorScale.FRAME: text.SCALE_FRAME,
}


def to_controls(style: Style) -> list[Any]:
    """Values of the six controls for a style."""
    marks = [name for name in MARKS if getattr(style, name)]
    return [
        style.color_map,
        str(style.color_scale),
        style.opacity,
        style.threshold,
        style.half_life_ms,
        marks,
    ]


def from_controls(values: Sequence[Any], base: Style | None = None) -> Style:
    """The style that the six controls say; what they do not show stays as in ``base``.

    Raises:
        OptionError: A value is out of range.
    """
    color_map, scale, opacity, threshold, half_life_ms, marks = values
    return replace(
        base or Style(),
        color_map=str(color_map),
        color_scale=ColorScale(scale),
        opacity=float(opacity),
        threshold=float(threshold),
        half_life_ms=float(half_life_ms),
        **{name: name in marks for name in MARKS},
    )


@dataclass(frozen=True, slots=True)
class LookControls:
    """The controls on one tab."""

    color_map: gr.Dropdown
    color_scale: gr.Radio
    opacity: gr.Slider
    threshold: gr.Slider
    half_life_ms: gr.Slider
    marks: gr.CheckboxGroup

    def all(self) -> list[Any]:
        """In the order of `to_controls`."""
        return [
            self.color_map, self.color_scale, self.opacity, self.threshold, self.half_life_ms,
            self.marks,
        ]  # fmt: skip


def build_look(prefix: str) -> LookControls:
    """The six controls, inside whatever container is open."""
    values = to_controls(Style())
    color_map = gr.Dropdown(
        list(COLOR_MAPS), value=values[0], label=text.COLOR_MAP, allow_custom_value=True,
        elem_id=f"{prefix}-colors",
    )  # fmt: skip
    scale = gr.Radio(
        [(words, str(name)) for name, words in SCALES.items()], value=values[1],
        label=text.COLOR_SCALE, elem_id=f"{prefix}-scale",
    )  # fmt: skip
    sliders = [
        gr.Slider(0, high, value=value, step=step, label=label, elem_id=f"{prefix}-{name}")
        for name, high, step, label, value in (
            ("opacity", 1, 0.01, text.OPACITY, values[2]),
            ("threshold", 0.95, 0.01, text.THRESHOLD, values[3]),
            ("persistence", 2000, 10, text.PERSISTENCE, values[4]),
        )
    ]
    marks = gr.CheckboxGroup(
        [(words, name) for name, words in MARKS.items()], value=values[5], label=text.MARKS,
        elem_id=f"{prefix}-marks",
    )  # fmt: skip
    return LookControls(color_map, scale, sliders[0], sliders[1], sliders[2], marks)
