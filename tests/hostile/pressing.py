"""Presses the page's button over HTTP, without a browser, and follows what comes of it."""

import json
import time
import urllib.error
import uuid
from dataclasses import dataclass, field
from typing import Any

from sslviz.options import Style
from sslviz.ui import look
from tests.hostile.running_app import RunningApp


@dataclass
class Pressed:
    """What came of one press."""

    state: str = ""
    """``done``, ``error``, ``refused``, or ``lost``."""
    message: str = ""
    answered_seconds: float = 0.0
    """Until it was taken or refused."""
    seconds: float = 0.0
    last: dict[str, Any] = field(default_factory=dict)


def run_values(token: str, checkpoint: str = "marginnce-compact", **wanted: Any) -> list[Any]:
    """What the page sends when the button is pressed."""
    asked = json.dumps({"clip": token, "start": 0, "end": None} | wanted)
    return [asked, checkpoint, 5, "cpu", *look.to_controls(Style())]


def press(app: RunningApp, token: str, session: str = "", until: str = "") -> Pressed:
    """Press the button and wait for the end.

    Args:
        app: Pressed there.
        token: Of the clip.
        session: As Gradio calls a page.
        until: Leave as soon as a message is in this state.
    """
    begin, session = time.monotonic(), session or uuid.uuid4().hex
    answer = app.join("on_run", *run_values(token), session=session)
    pressed = Pressed(answered_seconds=time.monotonic() - begin)
    if answer.status != 200:
        pressed.state, pressed.message = "refused", answer.json().get("detail", "")
    else:
        _follow(app, session, until, pressed)
    pressed.seconds = time.monotonic() - begin
    return pressed


def _follow(app: RunningApp, session: str, until: str, pressed: Pressed) -> None:
    pressed.state = "lost"
    try:
        for event in app.events(session):
            message = _message(event)
            if message is not None:
                pressed.last, pressed.state = message, message.get("state", "lost")
                pressed.message = message.get("message", "")
                if until and pressed.state == until:
                    return
    except (OSError, urllib.error.URLError) as error:
        pressed.message = str(error)


def _message(event: dict[str, Any]) -> dict[str, Any] | None:
    """Our own message inside an event, where it is whole (Gradio sends differences, too)."""
    data = (event.get("output") or {}).get("data") or [None]
    if isinstance(data[0], str) and data[0].startswith("{"):
        return json.loads(data[0])
    return None
