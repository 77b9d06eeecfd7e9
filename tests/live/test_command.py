"""``sslviz live`` from files, and its picture, with the small localizer."""

import argparse
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud

from sslviz.commands.live import _listen, _Screen, add_live, line_of, live_style, run_live
from sslviz.commands.live_sources import DeviceSource, FileSource
from sslviz.errors import LiveError, OptionError
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


@pytest.mark.parametrize("late_seconds", [0.5, -0.5])
def test_sound_that_begins_apart_from_the_picture_is_heard_in_its_place(
    tmp_path: Path, late_seconds: float
) -> None:
    clip, begin = tmp_path / "apart.mkv", max(late_seconds, 0)
    beep = f"aevalsrc='0.5*sin(2*PI*440*t)*between(t,{1 - late_seconds},{2 - late_seconds})'"
    picture = "color=c=0x202020:s=320x240:r=25:d=3"
    command = [
        "ffmpeg", "-v", "error", "-itsoffset", str(begin - late_seconds), "-f", "lavfi", "-i", picture,
        "-itsoffset", str(begin), "-f", "lavfi", "-i", f"{beep}:s=48000:d=3",
        "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", str(clip),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    pieces: list[np.ndarray] = []
    with FileSource(clip, None, 16_000) as source:
        for moment in source.moments():
            assert moment.first_sample == sum(map(len, pieces))
            pieces.append(moment.samples)
    loud = np.nonzero(np.abs(np.concatenate(pieces)) > 0.1)[0] / 16_000
    assert loud[0] == pytest.approx(1.0, abs=0.045)
    assert loud[-1] == pytest.approx(2.0, abs=0.045)


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


def _flags(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_live(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("words", [("--scale", "frame"), ("--scale", "clip"), ("--strip",)])
def test_flags_that_the_live_view_cannot_follow_are_refused(clip: Path, words: tuple[str]) -> None:
    with pytest.raises(OptionError, match="on the fixed scale, without a strip"):
        run_live(_flags("--video", str(clip), *words), lambda line: None)


def test_a_saved_style_is_followed_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    saved, lines = tmp_path / "style.json", list[str]()
    saved.write_text('{"style": {"color_scale": "clip", "strip": true, "opacity": 0.5}}')
    style = live_style(_flags("--style", str(saved)), lines.append)
    assert style == Style(opacity=0.5)
    assert "fixed scale" in lines[0]
    assert live_style(_flags("--scale", "fixed"), lines.append) == Style()
    assert len(lines) == 1
