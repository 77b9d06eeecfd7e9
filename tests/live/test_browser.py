"""The live page in headless Chromium, with a fake camera and a fake microphone of known content."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud
from browser import PATIENCE_MS, RUNNING, needs_browser, start, wait_for
from known_devices import PATCH
from PIL import Image
from playwright.sync_api import Page

from sslviz.bench.live_page import (
    LiveServer,
    serve,
)
from sslviz.export import load_track
from sslviz.live import LiveOptions
from sslviz.ui.live_settings import LiveSettings
from sslviz.ui.live_turns import TurnOptions

pytestmark = needs_browser


def test_the_map_is_painted_over_the_running_video(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    page = visitors()
    start(page, server.url)
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
    start(page, server.url)
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
        start(page, server.url)
    assert len(server.hub.sessions) == 2
    counts = [session.buffer.counts for session in server.hub.sessions.values()]
    wait_for(
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
    wait_for("both sessions are gone", lambda: not server.hub.sessions)


@pytest.mark.slow
def test_stop_releases_the_devices_and_the_place(
    visitors: Callable[[], Page], server: LiveServer
) -> None:
    page = visitors()
    start(page, server.url)
    page.evaluate(
        "() => { window.tracks = live.stream.getTracks(); window.heard = live.microphone; }"
    )
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function(
        "live.view.root.dataset.state === 'idle' && heard.context.state === 'closed'"
    )
    assert page.evaluate("tracks.map((t) => t.readyState)") == ["ended", "ended"]
    assert page.evaluate("live.view.video.srcObject") is None
    wait_for("the session is gone", lambda: not server.hub.sessions)
    assert server.hub.turns.num_running == 0
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function(RUNNING, timeout=PATIENCE_MS)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "number"), [("camera", 1), ("microphone", 0)])
def test_a_device_that_is_unplugged_ends_the_session_with_a_sentence(
    visitors: Callable[[], Page], server: LiveServer, kind: str, number: int
) -> None:
    page = visitors()
    start(page, server.url)
    # What a browser tells a page when a device goes; here no device can be pulled out.
    kinds = ("getAudioTracks", "getVideoTracks")
    page.evaluate(f"live.stream.{kinds[number]}()[0].dispatchEvent(new Event('ended'))")
    sentence = f"The {kind} was disconnected. Connect it, then press Start."
    page.get_by_text(sentence).first.wait_for(timeout=PATIENCE_MS)  # the second is read aloud
    wait_for("the session is gone", lambda: not server.hub.sessions)
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
        start(page, server.url)
        offer = page.get_by_role("button", name="Use jsa-compact")
        offer.wait_for(timeout=PATIENCE_MS)
        assert "too slow to follow" in page.locator(".sl-notice p").inner_text()
        offer.click()
        wait_for("the new session", lambda: _quick(server), 60.0)
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
    start(page, server.url)
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
