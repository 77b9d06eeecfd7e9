"""The server's end of the live view: who may use the model now, and one step per picture."""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from sslviz.catalog import DEFAULT_CHECKPOINT, METHODS
from sslviz.errors import LiveError, SSLVizError
from sslviz.live import LiveSession, quick_enough
from sslviz.options import ColorScale
from sslviz.scaling import Verdict, describe
from sslviz.types import Localizer
from sslviz.ui.describe import without_folders
from sslviz.ui.live_protocol import ProtocolLimits, pack, unpack
from sslviz.ui.live_record import RecordRequest, save_recording
from sslviz.ui.live_settings import LiveSettings
from sslviz.ui.live_turns import Turn, Turns
from sslviz.ui.store import Store

LOG = logging.getLogger(__name__)
Message = dict[str, Any]
HELLO_SECONDS = 10.0
POLL_SECONDS = 0.5
"""How often somebody who waits, or says nothing, is looked at."""
MAX_TEXT = 4096
_VISITOR = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
INTERNAL = "Something went wrong here; it was noted. Press Start to try again."


def sentence(error: Exception) -> str:
    """What a visitor may read about an error: our own sentences, nothing of the machine."""
    if isinstance(error, SSLVizError):
        return without_folders(str(error))
    LOG.exception("unexpected error in a live session", exc_info=error)
    return INTERNAL


def same_site(socket: WebSocket, allowed: tuple[str, ...]) -> bool:
    """Whether the page that connects came from this app (browsers let any page try)."""
    origin = socket.headers.get("origin", "")
    hosts = {socket.headers.get("host", ""), socket.headers.get("x-forwarded-host", ""), *allowed}
    return not origin or origin.partition("://")[2] in hosts - {""}


@dataclass(slots=True)
class LiveHub:
    """Everything that the live visitors of one app share: turns and one worker per model call."""

    localizers: Callable[[str], Localizer]
    settings: LiveSettings
    store: Store
    turns: Turns = field(init=False)
    model: ThreadPoolExecutor = field(init=False)
    saver: ThreadPoolExecutor = field(init=False)
    sessions: dict[str, LiveSession] = field(default_factory=dict)
    """By visitor, of those who are here now."""
    measured: dict[str, tuple[Localizer, Localizer]] = field(default_factory=dict)
    """By checkpoint: as loaded, and as it is used live."""

    def __post_init__(self) -> None:
        self.turns = Turns(self.settings.turns)
        # One worker with a first-come queue: each visitor has one picture in it, so they alternate.
        self.model = ThreadPoolExecutor(1, "live-model")
        self.saver = ThreadPoolExecutor(1, "live-save")

    async def serve(self, socket: WebSocket) -> None:
        """Talk to one page until it leaves or its time is up."""
        if not same_site(socket, self.settings.allowed_origins):
            await socket.close(1008)
            return
        await socket.accept()
        line = _Line(socket)
        visitor = ""
        try:
            hello = await line.hello()
            turn = self.turns.join(hello["visitor"])
            visitor = hello["visitor"]
            session = self.sessions[visitor] = await self._open(line, hello["checkpoint"])
            await _Visit(self, line, visitor, session).run(turn)
        except WebSocketDisconnect:
            LOG.debug("a live page left")
        except Exception as error:  # noqa: BLE001 - the page must hear of every end
            await line.end(sentence(error))
        finally:
            if visitor:
                self.turns.leave(visitor)
                self.sessions.pop(visitor, None)

    def _quick(self, name: str) -> Localizer:
        """The localizer at a picture size that suits this machine; measured once per loaded localizer."""
        whole = self.localizers(name)
        known = self.measured.get(name)
        if known is None or known[0] is not whole:
            known = self.measured[name] = whole, quick_enough(whole)
        return known[1]

    async def _open(self, line: "_Line", name: str) -> LiveSession:
        if self.settings.forbidden:
            raise LiveError(self.settings.forbidden)
        if name not in self.settings.checkpoints:
            raise LiveError(
                f"{name[:40]!r} is not offered live; on offer: {', '.join(self.settings.checkpoints)}."
            )
        await line.tell({"type": "loading", "text": f"Loading {name}."})
        localizer = await asyncio.get_running_loop().run_in_executor(self.saver, self._quick, name)
        session = LiveSession(localizer, self.settings.options)
        await line.tell(_ready(localizer))
        return session


def _ready(localizer: Localizer) -> Message:
    identity, spec = localizer.identity, localizer.spec
    # The scale of the scores is only known from a map; the words for a fixed scale need its ends.
    return {
        "type": "ready",
        "checkpoint": identity.checkpoint,
        "trained": identity.trained,
        "gate": identity.calibration.confidence_gate,
        "sample_rate": spec.sample_rate,
        "audio_seconds": spec.audio_seconds,
        "verdicts": [verdict.value for verdict in Verdict],
    }


