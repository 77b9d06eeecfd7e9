import io
from pathlib import Path

import numpy as np
import pytest
from bright_loud import BrightLoud
from PIL import Image

from sslviz.errors import LiveError, OptionError
from sslviz.export import load_track
from sslviz.live import LiveSession
from sslviz.media.audio import read_sound
from sslviz.media.hashing import sha256_of
from sslviz.media.reader import VideoReader
from sslviz.options import Style
from sslviz.types import Frame
from sslviz.ui.live_record import RecordRequest, save_recording
from sslviz.ui.store import Store

RATE = 16_000
FLASH_SECONDS = 2.0


def _jpeg(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return file.getvalue()


def _flash_and_beep() -> LiveSession:
    """Four seconds with a bright patch and a beep that begin together in the middle."""
    session = LiveSession(BrightLoud())
    t = np.arange(4 * RATE) / RATE
    session.push_audio(0, (0.5 * np.sin(2000 * t) * (t >= FLASH_SECONDS)).astype(np.float32))
    for number in range(1, 48):
        pts = number / 12 + 0.003 * (number % 3)
        image = np.full((120, 160, 3), 60, np.uint8)
        if pts >= FLASH_SECONDS:
            image[20:60, 90:140] = 255
        session.push_frame(number, Frame(image, pts), _jpeg(image))
        session.step()
    return session


def test_a_recording_is_a_clip_its_painted_twin_and_the_maps(tmp_path: Path) -> None:
    session, store = _flash_and_beep(), Store(tmp_path, 3600, 2**30)
    told = save_recording(store, session.recording(3.0), session.localizer, Style())
    folder = store.folder(told["token"])
    assert sorted(p.name for p in folder.iterdir()) == [
        "overlay.mp4",
        "result.json",
        "source.mp4",
        "track.npz",
    ]
    track = load_track(folder / "track.npz")
    assert track.video_sha256 == sha256_of(folder / "source.mp4")
    assert len(track) == 37
    assert store.result(told["token"]).checkpoint == "bright-loud"
    assert told["seconds"] == pytest.approx(3.0, abs=0.1)


def test_picture_sound_and_maps_of_a_recording_stay_together(tmp_path: Path) -> None:
    session, store = _flash_and_beep(), Store(tmp_path, 3600, 2**30)
    told = save_recording(store, session.recording(3.0), session.localizer, Style())
    folder = store.folder(told["token"])
    with VideoReader(folder / "overlay.mp4") as reader:
        frames = [(frame.pts_seconds, frame.rgb(None)) for frame in reader.frames()]
    flash = next(pts for pts, image in frames if image[40:50, 100:130].mean() > 120)
    sound = read_sound(folder / "overlay.mp4", RATE).samples
    beep = float(np.flatnonzero(np.abs(sound) > 0.1)[0]) / RATE
    track = load_track(folder / "track.npz")
    source = float(track.times[np.flatnonzero(track.confidence[:, 0] > 0.2)[0]])
    assert abs(flash - beep) < 0.1
    assert abs(flash - source) < 0.1
    assert not np.allclose(frames[-1][1][45, 115], 255, atol=12), "painted"


def test_a_recording_that_fails_leaves_nothing(tmp_path: Path) -> None:
    session, store = _flash_and_beep(), Store(tmp_path, 3600, 2**30)
    recording = session.recording(3.0)
    recording.frames[5] = type(recording.frames[5])(5, recording.frames[5].pts_seconds, b"broken")
    with pytest.raises(LiveError, match="JPEG"):
        save_recording(store, recording, session.localizer, Style())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"seconds": "ten"}, LiveError),
        ({"seconds": True}, LiveError),
        ({"seconds": -1}, LiveError),
        ({"seconds": float("nan")}, LiveError),
        ({"seconds": 5, "style": []}, LiveError),
        ({"seconds": 5, "style": {"color_map": "inferno", "teeth": 3}}, OptionError),
        ({"seconds": 5, "style": {"opacity": 7}}, OptionError),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(message: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        RecordRequest.parse(message, 30)


def test_a_wish_for_more_than_is_kept_gets_what_is_kept() -> None:
    assert RecordRequest.parse({"seconds": 1e9}, 30).seconds == 30
