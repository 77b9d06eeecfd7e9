"""Clips as browsers record them: without a length in the header, but with a picture and a sound."""

import json
import subprocess
from pathlib import Path

import pytest
from test_app_addresses import ask, upload
from ui_helpers import Listener

from sslviz.media.length import read_length
from sslviz.media.probe import probe
from sslviz.ui import library, trust
from sslviz.ui.localizers import Shelf
from sslviz.ui.settings import Deployment
from sslviz.ui.work import RunRequest, open_desk, run


@pytest.fixture(scope="module")
def recorded(clips, tmp_path_factory) -> Path:
    """A clip through a pipe: as with MediaRecorder, nobody went back to write its length."""
    path = tmp_path_factory.mktemp("recorded") / "recording.webm"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", clips.spot, "-c:v", "libvpx", "-deadline",
               "realtime", "-c:a", "libopus", "-f", "webm", "-live", "1", "pipe:1"]  # fmt: skip
    with path.open("wb") as out:
        subprocess.run(command, stdout=out, check=True, timeout=300)
    assert probe(path).duration_seconds is None
    return path


def test_its_length_is_that_of_its_packets(recorded, clips):
    assert read_length(recorded) == pytest.approx(3, abs=0.1)
    assert read_length(clips.long) == pytest.approx(probe(clips.long).duration_seconds, abs=0.05)


def test_the_page_is_told_its_length_and_its_sound(server, recorded):
    told = json.loads(upload(server, recorded)[1])
    assert (told["has_audio"], told["duration"]) == (True, pytest.approx(3, abs=0.1))
    assert "0:03" in told["line"]
    sound = json.loads(ask(f"{server}sslviz/{told['sound']}")[1])
    assert sound["duration"] == pytest.approx(3, abs=0.1)
    assert max(sound["high"]) > 40
    assert sound["high"][-100:] == pytest.approx([0] * 100, abs=3)


def test_its_result_has_a_waveform_and_its_sound_can_be_swapped(recorded, tmp_path):
    shelf = Shelf(load=lambda name, device: Listener(name))
    desk = open_desk(Deployment(folder=tmp_path / "store"), shelf)
    kept = desk.store.new_upload(recorded.name)
    kept.path.write_bytes(recorded.read_bytes())
    *_, last = run(desk, RunRequest(kept.token, "bright"))
    assert last["state"] == "done"
    assert last["timeline"]["duration"] == pytest.approx(3, abs=0.1)
    assert max(last["timeline"]["high"]) > 40
    assert library.info_of(kept.path, desk.deployment).duration_seconds == pytest.approx(3, abs=0.1)
    assert "in silence its confidence falls" in trust.report(desk, kept.token, "bright", "cpu")
