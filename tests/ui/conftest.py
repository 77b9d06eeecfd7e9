"""Fixtures of the app's tests: clips, a running server, a page in a real browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ui_helpers import humming_spot, picture, tone

from sslviz.bench.live_page import find_browser

FLAGS = (
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--no-sandbox",
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
PATIENCE = 240_000
"""Milliseconds; a loaded machine is slow, not broken."""


@dataclass(frozen=True)
class Clips:
    spot: Path
    long: Path
    silent: Path
    text: Path
    picture: Path
    loud: Path
    quiet: Path


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Clips:
    folder = tmp_path_factory.mktemp("clips")
    text = folder / "notes.mp4"
    text.write_text("this is no video\n" * 40)
    return Clips(
        spot=humming_spot(folder / "spot.mp4", seconds=3, silent_from=2),
        long=humming_spot(folder / "long.mp4", seconds=120),
        silent=humming_spot(folder / "silent.mp4", seconds=2, silent_from=0),
        text=text,
        picture=picture(folder / "picture.png"),
        loud=tone(folder / "loud.wav"),
        quiet=tone(folder / "quiet.wav", volume=0),
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """Address of the app, in a process of its own."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = Path(__file__).with_name("serve.py")
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, str(script), str(port), str(folder / "store")],
            stdout=out,
            stderr=out,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"the app did not start: {log.read_text()[-2000:]}")


@dataclass
class Visit:
    """A page, and everything that went wrong on it."""

    page: object
    url: str
    trouble: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def open(self, query: str = "") -> None:
        self.page.goto(self.url + query)
        self.page.wait_for_selector("body[data-ready]", timeout=PATIENCE)

    def state(self, name: str, tab: str = "video") -> None:
        self.page.wait_for_selector(f"body[data-{tab}-state={name}]", timeout=PATIENCE)

    def drop(self, path: Path, where: str = ".sv-stage") -> None:
        self.page.set_input_files(f"{where} input[type=file]", str(path))

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def choose(self, field: str, value: str) -> None:
        self.page.fill(f"#{field} input", value)
        self.page.press(f"#{field} input", "Enter")


def _watch(visit: Visit) -> None:
    page = visit.page
    page.on("console", lambda m: m.type == "error" and visit.trouble.append(m.text))
    page.on("pageerror", lambda error: visit.trouble.append(str(error)))
    page.on(
        "request", lambda r: visit.outside.append(r.url) if _outside(r.url, visit.url) else None
    )
    # A browser ends streams and half-read videos by itself; everything else that fails is a fault.
    page.on(
        "requestfailed",
        lambda r: r.failure != "net::ERR_ABORTED" and visit.trouble.append(f"{r.url} {r.failure}"),
    )


def _outside(address: str, url: str) -> bool:
    return not address.startswith((url, "data:", "blob:", url.replace("http", "ws")))


@pytest.fixture(scope="session")
def chromium():
    path = find_browser()
    if path is None:
        pytest.skip("no chromium that Playwright can drive on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, server, request) -> Iterator[Visit]:
    """A fresh page; at the end nothing may have gone wrong and nothing may have left the machine."""
    options = getattr(request, "param", {})
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(PATIENCE)
    visit = Visit(context.new_page(), server)
    _watch(visit)
    visit.open()
    yield visit
    context.close()
    assert visit.trouble == []
    assert visit.outside == []
