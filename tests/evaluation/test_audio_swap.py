"""The audio-swap test tells a localizer that listens from one that only looks."""

import json
import subprocess

import cv2
import numpy as np
import pytest
from known_answers import COLORS, ColorListener, Maker, tone

from sslviz.datasets.boxes import read_moments
from sslviz.errors import MediaError
from sslviz.evaluation.audio_swap import audio_swap
from sslviz.evaluation.clip import clip_summary, measure_clip, spread_windows
from sslviz.evaluation.files import SandboxedSource
from sslviz.types import Frame, Window


def windows(count: int = 3) -> list[Window]:
    image = np.full((64, 64, 3), COLORS["grey"], np.uint8)
    image[:32, :32] = COLORS["red"]
    image[32:, 32:] = COLORS["blue"]
    return [
        Window(Frame(image, float(i)), tone("red", 1, i - 0.5), i, i + 1, -20.0)
        for i in range(count)
    ]


def test_a_localizer_that_listens_moves_its_map() -> None:
    report = audio_swap(ColorListener(), windows(), tone("blue", 3))
    by_sound = {swap.sound: swap for swap in report.swaps}
    assert list(by_sound) == ["true", "silence", "noise", "other"]
    assert by_sound["true"].overlap == 1
    assert by_sound["other"].overlap < 0.2
    assert 0.4 < by_sound["other"].peak_moved < 0.8
    assert by_sound["silence"].confidence == 0
    assert report.verdict.startswith("This map follows the sound: another sound moves the map")
    assert len(report.maps["noise"]) == 3


def test_a_deaf_localizer_is_found_out() -> None:
    report = audio_swap(ColorListener(deaf=True), windows(), tone("blue", 0.2))
    assert report.verdict.startswith("This map follows the picture, not the sound")
    assert json.loads(json.dumps(report.to_json()))["sounds"]["silence"]["confidence"] == 0.9


def test_without_another_sound_the_verdict_speaks_of_silence_only() -> None:
    assert "notices silence" in audio_swap(ColorListener(), windows()).verdict
    assert "may follow the picture alone" in audio_swap(ColorListener(deaf=True), windows()).verdict
    with pytest.raises(ValueError, match="at least one window"):
        audio_swap(ColorListener(), [])


@pytest.fixture
def video(make: Maker):
    make.picture("still.png", "green", (0.5, 0.5, 1, 1), 128)
    make.sound("tone.wav", "green", 4)
    path = make.root / "mine.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-loop", "1", "-i", "still.png", "-i", "tone.wav", "-t", "4", "-r",
         "10", "-pix_fmt", "yuv420p", str(path)], cwd=make.root, check=True,
    )  # fmt: skip
    return path


def test_a_users_own_clip_is_measured_at_its_moments(video, make: Maker) -> None:
    boxes = make.text(
        "mine.json",
        json.dumps(
            [{"t": 1.0, "boxes": [[64, 64, 128, 128]]}, {"t": 2, "boxes": [[0, 0, 0.4, 0.4]]}]
        ),
    )
    with SandboxedSource() as source:
        results = measure_clip(ColorListener(), video, read_moments(boxes), source)
    assert [result.pointing for result in results] == [True, False]
    assert results[0].iou_half_max > 0.8
    assert results[0].ciou["adaptive"] > 0.8
    assert clip_summary(results)["pointing"] == 0.5
    assert results[1].time_seconds == pytest.approx(2.0, abs=0.1)


def test_boxes_of_another_video_are_refused(video, make: Maker) -> None:
    boxes = make.text(
        "b.json", json.dumps([{"file": "yours.mp4", "t": 1.0, "boxes": [[0, 0, 1, 1]]}])
    )
    with SandboxedSource() as source, pytest.raises(MediaError, match=r"the file names yours\.mp4"):
        measure_clip(ColorListener(), video, read_moments(boxes), source)


def test_windows_are_spread_over_a_video(video) -> None:
    with SandboxedSource() as source:
        found = spread_windows(video, ColorListener().spec, source, 4)
    assert [round(window.key_frame.pts_seconds, 1) for window in found] == [0.5, 1.5, 2.5, 3.5]
    assert cv2.mean(found[0].key_frame.image[100:, 100:])[1] > 150
