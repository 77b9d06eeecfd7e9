"""Videos in, painted videos out."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import flash_and_beep, frame_times, moving_spot, onsets
from engine_helpers import BrightestIsLoudest

from sslviz.errors import CancelledError, MediaError, OptionError, OutputError, TrackError
from sslviz.export import load_track, save_track
from sslviz.options import AnalysisOptions, ColorScale, Style
from sslviz.pipeline import (
    analyse,
    best_moment,
    grab,
    iter_render,
    make_overview,
    paint,
    preview,
    render,
    restyle,
)
from sslviz.pipeline.heatline import HeatLine
from sslviz.pipeline.job import Heat
from sslviz.scaling import Verdict, verdicts

BARE = Style(color_bar=False, badge=False)


@pytest.fixture(scope="module")
def spot(tmp_path_factory) -> Path:
    return moving_spot(tmp_path_factory.mktemp("clips") / "spot.mp4")


@pytest.fixture(scope="module")
def spot_track(spot):
    return analyse(spot, BrightestIsLoudest())


def picture_at(path: Path, seconds: float) -> np.ndarray:
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            if frame.time >= seconds - 1e-6:
                return frame.to_ndarray(format="rgb24").astype(int)
    raise AssertionError(f"no frame at {seconds}")


@pytest.mark.parametrize("kind", ["cfr", "vfr", "29.97", "rotated", "late audio", "no duration"])
def test_sound_and_picture_stay_together(tmp_path, localizer, kind):
    source = flash_and_beep(tmp_path / "in.mp4", kind)
    render(source, tmp_path / "out.mp4", localizer)
    flash_in, beep_in = onsets(source)
    flash_out, beep_out = onsets(tmp_path / "out.mp4")
    assert len(flash_in) == len(flash_out) == 3
    assert len(beep_in) == len(beep_out) == 3
    frame = 1 / 30
    assert np.abs((flash_out - beep_out) - (flash_in - beep_in)).max() < frame
    assert np.abs(flash_out - flash_in + frame_times(source)[0]).max() < frame


@pytest.mark.parametrize("kind", ["cfr", "vfr", "no duration"])
def test_every_frame_comes_out_at_its_own_time(tmp_path, localizer, kind):
    source = flash_and_beep(tmp_path / "in.mp4", kind)
    render(source, tmp_path / "out.mp4", localizer)
    before, after = frame_times(source), frame_times(tmp_path / "out.mp4")
    np.testing.assert_allclose(after, before - before[0], atol=0.002)


def test_the_heat_follows_the_source(spot, tmp_path, localizer):
    result = render(spot, tmp_path / "out.mp4", localizer, style=replace(BARE, half_life_ms=0))
    assert not result.partial
    assert result.warnings == ()
    assert len(result.track) == 15
    for seconds in (0.6, 1.4, 2.2):
        gain = picture_at(tmp_path / "out.mp4", seconds) - picture_at(spot, seconds)
        painted = np.abs(gain).sum(axis=2) > 60
        columns = np.nonzero(painted.any(axis=0))[0]
        assert columns.mean() / 320 == pytest.approx(seconds / 3, abs=0.04)


class Blinking(BrightestIsLoudest):
    """Full heat everywhere on even seconds, none on odd half seconds."""

    def localize(self, windows):
        maps = super().localize(windows)
        full = [round(2 * m.pts_seconds) % 2 == 0 for m in maps]
        flat = [np.full_like(m.values, on) for m, on in zip(maps, full, strict=True)]
        return [replace(m, values=values) for m, values in zip(maps, flat, strict=True)]


def test_heat_fades_between_key_frames(spot, tmp_path):
    options = AnalysisOptions(maps_per_second=2)
    style = replace(BARE, half_life_ms=0, threshold=0.01)
    render(spot, tmp_path / "out.mp4", Blinking(), options, style)
    times = (1.0, 1.12, 1.24, 1.36, 1.48)
    gains = [
        np.abs(picture_at(tmp_path / "out.mp4", t) - picture_at(spot, t))[:60].mean() for t in times
    ]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 20
    assert gains[-1] < 5
    assert gains[2] == pytest.approx(gains[0] / 2, rel=0.35)


def test_a_restyle_of_the_track_is_the_same_picture_as_the_render(
    spot, spot_track, tmp_path, localizer
):
    style = Style(contours=True, cross_hair=True)
    first = render(spot, tmp_path / "a.mp4", localizer, style=style)
    save_track(first.track, tmp_path / "t.npz")
    restyle(spot, load_track(tmp_path / "t.npz"), tmp_path / "b.mp4", style)
    np.testing.assert_array_equal(first.track.values, spot_track.values)
    for seconds in (0.2, 1.5, 2.9):
        difference = picture_at(tmp_path / "a.mp4", seconds) - picture_at(
            tmp_path / "b.mp4", seconds
        )
        assert np.abs(difference).max() <= 1


def test_a_preview_is_the_frame_that_a_render_shows(spot, spot_track, tmp_path):
    style = Style(cross_hair=True)
    restyle(spot, spot_track, tmp_path / "out.mp4", style)
    frame = preview(spot, spot_track, style, 1.6)
    assert frame.pts_seconds == pytest.approx(1.6, abs=0.04)
    assert (
        np.abs(frame.image.astype(int) - picture_at(tmp_path / "out.mp4", frame.pts_seconds)).mean()
        < 4
    )
    small = preview(spot, spot_track, style, 1.6, max_width=160)
    assert small.image.shape == (120, 160, 3)
    assert preview(spot, spot_track, style, 99).pts_seconds > 2.9


def test_a_grabbed_frame_is_repainted_at_once(spot, spot_track):
    frame = grab(spot, 1.0)
    start = time.perf_counter()
    for opacity in (0.3, 0.6, 0.9):
        paint(frame, spot_track, Style(opacity=opacity))
    assert (time.perf_counter() - start) / 3 < 0.3


def test_the_clip_scale_and_the_strip_take_a_second_pass(spot, tmp_path, localizer):
    style = Style(color_scale=ColorScale.CLIP, strip=True)
    stages = []
    work = iter_render(spot, tmp_path / "out.mp4", localizer, style=style)
    stages = [progress.stage for progress in work]
    assert stages[0] == "analyse"
    assert stages[-1] == "restyle"
    assert picture_at(tmp_path / "out.mp4", 1.0).shape == (240 + 24, 320, 3)
    assert picture_at(tmp_path / "out.mp4", 1.0)[250:, 104:108].max() > 200


def two_maps(track):
    """A second map beside the first: mirrored, weaker, and sure only in the first half."""
    sure = np.where(track.times[:, None] < 1.5, track.confidence, 0).astype(np.float32)
    return replace(
        track,
        names=("sound", "mirror"),
        values=np.concatenate([track.values, track.values[..., ::-1] * np.float32(0.5)], axis=1),
        confidence=np.concatenate([track.confidence, sure], axis=1),
    )


def only(track, name):
    return replace(
        track,
        names=(track.names[name],),
        values=np.ascontiguousarray(track.values[:, name : name + 1]),
        confidence=np.ascontiguousarray(track.confidence[:, name : name + 1]),
    )


def test_each_map_of_a_track_is_painted_with_its_own_numbers(spot, spot_track, tmp_path):
    both, style = two_maps(spot_track), Style(strip=True, color_scale=ColorScale.CLIP)
    files = [tmp_path / f"{name}.mp4" for name in ("zero", "one", "alone")]
    restyle(spot, both, files[0], style, name=0)
    restyle(spot, both, files[1], style, name=1)
    restyle(spot, only(both, 1), files[2], style)
    for seconds in (0.6, 2.2):
        zero, one, alone = (picture_at(file, seconds) for file in files)
        np.testing.assert_array_equal(one, alone)
        assert np.abs(zero - one)[240:].max() > 60, "another strip"


def test_a_map_that_a_track_does_not_have_is_refused(spot, spot_track, tmp_path):
    frame = grab(spot, 1.0)
    for name in (2, -1):
        with pytest.raises(OptionError, match=r"2 maps, counted from 0: sound, mirror"):
            restyle(spot, two_maps(spot_track), tmp_path / "out.mp4", name=name)
        with pytest.raises(OptionError, match=r"2 maps"):
            paint(frame, two_maps(spot_track), name=name)


def test_a_part_of_the_video(spot, tmp_path, localizer):
    options = AnalysisOptions(start_seconds=1.0, end_seconds=2.0)
    result = render(spot, tmp_path / "part.mp4", localizer, options, BARE)
    times = frame_times(tmp_path / "part.mp4")
    assert times[0] == 0
    assert len(times) == 25
    assert result.track.times[0] == pytest.approx(1.0)
    np.testing.assert_allclose(result.track.times, 1 + np.arange(5) / 5, atol=0.041)
    restyle(spot, result.track, tmp_path / "again.mp4", BARE)
    assert len(frame_times(tmp_path / "again.mp4")) == 25
    shift = picture_at(tmp_path / "part.mp4", 0.4) - picture_at(tmp_path / "again.mp4", 0.4)
    assert np.abs(shift).max() <= 1


def test_a_track_says_how_much_sound_is_behind_one_map(spot_track, tmp_path):
    save_track(spot_track, tmp_path / "t.npz")
    for track in (spot_track, load_track(tmp_path / "t.npz")):
        assert track.settings["audio_seconds"] == BrightestIsLoudest().spec.audio_seconds


def test_a_mute_video_says_so_and_shows_no_heat(tmp_path, localizer):
    source = flash_and_beep(tmp_path / "in.mp4", "silent")
    result = render(source, tmp_path / "out.mp4", localizer)
    assert set(verdicts(result.track, Style())) == {Verdict.NO_SOUND_TRACK}
    assert not result.track.confidence.any()
    assert any("no sound track" in warning for warning in result.warnings)
    corner = picture_at(tmp_path / "out.mp4", 0.5)[:40, :120]
    assert corner.max() > 150


def test_untrained_weights_are_marked_in_the_video(spot, tmp_path):
    render(spot, tmp_path / "out.mp4", BrightestIsLoudest(trained=False), style=BARE)
    for seconds in (0.0, 1.5, 2.9):
        middle = picture_at(tmp_path / "out.mp4", seconds)[105:135, 30:290]
        assert (middle[..., 0] - middle[..., 2]).mean() > 60


class Counting(BrightestIsLoudest):
    def __init__(self) -> None:
        super().__init__()
        self.windows = 0

    def localize(self, windows):
        self.windows += len(windows)
        return super().localize(windows)


def test_skipped_silence_costs_no_model_time(tmp_path):
    source = flash_and_beep(tmp_path / "in.mp4", "cfr")
    counting = Counting()
    track = analyse(source, counting, AnalysisOptions(skip_silence_below_dbfs=-50))
    assert len(track) == 20
    assert 5 < counting.windows < 14
    quiet = track.level_dbfs < -50
    assert not track.confidence[quiet][1:].any()


def test_progress_only_rises_and_ends_at_the_end(spot, tmp_path, localizer):
    seen = list(iter_render(spot, tmp_path / "out.mp4", localizer))
    done = [progress.done_seconds for progress in seen]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(3.0, abs=0.05)
    assert seen[-1].windows_done == 15
    assert seen[-1].eta_seconds == 0
    assert seen[-1].score_map is not None


class Slow(BrightestIsLoudest):
    """Takes its time, so that work can be stopped in its middle."""

    def localize(self, windows):
        time.sleep(0.15 * len(windows))
        return super().localize(windows)


def test_closing_the_iterator_leaves_nothing(spot, tmp_path):
    work = iter_render(spot, tmp_path / "out.mp4", Slow())
    for progress in work:
        if progress.windows_done >= 3:
            break
    assert [p.suffix for p in tmp_path.iterdir()] == [".part"]
    start = time.perf_counter()
    work.close()
    assert time.perf_counter() - start < 1
    assert list(tmp_path.iterdir()) == []


def test_stopping_leaves_a_playable_part(spot, tmp_path):
    stop = threading.Event()
    work = iter_render(spot, tmp_path / "out.mp4", Slow(), stop=stop.is_set)
    stopped_at = 0.0
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            result = end.value
            break
        if progress.windows_done >= 5 and not stop.is_set():
            stop.set()
            stopped_at = time.perf_counter()
    assert time.perf_counter() - stopped_at < 2
    assert result.partial
    assert not result.track.complete
    times = frame_times(tmp_path / "out.mp4")
    assert 5 <= len(times) < 75
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert file.streams.audio[0].duration * file.streams.audio[0].time_base < 2.9
    restyle(spot, result.track, tmp_path / "again.mp4", BARE)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["again.mp4", "out.mp4"]


def test_stopping_before_anything_is_done_writes_nothing(spot, tmp_path, localizer):
    with pytest.raises(CancelledError):
        render(spot, tmp_path / "out.mp4", localizer, stop=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_an_analysis_can_be_stopped_too(spot):
    calls = iter([False] * 40)
    track = analyse(spot, Slow(), stop=lambda: next(calls, True))
    assert not track.complete
    assert len(track) < 15


class Broken(BrightestIsLoudest):
    def localize(self, windows):
        if windows[0].key_frame.pts_seconds > 1:
            raise RuntimeError("out of memory")
        return super().localize(windows)


def test_a_failing_localizer_is_reported_and_leaves_nothing(spot, tmp_path):
    with pytest.raises(RuntimeError, match="out of memory"):
        render(spot, tmp_path / "out.mp4", Broken())
    assert list(tmp_path.iterdir()) == []


def test_a_track_of_another_video_is_refused(tmp_path, spot_track):
    other = moving_spot(tmp_path / "other.mp4", seconds=1)
    with pytest.raises(TrackError, match=r"not made from other\.mp4"):
        restyle(other, spot_track, tmp_path / "out.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["other.mp4"]


def test_targets_that_cannot_be_are_refused_before_any_work(spot, tmp_path, localizer):
    for target, words in (
        (spot, "source itself"),
        (tmp_path, "folder"),
        (tmp_path / "no" / "x.mp4", "folder"),
        (Path("/proc/x.mp4"), "could not be written"),
    ):
        with pytest.raises(OutputError, match=words):
            render(spot, target, localizer)


@pytest.mark.parametrize("style", [Style(), Style(strip=True), Style(color_scale=ColorScale.CLIP)])
def test_an_unknown_colour_map_is_refused_before_any_work(spot, spot_track, tmp_path, style):
    style, target = replace(style, color_map="mud"), tmp_path / "out.mp4"
    with pytest.raises(OptionError, match="color_map is 'mud'"):
        next(iter_render(spot, target, Unwilling(), style=style))
    with pytest.raises(OptionError, match="color_map is 'mud'"):
        restyle(spot, spot_track, target, style)


class Unwilling(BrightestIsLoudest):
    def localize(self, windows):
        raise AssertionError("there is nothing to do yet")


def test_a_file_that_is_no_video_is_one_typed_sentence(tmp_path, localizer):
    (tmp_path / "x.mp4").write_bytes(b"hello" * 1000)
    with pytest.raises(MediaError, match=r"x\.mp4"):
        render(tmp_path / "x.mp4", tmp_path / "out.mp4", localizer)
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]


@pytest.mark.parametrize("rate", [0.2, 60])
def test_very_slow_and_very_fast_maps(spot, tmp_path, localizer, rate):
    result = render(spot, tmp_path / "out.mp4", localizer, AnalysisOptions(maps_per_second=rate))
    assert len(result.track) == (1 if rate < 1 else 75)
    assert len(frame_times(tmp_path / "out.mp4")) == 75


def test_a_single_frame_and_an_odd_size(tmp_path, localizer):
    cv2.imwrite(str(tmp_path / "f.png"), np.full((239, 319, 3), 200, np.uint8))
    from clips import ffmpeg

    ffmpeg("-i", tmp_path / "f.png", "-c:v", "mjpeg", "-pix_fmt", "yuvj444p", tmp_path / "one.avi")
    result = render(tmp_path / "one.avi", tmp_path / "out.mp4", localizer)
    assert len(result.track) == 1
    assert picture_at(tmp_path / "out.mp4", 0).shape == (240, 320, 3)


def test_the_overview_shows_the_sound_where_it_is(tmp_path, localizer):
    source = flash_and_beep(tmp_path / "in.mp4", "cfr")
    line = make_overview(source, analyse(source, localizer), num_columns=400)
    loud = np.abs(line.waveform).max(axis=1) > 0.2
    times = np.arange(400) / 100
    expected = (times % 1 < 0.2) & (times >= 1)
    assert (loud == expected).mean() > 0.97
    loudest = line.spectrogram[:, expected].mean(axis=1).argmax()
    assert line.mel_hz[loudest] == pytest.approx(1000, rel=0.06)
    assert line.silent


def test_the_best_moment_is_where_the_heat_is(track):
    assert best_moment(track, Style()) <= 1.0
    assert best_moment(replace(track, confidence=track.confidence * 0), Style()) == 1.0


def moment(when: float, value: int) -> Heat:
    return Heat(when, np.full((2, 2), value, np.uint8))


def test_heat_fades_evenly_between_near_moments_and_holds_between_far_ones():
    line = HeatLine()
    line.extend([moment(0, 0), moment(0.2, 255), moment(5, 0)])
    assert line.at(0.05)[0][0, 0] == pytest.approx(0.25, abs=0.01)
    assert line.at(0.2)[0][0, 0] == 1
    assert line.at(3.0)[0][0, 0] == 1
    assert line.at(9.0)[0][0, 0] == 0


def test_a_frame_waits_for_the_moment_after_it():
    line = HeatLine()
    assert not line.ready(0.0)
    line.extend([moment(0, 0)])
    assert line.ready(0.0)
    assert not line.ready(0.1)
    assert line.ready(0.1, enough_seconds=0.0)
    line.ended = True
    assert line.ready(7.0)
