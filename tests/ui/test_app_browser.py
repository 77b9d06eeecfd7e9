"""The app in a real browser: what a visitor does, and what must then be there."""

import json

import pytest

from sslviz.ui.localizers import ready_names

PLAYS = """async () => {
  const video = document.querySelector('.sv-player video');
  const before = video.currentTime;
  await video.play();
  await new Promise((done) => setTimeout(done, 1200));
  video.pause();
  return {before, after: video.currentTime, width: video.videoWidth, sound: video.webkitAudioDecodedByteCount};
}"""
SETTINGS = "[data-testid='Load settings-upload-button']"
TIME = "() => document.querySelector('.sv-player video').currentTime"


def finish(visit, clip, checkpoint="bright"):
    visit.choose("video-checkpoint", checkpoint)
    visit.drop(clip)
    visit.state("done")


def test_a_dropped_clip_is_painted_while_it_runs_and_then_plays_with_its_sound(visit, clips):
    page = visit.page
    visit.choose("video-checkpoint", "bright")
    visit.drop(clips.long)
    page.wait_for_selector(".sv-pane-running img[data-painted]", state="attached")
    assert "windows" in page.text_content(".sv-pane-running .sv-line")
    visit.state("done")
    played = page.evaluate(PLAYS)
    assert played["after"] > played["before"]
    assert played["width"] == 320
    assert played["sound"] > 0
    assert "long.mp4" in page.inner_text(".sv-pane-done .sv-line")
    assert "Strongest at" in page.inner_text(".sv-reading")


def test_stopping_keeps_a_playable_file_of_what_was_done(visit, clips):
    page = visit.page
    visit.choose("video-checkpoint", "bright")
    visit.drop(clips.long)
    page.wait_for_selector(".sv-pane-running img[data-painted]")
    page.click("#sv-stop")
    visit.state("done")
    assert "Stopped early" in page.inner_text(".sv-notes")
    length = page.evaluate(
        """async () => { const video = document.querySelector('.sv-player video');
        while (!video.duration) await new Promise((done) => setTimeout(done, 50));
        return video.duration; }"""
    )
    assert 0 < length < 119
    played = page.evaluate(PLAYS)
    assert played["after"] > played["before"]


def test_a_look_is_previewed_without_a_model_and_then_written(visit, clips):
    page = visit.page
    finish(visit, clips.spot)
    first = page.evaluate("() => window.sslviz.video.result.token")
    page.click("#video-marks label:has-text('contours')")
    page.wait_for_selector(".sv-preview:not([hidden])")
    assert page.evaluate("() => document.querySelector('.sv-preview').naturalWidth") == 320
    before = int(page.get_attribute(".sv-preview", "data-count"))
    page.focus("#video-opacity input[type=range]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "n => Number(document.querySelector('.sv-preview').dataset.count) > n", arg=before
    )
    page.click("#video-apply")
    page.wait_for_function("old => window.sslviz.video.result.token !== old", arg=first)
    visit.state("done")
    assert page.evaluate("() => window.sslviz.video.result.style.contours") is True
    assert not page.is_visible(".sv-preview")


def test_the_timeline_seeks_by_click_and_by_key_and_reads_values(visit, clips):
    page = visit.page
    finish(visit, clips.spot)
    line = page.locator(".sv-stage .sv-front")
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    page.wait_for_function("() => document.querySelector('.sv-player video').currentTime > 1.3")
    assert page.evaluate(TIME) == pytest.approx(1.5, abs=0.1)
    assert "confidence" in page.inner_text(".sv-stage .sv-tip")
    line.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.sv-player video').currentTime > 1.6")
    page.keyboard.press("End")
    page.wait_for_function("() => document.querySelector('.sv-player video').currentTime > 2.8")
    assert "silent" in line.get_attribute("aria-valuetext")


