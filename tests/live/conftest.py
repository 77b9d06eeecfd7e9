"""Fixtures of the live tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bright_loud import BrightLoud
from known_devices import CAMERA_FRAMES, numbered, sweep
from playwright.sync_api import BrowserContext, Page

from sslviz.bench.live_page import LiveServer, browser, make_camera, make_microphone, serve
from sslviz.ui.live_settings import LiveSettings


@pytest.fixture
def localizer() -> BrightLoud:
    return BrightLoud()


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    folder = tmp_path_factory.mktemp("devices")
    camera = make_camera(folder / "camera.mjpeg", numbered, CAMERA_FRAMES)
    microphone = make_microphone(folder / "microphone.wav", sweep(8.0))
    with browser(folder / "profile", camera, microphone) as context:
        yield context


@pytest.fixture
def visitors(devices: BrowserContext) -> Iterator[Callable[[], Page]]:
    """New pages, closed whatever happens: one that goes on would slow the next test."""
    opened: list[Page] = []

    def visit() -> Page:
        opened.append(devices.new_page())
        return opened[-1]

    yield visit
    for page in opened:
        page.close()


@pytest.fixture
def server(localizer: BrightLoud, tmp_path: Path) -> Iterator[LiveServer]:
    settings = LiveSettings(checkpoints=("marginnce-compact", "jsa-compact"))
    with serve(lambda name: localizer, settings, tmp_path) as running:
        yield running
