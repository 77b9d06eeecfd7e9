"""Steady the heat over time.

Heat is smoothed, not scores: a silent window then counts as no heat, and not as whatever low scores a
network gives to silence.
"""

import math

from sslviz.types import Heatmap


class TemporalSmoother:
    """Lets the shown heat follow the newest, halving the gap every half-life.

    Works in seconds, so the result does not depend on the rate of maps. One per stream.
    """

    def __init__(self, half_life_seconds: float = 0.25) -> None:
        """Start with no past.

        Args:
            half_life_seconds: After this long without support a spot has lost half its heat; 0 is off.
        """
        self.half_life_seconds = half_life_seconds
        self._shown: Heatmap | None = None

    def __call__(self, newest: Heatmap) -> Heatmap:
        """Heat to show at the time of the newest map.

        A step back in time or another grid starts anew.
        """
        shown = self._shown
        if (
            shown is None
            or self.half_life_seconds <= 0
            or newest.pts_seconds < shown.pts_seconds
            or shown.values.shape != newest.values.shape
        ):
            self._shown = newest
            return newest
        keep = math.exp2((shown.pts_seconds - newest.pts_seconds) / self.half_life_seconds)
        values = newest.values + (shown.values - newest.values) * keep
        self._shown = Heatmap(values.clip(0.0, 1.0), newest.pts_seconds)
        return self._shown

    def reset(self) -> None:
        """Forget the past (after a seek)."""
        self._shown = None
