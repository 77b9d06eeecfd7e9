"""The live page in headless Chromium, with a fake camera and a fake microphone of known content."""

import base64
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud
from browser import needs_browser
from PIL import Image
from playwright.sync_api import BrowserContext, Page

from sslviz.bench.live_page import (
    MICROPHONE_RATE,
    LiveServer,
    browser,
    make_camera,
    make_microphone,
    serve,
)
from sslviz.export import load_track
from sslviz.live import LiveOptions
from sslviz.types import Window
from sslviz.ui.live_settings import LiveSettings
from sslviz.ui.live_turns import TurnOptions

pytestmark = needs_browser

CAMERA_FRAMES, SWEEP_SECONDS = 240, 2.0
LOWEST_HZ, HIGHEST_HZ = 500.0, 5500.0
PATCH = (0.75, 0.7)
"""Centre of the bright patch in the fake camera's picture, as fractions."""
PATIENCE_MS = 120_000
"""A browser on a machine with other work; nothing here depends on how long it takes."""
RUNNING = "live.view.root.dataset.state === 'running' && live.stats.replies > 3"


def _numbered(index: int) -> np.ndarray:
    """A dark picture with its number as eight bits in the top strip, and a bright patch."""
    image = np.full((240, 320, 3), 40, np.uint8)
    for bit in range(8):
        image[:40, 40 * bit : 40 * (bit + 1)] = 90 if index >> bit & 1 else 10
    x, y = int(320 * PATCH[0]), int(240 * PATCH[1])
    image[y - 24 : y + 24, x - 24 : x + 24] = 255
    return image


