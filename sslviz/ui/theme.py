"""The look of the app: one palette in light and dark, one font that comes with it, no request out."""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from sslviz.ui import text

STATIC = Path(__file__).parent / "static"
SCRIPTS = (
    "core",
    "field",
    "drop",
    "record",
    "timeline",
    "player",
    "stage",
    "panel",
    "sounds",
    "compare",
)
STYLES = ("base", "stage", "tabs")
FONT = "'Instrument Sans', 'Segoe UI', Helvetica, Arial, sans-serif"


_COLORS = {
    "body_background_fill": "--sv-bg",
    "body_text_color": "--sv-ink",
    "body_text_color_subdued": "--sv-soft",
    "background_fill_primary": "--sv-surface",
    "background_fill_secondary": "--sv-sunken",
    "block_background_fill": "--sv-clear",
    "block_border_color": "--sv-line",
    "block_label_text_color": "--sv-soft",
    "block_title_text_color": "--sv-ink",
    "block_info_text_color": "--sv-soft",
    "border_color_primary": "--sv-line",
    "border_color_accent": "--sv-accent",
    "color_accent_soft": "--sv-tint",
    "panel_background_fill": "--sv-surface",
    "input_background_fill": "--sv-sunken",
    "input_background_fill_focus": "--sv-surface",
    "input_border_color": "--sv-line",
    "input_border_color_focus": "--sv-accent",
    "button_primary_background_fill": "--sv-accent",
    "button_primary_background_fill_hover": "--sv-accent-strong",
    "button_primary_text_color": "--sv-accent-ink",
    "button_secondary_background_fill": "--sv-sunken",
    "button_secondary_background_fill_hover": "--sv-tint",
    "button_secondary_text_color": "--sv-ink",
    "button_secondary_border_color": "--sv-line",
    "checkbox_background_color": "--sv-surface",
    "checkbox_background_color_selected": "--sv-accent",
    "checkbox_border_color": "--sv-edge",
    "checkbox_border_color_selected": "--sv-accent",
    "checkbox_label_background_fill": "--sv-sunken",
    "checkbox_label_background_fill_selected": "--sv-tint",
    "checkbox_label_text_color": "--sv-ink",
    "checkbox_label_text_color_selected": "--sv-ink",
    "checkbox_label_border_color": "--sv-line",
    "slider_color": "--sv-accent",
    "link_text_color": "--sv-link",
    "link_text_color_hover": "--sv-accent",
    "table_even_background_fill": "--sv-surface",
    "table_odd_background_fill": "--sv-sunken",
    "accordion_text_color": "--sv-ink",
}
"""Gradio's names for parts of its controls, and the colour of ours that each takes."""


def make_theme() -> gr.themes.Base:
    """Gradio's own controls in the app's palette."""
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.orange,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=["Instrument Sans", "Segoe UI", "Helvetica", "Arial", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Consolas", "monospace"],
    )
    settings: dict[str, Any] = {name: f"var({value})" for name, value in _COLORS.items()}
    known = set(dir(theme))
    settings |= {
        f"{name}_dark": value for name, value in settings.items() if f"{name}_dark" in known
    }
    return theme.set(
        **settings,
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        input_shadow="none",
        layout_gap="14px",
    )


@cache
def styles() -> str:
    """All style sheets, the font inside."""
    font = base64.b64encode((STATIC / "instrument-sans.woff2").read_bytes()).decode()
    face = (
        "@font-face{font-family:'Instrument Sans';font-weight:400 700;font-display:swap;"
        f"src:url(data:font/woff2;base64,{font}) format('woff2')}}"
    )
    return face + "\n".join((STATIC / f"{name}.css").read_text() for name in STYLES)


def head(limits: dict[str, Any], examples: list[dict[str, Any]]) -> str:
    """Scripts for the page's head, with every word and limit they need."""
    values = {"text": text.SCRIPT, "limits": limits, "examples": examples}
    data = json.dumps(values).replace("</", "<\\/")
    scripts = "\n".join((STATIC / f"{name}.js").read_text() for name in SCRIPTS)
    return (
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="description" content="{text.DESCRIPTION}">'
        f"<script>window.sslviz = {data};</script><script>{scripts}</script>"
    )


LOGO = """<svg class="sv-logo" viewBox="0 0 40 40" width="36" height="36" aria-hidden="true">
<g>{cells}</g></svg>"""
_HEAT = {0: "#fcc83c", 1: "#f3781c", 2: "#bc3754", 3: "#65156e", 4: "#2b0b52"}


@cache
def logo() -> str:
    """Five by five pixels, warm around the one that sounds."""
    cells = []
    for row in range(5):
        for column in range(5):
            distance = round(((row - 1.4) ** 2 + (column - 1.6) ** 2) ** 0.5 * 1.05)
            color = _HEAT[min(distance, 4)]
            place = f'x="{column * 8 + 0.5}" y="{row * 8 + 0.5}"'
            cells.append(f'<rect {place} width="7" height="7" rx="1.8" fill="{color}"/>')
    return LOGO.format(cells="".join(cells))
