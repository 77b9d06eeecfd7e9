"""Whatever goes wrong, the page hears of it; and what the page promises, it shows."""

import json
from dataclasses import replace

import pytest
from test_app_browser import finish
from ui_helpers import Listener

from sslviz.export import load_track, save_track
from sslviz.ui import compose, examples, library, payload, text
from sslviz.ui.image import ImagePage
from sslviz.ui.localizers import Shelf
from sslviz.ui.settings import Deployment
from sslviz.ui.work import open_desk

EXCERPT = """() => {
  const line = window.sslviz.video.timeline, scale = devicePixelRatio || 1;
  const seen = (time) => line.front.getContext('2d')
    .getImageData(line.x(time) * scale, (line.height - 12) * scale, 1, 1).data[3];
  return [line.data.window_seconds, seen(1.5), seen(3.5)];
}"""
"""Seconds that the page knows, and how much is painted within and beyond half of them."""


@pytest.fixture
def desk(tmp_path):
    shelf = Shelf(load=lambda name, device: Listener(name))
    return open_desk(Deployment(folder=tmp_path / "store"), shelf)


def test_a_device_that_fails_ends_the_search_in_a_sentence(visit, clips):
    page = visit.page
    visit.tab("Image + sounds")
    visit.choose("image-checkpoint", "broken")
    visit.drop(clips.picture, ".sv-sounds-picture")
    page.wait_for_function("() => window.sslviz.sounds.picture")
    visit.drop(clips.loud, ".sv-compact")
    page.wait_for_selector(".sv-toast:has-text('Something went wrong here')")
    assert text.SCRIPT["listening"] not in page.inner_text(".sv-sounds-picture")
    assert "CUDA" not in page.inner_text("body")


def test_a_side_by_side_that_fails_says_so_and_the_result_stays(visit, clips):
    page = visit.page
    finish(visit, clips.spot)
    page.evaluate("() => { window.sslviz.video.result.token = 'x'.repeat(24) }")
    page.click("#sv-side")
    page.wait_for_selector(".sv-toast:has-text('no longer here')")
    assert page.evaluate("() => document.body.dataset.videoState") == "done"


def test_a_picture_that_fails_in_any_way_is_a_message(desk, clips):
    shown = desk.store.new_upload("a.png")
    shown.path.write_bytes(clips.picture.read_bytes())
    heard = desk.store.new_upload("a.wav")
    heard.path.write_bytes(clips.loud.read_bytes())
    page = ImagePage(desk)
    asked = json.dumps({"picture": shown.token, "sounds": [heard.token], "track": ""})
    *_, last = page.on_run(asked, "broken", "auto", "")
    assert json.loads(last) == {"state": "error", "message": text.INTERNAL}
    token, folder = desk.store.new_folder()
    save_track(load_example(), folder / "track.npz")
    asked = json.dumps({"picture": shown.token, "sounds": [], "track": token})
    told = json.loads(page.on_look(asked, "bright", "auto", "", "no", "such", "look"))
    assert told == {"state": "error", "message": text.INTERNAL}


def test_videos_that_cannot_be_put_side_by_side_are_a_message(desk):
    examples.adopt_all(desk.store)
    token = examples.PREFIX + examples.found()[0].name
    result = desk.store.result(token)
    result.overlay_path.write_bytes(b"this is no video")
    *_, last = compose.side_by_side(desk, token)
    assert last["state"] == "failed"
    assert str(result.folder) not in last["message"]


def test_hovering_the_timeline_shows_what_one_map_hears(visit):
    page = visit.page
    page.evaluate("token => window.sslviz.openResult(token)", "example-dog")
    visit.state("done")
    line = page.locator(".sv-stage .sv-front")
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert page.evaluate(EXCERPT) == [5, 0, 0]
    page.mouse.move(box["x"] + 11, box["y"] + 60)
    seconds, within, beyond = page.evaluate(EXCERPT)
    assert seconds == 5
    assert within > 0
    assert beyond == 0


def test_what_one_map_hears_is_read_from_the_track_or_from_its_weights(tmp_path):
    track = load_example()
    kinds = {
        "said": (replace(track, settings={"audio_seconds": 1.25}), 1.25),
        "weights": (replace(track, settings={}), 5.0),
        "others": (replace(track, identity=replace(track.identity, sha256="ab" * 32)), 0.0),
        "unknown": (replace(track, identity=replace(track.identity, checkpoint="../x")), 0.0),
    }
    for name, (made, seconds) in kinds.items():
        save_track(made, tmp_path / f"{name}.npz")
        assert payload.excerpt_seconds(library.track_of(tmp_path / f"{name}.npz")) == seconds


def load_example():
    found = {example.name: example for example in examples.found()}
    track = load_track(found["dog"].folder / "track.npz")
    settings = {k: v for k, v in track.settings.items() if k != "audio_seconds"}
    return replace(track, settings=settings)


def test_blocked_storage_only_means_that_nothing_is_remembered(visit):
    page = visit.page
    page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('blocked', 'SecurityError') }"
    )
    visit.open()
    visit.tab("Live")
    page.wait_for_selector(".sl-start:visible")
    page.evaluate("() => document.querySelector('.sslive').parentElement.live.look()")
    page.wait_for_function(
        "() => document.querySelector('.sslive [data-of=opacity]').textContent.trim() !== ''"
    )
