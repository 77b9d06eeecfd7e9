"""The live WebSocket without a browser: turns, hostile pages, a method too slow to follow."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_loud import BrightLoud
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from sslviz.bench.live_page import LiveServer, serve
from sslviz.live import LiveOptions
from sslviz.ui.live_protocol import MAGIC, REPLY, REQUEST
from sslviz.ui.live_settings import LiveSettings
from sslviz.ui.live_turns import TurnOptions

RATE = 16_000


class Visitor:
    """A page without a screen: one picture in flight, sound at its own pace."""

    def __init__(
        self, server: LiveServer, name: str, checkpoint: str = "marginnce-compact"
    ) -> None:
        self._context = connect(server.url.replace("http", "ws") + "live/socket")
        self.line: ClientConnection = self._context.__enter__()
        self.line.send(json.dumps({"type": "hello", "visitor": name, "checkpoint": checkpoint}))
        self.told: list[dict[str, Any]] = []
        self.served: list[float] = []
        self.number = self.sent = 0
        self.running = self.in_flight = False

    def close(self) -> None:
        self._context.__exit__(None, None, None)

    def send(self, image: np.ndarray, samples: np.ndarray) -> None:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG")
        pts = (self.sent + len(samples)) / RATE
        head = REQUEST.pack(MAGIC, self.number, pts, self.sent, len(samples), len(file.getvalue()))
        self.line.send(head + (samples * 32767).astype("<i2").tobytes() + file.getvalue())
        self.number += 1
        self.sent += len(samples)
        self.in_flight = True

    def take(self, seconds: float) -> bytes | None:
        """What the server says within a time; an answer, or nothing."""
        try:
            message = self.line.recv(timeout=seconds)
        except TimeoutError:
            return None
        if isinstance(message, bytes):
            self.in_flight = False
            self.served.append(time.monotonic())
            return message
        told = json.loads(message)
        self.told.append(told)
        if told["type"] in ("ready", "go"):
            self.running = not any(t["type"] == "wait" for t in self.told[-1:])
        if told["type"] == "wait":
            self.running = self.in_flight = False
        return None

    def types(self) -> list[str]:
        return [told["type"] for told in self.told]


@pytest.fixture
def server(localizer: BrightLoud, tmp_path: Path) -> Iterator[LiveServer]:
    with serve(lambda name: localizer, LiveSettings(), tmp_path) as running:
        yield running


PICTURE = np.full((48, 64, 3), 30, np.uint8)
PICTURE[8:24, 40:56] = 255
TONE = np.sin(np.arange(RATE // 10) * 0.3).astype(np.float32)


def _until(visitor: Visitor, type_name: str) -> dict[str, Any]:
    while not visitor.told or visitor.told[-1]["type"] != type_name:
        visitor.take(10.0)
    return visitor.told[-1]


def _answer(visitor: Visitor) -> bytes:
    while (answer := visitor.take(10.0)) is None:
        pass
    return answer


def test_a_picture_and_its_sound_come_back_as_heat_on_the_bright_spot(server: LiveServer) -> None:
    visitor = Visitor(server, "visitor-one")
    ready = _until(visitor, "ready")
    assert (ready["sample_rate"], ready["audio_seconds"], ready["trained"]) == (RATE, 1.0, True)
    visitor.send(PICTURE, np.tile(TONE, 5))
    answer = _answer(visitor)
    head = REPLY.unpack_from(answer)
    heat = np.frombuffer(answer, np.uint8, offset=REPLY.size).reshape(head[9], head[10])
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert (head[1], ready["verdicts"][head[8]]) == (0, "source")
    assert heat.max() == 255
    assert 2 <= row <= 7
    assert 8 <= column <= 12
    assert visitor.types() == ["loading", "ready", "scale"]
    visitor.close()


def test_more_visitors_than_places_take_turns_and_nobody_starves(
    localizer: BrightLoud, tmp_path: Path
) -> None:
    turns = TurnOptions(slots=1, max_waiting=2, turn_seconds=1.5)
    with (
        serve(lambda name: localizer, LiveSettings(turns=turns), tmp_path) as server,
        ExitStack() as open_lines,
    ):
        visitors = [Visitor(server, f"visitor-{i}") for i in range(4)]
        for visitor in visitors:
            open_lines.callback(visitor.close)
        refused = _until(visitors[3], "error")["text"]
        assert refused.startswith("Live is full: 1 running and 2 waiting. Try again in ")
        ends = time.monotonic() + 12.0
        while time.monotonic() < ends:
            for visitor in visitors[:3]:
                visitor.take(0.01)
                if visitor.running and not visitor.in_flight:
                    visitor.send(PICTURE, TONE)
    for visitor in visitors[:3]:
        assert len(visitor.served) > 10
        gaps = np.diff([visitor.served[0], *visitor.served, ends])
        assert gaps.max() < 2 * 1.5 + 2.5, "two turns of others, and the polling"
        waits = [told for told in visitor.told if told["type"] == "wait"]
        assert max(told["seconds"] for told in waits) <= 3.0
        assert {"wait", "go"} <= set(visitor.types())


def test_a_slow_method_is_called_slow_and_a_fast_one_is_offered(tmp_path: Path) -> None:
    def load(name: str) -> BrightLoud:
        return BrightLoud(slow_seconds=0.06, checkpoint=name)

    settings = LiveSettings(("acl", "jsa-compact"), LiveOptions(slow_seconds=0.05))
    with serve(load, settings, tmp_path) as server:
        told = {}
        for name in ("acl", "jsa-compact"):
            visitor = Visitor(server, f"wants-{name}", name)
            _until(visitor, "ready")
            for _ in range(3):
                visitor.send(PICTURE, TONE)
                _answer(visitor)
            told[name] = _until(visitor, "slow")
            visitor.close()
    assert told["acl"]["offer"] == "jsa-compact"
    assert "acl needs 0.1 s for a map here, too slow to follow" in told["acl"]["text"]
    assert told["jsa-compact"]["offer"] is None
    assert "this machine is busy" in told["jsa-compact"]["text"]


def test_a_page_that_leaves_frees_its_place_at_once(server: LiveServer) -> None:
    visitor = Visitor(server, "visitor-one")
    _until(visitor, "ready")
    assert server.hub.turns.num_running == 1
    visitor.close()
    deadline = time.monotonic() + 10.0
    while server.hub.turns.num_running and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.hub.turns.num_running == 0
    assert not server.hub.sessions


def test_a_localizer_that_fails_is_a_sentence_without_the_machine_in_it(tmp_path: Path) -> None:
    def load(name: str) -> BrightLoud:
        raise FileNotFoundError("/secret/place/model.safetensors")

    with serve(load, LiveSettings(), tmp_path) as server:
        visitor = Visitor(server, "visitor-one")
        text = _until(visitor, "error")["text"]
    assert "secret" not in text
    assert "Press Start" in text


def test_other_sites_cannot_use_the_live_view(server: LiveServer) -> None:
    address = server.url.replace("http", "ws") + "live/socket"
    with pytest.raises(InvalidStatus):
        connect(address, origin=Origin("https://evil.test"))
    with connect(address, origin=Origin(server.url.rstrip("/"))) as line:
        line.send(
            json.dumps({"type": "hello", "visitor": "a-visitor-id", "checkpoint": "nonsense"})
        )
        answers = [json.loads(line.recv()) for _ in range(1)]
    assert answers[-1]["type"] == "error"
    assert "not offered" in answers[-1]["text"]


@pytest.mark.parametrize("start", [b"\0" * 40, "[]", "{", "x" * 5000, '{"type": "hello"}'])
def test_a_stranger_who_speaks_nonsense_is_answered_and_gone(
    server: LiveServer, start: bytes | str
) -> None:
    with connect(server.url.replace("http", "ws") + "live/socket") as line:
        line.send(start)
        answer = json.loads(line.recv())
        assert answer["type"] == "error"
        with pytest.raises(ConnectionClosed):
            line.recv()
    assert not server.hub.sessions
