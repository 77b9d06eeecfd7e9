"""The Video tab: one clip, its picture while it runs, its result, its look, its downloads."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.errors import MediaError, SSLVizError
from sslviz.export import load_settings
from sslviz.options import AnalysisOptions, Style
from sslviz.ui import compose, describe, library, localizers, look, parts, text, trust, work
from sslviz.ui.work import Desk, RunRequest

MODEL_QUEUE = "model"
"""One model call at a time: two runs on one machine only slow each other down."""


@dataclass(frozen=True, slots=True)
class MethodControls:
    """Which weights, how often, where."""

    checkpoint: gr.Dropdown
    rate: gr.Slider
    device: gr.Dropdown

    def all(self) -> list[Any]:
        """In the order handlers take them."""
        return [self.checkpoint, self.rate, self.device]


def build_method(prefix: str, with_rate: bool = True) -> MethodControls:
    """The method picker, inside whatever container is open."""
    ready = localizers.ready_names()
    checkpoint = gr.Dropdown(
        localizers.choices(), value=ready[0] if ready else DEFAULT_CHECKPOINT, label=text.CHECKPOINT,
        info=text.CHECKPOINT_INFO, allow_custom_value=True, elem_id=f"{prefix}-checkpoint",
    )  # fmt: skip
    rate = gr.Slider(
        1, 25, value=AnalysisOptions().maps_per_second, step=1, label=text.MAPS_PER_SECOND,
        info=text.MAPS_INFO, elem_id=f"{prefix}-rate", visible=with_rate,
    )  # fmt: skip
    device = gr.Dropdown(
        localizers.devices(), value="auto", label=text.DEVICE, elem_id=f"{prefix}-device"
    )
    return MethodControls(checkpoint, rate, device)


def build_video_tab(desk: Desk) -> None:
    """Everything inside the tab."""
    page = VideoPage(desk)
    parts.work_tab(page.build_stage, page.build_panel)
    page.build_hidden()
    page.connect()


class VideoPage:
    """Components and handlers of the tab."""

    method: MethodControls
    look: look.LookControls

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def build_panel(self) -> None:
        """Method and look."""
        with gr.Group(elem_classes="sv-box"):
            parts.title(text.METHOD)
            self.method = build_method("video")
            self.estimate = gr.HTML(parts.note(text.ESTIMATE_EMPTY), apply_default_css=False)
            self.run = gr.Button(
                text.RUN, variant="primary", elem_id="video-run", elem_classes="sv-run"
            )
            gr.Checkbox(
                value=True, label=text.AUTO, elem_id="video-auto", container=False, interactive=True
            )
        with gr.Accordion(text.LOOK, open=True, elem_classes="sv-box"):
            self.look = look.build_look("video")
            self.apply = gr.Button(text.APPLY, variant="primary", elem_id="video-apply")
            with gr.Row():
                self.reset = gr.Button(text.RESET, size="sm", min_width=100, elem_id="video-reset")
                self.settings = gr.UploadButton(
                    text.SETTINGS_UPLOAD, size="sm", min_width=140, file_types=[".json"],
                    elem_id="video-settings",
                )  # fmt: skip

    def build_stage(self) -> None:
        """The clip, what came of it, and examples."""
        parts.part("video", "sv-stage")
        self.build_results()
        parts.part("gallery", "sv-gallery")

    def build_results(self) -> None:
        """Downloads and the sanity test; shown once there is a result."""
        with gr.Row(elem_classes="sv-results"):
            with gr.Group(elem_classes="sv-box"):
                parts.title(text.KEEP)
                parts.part("keep", "sv-keep")
            with gr.Group(elem_classes="sv-box"):
                parts.title(text.TRUST)
                self.verdict = gr.HTML(parts.note(text.TRUST_INFO), apply_default_css=False)
                self.trust = gr.Button(text.TRUST_BUTTON, elem_id="video-trust")

    def build_hidden(self) -> None:
        """What carries words between the page's scripts and the handlers."""
        self.bus = parts.bus("video")
        self.request = parts.carrier("video-request")
        self.refresh = parts.button("video-estimate")
        self.open = parts.button("video-open")
        self.side = parts.button("video-side")

    def connect(self) -> None:
        """Which press does what."""
        send, quiet = parts.asking("video"), parts.QUIET
        heavy = quiet | {"concurrency_id": MODEL_QUEUE, "concurrency_limit": 1}
        self.run.click(
            self.on_run,
            [self.request, *self.method.all(), *self.look.all()],
            self.bus,
            js=send,
            **heavy,
        )
        self.apply.click(
            self.on_apply, [self.request, *self.look.all()], self.bus, js=send, **quiet
        )
        self.trust.click(
            self.on_trust, [self.request, self.method.checkpoint, self.method.device],
            self.verdict, js=send, api_visibility="private", concurrency_id=MODEL_QUEUE,
        )  # fmt: skip
        self.side.click(self.on_side, self.request, self.bus, js=send, **quiet)
        shown = [self.bus, self.method.checkpoint, *self.look.all()]
        self.open.click(
            self.on_open, self.request, shown, js="() => window.sslviz.wanted || ''", **quiet
        )
        gr.on(
            [self.refresh.click, *(control.change for control in self.method.all())],
            self.on_estimate, [self.request, *self.method.all()], self.estimate, js=send,
            trigger_mode="always_last", **quiet,
        )  # fmt: skip
        self.settings.upload(self.on_settings, self.settings, [self.bus, *self.look.all()], **quiet)
        self.reset.click(lambda: look.to_controls(Style()), None, self.look.all(), **quiet)
        restyle = "(...values) => { window.sslviz.look(...values) }"
        gr.on(
            [control.change for control in self.look.all()],
            None, self.look.all(), None, js=restyle, **quiet,
        )  # fmt: skip

    def on_run(
        self, asked: str, checkpoint: str, rate: float, device: str, *style: Any
    ) -> Iterator[str]:
        """Analyse and paint the clip on the stage."""
        yield from parts.dumps(self._run(asked, checkpoint, rate, device, style))

    def _run(
        self, asked: str, checkpoint: str, rate: float, device: str, style: tuple[Any, ...]
    ) -> Iterator[library.Message]:
        try:
            wanted = json.loads(asked)
            options = AnalysisOptions(
                maps_per_second=rate,
                start_seconds=wanted["start"],
                end_seconds=wanted["end"],
                batch_size=localizers.batch_size(),
            )
            request = RunRequest(
                wanted["clip"], checkpoint, device, options, look.from_controls(style)
            )
        except (SSLVizError, ValueError, KeyError, TypeError) as error:
            yield {"state": "error", "message": work.sentence(error)}
            return
        yield from work.run(self.desk, request)

    def on_apply(self, asked: str, *style: Any) -> Iterator[str]:
        """Write the painted video again in the look of the controls."""
        token = json.loads(asked)["result"]
        try:
            base = library.style_of(self.desk.store.result(token))
            wanted = look.from_controls(style, base)
        except Exception as error:  # noqa: BLE001 - the page must hear of every end
            yield json.dumps({"state": "error", "message": work.sentence(error)})
            return
        yield from parts.dumps(work.restyle(self.desk, token, wanted))

    def on_open(self, token: str) -> list[Any]:
        """Show a result that is already there: an example, or one from a link."""
        try:
            result = self.desk.store.result(token)
            message = work.message_of(self.desk, result) | {"shared": True}
            controls = look.to_controls(library.style_of(result))
        except Exception as error:  # noqa: BLE001 - the page must hear of every end
            skips = [gr.skip()] * (1 + len(self.look.all()))
            return [json.dumps({"state": "error", "message": work.sentence(error)}), *skips]
        return [json.dumps(message), result.checkpoint, *controls]

    def on_estimate(self, asked: str, checkpoint: str, rate: float, device: str) -> str:
        """How long a run would take, said before it starts."""
        wanted = json.loads(asked)
        if not wanted["clip"]:
            return parts.note(text.ESTIMATE_EMPTY)
        try:
            name = localizers.allowed_name(checkpoint, self.desk.deployment.public)
            if not (self.desk.shelf.is_loaded(name, device) or localizers.is_here(name)):
                return parts.note(text.ESTIMATE_ABSENT.format(checkpoint=name))
            upload = self.desk.store.upload(wanted["clip"])
            info = library.info_of(upload.path, self.desk.deployment)
            length = None if wanted["end"] is None else wanted["end"] - wanted["start"]
            each = self.desk.shelf.seconds_per_map(name, device)
            seconds = describe.estimate_seconds(info, rate, each, length)
        except Exception as error:  # noqa: BLE001 - a note, whatever happens; the log has the rest
            return parts.note(work.sentence(error), warn=True)
        if seconds is None:
            return parts.note(text.ESTIMATE_UNKNOWN)
        words = describe.about(seconds).capitalize()
        return parts.note(text.ESTIMATE.format(time=words, checkpoint=name))

    def on_settings(self, path: str) -> list[Any]:
        """Put the look of a settings file into the controls."""
        try:
            return ["", *look.to_controls(load_settings(Path(path)))]
        except SSLVizError as error:
            words = work.sentence(error).replace(str(path), text.SETTINGS_FILE)
            skips = [gr.skip()] * len(self.look.all())
            return [json.dumps({"state": "error", "message": words}), *skips]

    def on_side(self, asked: str) -> Iterator[str]:
        """Make the side-by-side video and hand it out."""
        yield from parts.dumps(compose.side_by_side(self.desk, json.loads(asked)["result"]))

    def on_trust(self, asked: str, checkpoint: str, device: str) -> str:
        """Swap the sound and say whether the map cares."""
        wanted = json.loads(asked)
        try:
            if not wanted["clip"]:
                raise MediaError(text.NO_CLIP)
            name = localizers.allowed_name(checkpoint, self.desk.deployment.public)
            return trust.report(self.desk, wanted["clip"], name, device)
        except Exception as error:  # noqa: BLE001 - the page must hear of every end
            return parts.note(work.sentence(error), warn=True)
