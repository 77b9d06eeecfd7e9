"""Small building blocks of the page that several tabs share."""

import html
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Of a handler that the page alone calls, and whose progress the page shows itself."""


def part(name: str, classes: str = "") -> gr.HTML:
    """A place that the page's own scripts fill."""
    return gr.HTML(
        html_template=f'<div class="{classes}" data-part="{name}"></div>',
        js_on_load=f"window.sslviz.mount('{name}', element)",
        apply_default_css=False,
    )


def bus(name: str) -> gr.HTML:
    """Carries messages from Python to the page; shows nothing."""
    return gr.HTML(
        html_template="<i></i>",
        js_on_load=f"window.sslviz.bus('{name}', props, watch)",
        elem_classes="sv-bus",
        apply_default_css=False,
    )


def button(name: str, label: str = "") -> gr.Button:
    """A button that only scripts press."""
    return gr.Button(label or name, visible="hidden", elem_id=name)


def work_tab(main: Callable[[], object], panel: Callable[[], object]) -> None:
    """A wide column for the work, and a narrow one with what it is done with."""
    with gr.Row(elem_classes="sv-work"):
        with gr.Column(scale=7, min_width=320):
            main()
        with gr.Column(scale=3, min_width=320, elem_classes="sv-panel"):
            panel()


def asking(name: str) -> str:
    """The script of a button: the page's part of that name says first what it is about."""
    return f"(first, ...rest) => [window.sslviz.{name}.request(), ...rest]"


def carrier(name: str) -> gr.Textbox:
    """A text that a script fills when a button is pressed."""
    return gr.Textbox(visible="hidden", elem_id=name, label=name)


def title(words: str) -> gr.HTML:
    """Head of a box in the panel."""
    return gr.HTML(f'<h2 class="sv-head">{html.escape(words)}</h2>', apply_default_css=False)


def note(words: str, warn: bool = False) -> str:
    """A quiet sentence, or a loud one."""
    return f'<p class="{"sv-warn" if warn else "sv-note"}">{html.escape(words)}</p>'


def dumps(messages: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """Messages as text for the bus."""
    for message in messages:
        yield json.dumps(message)
