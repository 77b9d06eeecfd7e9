"""Renders without a network in a process of its own, so that it can be killed: ``SOURCE TARGET [PACE]``."""

import sys
import time
from pathlib import Path

from sslviz.errors import SSLVizError
from sslviz.pipeline import render
from tests.engine.engine_helpers import BrightestIsLoudest


class Paced(BrightestIsLoudest):
    """Takes its time."""

    def __init__(self, seconds_per_window: float = 0.0) -> None:
        super().__init__()
        self.seconds_per_window = seconds_per_window

    def localize(self, windows):
        time.sleep(self.seconds_per_window * len(windows))
        return super().localize(windows)


if __name__ == "__main__":
    source, target, *pace = sys.argv[1:]
    try:
        render(Path(source), Path(target), Paced(*map(float, pace)))
    except SSLVizError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(1) from None
