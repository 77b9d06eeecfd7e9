"""The Compare tab: two to four checkpoints on one clip and one clock."""

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

from sslviz.errors import SSLVizError
from sslviz.options import AnalysisOptions
from sslviz.ui import comparison, localizers, look, parts, text, work
from sslviz.ui.upload import MODEL_QUEUE
from sslviz.ui.work import Desk


def build_compare_tab(desk: Desk) -> None:
    """Everything inside the tab."""
    page = ComparePage(desk)
    parts.work_tab(lambda: parts.part("compare", "sv-compare"), page.build_panel)
    page.connect()


class ComparePage:
    """Components and handlers of the tab."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def build_panel(self) -> None:
        """Checkpoints and look."""
        with gr.Group(elem_classes="sv-box"):
            parts.title(text.METHOD)
            self.names = gr.Dropdown(
                localizers.choices(), value=localizers.ready_names()[: comparison.FEWEST],
                multiselect=True, max_choices=comparison.MOST, allow_custom_value=True,
                label=text.COMPARE_CHOICE, elem_id="compare-names",
            )  # fmt: skip
            self.rate = gr.Slider(1, 25, value=5, step=1, label=text.MAPS_PER_SECOND)
            self.device = gr.Dropdown(localizers.devices(), value="auto", label=text.DEVICE)
            self.run = gr.Button(
                text.COMPARE_RUN, variant="primary", elem_id="compare-run", elem_classes="sv-run"
            )
        with gr.Accordion(text.LOOK, open=False, elem_classes="sv-box"):
            self.look = look.build_look("compare")
        self.request = parts.carrier("compare-request")
        self.side = parts.button("compare-side")
        self.bus = parts.bus("compare")

    def connect(self) -> None:
        """Which press does what."""
        shared: dict[str, Any] = {"js": parts.asking("compare"), **parts.QUIET}
        self.run.click(
            self.on_run, [self.request, self.names, self.rate, self.device, *self.look.all()],
            self.bus, concurrency_id=MODEL_QUEUE, **shared,
        )  # fmt: skip
        self.side.click(self.on_side, self.request, self.bus, **shared)

    def on_run(
        self, asked: str, names: list[str], rate: float, device: str, *style: Any
    ) -> Iterator[str]:
        """Run every checkpoint, then compare."""
        try:
            clip = json.loads(asked)["clip"]
            options = AnalysisOptions(maps_per_second=rate)
            wanted = look.from_controls(style)
        except SSLVizError as error:
            yield json.dumps({"state": "error", "message": work.sentence(error)})
            return
        yield from parts.dumps(
            comparison.run(self.desk, clip, names or [], device, options, wanted)
        )

    def on_side(self, asked: str) -> Iterator[str]:
        """All painted videos in one file."""
        tokens = json.loads(asked)["tokens"]
        yield from parts.dumps(comparison.side_by_side(self.desk, tokens))
