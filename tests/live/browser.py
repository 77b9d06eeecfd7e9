"""What the browser tests share beyond the bench's own server and browser."""

import pytest

from sslviz.bench.live_page import find_browser

needs_browser = pytest.mark.skipif(
    find_browser() is None, reason="no chromium that Playwright can drive on this machine"
)