@dataclass(slots=True)
class _Line:
    """One WebSocket, with sentences of several tasks kept apart."""

    socket: WebSocket
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tell(self, message: Message) -> None:
        async with self.lock:
            await self.socket.send_text(json.dumps(message))

    async def send(self, data: bytes) -> None:
        async with self.lock:
            await self.socket.send_bytes(data)

    async def end(self, text: str) -> None:
        try:
            await self.tell({"type": "error", "text": text})
            await self.socket.close(1000)
        except (WebSocketDisconnect, RuntimeError):
            LOG.debug("the page was gone before it could be told")

    async def receive(self, timeout_seconds: float) -> bytes | Message | None:
        """The next message; ``None`` where none came in time.

        Raises:
            LiveError: It is too long, or no JSON object.
            WebSocketDisconnect: The page left.
        """
        try:
            event = await asyncio.wait_for(self.socket.receive(), timeout_seconds)
        except TimeoutError:
            return None
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        if (data := event.get("bytes")) is not None:
            return bytes(data)
        return _parse(event.get("text") or "")

    async def hello(self) -> Message:
        """The first message: who it is and what it wants.

        Raises:
            LiveError: It says something else, or nothing.
        """
        message = await self.receive(HELLO_SECONDS)
        if isinstance(message, dict) and message.get("type") == "hello":
            visitor, name = message.get("visitor"), message.get("checkpoint", DEFAULT_CHECKPOINT)
            if isinstance(visitor, str) and _VISITOR.match(visitor) and isinstance(name, str):
                return {"visitor": visitor, "checkpoint": name}
        raise LiveError("The live page did not say hello; reload it.")


def _parse(text: str) -> Message:
    try:
        message = json.loads(text[: MAX_TEXT + 1]) if len(text) <= MAX_TEXT else None
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise LiveError("This live message is not ours; reload the page.")
    return message


@dataclass(slots=True)
class _Visit:
    """One visitor's time at the app, from ready to goodbye."""

    hub: LiveHub
    line: _Line
    visitor: str
    session: LiveSession
    told_slow: bool = False
    told_scale: bool = False
    saving: asyncio.Task[None] | None = None

    async def run(self, turn: Turn) -> None:
        was_running: bool | None = None
        while True:
            if not turn.running:
                await self._tell_wait(turn)
            elif was_running is False:
                await self.line.tell({"type": "go"})
            was_running = turn.running
            message = await self.line.receive(POLL_SECONDS)
            # Somebody who waits need not say anything; somebody at the machine who does not, leaves.
            turn = self.hub.turns.look(self.visitor, alive=message is not None or not turn.running)
            if isinstance(message, dict):
                await self._control(message)
            elif message is not None and turn.running and was_running:
                await self._step(message)

    async def _tell_wait(self, turn: Turn) -> None:
        await self.line.tell({"type": "wait", "ahead": turn.ahead, "seconds": turn.wait_seconds})

    async def _step(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        sharing = self.hub.turns.num_running
        limits = self.hub.settings.limits
        answer, scale = await loop.run_in_executor(
            self.hub.model, _step, self.session, data, limits, sharing
        )
        self.hub.turns.look(self.visitor)  # a slow method is no sign that the visitor left
        if not self.told_scale and scale is not None:
            self.told_scale = True
            await self.line.tell({"type": "scale", "scale": scale})
        await self.line.send(answer)
        if self.session.too_slow and not self.told_slow:
            self.told_slow = True
            await self.line.tell(self._slow())

    def _slow(self) -> Message:
        own = self.session.localizer.identity.checkpoint
        seconds = self.session.typical_step_seconds or 0.0
        needs = f"{own} needs {seconds:.1f} s for a map here"
        if _is_live(own):
            return {"type": "slow", "text": f"{needs}: this machine is busy.", "offer": None}
        offer = next((name for name in self.hub.settings.checkpoints if _is_live(name)), None)
        advice = f"{offer} is made for live." if offer else "Use a faster machine, or a clip."
        text = f"{needs}, too slow to follow. {advice}"
        return {"type": "slow", "text": text, "offer": offer}

    async def _control(self, message: Message) -> None:
        if message.get("type") != "record":
            return
        if self.saving is not None and not self.saving.done():
            await self.line.tell(
                {"type": "not_recorded", "text": "The last recording is still being saved."}
            )
            return
        self.saving = asyncio.create_task(self._record(message))

    async def _record(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        try:
            request = RecordRequest.parse(message, max(self.hub.settings.record_seconds))
            recording = self.session.recording(request.seconds)
            told = await loop.run_in_executor(
                self.hub.saver, save_recording, self.hub.store, recording, self.session.localizer,
                request.style,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - live goes on, the page is told
            told = {"type": "not_recorded", "text": sentence(error)}
        try:
            await self.line.tell(told)
        except (WebSocketDisconnect, RuntimeError):
            LOG.debug("the page left before its recording was saved")


def _is_live(name: str) -> bool:
    method = METHODS.get(name)
    return method is not None and method.live


def _step(
    session: LiveSession, data: bytes, limits: ProtocolLimits, sharing: int
) -> tuple[bytes, Message | None]:
    """Take a message in and answer it; runs in the model's thread."""
    message = unpack(data, session.localizer.spec.sample_rate, limits)
    session.push_audio(message.first_sample, message.samples)
    if not session.push_frame(message.sequence, message.frame, message.jpeg):
        raise LiveError("A live picture came twice or too late; press Start to go on.")
    found = session.step()
    if found is None:
        raise LiveError("A live picture came twice or too late; press Start to go on.")
    calibration = session.localizer.identity.calibration
    label = describe(calibration, found.score_map.scale, ColorScale.FIXED, None)
    scale = {"low": label.low, "high": label.high, "name": label.name}
    answer = pack(message.sequence, found, session.heatmap(found), session.pace_seconds(sharing))
    return answer, scale
