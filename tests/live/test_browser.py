"""The live page in headless Chromium, with a fake camera and a fake microphone of known content."""

import base64
import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud
from browser import (
    MIC_RATE,
    LiveServer,
    browser,
    make_camera,
    make_microphone,
    needs_browser,
    serve,
)
from PIL import Image
from playwright.sync_api import BrowserContext, Page

from sslviz.live import LiveSession
from sslviz.types import Window
from sslviz.ui.live_settings import LiveSettings

pytestmark = needs_browser

FPS, CAMERA_FRAMES, SWEEP_SECONDS = 30, 240, 2.0
LOWEST_HZ, HIGHEST_HZ = 500.0, 5500.0
PATCH = (0.75, 0.7)
"""Centre of the bright patch in the fake camera's picture, as fractions."""
RUNNING = "live.view.root.dataset.state === 'running' && live.stats.replies > 3"


def _numbered(index: int) -> np.ndarray:
    """A dark picture with its number as eight bits in the top strip, and a bright patch."""
    image = np.full((240, 320, 3), 40, np.uint8)
    for bit in range(8):
        image[:40, 40 * bit : 40 * (bit + 1)] = 150 if index >> bit & 1 else 10
    x, y = int(320 * PATCH[0]), int(240 * PATCH[1])
    image[y - 24 : y + 24, x - 24 : x + 24] = 255
    return image


