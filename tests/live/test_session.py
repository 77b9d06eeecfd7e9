from dataclasses import replace

import numpy as np
import pytest
from bright_loud import BrightLoud

from sslviz.errors import LiveError, OptionError
from sslviz.live import LiveOptions, LiveSession, quick_enough
from sslviz.scaling import Verdict
from sslviz.types import Frame

RATE = 16_000


def _picture(column: int, pts_seconds: float) -> Frame:
    image = np.zeros((90, 160, 3), np.uint8)
    image[30:60, column : column + 30] = 255
    return Frame(image, pts_seconds)


def _chirp(seconds: float) -> np.ndarray:
    return np.sin(np.arange(round(seconds * RATE)) * 0.3).astype(np.float32)


def test_the_map_follows_the_newest_picture_and_its_sound(localizer: BrightLoud) -> None:
    session = LiveSession(localizer)
    session.push_audio(0, _chirp(1.0))
    session.push_frame(0, _picture(0, 0.5))
    session.push_frame(1, _picture(120, 1.0))
    found = session.step()
    assert found is not None
    assert found.verdict is Verdict.SOURCE
    assert np.unravel_index(found.score_map.values.argmax(), (14, 14))[1] >= 10
    assert session.heatmap(found).values.max() == 1.0
    assert session.step() is None


def test_the_window_ends_with_the_newest_sound(localizer: BrightLoud) -> None:
    localizer.log = []
    session = LiveSession(localizer)
    sound = (np.arange(3 * RATE) / (3 * RATE)).astype(np.float32)
    session.push_audio(0, sound)
    session.push_frame(0, _picture(0, 3.02))
    session.step()
    (window,) = localizer.log
    assert np.array_equal(window.audio.samples, sound[-RATE:])
    assert window.audio.start_seconds == pytest.approx(2.0)


def test_sound_that_stalled_is_silence_and_not_an_old_sound(localizer: BrightLoud) -> None:
    session = LiveSession(localizer)
    session.push_audio(0, _chirp(1.0))
    session.push_frame(0, _picture(0, 5.0))
    found = session.step()
    assert found is not None
    assert found.verdict is Verdict.SILENT
    assert found.level_dbfs == -np.inf
    assert session.heatmap(found).values.max() == 0


def test_quiet_sound_is_no_confident_source(localizer: BrightLoud) -> None:
    session = LiveSession(localizer)
    session.push_audio(0, _chirp(1.0) * np.float32(0.01))
    session.push_frame(0, _picture(0, 1.0))
    found = session.step()
    assert found is not None
    assert found.verdict is Verdict.NO_CONFIDENT_SOURCE
    assert session.heatmap(found).values.max() == 0


def test_it_says_how_much_of_the_excerpt_is_sound(localizer: BrightLoud) -> None:
    session = LiveSession(localizer)
    session.push_audio(0, _chirp(0.4))
    session.push_frame(0, _picture(0, 0.4))
    found = session.step()
    assert found is not None
    assert found.heard_seconds == pytest.approx(0.4)


def test_the_pace_gives_way_to_a_slow_method_and_to_others() -> None:
    session = LiveSession(BrightLoud(slow_seconds=0.2))
    assert session.pace_seconds() == pytest.approx(1 / 15)
    for number in range(4):
        session.push_frame(number, _picture(0, number + 1.0))
        session.step()
    assert session.pace_seconds() == pytest.approx(0.25, abs=0.03)
    assert session.pace_seconds(3) == pytest.approx(0.75, abs=0.08)
    assert not session.too_slow


def test_a_method_that_cannot_follow_is_called_too_slow() -> None:
    session = LiveSession(BrightLoud(slow_seconds=0.06), LiveOptions(slow_seconds=0.05))
    for number in range(2):
        session.push_frame(number, _picture(0, number + 1.0))
        session.step()
    assert not session.too_slow, "one warm step is not enough to tell"
    session.push_frame(2, _picture(0, 3.0))
    session.step()
    assert session.too_slow


def test_a_recording_holds_pictures_maps_and_the_sound_between_them(localizer: BrightLoud) -> None:
    session = LiveSession(localizer, LiveOptions(history_seconds=2.0))
    sound = _chirp(5.0)
    session.push_audio(0, sound)
    for number in range(50):
        session.push_frame(number, _picture(0, (number + 1) / 10), b"jpeg")
        session.step()
    recording = session.recording(2.0)
    times = [sent.pts_seconds for sent in recording.frames]
    assert (times[0], times[-1]) == (3.0, 5.0)
    assert len(recording.maps) == len(recording.frames) == 21
    assert np.array_equal(recording.sound.samples, sound[3 * RATE :])


def test_nothing_to_record_is_said(localizer: BrightLoud) -> None:
    with pytest.raises(LiveError, match="nothing to record"):
        LiveSession(localizer).recording(5.0)


def test_an_impossible_rate_is_refused() -> None:
    with pytest.raises(OptionError, match="max_maps_per_second"):
        LiveOptions(max_maps_per_second=0)


class Sized(BrightLoud):
    """As slow as its picture is large."""

    image_sizes = (64, 128, 256)

    def __init__(self, image_size: int = 256) -> None:
        super().__init__(slow_seconds=image_size / 2000)
        self._spec = replace(self._spec, image_size=image_size)

    def at_image_size(self, image_size: int) -> "Sized":
        return Sized(image_size)


def test_live_takes_the_largest_picture_that_is_quick_enough() -> None:
    assert quick_enough(Sized(), 1.0).spec.image_size == 256
    assert quick_enough(Sized(), 0.1).spec.image_size == 128
    assert quick_enough(Sized(), 0.001).spec.image_size == 64, "the smallest where none is quick"
    fixed = BrightLoud(slow_seconds=0.05)
    assert quick_enough(fixed, 0.001) is fixed
