"""What the browser tests share beyond the bench's own server and browser."""

import time

import pytest
from playwright.sync_api import Page

from sslviz.bench.live_page import find_browser

needs_browser = pytest.mark.skipif(
    find_browser() is None, reason="no chromium that Playwright can drive on this machine"
)
PATIENCE_MS = 120_000
"""A browser on a machine with other work; nothing here depends on how long it takes."""
RUNNING = "live.view.root.dataset.state === 'running' && live.stats.replies > 3"


def start(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("window.live")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function(RUNNING, timeout=PATIENCE_MS)


def wait_for(what: str, condition: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")
