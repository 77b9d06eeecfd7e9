"""Heat between key frames: which moments are known, and what to paint at any time."""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sslviz.pipeline.job import Heat

LONGEST_FADE_SECONDS = 1.0
"""Between moments further apart than this heat is held, not faded: nobody knows what lies between."""


class HeatLine:
    """Moments of heat in order of time, thrown away as time goes on."""

    def __init__(self) -> None:
        self._heats: deque[Heat] = deque()
        self.ended = False
        """No further moment will come: the last one is held to the end."""

    def __len__(self) -> int:
        return len(self._heats)

    def extend(self, heats: Iterable[Heat]) -> None:
        """The next moments."""
        self._heats.extend(heats)

    def ready(self, pts_seconds: float, enough_seconds: float | None = None) -> bool:
        """Whether a frame at this time can be painted for good.

        Args:
            pts_seconds: Of the frame.
            enough_seconds: A moment that suffices; without it the one after the frame is needed.
        """
        if not self._heats or self.ended:
            return self.ended
        newest = self._heats[-1].pts_seconds
        return newest >= (pts_seconds if enough_seconds is None else enough_seconds)

    def at(self, pts_seconds: float, hold: bool = False) -> tuple[NDArray[np.float32], str]:
        """Heat in [0, 1] and badge at a time; times must not fall.

        Between two moments heat fades evenly; the badge is that of the moment before.
        """
        heats = self._heats
        while len(heats) > 1 and heats[1].pts_seconds <= pts_seconds:
            heats.popleft()
        if not heats:
            return np.zeros((1, 1), np.float32), ""
        now = heats[0]
        values = now.values.astype(np.float32)
        if not hold and len(heats) > 1 and pts_seconds > now.pts_seconds:
            after = heats[1]
            gap = after.pts_seconds - now.pts_seconds
            if gap <= LONGEST_FADE_SECONDS and after.values.shape == values.shape:
                share = np.float32((pts_seconds - now.pts_seconds) / gap)
                values += share * (after.values - values)
        return values * np.float32(1 / 255), now.badge


def fade(heats: list[Heat], pts_seconds: float) -> tuple[NDArray[np.float32], str]:
    """Heat and badge at one time among moments in order; as `HeatLine.at`."""
    line = HeatLine()
    chosen = heats[:1]
    for before, after in pairwise(heats):
        if before.pts_seconds <= pts_seconds:
            chosen = [before, after]
    if len(heats) > 1 and heats[-1].pts_seconds <= pts_seconds:
        chosen = heats[-1:]
    line.extend(chosen)
    return line.at(pts_seconds)
