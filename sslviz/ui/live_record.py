"""The last seconds of a live session as a clip, its painted twin, and the score maps."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sslviz.errors import LiveError
from sslviz.live import LiveMap, LiveRecording
from sslviz.options import Style, style_from_json
from sslviz.types import Localizer, ScoreTrack
from sslviz.ui.store import Store

FILES = {"overlay.mp4": "Painted video", "source.mp4": "Plain video", "track.npz": "Score maps"}


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """What a page asks for when somebody presses Record."""

    seconds: float
    style: Style

    @classmethod
    def parse(cls, message: dict[str, Any], max_seconds: float) -> "RecordRequest":
        """Check a message of the page.

        Raises:
            LiveError: The length is no positive number.
            OptionError: A setting of the style is unknown or out of range.
        """
        seconds, style = message.get("seconds"), message.get("style", {})
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            seconds = math.nan
        if not 0 < seconds < math.inf or not isinstance(style, dict):
            raise LiveError(f"A recording needs a length from 0 to {max_seconds:g} s and a style.")
        return cls(min(float(seconds), max_seconds), style_from_json(style))


def track_of(
    maps: list[LiveMap], localizer: Localizer, start_seconds: float, video: tuple[str, float]
) -> ScoreTrack:
    """The maps of a recording on the clock of its clip.

    Args:
        maps: In order.
        localizer: That made them.
        start_seconds: Session time of the clip's first picture.
        video: Hash and length in seconds of the clip.
    """
    first = maps[0].score_map
    return ScoreTrack(
        values=np.stack([found.score_map.values for found in maps])[:, None],
        names=("sound",),
        times=np.array([found.score_map.pts_seconds - start_seconds for found in maps]),
        confidence=np.array([[found.score_map.confidence] for found in maps], np.float32),
        level_dbfs=np.array([found.level_dbfs for found in maps], np.float32),
        scale=first.scale,
        identity=localizer.identity,
        video_sha256=video[0],
        duration_seconds=video[1],
        settings={"live": True, "has_sound": True},
    )


def save_recording(
    store: Store, recording: LiveRecording, localizer: Localizer, style: Style
) -> dict[str, Any]:
    """Write the three files and say where they are.

    Raises:
        LiveError: No map was made in these seconds.
        OutputError: The disk is full.
    """
    raise NotImplementedError
