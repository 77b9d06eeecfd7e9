"""A small track and a small localizer that the engine's tests share."""

import numpy as np
import pytest
from engine_helpers import CALIBRATION, BrightestIsLoudest, blob

from sslviz.types import Identity, ScoreScale, ScoreTrack


@pytest.fixture
def localizer() -> BrightestIsLoudest:
    return BrightestIsLoudest()


@pytest.fixture
def track() -> ScoreTrack:
    """Two seconds: a source at the upper left, then at the lower right, then doubt, then silence."""
    spots = [(0.2, 0.2)] * 3 + [(0.8, 0.8)] * 3 + [(0.5, 0.5)] * 4
    values = np.stack([0.1 + 0.4 * blob(*spot) for spot in spots])[:, None]
    return ScoreTrack(
        values.astype(np.float32),
        ("sound",),
        np.arange(10) / 5,
        np.array([0.9] * 6 + [0.1] * 2 + [0.9] * 2, np.float32)[:, None],
        np.array([-20] * 8 + [-90, -np.inf], np.float32),
        ScoreScale.COSINE,
        Identity("test", "test", "ab", CALIBRATION),
        "0" * 64,
        2.0,
        {"maps_per_second": 5.0, "has_sound": True},
    )