def test_a_click_on_the_picture_probes_that_spot(visit, clips):
    page = visit.page
    finish(visit, clips.spot)
    box = page.locator(".sv-probe").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "() => document.querySelector('.sv-reading').textContent.startsWith('Here')"
    )
    assert "this spot" in page.inner_text(".sv-legend")


def test_everything_can_be_downloaded(visit, clips):
    page = visit.page
    finish(visit, clips.spot)
    endings = {
        "overlay.mp4?download=1": b"ftyp", "track.npz?download=1": b"PK", "table.csv": b"seconds",
        "settings.json": b'"style"', "poster.png": b"PNG",
    }  # fmt: skip
    for kind, sign in endings.items():
        with page.expect_download() as waiting:
            page.click(f'[data-kind="{kind}"]')
        data = waiting.value.path().read_bytes()
        assert sign in data[:4000], kind
        assert waiting.value.suggested_filename.startswith("spot_")
    with page.expect_download() as waiting:
        page.click("#sv-side")
    assert waiting.value.path().stat().st_size > 5000


def test_settings_come_back_into_the_controls(visit, clips, tmp_path):
    page = visit.page
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"style": {"opacity": 0.3, "color_map": "viridis", "box": True}}))
    page.set_input_files(SETTINGS, str(path))
    page.wait_for_function(
        "() => Number(document.querySelector('#video-opacity input[type=number]').value) === 0.3"
    )
    assert page.input_value("#video-colors input") == "viridis"
    bad = tmp_path / "other.json"
    bad.write_text("{}")
    page.set_input_files(SETTINGS, str(bad))
    page.wait_for_selector(".sv-toast:has-text('style')")


def test_a_link_opens_the_same_result_for_somebody_else(visit, clips):
    finish(visit, clips.spot)
    token = visit.page.evaluate("() => window.sslviz.video.result.token")
    assert token in visit.page.url
    visit.open(f"?result={token}")
    visit.state("done")
    assert "spot.mp4" in visit.page.inner_text(".sv-pane-done .sv-line")


def test_a_bad_file_is_refused_in_words_and_the_app_stays_usable(visit, clips):
    page = visit.page
    visit.drop(clips.text)
    page.wait_for_selector(".sv-refused")
    words = page.inner_text(".sv-pane-empty .sv-drop-note")
    assert "notes.mp4" in words
    assert "/tmp" not in words
    visit.trouble[:] = [t for t in visit.trouble if "422" not in t]  # the refusal itself
    finish(visit, clips.spot)


def test_a_file_beyond_the_limit_is_refused_before_it_is_sent(visit, tmp_path):
    large = tmp_path / "large.mp4"
    large.write_bytes(b"\0" * (9 * 1024 * 1024))
    visit.drop(large)
    visit.page.wait_for_selector(".sv-refused")
    assert "9.0 MB" in visit.page.inner_text(".sv-pane-empty .sv-drop-note")


def test_untrained_weights_are_marked_loudly(visit, clips):
    finish(visit, clips.spot, "untrained")
    assert "UNTRAINED" in visit.page.inner_text(".sv-notes")


def test_a_picture_and_two_sounds_give_one_map_each(visit, clips):
    page = visit.page
    visit.tab("Image + sounds")
    visit.choose("image-checkpoint", "bright")
    visit.drop(clips.picture, ".sv-sounds-picture")
    page.wait_for_function("() => window.sslviz.sounds.picture")
    visit.drop(clips.loud, ".sv-compact")
    page.wait_for_function("() => window.sslviz.sounds.maps.length === 1")
    visit.drop(clips.quiet, ".sv-compact")
    page.wait_for_function("() => window.sslviz.sounds.maps.length === 2")
    loud, quiet = page.evaluate("() => window.sslviz.sounds.maps.map((m) => [m.words, m.found])")
    assert loud[1]
    assert "upper left" in loud[0]
    assert not quiet[1]
    assert page.locator(".sv-maps img").count() == 2


