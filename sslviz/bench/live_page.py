"""A real server, a real browser, and files for its camera and microphone: what a live bench needs."""

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from numpy.typing import NDArray
from PIL import Image

from sslviz.media.audio import write_wav
from sslviz.types import AudioClip, Localizer
from sslviz.ui.live import mount_live
from sslviz.ui.live_settings import LiveSettings
from sslviz.ui.live_socket import LiveHub
from sslviz.ui.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>live</title>
<link rel="icon" href="data:,"><body style="margin:16px;font-family:sans-serif"><div id="live"></div>
<script type="module">
import { mount } from "/live/live.js";
window.live = await mount(document.querySelector("#live"));
</script></body></html>"""
CAMERA_FPS = 30
"""At which Chromium plays a file of pictures."""
MICROPHONE_RATE = 48_000
_FLAGS = (
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--headless=new",
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP insecure.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A running server with the live view and nothing else."""

    url: str
    hub: LiveHub


def find_browser() -> str | None:
    """Where Chromium is, if it is here and can be driven."""
    try:
        import playwright.sync_api
    except ImportError:
        return None
    del playwright
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def serve(
    localizers: Callable[[str], Localizer], settings: LiveSettings, folder: Path
) -> Iterator[LiveServer]:
    """The live routes and a bare page, on a free port of this machine, in a thread."""
    app = FastAPI(openapi_url=None)
    hub = mount_live(app, localizers, settings, Store(folder, 3600, 2**30))
    app.add_api_route("/", lambda: HTMLResponse(PAGE))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, name="live-server")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield LiveServer(f"http://127.0.0.1:{port}/", hub)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def browser(folder: Path, camera: Path, microphone: Path) -> "Iterator[BrowserContext]":
    """Headless Chromium that takes these files for devices, and can reach nothing but this machine."""
    from playwright.sync_api import sync_playwright

    files = (
        f"--use-file-for-fake-video-capture={camera}",
        f"--use-file-for-fake-audio-capture={microphone}",
    )
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=find_browser(),
            headless=True,
            args=[*_FLAGS, *files],
            ignore_default_args=["--mute-audio"],
            viewport={"width": 1180, "height": 900},
            permissions=["camera", "microphone"],
        )
        try:
            yield context
        finally:
            context.close()


def make_camera(path: Path, picture: Callable[[int], NDArray[np.uint8]], num_frames: int) -> Path:
    """A motion JPEG from ``picture(i)``, RGB (H, W, 3); it is played over and over."""
    with path.open("wb") as file:
        for index in range(num_frames):
            jpeg = io.BytesIO()
            Image.fromarray(picture(index)).save(jpeg, "JPEG", quality=92)
            file.write(jpeg.getvalue())
    return path


def make_microphone(path: Path, samples: NDArray[np.float32]) -> Path:
    """A sound file from samples in [-1, 1] at 48 kHz; it is played over and over."""
    write_wav(path, AudioClip(samples.astype(np.float32), MICROPHONE_RATE))
    return path
