"""A part of a clip in the app: its painted file begins at 0, everything else is told in the clip's time."""

import pytest
from ui_helpers import Listener

from sslviz.options import AnalysisOptions, Style
from sslviz.ui import comparison
from sslviz.ui.localizers import Shelf
from sslviz.ui.settings import Deployment
from sslviz.ui.work import RunRequest, open_desk, restyle, run

CENTRE = """(name) => {
  const shown = document.querySelector(name), canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [320, 240];
  const g = canvas.getContext('2d');
  g.drawImage(shown, 0, 0, 320, 240);
  const seen = g.getImageData(0, 120, 320, 1).data;
  let sum = 0, count = 0;
  for (let x = 0; x < 320; x++) if (seen[4 * x] + seen[4 * x + 1] > 250) { sum += x; count += 1; }
  return sum / count;
}"""
"""Where the bright spot is, in pixels from the left."""
DRAWN = "() => document.querySelector('.sv-player video').readyState > 1"


@pytest.fixture
def desk(tmp_path):
    shelf = Shelf(load=lambda name, device: Listener(name))
    return open_desk(Deployment(folder=tmp_path / "store"), shelf)


def take(desk, clip):
    upload = desk.store.new_upload(clip.name)
    upload.path.write_bytes(clip.read_bytes())
    return upload


def test_the_progress_of_a_part_begins_at_nothing_and_ends_at_everything(desk, clips):
    options = AnalysisOptions(start_seconds=30)
    request = RunRequest(take(desk, clips.long).token, "dark", "auto", options)
    told = list(run(desk, request))
    again = list(restyle(desk, told[-1]["token"], Style(contours=True)))
    for messages in (told, again):
        assert messages[-1]["state"] == "done"
        parts = [m["part"] for m in messages if m.get("part") is not None]
        assert parts[0] < 0.5
        assert parts == sorted(parts)


def test_the_sound_is_drawn_where_it_is_heard_though_the_end_was_cut(desk, clips):
    """The clip falls silent at 2 of 3 s: the last third of the waveform is flat, in every result."""
    clip = take(desk, clips.spot).token
    cut = AnalysisOptions(end_seconds=1)
    for options in (AnalysisOptions(), cut):
        *_, last = run(desk, RunRequest(clip, "bright", "auto", options))
        line = last["timeline"]
        assert line["duration"] == pytest.approx(3, abs=0.1)
        flat = next(i for i, high in enumerate(line["high"]) if i > 100 and high < 3)
        assert flat / len(line["high"]) * line["duration"] == pytest.approx(2, abs=0.15)
    assert line["analysed"] == [0, pytest.approx(1, abs=0.05)]
    names = ["bright", "dark"]
    *_, last = comparison.run(desk, clip, names, "auto", cut, Style())
    assert last["timeline"]["duration"] == pytest.approx(3, abs=0.1)


def cut_and_run(visit, clip, part):
    """Drag the left handle to ``part`` of the timeline, then run."""
    page = visit.page
    visit.choose("video-checkpoint", "dark")
    page.uncheck("#video-auto input")
    visit.drop(clip)
    visit.state("ready")
    page.wait_for_function("() => window.sslviz.video.timeline.trim")
    box = page.locator(".sv-stage .sv-front").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + part * box["width"], box["y"] + 40)
    page.mouse.up()
    page.click("#video-run")
    visit.state("done")
    page.wait_for_function(DRAWN)
    return page.evaluate("() => window.sslviz.video.result.offset")


def test_a_part_is_shown_heard_and_probed_at_its_own_moment(visit, clips):
    page = visit.page
    offset = cut_and_run(visit, clips.spot, 1 / 3)
    assert offset == pytest.approx(1.0, abs=0.05)
    length = page.evaluate("() => document.querySelector('.sv-player video').duration")
    assert length == pytest.approx(3 - offset, abs=0.1)
    # The playhead stands where the part begins, not in the veil before it.
    playhead = "() => window.sslviz.video.timeline.time"
    assert page.evaluate(playhead) == pytest.approx(offset, abs=0.02)
    assert page.inner_text(".sv-player .sv-clock").startswith("0:01.0 / 0:03.0")
    line = page.locator(".sv-stage .sv-front")
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    page.wait_for_function("() => !document.querySelector('.sv-player video').seeking")
    at = page.evaluate("() => document.querySelector('.sv-player video').currentTime")
    assert at == pytest.approx(1.5 - offset, abs=0.05)
    assert page.evaluate(playhead) == pytest.approx(1.5, abs=0.05)
    # The preview of another look is the same moment as the video under it.
    painted = page.evaluate(CENTRE, ".sv-player video")
    page.click("#video-marks label:has-text('contours')")
    page.wait_for_selector(".sv-preview:not([hidden])")
    assert page.evaluate(CENTRE, ".sv-preview") == pytest.approx(painted, abs=4)
    # The clip is silent from second 2 on, which is second 1 of the part.
    cues = page.evaluate(
        """() => [...document.querySelector('.sv-player track').track.cues]
        .map((cue) => [cue.startTime, cue.endTime, cue.text])"""
    )
    assert cues[0][0] == pytest.approx(0, abs=0.05)
    silent = [cue for cue in cues if "silent" in cue[2]]
    assert silent[0][0] == pytest.approx(2 - offset, abs=0.3)
    assert silent[-1][1] == pytest.approx(3 - offset, abs=0.1)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_download():
        page.click('[data-kind="poster.png"]')
    page.locator(".sv-probe").click()
    page.wait_for_selector(".sv-stage .sv-legend:has-text('this spot')")
    moments = [u.split("at=")[1].split("&")[0] for u in asked if "at=" in u]
    assert moments
    assert all(float(m) == pytest.approx(at + offset, abs=0.01) for m in moments)
