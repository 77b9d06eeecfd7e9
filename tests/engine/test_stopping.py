"""Stopping a render that takes two passes: what is done is kept."""

import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from clips import H264, ffmpeg, frame_times, moving_spot
from engine_helpers import BrightestIsLoudest

from sslviz.errors import CancelledError
from sslviz.options import ColorScale, Style
from sslviz.pipeline import iter_analyse, iter_render, render

TWO_PASSES = {"clip scale": Style(color_scale=ColorScale.CLIP), "strip": Style(strip=True)}


class Slow(BrightestIsLoudest):
    def localize(self, windows):
        time.sleep(0.1 * len(windows))
        return super().localize(windows)


@pytest.fixture(scope="module")
def spot(tmp_path_factory) -> Path:
    return moving_spot(tmp_path_factory.mktemp("clips") / "spot.mp4", seconds=4)


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    """Takes seconds to paint."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    sources = ("testsrc2=s=1280x720:r=25:d=12", "sine=d=12")
    ffmpeg(*(word for text in sources for word in ("-f", "lavfi", "-i", text)), *H264, path)
    return path


def run_until(work, stop, enough):
    """Press stop once; the result, and the stages that were seen."""
    stages = []
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            return end.value, stages
        stages.append(progress.stage)
        if enough(progress):
            stop.set()


@pytest.mark.parametrize("style", TWO_PASSES.values(), ids=TWO_PASSES)
def test_what_was_analysed_before_the_stop_is_painted_and_kept(spot, tmp_path, style):
    stop, target = threading.Event(), tmp_path / "out.mp4"
    work = iter_render(spot, target, Slow(), style=style, stop=stop.is_set)
    result, stages = run_until(work, stop, lambda progress: progress.windows_done >= 5)
    assert stages[0] == "analyse"
    assert stages[-1] == "restyle"
    assert result.partial
    assert not result.track.complete
    assert 5 <= len(result.track) < 20
    times = frame_times(target)
    assert times[-1] == pytest.approx(result.track.times[-1], abs=0.25)
    assert times[-1] < result.track.duration_seconds < 4
    assert list(tmp_path.iterdir()) == [target]


def test_a_stop_of_the_second_pass_keeps_what_is_painted(long, tmp_path):
    stop, target = threading.Event(), tmp_path / "out.mp4"
    style = Style(color_scale=ColorScale.CLIP)
    work = iter_render(long, target, BrightestIsLoudest(), style=style, stop=stop.is_set)
    result, _ = run_until(work, stop, lambda progress: progress.stage == "restyle")
    assert result.partial
    assert result.track.complete
    assert 0 < len(frame_times(target)) < 300


def test_a_stop_between_the_passes_loses_nothing(spot, tmp_path):
    """It comes when the last map is there, too late for the analysis."""
    stop, target = threading.Event(), tmp_path / "out.mp4"
    style = Style(color_scale=ColorScale.CLIP)

    class PressesAtTheEnd(BrightestIsLoudest):
        def localize(self, windows):
            if windows[-1].key_frame.pts_seconds > 3.7:
                stop.set()
            return super().localize(windows)

    result = render(spot, target, PressesAtTheEnd(), style=style, stop=stop.is_set)
    assert len(frame_times(target)) > 0
    assert result.path == target


@pytest.mark.parametrize("style", TWO_PASSES.values(), ids=TWO_PASSES)
def test_a_stop_before_the_first_map_writes_nothing(spot, tmp_path, style):
    class Slower(BrightestIsLoudest):
        def localize(self, windows):
            time.sleep(5)
            return super().localize(windows)

    with pytest.raises(CancelledError, match="before the first frame"):
        render(spot, tmp_path / "out.mp4", Slower(), style=style, stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_closing_during_the_second_pass_leaves_nothing(long, tmp_path):
    work = iter_render(
        long, tmp_path / "out.mp4", BrightestIsLoudest(), style=TWO_PASSES["strip"],
        stop=lambda: False,
    )  # fmt: skip
    with closing(work):
        while next(work).stage != "restyle":
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_track_ends_where_its_maps_end(spot):
    stop = threading.Event()
    work = iter_analyse(spot, Slow(), stop=stop.is_set)
    track, _ = run_until(work, stop, lambda progress: progress.windows_done >= 2)
    assert not track.complete
    assert 0 <= track.duration_seconds - track.times[-1] <= 0.25


def test_a_slow_consumer_loses_no_window_when_the_child_is_done_before(tmp_path):
    """The child of an analysis waits for no answer to its last windows."""
    source = tmp_path / "in.mp4"
    sources = ("testsrc2=s=1920x1080:r=25:d=2.2", "sine=d=2.2")
    ffmpeg(*(word for text in sources for word in ("-f", "lavfi", "-i", text)), *H264, source)
    small = BrightestIsLoudest(cells=4)
    small.spec = replace(small.spec, audio_seconds=0.05)
    for stops in (False, True):
        pressed = threading.Event()
        work = iter_analyse(source, small, stop=pressed.is_set)
        next(work)
        time.sleep(4)
        if stops:
            pressed.set()
        track, _ = run_until(work, pressed, lambda progress: False)
        assert len(track) == 11 or stops
        assert track.complete == (len(track) == 11)