def _number_in(image: np.ndarray) -> int:
    side = image.shape[0]
    strip = image[side // 24 : side // 8].mean(axis=(0, 2)).reshape(8, -1)
    return sum(int(cell[3:-3].mean() > 50) << bit for bit, cell in enumerate(strip))


def _sweep(seconds: float) -> np.ndarray:
    """Rising tone that starts anew every two seconds: its pitch tells the time."""
    t = np.arange(round(seconds * MICROPHONE_RATE)) / MICROPHONE_RATE % SWEEP_SECONDS
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
    camera = make_camera(folder / "camera.mjpeg", _numbered, CAMERA_FRAMES)
    microphone = make_microphone(folder / "microphone.wav", _sweep(8.0))
    with browser(folder / "profile", camera, microphone) as context:
        yield context


@pytest.fixture
def visitors(devices: BrowserContext) -> Iterator[Callable[[], Page]]:
    """New pages, closed whatever happens: one that goes on would slow the next test."""
    opened: list[Page] = []

    def visit() -> Page:
        opened.append(devices.new_page())
        return opened[-1]

    yield visit
    for page in opened:
        page.close()


@pytest.fixture
def server(localizer: BrightLoud, tmp_path: Path) -> Iterator[LiveServer]:
    settings = LiveSettings(checkpoints=("marginnce-compact", "jsa-compact"))
    with serve(lambda name: localizer, settings, tmp_path) as running:
        yield running


def _start(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("window.live")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function(RUNNING, timeout=PATIENCE_MS)


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
      graphics.fillStyle = (now >> bit) & 1 ? "#5a5a5a" : "#0a0a0a";
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
    visitors: Callable[[], Page], server: LiveServer, localizer: BrightLoud
) -> None:
    localizer.log = []
    page = visitors()
    script = CLOCKED_DEVICES
    for word, value in {"PERIOD": SWEEP_SECONDS, "LOW": LOWEST_HZ, "HIGH": HIGHEST_HZ}.items():
        script = script.replace(word, str(value))
    page.add_init_script(script)
    _start(page, server.url)

    def settled() -> list[Window]:
        return [w for w in localizer.log or [] if w.key_frame.pts_seconds > 1.0]

    _wait("20 windows", lambda: len(settled()) >= 20, 180.0)
    skews = np.abs([_skew(window) for window in settled()])
    # The fake camera draws late when the machine is busy, which no camera does; hence no maximum.
    assert np.percentile(skews, 90) <= 0.05


@pytest.mark.slow
def test_the_files_for_camera_and_microphone_reach_the_session(
    visitors: Callable[[], Page], server: LiveServer, localizer: BrightLoud
) -> None:
    localizer.log = []
    page = visitors()
    _start(page, server.url)
    _wait("12 windows", lambda: len(localizer.log or []) > 12, 180.0)
    numbers = [_number_in(window.key_frame.image) for window in localizer.log]
    steps = np.diff(numbers) % CAMERA_FRAMES
    assert np.count_nonzero((steps >= 1) & (steps < 120)) >= len(steps) - 1
    heard = np.array([_time_in(window) for window in localizer.log])
    ends = [w.audio.start_seconds + w.audio.duration_seconds for w in localizer.log]
    slip = (np.diff(heard) - np.diff(ends) + 1) % SWEEP_SECONDS - 1
    assert np.percentile(np.abs(slip), 80) < 0.02, "the sound's own clock and its numbering agree"


# All that the page heard from its microphone, as the 16-bit numbers that a lossless road must keep.
LISTEN = """() => {
  window.heard = [];
  const { microphone } = live, keep = microphone.keep.bind(microphone);
  microphone.keep = (chunk) => (heard.push({ first: chunk.first, samples: chunk.samples.slice() }), keep(chunk));
}"""
HEARD = """() => {
  const samples = heard.flatMap((chunk) => Array.from(chunk.samples, (v) => Math.round(v * 32768)));
  const bytes = new Uint8Array(Int16Array.from(samples).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return [heard[0].first, btoa(text)];
}"""


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_no_sample_is_lost_or_doubled_with_a_handler_of_one_second(
    visitors: Callable[[], Page], tmp_path: Path, seconds: int
) -> None:
    slow, options = BrightLoud(slow_seconds=1.0), LiveOptions(history_seconds=seconds + 30)
    with serve(lambda name: slow, LiveSettings(options=options), tmp_path) as server:
        page = visitors()
        _start(page, server.url)
        page.evaluate(LISTEN)
        (session,) = server.hub.sessions.values()
        begun, clock = session.buffer.sound_end_seconds, time.monotonic()
        frames = session.buffer.counts.frames
        _wait(
            "sound", lambda: session.buffer.sound_end_seconds > begun + seconds, 20.0 + 3 * seconds
        )
        took = time.monotonic() - clock
        counts, end = session.buffer.counts, session.buffer.sound_end_seconds
        first, text = page.evaluate(HEARD)
    assert (counts.missing_samples, counts.repeated_samples) == (0, 0)
    assert counts.samples == round(end * 16_000)
    assert counts.frames - frames <= took + 1, "one picture in flight"
    heard = np.frombuffer(base64.b64decode(text), np.int16)[: round(end * 16_000) - first]
    assert len(heard) > (seconds - 2) * 16_000
    got = session.buffer.excerpt((first + len(heard)) / 16_000, len(heard) / 16_000).samples
    assert np.array_equal((got * 32768).astype(np.int16), heard)


def test_the_map_is_painted_over_the_running_video(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    page = visitors()
    _start(page, server.url)
    page.wait_for_function("live.painter.peak()?.heat > 0.9", timeout=PATIENCE_MS)
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


@pytest.mark.slow
def test_a_change_of_style_repaints_without_the_server(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    page = visitors()
    _start(page, server.url)
    page.wait_for_function("live.painter.peak()?.heat > 0.9", timeout=PATIENCE_MS)
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


@pytest.mark.slow
def test_two_visitors_at_once_have_a_session_each(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    pages = [visitors(), visitors()]
    for page in pages:
        _start(page, server.url)
    assert len(server.hub.sessions) == 2
    counts = [session.buffer.counts for session in server.hub.sessions.values()]
    _wait(
        "both go on",
        lambda: all(
            session.buffer.counts.frames > count.frames + 3
            for session, count in zip(list(server.hub.sessions.values()), counts, strict=True)
        ),
        60.0,
    )
    assert all(s.buffer.counts.missing_samples == 0 for s in server.hub.sessions.values())
    for page in pages:
        page.close()
    _wait("both sessions are gone", lambda: not server.hub.sessions)


@pytest.mark.slow
def test_stop_releases_the_devices_and_the_place(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    page = visitors()
    _start(page, server.url)
    page.evaluate(
        "() => { window.tracks = live.stream.getTracks(); window.heard = live.microphone; }"
    )
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function(
        "live.view.root.dataset.state === 'idle' && heard.context.state === 'closed'"
    )
    assert page.evaluate("tracks.map((t) => t.readyState)") == ["ended", "ended"]
    assert page.evaluate("live.view.video.srcObject") is None
    _wait("the session is gone", lambda: not server.hub.sessions)
    assert server.hub.turns.num_running == 0
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function(RUNNING, timeout=PATIENCE_MS)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "number"), [("camera", 1), ("microphone", 0)])
def test_a_device_that_is_unplugged_ends_the_session_with_a_sentence(
    visitors: Callable[[], Page], server: LiveServer, kind: str, number: int
) -> None:
    page = visitors()
    _start(page, server.url)
    # What a browser tells a page when a device goes; here no device can be pulled out.
    kinds = ("getAudioTracks", "getVideoTracks")
    page.evaluate(f"live.stream.{kinds[number]}()[0].dispatchEvent(new Event('ended'))")
    sentence = f"The {kind} was disconnected. Connect it, then press Start."
    page.get_by_text(sentence).first.wait_for(timeout=PATIENCE_MS)  # the second is read aloud
    _wait("the session is gone", lambda: not server.hub.sessions)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function(RUNNING, timeout=PATIENCE_MS)


@pytest.mark.slow
def test_with_more_visitors_than_places_everybody_is_told_and_served(
    visitors: Callable[[], Page], localizer: BrightLoud, tmp_path: Path
) -> None:
    turns = TurnOptions(slots=1, max_waiting=1, turn_seconds=3.0)
    with serve(lambda name: localizer, LiveSettings(turns=turns), tmp_path) as server:
        pages = [visitors() for _ in range(3)]
        for page in pages:
            page.goto(server.url)
            page.wait_for_function("window.live")
            page.get_by_role("button", name="Start", exact=True).click()
            page.wait_for_function(
                "live.view.root.dataset.state !== 'starting'", timeout=PATIENCE_MS
            )
            page.evaluate(
                "() => { live.seen = []; const say = live.view.notice.bind(live.view);"
                " live.view.notice = (t, a) => (live.seen.push(t), say(t, a)); }"
            )
        refused = pages[2].get_by_text("Live is full: 1 running and 1 waiting")
        refused.first.wait_for(timeout=PATIENCE_MS)
        for page in pages[:2]:
            page.wait_for_function("live.stats.replies > 2", timeout=PATIENCE_MS)
        told = [text for page in pages[:2] for text in page.evaluate("live.seen")]
        assert any("All places are taken. You are next; your turn comes" in text for text in told)
        for page in pages:
            page.close()


def test_the_sound_resampled_in_the_worklet_keeps_pitch_and_time(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    page = visitors()
    page.goto(server.url)
    out = page.evaluate(
        """async () => {
          const { Resampler } = await import("/live/worklet.js");
          const run = (hz) => {
            const resampler = new Resampler(48000, 16000), out = [];
            for (let block = 0; block < 375; block++)
              out.push(...resampler.process(Float32Array.from({ length: 128 },
                (_, i) => Math.sin((2 * Math.PI * hz * (128 * block + i)) / 48000))));
            return out;
          };
          return [run(1000), run(12000)];
        }"""
    )
    kept, folded = (np.array(samples) for samples in out)
    expected = np.sin(2 * np.pi * 1000 * np.arange(len(kept)) / 16000)
    assert abs(len(kept) - 16000) < 60
    assert np.abs(kept - expected)[200:-200].max() < 0.01
    assert np.abs(folded)[200:-200].max() < 0.01, "what 16 kHz cannot hold is gone, not folded"


@pytest.mark.slow
def test_a_page_without_https_says_why_and_offers_a_clip(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    page = visitors()
    page.goto(server.url.replace("127.0.0.1", "insecure.test"))
    page.wait_for_function("window.live")
    notice = page.locator(".sl-notice")
    assert "secure page" in notice.locator("p").inner_text()
    assert page.get_by_role("button", name="Start", exact=True).count() == 0
    assert notice.get_by_role("button").inner_text() == "Record a clip instead"


@pytest.mark.slow
def test_where_the_app_forbids_live_the_page_says_why(
    visitors: Callable[[], Page], localizer: BrightLoud, tmp_path: Path
) -> None:
    settings = LiveSettings(forbidden="Not here, for a reason.")
    with serve(lambda name: localizer, settings, tmp_path) as server:
        page = visitors()
        page.goto(server.url)
        page.wait_for_function("window.live")
        assert page.locator(".sl-notice p").inner_text() == "Not here, for a reason."


@pytest.mark.slow
def test_a_slow_method_is_called_slow_and_a_faster_one_is_one_click_away(
    visitors: Callable[[], Page], tmp_path: Path
) -> None:
    def load(name: str) -> BrightLoud:
        return BrightLoud(slow_seconds=0.05 if name == "acl" else 0.0, checkpoint=name)

    settings = LiveSettings(
        checkpoints=("acl", "jsa-compact"), options=LiveOptions(slow_seconds=0.05)
    )
    with serve(load, settings, tmp_path) as server:
        page = visitors()
        _start(page, server.url)
        offer = page.get_by_role("button", name="Use jsa-compact")
        offer.wait_for(timeout=PATIENCE_MS)
        assert "too slow to follow" in page.locator(".sl-notice p").inner_text()
        offer.click()
        _wait("the new session", lambda: _quick(server), 60.0)
        assert page.locator("select[name=checkpoint]").input_value() == "jsa-compact"
        page.wait_for_function(RUNNING, timeout=PATIENCE_MS)


def _quick(server: LiveServer) -> bool:
    sessions = list(server.hub.sessions.values())
    return len(sessions) == 1 and sessions[0].localizer.slow_seconds == 0


def test_the_keyboard_alone_is_enough(visitors: Callable[[], Page], server: LiveServer) -> None:
    page = visitors()
    page.goto(server.url)
    page.wait_for_function("window.live")
    page.get_by_role("button", name="Start", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_function(RUNNING, timeout=PATIENCE_MS)
    page.locator(".sl-stage").focus()
    page.keyboard.press(" ")
    page.wait_for_function("live.view.root.dataset.state === 'paused' && live.view.video.paused")
    page.keyboard.press(" ")
    page.wait_for_function("live.view.root.dataset.state === 'running'")
    mirrored = page.evaluate("live.mirrored")
    page.keyboard.press("m")
    assert page.evaluate("live.mirrored") is not mirrored
    with page.expect_download() as saved:
        page.keyboard.press("s")
    with Image.open(saved.value.path()) as picture:
        assert (picture.format, picture.size) == ("PNG", (320, 240))
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(".sslive :is(button, select, input)")]
        .filter((e) => !e.hidden && !(e.labels?.length || e.textContent.trim() || e.ariaLabel || e.title))
        .map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.slow
def test_record_gives_a_clip_and_its_maps(visitors: Callable[[], Page], server: LiveServer) -> None:
    page = visitors()
    _start(page, server.url)
    page.wait_for_function("live.stats.replies > 10", timeout=PATIENCE_MS)
    page.get_by_label("Keep the last").select_option("5")
    page.get_by_role("button", name="Record").click()
    page.get_by_role("link", name="Score maps").wait_for(timeout=PATIENCE_MS)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Score maps").click()
    track = load_track(saved.value.path())
    assert len(track) > 5
    assert track.identity.checkpoint == "bright-loud"
    video = page.get_by_role("link", name="Painted video").get_attribute("href")
    assert video
    assert page.request.get(video).headers["content-type"] == "video/mp4"