def test_two_methods_are_compared_on_one_clock(visit, clips):
    page = visit.page
    visit.tab("Compare")
    page.fill("#compare-names input", "dark")  # beside the bundled ones, which are chosen already
    page.press("#compare-names input", "Enter")
    page.keyboard.press("Escape")
    visit.drop(clips.spot, ".sv-compare")
    visit.state("ready", "compare")
    page.click("#compare-run")
    visit.state("done", "compare")
    assert page.locator(".sv-players video").count() == len(ready_names()[:2]) + 1
    assert "rank agreement -" in page.inner_text(".sv-pairs")
    assert "mean difference" in page.inner_text(".sv-pairs")
    page.click("#compare-play")
    page.wait_for_timeout(1000)
    page.click("#compare-play")
    page.wait_for_timeout(300)
    first, second, *_ = page.evaluate(
        "() => [...document.querySelectorAll('.sv-players video')].map((v) => v.currentTime)"
    )
    assert first > 0.2
    assert second == pytest.approx(first, abs=0.25)
    page.wait_for_function("() => document.querySelector('.sv-gap img').naturalWidth > 0")


def test_swapping_the_sound_says_whether_the_map_follows_it(visit, clips):
    finish(visit, clips.spot)
    visit.page.click("#video-trust")
    visit.page.wait_for_selector(".sv-verdict")
    words = visit.page.inner_text(".sv-verdict")
    assert "in silence its confidence falls" in words


@pytest.mark.parametrize("visit", [{"color_scheme": "dark"}], indirect=True)
def test_dark_mode_follows_the_system_and_the_button(visit):
    back = "() => getComputedStyle(document.body).backgroundColor"
    dark = visit.page.evaluate(back)
    visit.page.click("#sv-theme")
    visit.page.wait_for_function(f"old => ({back})() !== old", arg=dark)
    light = visit.page.evaluate(back)
    assert sum(map(int, dark[4:-1].split(","))) < 120 < 600 < sum(map(int, light[4:-1].split(",")))


@pytest.mark.parametrize(
    "visit", [{"viewport": {"width": 390, "height": 844}, "has_touch": True}], indirect=True
)
def test_a_phone_shows_one_column_and_nothing_sticks_out(visit, clips):
    finish(visit, clips.spot)
    width = visit.page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 390
    stage = visit.page.locator(".sv-stage").bounding_box()
    panel = visit.page.locator(".sv-panel").first.bounding_box()
    assert panel["y"] > stage["y"] + stage["height"] - 1


def test_the_keyboard_alone_is_enough(visit, clips):
    page = visit.page
    finish(visit, clips.spot)
    page.focus(".sv-player")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('.sv-player video').currentTime > 0.2")
    page.keyboard.press("Space")
    assert page.evaluate("() => document.querySelector('.sv-player video').paused")
    page.keyboard.press("Home")
    page.keyboard.press("c")
    page.wait_for_selector(".sv-caption:not([hidden])")
    assert "strongest at" in page.inner_text(".sv-caption")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('.sv-stage button, .sv-stage input, .sv-stage select')]
        .filter((e) => e.offsetParent && !(e.getAttribute('aria-label') || e.innerText.trim())).map((e) => e.outerHTML)"""
    )
    assert unnamed == []


def test_trim_handles_choose_a_part(visit, clips):
    page = visit.page
    visit.choose("video-checkpoint", "bright")
    page.uncheck("#video-auto input")
    visit.drop(clips.spot)
    visit.state("ready")
    page.wait_for_selector(".sv-stage .sv-timeline canvas")
    page.wait_for_function("() => window.sslviz.video.timeline.trim")
    box = page.locator(".sv-stage .sv-front").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.up()
    assert "0:00.0 to 0:01.5" in page.inner_text(".sv-cut")
    page.click("#video-run")
    visit.state("done")
    assert page.evaluate("() => window.sslviz.video.result.timeline.analysed")[1] <= 1.61
