"""Run the app: Gradio's page, our own addresses and the live WebSocket in one web server."""

import os
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.errors import OptionError, SSLVizError
from sslviz.pipeline import paint
from sslviz.types import Calibration, Frame, Identity, ScoreScale, ScoreTrack
from sslviz.ui import describe, examples, live_mount, text, theme
from sslviz.ui.app import build_app
from sslviz.ui.localizers import Shelf, ready_names
from sslviz.ui.result_routes import ResultRoutes
from sslviz.ui.room import RoomKeeper
from sslviz.ui.settings import Deployment, deployment_from
from sslviz.ui.upload_routes import UploadRoutes
from sslviz.ui.work import LOG, Desk, open_desk

AUTO_SECONDS = 180.0
"""Longer clips wait for the button, so that the estimate is read first."""
RECORD_SECONDS = 60.0
ENDING_SECONDS = 6.0
"""For runs to finish with what they have; a container is killed ten seconds after it was asked to end."""
WARMING_SECONDS = 30.0
"""For the default checkpoint to be loaded, in an app that is closed as soon as it was opened."""
PAGES_REMEMBERED = 64
"""Gradio keeps half a megabyte for each page that was ever open, by default for the last 10,000. Nothing
of ours lies there: a page that is forgotten and comes back notices nothing."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where the server listens."""

    host: str | None = None
    """``None``: this machine only, or what ``GRADIO_SERVER_NAME`` says."""
    port: int | None = None
    """``None``: the first free one from 7860."""
    share: bool = False
    """Ask Gradio for a public link."""
    open_browser: bool = True
    certificate: Path | None = None
    """Camera and microphone need https on any host but localhost."""
    key: Path | None = None


DEFAULT_OPTIONS = ServerOptions()


@dataclass(frozen=True, slots=True)
class App:
    """A running app."""

    desk: Desk
    page: gr.Blocks
    url: str
    warming: threading.Thread
    """Loads the default checkpoint; Python must not end in the middle of that."""

    def wait(self) -> None:
        """Serve until the app is closed or interrupted."""
        while self.page.is_running:
            time.sleep(0.1)

    def close(self, patience_seconds: float = 0.0) -> None:
        """Stop serving.

        Args:
            patience_seconds: What runs may take this long to finish with what it has.
        """
        if not self.desk.finish(patience_seconds):
            LOG.warning(
                "some runs did not end in time; their unfinished files go with the next sweep"
            )
        self.page.close(verbose=False)
        self.warming.join(WARMING_SECONDS)


def start(
    options: ServerOptions = DEFAULT_OPTIONS,
    deployment: Deployment | None = None,
    shelf: Shelf | None = None,
) -> App:
    """Serve the app from threads of this process; returns when it answers.

    Args:
        options: Where to listen.
        deployment: Limits; read from the environment by default.
        shelf: Where localizers come from; the checkpoints of this machine and the Hub by default.

    Raises:
        OptionError: A setting of the environment cannot be used.
    """
    deployment = deployment or deployment_from(os.environ)
    if deployment.mcp and find_spec("mcp") is None:
        raise OptionError(text.NO_MCP)
    desk = open_desk(deployment, shelf)
    offered = examples.adopt_all(desk.store)
    page = build_app(desk)
    page.queue(default_concurrency_limit=4, max_size=deployment.queue_size)
    routes: list[BaseRoute] = [
        *UploadRoutes(desk).all(), *ResultRoutes(desk).all(), *live_mount.routes(desk)
    ]  # fmt: skip
    _, url, _ = page.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        inbrowser=False,
        prevent_thread_lock=True,
        quiet=True,
        ssl_certfile=_text(options.certificate),
        ssl_keyfile=_text(options.key),
        ssl_verify=options.certificate is None,
        theme=theme.make_theme(),
        css=theme.styles(),
        head=theme.head(limits_of(deployment), offered),
        app_kwargs={"routes": routes, "middleware": [Middleware(RoomKeeper, store=desk.store)]},
        allowed_paths=[str(desk.store.root)],
        max_file_size=deployment.max_bytes,
        mcp_server=deployment.mcp,
        ssr_mode=False,
        pwa=True,
        favicon_path=str(theme.STATIC / "icon.png"),
        footer_links=["api"],
        run_history=False,
        show_error=False,
        enable_monitoring=False,
    )
    page.state_holder.capacity = PAGES_REMEMBERED
    return App(desk, page, url, _in_background(desk))


def launch(
    options: ServerOptions = DEFAULT_OPTIONS,
    say: Callable[[str], None] = LOG.warning,
    deployment: Deployment | None = None,
    shelf: Shelf | None = None,
) -> None:
    """Serve the app until it is interrupted; runs then finish with what they have.

    Args:
        options: Where to listen.
        say: Told where the app can be opened.
        deployment: As for `start`.
        shelf: As for `start`.

    Raises:
        OptionError: A setting of the environment cannot be used.
    """
    app = start(options, deployment, shelf)
    say(text.RUNS_AT.format(url=app.url))
    if options.open_browser:
        webbrowser.open(app.url)
    try:
        app.wait()
    finally:
        app.close(ENDING_SECONDS)


def limits_of(deployment: Deployment) -> dict[str, Any]:
    """What the page's scripts must know."""
    return {
        "max_bytes": deployment.max_bytes,
        "accepted": describe.accepted(deployment.max_bytes, deployment.max_duration_seconds),
        "auto_seconds": AUTO_SECONDS,
        "record_seconds": RECORD_SECONDS,
        "kept": describe.about(deployment.keep_seconds),
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _in_background(desk: Desk) -> threading.Thread:
    """Load the default checkpoint before the first visitor needs it; delete old results."""

    def warm() -> None:
        warm_painter()
        for name in ready_names()[:1] or [DEFAULT_CHECKPOINT]:
            try:
                desk.shelf.seconds_per_map(name)
            except SSLVizError as error:
                LOG.warning("%s", error)

    def sweep() -> None:
        timer = threading.Timer(min(600.0, desk.deployment.keep_seconds), sweep)
        timer.daemon = True
        timer.start()
        desk.store.sweep()

    _start(sweep)
    return _start(warm)


def warm_painter() -> None:
    """Load what painting needs (the fonts above all), so that the first slider is not the slow one."""
    calibration = Calibration(0.5, 0.0, 1.0)
    track = ScoreTrack(
        np.zeros((1, 1, 2, 2), np.float32), ("sound",), np.zeros(1), np.ones((1, 1), np.float32),
        np.zeros(1, np.float32), ScoreScale.PROBABILITY, Identity("", "", "", calibration), "0" * 64, 1.0,
    )  # fmt: skip
    paint(Frame(np.zeros((64, 64, 3), np.uint8), 0.0), track)


def _start(job: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    return thread
