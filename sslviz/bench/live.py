"""How fast live is: maps per second, and milliseconds from the camera's picture to its painted map."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.bench.live_page import (
    MICROPHONE_RATE,
    LiveServer,
    browser,
    find_browser,
    make_camera,
    make_microphone,
    serve,
)
from sslviz.bench.measure import Figure
from sslviz.errors import LiveError
from sslviz.live import LiveSession
from sslviz.types import Identity, InputSpec, Localizer, ScoreMap, Window
from sslviz.ui.live_settings import LiveSettings

WARM_SECONDS = 3.0
_STATE = "({replies: live.stats.replies, latencies: live.stats.latencies.slice(), now: performance.now()})"


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What one run measured."""

    maps_per_second: float
    latencies_ms: tuple[float, ...]
    """From the camera's picture to its map on the screen."""
    step_ms: float
    """Of the localizer alone, median."""
    missing_samples: int
    repeated_samples: int


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
        return [
            ScoreMap(self.shown.values, self.shown.scale, 1.0, window.key_frame.pts_seconds)
            for window in windows
        ]


def measure_live(
    localizer: Localizer, seconds: float, folder: Path
) -> tuple[LiveFigures, LiveFigures]:
    """Run the live page in a headless browser: with the localizer, then with one that does nothing.

    Args:
        localizer: What is measured.
        seconds: Of each run, after a warm-up.
        folder: For the files of camera and microphone.

    Raises:
        LiveError: There is no Chromium with Playwright here.
    """
    if find_browser() is None:
        raise LiveError(
            "The live bench drives a browser: install chromium and pip install playwright."
        )
    camera = make_camera(folder / "camera.mjpeg", _moving, 90)
    microphone = make_microphone(folder / "microphone.wav", _chirps(6.0))
    with browser(folder / "profile", camera, microphone) as context:
        page = context.new_page()

        def run(chosen: Localizer) -> tuple[LiveFigures, LiveSession]:
            with serve(lambda name: chosen, LiveSettings(), folder / "store") as server:
                page.goto(server.url)
                page.wait_for_function("window.live")
                page.click(".sl-start")
                page.wait_for_function("live.stats.replies > 3", timeout=60_000)
                return _run(server, page.evaluate, page.wait_for_timeout, seconds)

        real, session = run(localizer)
        found = session.recording(1.0).maps[-1].score_map
        floor, _ = run(_Idle(localizer, found))
    return real, floor


def _run(
    server: LiveServer,
    evaluate: Callable[[str], dict[str, object]],
    wait: Callable[[float], None],
    seconds: float,
) -> tuple[LiveFigures, LiveSession]:
    wait(1000 * WARM_SECONDS)
    first, started = evaluate(_STATE), time.monotonic()
    wait(1000 * seconds)
    last, took = evaluate(_STATE), time.monotonic() - started
    (session,) = server.hub.sessions.values()
    count = int(str(last["replies"])) - int(str(first["replies"]))
    latencies = np.asarray(last["latencies"], float)[-count:]
    counts = session.buffer.counts
    figures = LiveFigures(
        count / took,
        tuple(latencies.tolist()),
        1000 * (session.typical_step_seconds or 0.0),
        counts.missing_samples,
        counts.repeated_samples,
    )
    return figures, session


def live_figures(real: LiveFigures, floor: LiveFigures) -> list[Figure]:
    """The two runs as lines of the table."""
    own, least = np.array(real.latencies_ms), np.array(floor.latencies_ms)
    note = "headless Chromium on the same cores; floor: no network"
    figures = [
        Figure(
            "live_maps_per_second", real.maps_per_second, "1/s", floor.maps_per_second, note=note
        )
    ]
    for percent in (50, 95):
        value, base = (float(np.percentile(a, percent)) for a in (own, least))
        figures.append(
            Figure(f"live_latency_p{percent}_ms", value, "ms", base, repeats=len(own), note=note)
        )
    lost = real.missing_samples + real.repeated_samples
    return [
        *figures,
        Figure("live_step_ms", real.step_ms, "ms", note="the localizer alone, median"),
        Figure("live_samples_lost_or_doubled", lost, "samples"),
    ]


def _moving(index: int) -> NDArray[np.uint8]:
    """A noisy picture (as cameras give) with something bright on its way."""
    noise = np.random.default_rng(index).integers(-12, 12, (480, 640, 1))
    y, x = np.mgrid[0:480, 0:640]
    base = np.stack([60 + x / 8, 80 + y / 6, 140 - x / 10], -1) + noise
    angle = 2 * np.pi * index / 90
    inside = np.hypot(x - 320 - 180 * np.cos(angle), y - 240 - 100 * np.sin(angle)) < 55
    base[inside] = (235, 225, 180)
    return base.clip(0, 255).astype(np.uint8)


def _chirps(seconds: float) -> NDArray[np.float32]:
    t = np.arange(round(seconds * MICROPHONE_RATE)) / MICROPHONE_RATE
    chirp = (
        np.sin(2 * np.pi * (400 * (t % 1) + 600 * (t % 1) ** 2))
        * np.hanning(MICROPHONE_RATE)[(t % 1 * MICROPHONE_RATE).astype(int)]
    )
    samples: NDArray[np.float32] = (0.5 * chirp).astype(np.float32)
    return samples
