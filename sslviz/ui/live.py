"""The live tab: camera and microphone with one button, over a WebSocket beside the Gradio app."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, JSONResponse, Response

from sslviz.catalog import METHODS
from sslviz.errors import SSLVizError
from sslviz.live import LiveOptions
from sslviz.options import Style
from sslviz.overlay.artwork import color_table
from sslviz.types import Localizer
from sslviz.ui.live_record import FILES
from sslviz.ui.live_settings import LiveSettings, public_settings
from sslviz.ui.live_socket import LiveHub
from sslviz.ui.store import ForgottenError, Store

__all__ = ["LiveOptions", "LiveSettings", "build_live_tab", "mount_live", "public_settings"]

PREFIX = "/live"
PALETTES = ("inferno", "magma", "viridis", "cividis", "turbo")
STATIC = Path(__file__).parent / "static" / "live"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
_SCRIPT = f"""
import(new URL(".{PREFIX}/live.js", document.baseURI)).then(
  (page) => page.mount(element),
  () => {{ element.textContent = "The live view could not be loaded; reload the page."; }},
);
"""


def build_live_tab() -> gr.HTML:
    """The slot in the page that the live view builds itself into; call it inside its tab."""
    return gr.HTML(
        '<div class="sslive-loading" style="min-height: 24rem"></div>',
        js_on_load=_SCRIPT,
        elem_id="sslviz-live",
        apply_default_css=False,
    )


def mount_live(
    app: FastAPI, localizers: Callable[[str], Localizer], settings: LiveSettings, store: Store
) -> LiveHub:
    """Add the live view's routes under ``/live``; before Gradio is mounted at ``/``.

    Args:
        app: Serves the page.
        localizers: Loads a checkpoint by name (and keeps it).
        settings: Limits and choices.
        store: Where recordings go, for its time and within its size.

    Returns:
        What the visitors share, for the app to look at.
    """
    hub = LiveHub(localizers, settings, store)
    app.add_api_websocket_route(f"{PREFIX}/socket", hub.serve)
    app.add_api_route(f"{PREFIX}/config", lambda: JSONResponse(page_config(settings)))
    app.add_api_route(f"{PREFIX}/recording/{{token}}/{{name}}", _recordings(store))
    app.add_api_route(f"{PREFIX}/{{name}}", static_file)
    return hub


def page_config(settings: LiveSettings) -> dict[str, Any]:
    """What the page needs to know before it connects."""
    style = Style()
    palettes = {name: base64.b64encode(color_table(name).tobytes()).decode() for name in PALETTES}
    return {
        "checkpoints": [_choice(name) for name in settings.checkpoints],
        "default": settings.checkpoints[0] if settings.checkpoints else "",
        "forbidden": settings.forbidden,
        "max_side": settings.max_side,
        "record_seconds": settings.record_seconds,
        "silence_gate_dbfs": settings.options.silence_gate_dbfs,
        "clip_tab": settings.clip_tab,
        "clip_input": settings.clip_input,
        "palettes": palettes,
        "style": {
            "palette": style.color_map,
            "opacity": style.opacity,
            "threshold": style.threshold,
            "halfLifeMs": style.half_life_ms,
            "fill": style.fill,
            "contour": style.contours,
            "crossHair": style.cross_hair,
        },
    }


def _choice(name: str) -> dict[str, str]:
    method = METHODS.get(name)
    if method is None:
        return {"name": name, "title": name, "summary": ""}
    title = method.title if method.live else f"{method.title} (slow)"
    return {"name": name, "title": title, "summary": method.summary}


def static_file(name: str) -> Response:
    """One of the live view's own scripts or its style sheet."""
    path = STATIC / name
    if not re.fullmatch(r"[a-z]+\.(js|css)", name) or not path.is_file():
        raise HTTPException(404)
    return FileResponse(
        path, media_type=_MEDIA_TYPES[path.suffix], headers={"Cache-Control": "no-cache"}
    )


def _recordings(store: Store) -> Callable[[str, str], Response]:
    def recording(token: str, name: str) -> Response:
        """A file of a recording, for whoever knows its unguessable name."""
        try:
            path = store.folder(token) / name
        except (ForgottenError, SSLVizError):
            raise HTTPException(404, "This recording was deleted after its time.") from None
        if name not in FILES or not path.is_file():
            raise HTTPException(404)
        return FileResponse(path)

    return recording
