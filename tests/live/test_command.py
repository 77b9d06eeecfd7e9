"""``sslviz live`` from files, and its picture, with the small localizer."""

import argparse
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud

from sslviz.commands.live import _listen, _Screen, add_live, line_of, run_live
from sslviz.commands.live_sources import DeviceSource, FileSource
from sslviz.errors import LiveError
from sslviz.live import LiveOptions, LiveSession
from sslviz.options import Style
from sslviz.scaling import Verdict


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds: a white square at the right; a beep in the second second."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    picture = "color=c=0x202020:s=320x240:r=25:d=3,drawbox=x=230:y=90:w=60:h=60:c=white:t=fill"
    sound = "aevalsrc='0.5*sin(2*PI*440*t)*between(t,1,2)':s=48000:d=3"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


def test_files_are_followed_map_by_map(clip: Path) -> None:
    session = LiveSession(BrightLoud(), LiveOptions(max_maps_per_second=10))
    lines: list[str] = []
    with FileSource(clip, None, 16_000) as source:
        found = _listen(session, source, Style(), lines.append)
    assert len(found) == 25, "of 25 pictures a second every third, the first after a tenth"
    times = np.array([one.score_map.pts_seconds for one in found])
    loud = np.array([one.verdict is Verdict.SOURCE for one in found])
    assert loud[(times > 1.1) & (times < 1.9)].all()
    assert not loud[(times < 0.95) | (times > 2.3)].any()
    assert any("source at the right" in line for line in lines)
    counts = session.buffer.counts
    assert (counts.missing_samples, counts.repeated_samples) == (0, 0)
    assert counts.samples == 3 * 16_000


def test_the_sound_may_come_from_another_file(clip: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(clip), "-an", "-c", "copy", str(silent)], check=True
    )
    for audio, loud in ((None, False), (clip, True)):
        session = LiveSession(BrightLoud())
        with FileSource(silent, audio, 16_000) as source:
            found = _listen(session, source, Style(), lambda line: None)
        assert any(one.verdict is Verdict.SOURCE for one in found) is loud


def test_in_real_time_late_pictures_are_left_out(clip: Path) -> None:
    session = LiveSession(BrightLoud(slow_seconds=0.3))
    with FileSource(clip, None, 16_000, realtime=True) as source:
        started = time.monotonic()
        found = _listen(session, source, Style(), lambda line: None)
    assert time.monotonic() - started > 2.8
    assert 1 <= len(found) <= 11
    assert session.buffer.counts.missing_samples == 0


def test_the_window_shows_the_heat_over_the_picture(clip: Path) -> None:
    session = LiveSession(BrightLoud())
    screen = _Screen(session, Style(color_bar=False))
    with FileSource(clip, None, 16_000) as source:
        for number, moment in enumerate(source.moments()):
            session.push_audio(moment.first_sample, moment.samples)
            session.push_frame(number, moment.frame)
            if moment.frame.pts_seconds >= 1.5:
                break
        found = session.step()
        assert found is not None
        image = screen.paint(moment, found)
    hot = image[120, 260].astype(int)
    assert hot[0] - hot[2] > 40, "inferno's yellow over the white square"
    assert np.abs(image[30, 30].astype(int) - 32).max() < 12
    assert "source at the right" in line_of(session, found)


def test_sound_without_pictures_is_refused(clip: Path) -> None:
    parser = argparse.ArgumentParser()
    add_live(parser)
    with pytest.raises(LiveError, match="--audio needs --video"):
        run_live(parser.parse_args(["--audio", str(clip)]), lambda line: None)


def test_a_missing_device_is_a_sentence() -> None:
    with pytest.raises(LiveError, match=r"sounddevice|microphone|Camera"):
        DeviceSource(99, None, 16_000)
