"""How fast live is: maps per second, and milliseconds from the camera's picture to its painted map."""

import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from sslviz.bench.live_page import (
    MICROPHONE_RATE,
    browser,
    find_browser,
    make_camera,
    make_microphone,
    serve,
)
from sslviz.bench.measure import Measurement
from sslviz.checkpoints import load_localizer
from sslviz.live import LiveSession
from sslviz.types import Identity, InputSpec, Localizer, ScoreMap, Window
from sslviz.ui.live_protocol import MAGIC, REPLY, REQUEST
from sslviz.ui.live_settings import LiveSettings

WARM_SECONDS = 3.0
CAMERA_FRAMES = 90
_STATE = "[live.stats.replies, live.stats.latencies.slice()]"
IN_BROWSER = "headless Chromium on the same cores; floor: no network"
ON_THE_LINE = "no browser here: from JPEG to map, no camera, no screen; floor: no network"


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What one run measured."""

    maps_per_second: float
    latencies_ms: tuple[float, ...]
    """From the camera's picture to its map on the screen."""
    step_ms: float
    """Of the localizer alone, median."""
    lost_samples: int
    """Never received, or received twice."""


@dataclass(frozen=True, slots=True)
class _Idle:
    """The same inputs and the same map size, without a network: the floor of the road."""

    like: Localizer
    shown: ScoreMap

    @property
    def spec(self) -> InputSpec:
        return self.like.spec

    @property
    def identity(self) -> Identity:
        return self.like.identity

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        """The same map at each window's time."""
        values, scale = self.shown.values, self.shown.scale
        return [ScoreMap(values, scale, 1.0, window.key_frame.pts_seconds) for window in windows]


def bench_live(options: Any, folder: Path) -> list[Measurement]:
    """Camera and microphone to painted map, against the same road without a network.

    In a headless browser where there is one, else from JPEG to map over a WebSocket.

    Args:
        options: ``BenchOptions``: checkpoint, device, and the length of each run in seconds.
        folder: For temporary files.
    """
    localizer = load_localizer(options.checkpoint, device=options.device)
    here = find_browser() is not None
    measure = measure_in_browser if here else measure_on_the_line
    real, floor = measure(localizer, float(options.seconds), folder)
    return live_measurements(real, floor, IN_BROWSER if here else ON_THE_LINE)


def live_measurements(real: LiveFigures, floor: LiveFigures, note: str) -> list[Measurement]:
    """Two runs as lines of the table."""
    measurements = [
        Measurement(
            "live_maps_per_second", real.maps_per_second, "1/s", floor.maps_per_second, note=note
        )
    ]
    for percent in (50, 95):
        value, base = (float(np.percentile(r.latencies_ms, percent)) for r in (real, floor))
        key, count = f"live_latency_p{percent}_ms", len(real.latencies_ms)
        measurements.append(Measurement(key, value, "ms", base, repeats=count, note=note))
    return [
        *measurements,
        Measurement("live_step_ms", real.step_ms, "ms", note="the localizer alone, median"),
        Measurement("live_samples_lost_or_doubled", real.lost_samples, "samples"),
    ]


def measure_in_browser(
    localizer: Localizer, seconds: float, folder: Path
) -> tuple[LiveFigures, LiveFigures]:
    """Run the live page with a fake camera and microphone: with the localizer, then with an idle one.

    Args:
        localizer: What is measured.
        seconds: Of each run, after a warm-up.
        folder: For the files of camera and microphone.
    """
    camera = make_camera(folder / "camera.mjpeg", moving_picture, CAMERA_FRAMES)
    microphone = make_microphone(folder / "microphone.wav", chirps(0, 6 * MICROPHONE_RATE))
    with browser(folder / "profile", camera, microphone) as context:
        page = context.new_page()

        def run(chosen: Localizer) -> tuple[LiveFigures, ScoreMap]:
            with serve(lambda name: chosen, LiveSettings(), folder / "store") as server:
                page.goto(server.url)
                page.wait_for_function("window.live")
                page.click(".sl-start")
                page.wait_for_function("live.stats.replies > 3", timeout=120_000)
                (session,) = server.hub.sessions.values()
                return _figures(session, *_observe(page.evaluate, page.wait_for_timeout, seconds))

        real, found = run(localizer)
        floor, _ = run(_Idle(localizer, found))
    return real, floor


