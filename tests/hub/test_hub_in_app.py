"""A repository of the Hub, typed into the real app: it is loaded, and a wrong name is one sentence."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from hub_server import Hub

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.checkpoints import find_folder
from tests.media.clips import make

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def app(hub: Hub, cache: Path, tmp_path: Path) -> Iterator[str]:
    """Address of the real app, which knows the loopback Hub and no other."""
    folder = find_folder(DEFAULT_CHECKPOINT)
    assert folder is not None
    names = ("config.json", "model.safetensors")
    hub.add("model:someone/mine", {name: (folder / name).read_bytes() for name in names})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    known |= {"HF_HOME": str(tmp_path / "home"), "SSLVIZ_FOLDER": str(tmp_path / "store")}
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--no-browser"],
        cwd=ROOT,
        env={**os.environ, **known},
        stdout=log,
        stderr=log,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.URLError:
            time.sleep(0.3)
    raise AssertionError("the app did not start")


def test_any_repository_can_be_typed_in_and_a_missing_one_is_a_sentence(
    app: str, tmp_path: Path
) -> None:
    clip = make(tmp_path / "clip.mp4")
    client = Client(app, verbose=False)
    *_, summary = client.predict(
        handle_file(clip), "hf:someone/mine", 2, "{}", api_name="/localize_video"
    )
    assert summary["windows"] > 0
    with pytest.raises(AppError, match="someone/gone") as refused:
        client.predict(handle_file(clip), "hf:someone/gone", 2, "{}", api_name="/localize_video")
    assert "Traceback" not in str(refused.value)
    *_, summary = client.predict(
        handle_file(clip), DEFAULT_CHECKPOINT, 2, "{}", api_name="/localize_video"
    )
    assert summary["windows"] > 0, "the app stays up and the bundled method still works"
