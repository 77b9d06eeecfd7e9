"""What is written plays in Chromium: right frames at right times, with sound, in right colours."""

import base64

import numpy as np
import pytest

from sslviz.bench.live_page import find_browser
from tests.media.clips import VARIABLE_RATE, Recipe, number_in
from tests.media.test_video_writer import copy

SHOW = """async ([data, times]) => {
  const video = document.createElement('video');
  video.muted = true; document.body.append(video);
  video.src = 'data:video/mp4;base64,' + data;
  await new Promise((done, fail) => { video.oncanplaythrough = done;
    video.onerror = () => fail(new Error(video.error.message)); });
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext('2d'), shown = [];
  for (const time of times) {
    const there = new Promise(done => video.onseeked = done);
    video.currentTime = time; await there;
    context.drawImage(video, 0, 0);
    shown.push(Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data));
  }
  const sound = await (await fetch(video.src)).arrayBuffer();
  const decoded = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(sound);
  video.currentTime = 0; await video.play();
  await new Promise(done => video.onended = done);
  return {width: video.videoWidth, height: video.videoHeight, duration: video.duration,
          end: video.currentTime, shown, sound: Array.from(decoded.getChannelData(0))};
}"""

CASES = {
    "plain.mp4": Recipe(),
    "variable.mp4": Recipe(rate=None, times=VARIABLE_RATE),
}


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("name", ["plain.mp4", "variable.mp4"])
def test_chromium_plays_it(clip, tmp_path, name):
    from playwright.sync_api import sync_playwright

    recipe = CASES[name]
    target = copy(clip(name, recipe), tmp_path / "out.mp4")
    asked = [0.0, 1.03, 2.06]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=["--autoplay-policy=no-user-gesture-required"]
        )
        page = browser.new_page()
        page.goto("about:blank")
        data = base64.b64encode(target.read_bytes()).decode()
        found = page.evaluate(SHOW, [data, asked])
        browser.close()
    assert (found["width"], found["height"]) == (160, 120)
    assert found["duration"] == pytest.approx(recipe.seconds, abs=0.1)
    assert found["end"] == pytest.approx(found["duration"], abs=0.1)
    times = np.array([recipe.time_of(i) for i in range(recipe.frames)])
    for time, pixels in zip(asked, found["shown"], strict=True):
        image = np.array(pixels, np.uint8).reshape(120, 160, 4)[..., :3]
        assert number_in(image) == np.flatnonzero(times <= time + 1e-3)[-1]
        assert np.abs(image[8, 8].astype(int) - [230, 20, 20]).max() < 25
    assert np.abs(found["sound"]).max() > 0.3