def _observe(
    evaluate: Callable[[str], Any], wait: Callable[[float], None], seconds: float
) -> tuple[list[float], float]:
    wait(1000 * WARM_SECONDS)
    (before, _), started = evaluate(_STATE), time.monotonic()
    wait(1000 * seconds)
    (after, latencies), took = evaluate(_STATE), time.monotonic() - started
    return latencies[-max(after - before, 1) :], took


def _figures(
    session: LiveSession, latencies: list[float], seconds: float
) -> tuple[LiveFigures, ScoreMap]:
    counts = session.buffer.counts
    figures = LiveFigures(
        len(latencies) / seconds,
        tuple(latencies),
        1000 * (session.typical_step_seconds or 0.0),
        counts.missing_samples + counts.repeated_samples,
    )
    return figures, session.recording(60.0).maps[-1].score_map


def measure_on_the_line(
    localizer: Localizer, seconds: float, folder: Path
) -> tuple[LiveFigures, LiveFigures]:
    """Speak to the server as the page does, without a browser; like ``measure_in_browser``."""

    def run(chosen: Localizer) -> tuple[LiveFigures, ScoreMap]:
        with serve(lambda name: chosen, LiveSettings(), folder / "store") as server:
            address = server.url.replace("http", "ws") + "live/socket"
            with connect(address, compression=None) as line:
                line.send(json.dumps({"type": "hello", "visitor": "bench-visitor"}))
                while json.loads(line.recv())["type"] != "ready":
                    pass
                latencies = _converse(line, chosen.spec.sample_rate, seconds)
                (session,) = server.hub.sessions.values()
                return _figures(session, latencies, seconds)

    real, found = run(localizer)
    floor, _ = run(_Idle(localizer, found))
    return real, floor


def _converse(line: ClientConnection, rate: int, seconds: float) -> list[float]:
    """One picture in flight at the pace the server asks for; milliseconds to each warm answer."""
    jpegs = moving_jpegs(range(0, CAMERA_FRAMES, 6))
    origin, number, sent = time.monotonic(), 0, 0
    latencies: list[float] = []
    while (now := time.monotonic() - origin) < WARM_SECONDS + seconds:
        count, jpeg = round(now * rate) - sent, jpegs[number % len(jpegs)]
        sound = (chirps(sent, count, rate) * 32767).astype("<i2").tobytes()
        line.send(REQUEST.pack(MAGIC, number, now, sent, count, len(jpeg)) + sound + jpeg)
        sent, number = sent + count, number + 1
        while not isinstance(reply := line.recv(), bytes):
            pass
        if now >= WARM_SECONDS:
            latencies.append(1000 * (time.monotonic() - origin - now))
        pace = float(REPLY.unpack_from(reply)[6]) / 1000
        time.sleep(max(origin + now + pace - time.monotonic(), 0.0))
    return latencies


def moving_picture(index: int) -> NDArray[np.uint8]:
    """A noisy picture (as cameras give) with something bright on its way, (480, 640, 3)."""
    noise = np.random.default_rng(index).integers(-12, 12, (480, 640, 1))
    y, x = np.mgrid[0:480, 0:640]
    base = np.stack([60 + x / 8, 80 + y / 6, 140 - x / 10], -1) + noise
    angle = 2 * np.pi * index / CAMERA_FRAMES
    inside = np.hypot(x - 320 - 180 * np.cos(angle), y - 240 - 100 * np.sin(angle)) < 55
    base[inside] = (235, 225, 180)
    return base.clip(0, 255).astype(np.uint8)


def chirps(first: int, count: int, rate: int = MICROPHONE_RATE) -> NDArray[np.float32]:
    """Sound from sample ``first`` on: one chirp per second, each swelling and fading."""
    t = np.arange(first, first + count) / rate % 1
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * t)
    samples = 0.5 * swell * np.sin(2 * np.pi * (400 * t + 600 * t**2))
    result: NDArray[np.float32] = samples.astype(np.float32)
    return result


def moving_jpegs(indices: Iterable[int]) -> list[bytes]:
    """Moments of ``moving_picture``, as a page sends them."""
    jpegs = []
    for index in indices:
        file = io.BytesIO()
        Image.fromarray(moving_picture(index)).save(file, "JPEG", quality=85)
        jpegs.append(file.getvalue())
    return jpegs
