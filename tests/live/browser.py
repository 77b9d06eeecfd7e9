"""A real server, a real browser, a fake camera and a fake microphone with known content."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import BrowserContext, sync_playwright

from sslviz.types import Localizer
from sslviz.ui.live import mount_live
from sslviz.ui.live_settings import LiveSettings
from sslviz.ui.live_socket import LiveHub
from sslviz.ui.store import Store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>live</title>
<body style="margin:16px;font-family:sans-serif"><div id="live"></div><script type="module">
import { mount } from "/live/live.js";
window.live = await mount(document.querySelector("#live"));
</script></body></html>"""
MIC_RATE = 48_000


@dataclass(frozen=True, slots=True)
class LiveServer:
    url: str
    hub: LiveHub


@contextmanager
def serve(
    localizers: Callable[[str], Localizer], settings: LiveSettings, folder: Path
) -> Iterator[LiveServer]:
    """The live routes and a bare page, on a free port, in a thread."""
    app = FastAPI()
    hub = mount_live(app, localizers, settings, Store(folder, 3600, 2**30))
    app.add_api_route("/", lambda: HTMLResponse(PAGE))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield LiveServer(f"http://127.0.0.1:{port}/", hub)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def browser(folder: Path, camera: Path, microphone: Path) -> Iterator[BrowserContext]:
    """Headless Chromium that takes these files for devices, and can reach nothing but this machine."""
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
        f"--use-file-for-fake-audio-capture={microphone}",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--autoplay-policy=no-user-gesture-required",
        "--host-resolver-rules=MAP insecure.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=CHROMIUM,
            headless=True,
            args=arguments,
            ignore_default_args=["--mute-audio"],
            viewport={"width": 1180, "height": 900},
            permissions=["camera", "microphone"],
        )
        try:
            yield context
        finally:
            context.close()


def make_camera(path: Path, picture: Callable[[int], np.ndarray], frames: int, fps: int) -> Path:
    """A motion JPEG file from ``picture(i)``, RGB (H, W, 3); loops seamlessly if the pictures do."""
    height, width = picture(0).shape[:2]
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s"]
    command += [f"{width}x{height}", "-r", str(fps), "-i", "-", "-c:v", "mjpeg", "-q:v", "3"]
    command += ["-pix_fmt", "yuvj420p", str(path)]
    pictures = b"".join(picture(i).tobytes() for i in range(frames))
    subprocess.run(command, input=pictures, check=True)
    return path


def make_microphone(path: Path, samples: np.ndarray) -> Path:
    """A 48 kHz mono 16-bit file from samples in [-1, 1]."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MIC_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
