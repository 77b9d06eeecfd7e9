"""What leaves camera and microphone reaches the localizer: whole, and together."""

import base64
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud
from browser import needs_browser, start, wait_for
from known_devices import (
    CAMERA_FRAMES,
    CLOCKED_DEVICES,
    HIGHEST_HZ,
    LOWEST_HZ,
    SWEEP_SECONDS,
    number_in,
    skew_of,
    time_in,
)
from playwright.sync_api import Page

from sslviz.bench.live_page import LiveServer, serve
from sslviz.live import LiveOptions
from sslviz.types import Window
from sslviz.ui.live_settings import LiveSettings

pytestmark = needs_browser


def test_picture_and_sound_of_one_moment_meet_in_one_window(
    visitors: Callable[[], Page], server: LiveServer, localizer: BrightLoud
) -> None:
    localizer.log = []
    page = visitors()
    script = CLOCKED_DEVICES
    for word, value in {"PERIOD": SWEEP_SECONDS, "LOW": LOWEST_HZ, "HIGH": HIGHEST_HZ}.items():
        script = script.replace(word, str(value))
    page.add_init_script(script)
    start(page, server.url)

    def settled() -> list[Window]:
        return [w for w in localizer.log or [] if w.key_frame.pts_seconds > 1.0]

    wait_for("20 windows", lambda: len(settled()) >= 20, 180.0)
    skews = np.abs([skew_of(window) for window in settled()])
    # The fake camera draws late when the machine is busy, which no camera does; hence no maximum.
    assert np.percentile(skews, 90) <= 0.05


@pytest.mark.slow
def test_the_files_for_camera_and_microphone_reach_the_session(
    visitors: Callable[[], Page], server: LiveServer, localizer: BrightLoud
) -> None:
    localizer.log = []
    page = visitors()
    start(page, server.url)
    wait_for("12 windows", lambda: len(localizer.log or []) > 12, 180.0)
    numbers = [number_in(window.key_frame.image) for window in localizer.log]
    steps = np.diff(numbers) % CAMERA_FRAMES
    assert np.count_nonzero((steps >= 1) & (steps < 120)) >= len(steps) - 1
    heard = np.array([time_in(window) for window in localizer.log])
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
        start(page, server.url)
        page.evaluate(LISTEN)
        (session,) = server.hub.sessions.values()
        begun, clock = session.buffer.sound_end_seconds, time.monotonic()
        frames = session.buffer.counts.frames
        wait_for(
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
