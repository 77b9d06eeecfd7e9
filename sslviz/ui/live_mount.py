"""Joins the live view to the app."""

from fastapi import FastAPI
from starlette.routing import BaseRoute

from sslviz.catalog import METHODS
from sslviz.checkpoints.places import available
from sslviz.ui import text
from sslviz.ui.live import PREFIX, LiveSettings, mount_live, public_settings
from sslviz.ui.localizers import on_zero_gpu, ready_names
from sslviz.ui.work import Desk

CLIP_INPUT = ".sv-stage input[type=file]"


def routes(desk: Desk) -> list[BaseRoute]:
    """Addresses of the live view, to be served before Gradio's own."""
    host = FastAPI(openapi_url=None)
    mount_live(host, desk.shelf.plain, live_settings(desk), desk.store)
    return [route for route in host.routes if getattr(route, "path", "").startswith(PREFIX)]


def live_settings(desk: Desk) -> LiveSettings:
    """Limits of the live view: those for strangers on a public app."""
    methods = {state.name: METHODS.get(state.method) for state in available()}
    ready = ready_names()
    fast = [name for name in ready if (method := methods.get(name)) and method.live]
    names = tuple(fast + [name for name in ready if name not in fast]) or LiveSettings().checkpoints
    if desk.deployment.public:
        chosen = public_settings(names, on_zero_gpu())
        return LiveSettings(
            chosen.checkpoints, turns=chosen.turns, forbidden=chosen.forbidden,
            clip_tab=text.TAB_VIDEO, clip_input=CLIP_INPUT,
        )  # fmt: skip
    return LiveSettings(names, clip_tab=text.TAB_VIDEO, clip_input=CLIP_INPUT)
