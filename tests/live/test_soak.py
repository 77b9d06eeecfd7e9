"""Ten minutes of two live visitors: memory and files stay as they are."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud
from websockets.sync.client import ClientConnection, connect

from sslviz.bench.live import chirps, moving_jpegs
from sslviz.bench.live_page import serve
from sslviz.live import LiveOptions
from sslviz.ui.live_protocol import MAGIC, REQUEST
from sslviz.ui.live_settings import LiveSettings
from tests.hostile.running_app import own_mb

RATE = 16_000
PERIOD_SECONDS = 0.1


def _ready(line: ClientConnection, visitor: str) -> None:
    line.send(json.dumps({"type": "hello", "visitor": visitor}))
    while json.loads(line.recv())["type"] != "ready":
        pass


def _exchange(line: ClientConnection, number: int, first: int, last: int, jpeg: bytes) -> None:
    sound = (chirps(first, last - first, RATE) * 32767).astype("<i2").tobytes()
    head = REQUEST.pack(MAGIC, number, last / RATE, first, last - first, len(jpeg))
    line.send(head + sound + jpeg)
    while not isinstance(line.recv(), bytes):
        pass


@pytest.mark.nightly
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_ten_minutes_of_two_visitors_leave_memory_and_disk_as_they_are(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    minutes, jpegs, memory = 10.0, moving_jpegs(range(0, 80, 10)), []
    settings = LiveSettings(options=LiveOptions(history_seconds=10.0))
    with serve(lambda name: BrightLoud(), settings, tmp_path) as server:
        address = server.url.replace("http", "ws") + "live/socket"
        with connect(address) as one, connect(address) as two:
            for line, name in ((one, "visitor-one"), (two, "visitor-two")):
                _ready(line, name)
            started, sent, number = time.monotonic(), 0, 0
            while (now := time.monotonic() - started) < 60 * minutes:
                for line in (one, two):
                    _exchange(line, number, sent, round(now * RATE), jpegs[number % 8])
                sent, number = round(now * RATE), number + 1
                if now > 60 and len(memory) < (now - 60) // 10:
                    memory.append(own_mb(os.getpid()))
                time.sleep(max(started + now + PERIOD_SECONDS - time.monotonic(), 0.0))
            counts = [session.buffer.counts for session in server.hub.sessions.values()]
    slope = float(np.polyfit(np.arange(len(memory)) / 6, memory, 1)[0])
    for name, value in {"pictures": number, "mb": memory[0], "mb_per_minute": slope}.items():
        record_property(name, value)
    assert abs(slope) < 0.5
    assert not list(tmp_path.iterdir()), "no file is written unless somebody records"
    for count in counts:
        assert (count.samples, count.missing_samples, count.repeated_samples) == (sent, 0, 0)
        assert count.frames == number