def _number_in(image: np.ndarray) -> int:
    side = image.shape[0]
    strip = image[side // 24 : side // 8].mean(axis=(0, 2)).reshape(8, -1)
    return sum(int(cell[3:-3].mean() > 80) << bit for bit, cell in enumerate(strip))


def _sweep(seconds: float) -> np.ndarray:
    """Rising tone that starts anew every two seconds: its pitch tells the time."""
    t = np.arange(round(seconds * MIC_RATE)) / MIC_RATE % SWEEP_SECONDS
    slope = (HIGHEST_HZ - LOWEST_HZ) / SWEEP_SECONDS
    return 0.5 * np.sin(2 * np.pi * (LOWEST_HZ * t + slope * t**2 / 2))


def _time_in(window: Window) -> float:
    """Time in the sweep at which an excerpt ends."""
    count = 512
    samples = window.audio.samples[-count:] * np.hanning(count)
    spectrum = np.abs(np.fft.rfft(samples, 1 << 16))
    hz = float(spectrum.argmax()) * window.audio.sample_rate / (1 << 16)
    middle = (hz - LOWEST_HZ) / (HIGHEST_HZ - LOWEST_HZ) * SWEEP_SECONDS
    return middle + count / 2 / window.audio.sample_rate


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    folder = tmp_path_factory.mktemp("devices")
    camera = make_camera(folder / "camera.mjpeg", _numbered, CAMERA_FRAMES, FPS)
    microphone = make_microphone(folder / "microphone.wav", _sweep(8.0))
    with browser(folder / "profile", camera, microphone) as context:
        yield context


@pytest.fixture
def server(localizer: BrightLoud, tmp_path: Path) -> Iterator[LiveServer]:
    settings = LiveSettings(checkpoints=("marginnce-compact", "jsa-compact"))
    with serve(lambda name: localizer, settings, tmp_path) as running:
        yield running


def _start(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("window.live")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function(RUNNING, timeout=60_000)


def _session(server: LiveServer) -> LiveSession:
    return next(iter(server.hub.sessions.values()))


def _wait(what: str, condition: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")


# Chromium plays a camera file by a timer that slips when the machine is busy, so that file cannot
# measure skew. This camera draws the time into its picture, and this microphone sings it.
CLOCKED_DEVICES = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const graphics = canvas.getContext("2d");
  const draw = () => {
    const now = Math.floor(performance.now());
    graphics.fillStyle = "#282828";
    graphics.fillRect(0, 0, 320, 240);
    for (let bit = 0; bit < 16; bit++) {
      graphics.fillStyle = (now >> bit) & 1 ? "#969696" : "#0a0a0a";
      graphics.fillRect(40 * (bit % 8), bit < 8 ? 0 : 40, 40, 40);
    }
    requestAnimationFrame(draw);
  };
  draw();
  const context = new AudioContext({ sampleRate: 48000 });
  await context.resume();
  const length = 48000 * PERIOD;
  const buffer = context.createBuffer(1, length, 48000);
  const samples = buffer.getChannelData(0);
  for (let i = 0; i < length; i++) {
    const t = i / 48000;
    samples[i] = 0.5 * Math.sin(2 * Math.PI * (LOW * t + ((HIGH - LOW) / PERIOD) * t * t / 2));
  }
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  const sink = context.createMediaStreamDestination();
  source.connect(sink);
  // The moment a sample sounds: the earliest that the context's clock was seen at its time.
  let offset = Infinity;
  for (let i = 0; i < 100; i++) {
    offset = Math.min(offset, performance.now() / 1000 - context.currentTime);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  source.start(Math.ceil((context.currentTime + 0.2 + offset) / PERIOD) * PERIOD - offset);
  return new MediaStream([...canvas.captureStream(30).getTracks(), ...sink.stream.getTracks()]);
};
"""


def _skew(window: Window) -> float:
    """How much later the picture was taken than the sound placed beside it, seconds."""
    image = window.key_frame.image
    low, high = _number_in(image), _number_in(np.roll(image, -image.shape[0] // 6, axis=0))
    shown = (low + 256 * high) / 1000
    end = window.audio.start_seconds + window.audio.duration_seconds
    heard = _time_in(window) + window.key_frame.pts_seconds - end
    return (shown - heard + SWEEP_SECONDS / 2) % SWEEP_SECONDS - SWEEP_SECONDS / 2


def test_picture_and_sound_of_one_moment_meet_in_one_window(
    devices: BrowserContext, server: LiveServer, localizer: BrightLoud
) -> None:
    localizer.log = []
    page = devices.new_page()
    script = CLOCKED_DEVICES
    for word, value in {"PERIOD": SWEEP_SECONDS, "LOW": LOWEST_HZ, "HIGH": HIGHEST_HZ}.items():
        script = script.replace(word, str(value))
    page.add_init_script(script)
    _start(page, server.url)
    _wait("30 windows", lambda: len(localizer.log or []) > 30, 60.0)
    page.close()
    windows = [window for window in localizer.log if window.key_frame.pts_seconds > 1.0]
    skews = np.abs([_skew(window) for window in windows])
    assert len(skews) >= 10
    # The fake camera draws late when the machine is busy, which no camera does; hence no maximum.
    assert np.percentile(skews, 75) <= 0.05


def test_the_files_for_camera_and_microphone_reach_the_session(
    devices: BrowserContext, server: LiveServer, localizer: BrightLoud
) -> None:
    localizer.log = []
    page = devices.new_page()
    _start(page, server.url)
    _wait("12 windows", lambda: len(localizer.log or []) > 12, 60.0)
    page.close()
    numbers = [_number_in(window.key_frame.image) for window in localizer.log]
    steps = np.diff(numbers) % CAMERA_FRAMES
    assert np.count_nonzero((steps >= 1) & (steps < 120)) >= len(steps) - 1
    heard = np.array([_time_in(window) for window in localizer.log])
    ends = [w.audio.start_seconds + w.audio.duration_seconds for w in localizer.log]
    slip = (np.diff(heard) - np.diff(ends) + 1) % SWEEP_SECONDS - 1
    assert np.percentile(np.abs(slip), 80) < 0.02, "the sound's own clock and its numbering agree"


def test_the_map_is_painted_over_the_running_video(
    devices: BrowserContext, server: LiveServer
) -> None:
    page = devices.new_page()
    _start(page, server.url)
    page.wait_for_function("live.painter.peak()?.heat > 0.9", timeout=30_000)
    page.evaluate("live.mirrored && live.mirror()")
    painted = _overlay(page)
    height, width = painted.shape[:2]
    y, x = np.unravel_index(painted[..., 3].argmax(), (height, width))
    assert abs(x / width - PATCH[0]) < 0.12
    assert abs(y / height - PATCH[1]) < 0.12
    assert painted[: height // 3, : width // 3, 3].max() == 0, "no colour far from the source"
    bright, dark = _screen_color(page, *PATCH), _screen_color(page, 0.3, 0.5)
    assert bright[2] < 200 < bright[0], "the white patch shows through the colour map's yellow"
    assert max(dark) < 90, "the rest of the picture is as it was"
    assert not page.evaluate("live.view.video.paused")
    page.close()


def _overlay(page: Page) -> np.ndarray:
    """The pixels of the map's canvas, RGBA."""
    height, width, text = page.evaluate(
        """() => {
          const { width, height } = live.view.heat;
          const { data } = live.view.heat.getContext("2d").getImageData(0, 0, width, height);
          let text = "";
          for (let i = 0; i < data.length; i += 4096)
            text += String.fromCharCode(...data.subarray(i, i + 4096));
          return [height, width, btoa(text)];
        }"""
    )
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def _screen_color(page: Page, x: float, y: float) -> tuple[int, ...]:
    """What the visitor sees at a spot of the picture, as fractions."""
    shot = page.locator(".sl-picture").screenshot()
    image = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))
    return tuple(int(v) for v in image[int(y * image.shape[0]), int(x * image.shape[1])])


def test_a_change_of_style_repaints_without_the_server(
    devices: BrowserContext, server: LiveServer
) -> None:
    page = devices.new_page()
    _start(page, server.url)
    page.wait_for_function("live.painter.peak()?.heat > 0.9", timeout=30_000)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_function("!live.inFlight")
    page.evaluate("() => new Promise((done) => setTimeout(done, 3000))")  # until nothing moves
    sent = page.evaluate("live.stats.sent")
    before = _overlay(page)
    page.get_by_role("radio", name="viridis").check()
    page.get_by_role("slider", name="Opacity").fill("0.3")
    page.wait_for_function("live.painter.stale === false")
    after = _overlay(page)
    assert before[..., 3].max() > 150
    assert 60 < after[..., 3].max() < 90
    hot = after[..., 3].argmax()
    assert after.reshape(-1, 4)[hot, 1] > after.reshape(-1, 4)[hot, 0] - 60, (
        "viridis ends in yellow-green"
    )
    page.get_by_role("slider", name="Threshold").fill("0.9")
    page.wait_for_function("live.painter.stale === false")
    assert np.count_nonzero(_overlay(page)[..., 3]) < np.count_nonzero(after[..., 3])
    page.get_by_role("checkbox", name="Heat").uncheck()
    page.get_by_role("checkbox", name="Contour").check()
    page.wait_for_function("live.painter.stale === false")
    colors = _overlay(page).reshape(-1, 4)
    assert (colors[colors[:, 3] == 255, :3] == 255).all(), "contours alone need no colour"
    assert page.evaluate("live.stats.sent") == sent
    page.close()
