"""The last seconds of a live session as a clip, its painted twin, and the score maps."""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.errors import LiveError
from sslviz.export import save_track
from sslviz.live import LiveMap, LiveRecording
from sslviz.media.audio import write_wav
from sslviz.media.buffer import SentFrame
from sslviz.media.hashing import sha256_of
from sslviz.media.header import VideoFormat
from sslviz.media.picture import ColorTags
from sslviz.media.writer import SoundSource, VideoWriter
from sslviz.options import Style, style_from_json, to_json
from sslviz.overlay.color import planes_from_rgb
from sslviz.pipeline import restyle
from sslviz.types import Localizer, ScoreTrack
from sslviz.ui.live_protocol import ProtocolLimits, decode_jpeg
from sslviz.ui.store import Result, Store

_LIMITS = ProtocolLimits()
_BT601 = 6
_COLOR = ColorTags(_BT601, _BT601, _BT601)
"""What ``planes_from_rgb`` makes."""
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
    """Write the plain clip, the maps and the painted clip, and say where they are.

    Raises:
        LiveError: No map was made in these seconds.
        OutputError: The disk is full.
    """
    if not recording.maps:
        raise LiveError("No map was made in these seconds; let the live view run for a moment.")
    store.sweep()
    token, folder = store.new_folder()
    try:
        source, start = folder / "source.mp4", recording.frames[0].pts_seconds
        _write_clip(recording, source)
        length = recording.frames[-1].pts_seconds - start
        track = track_of(recording.maps, localizer, start, (sha256_of(source), length))
        save_track(track, folder / "track.npz")
        painted = restyle(source, track, folder / "overlay.mp4", style)
        name = localizer.identity.checkpoint
        store.save(
            Result(
                token, folder, "live.mp4", source.name, style=to_json(style), checkpoint=name,
                warnings=painted.warnings,
            )
        )  # fmt: skip
    except BaseException:
        store.discard(token)
        raise
    files = [
        {"url": f"recording/{token}/{name}", "label": label, "name": f"sslviz-live-{name}"}
        for name, label in FILES.items()
    ]
    return {"type": "recorded", "token": token, "seconds": length, "files": files}


def _write_clip(recording: LiveRecording, target: Path) -> None:
    frames, start = recording.frames, recording.frames[0].pts_seconds
    sound = target.with_name("sound.wav")
    write_wav(sound, recording.sound)
    first = _picture(frames[0])
    height, width = (side // 2 * 2 for side in first.shape[:2])
    rate = Fraction((len(frames) - 1) / (frames[-1].pts_seconds - start)).limit_denominator(1000)
    shape = VideoFormat(width, height, rate, Fraction(1, 90_000), _COLOR)
    try:
        with VideoWriter(target, shape, SoundSource(sound, 0.0)) as writer:
            for frame in frames:
                image = _picture(frame)
                if image.shape[:2] != first.shape[:2]:  # the visitor turned the phone meanwhile
                    image = np.asarray(cv2.resize(image, (width, height)), np.uint8)
                writer.write(planes_from_rgb(image), frame.pts_seconds - start)
            writer.finish()
    finally:
        sound.unlink(missing_ok=True)


def _picture(sent: SentFrame) -> NDArray[np.uint8]:
    return decode_jpeg(sent.jpeg, _LIMITS)
