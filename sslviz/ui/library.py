"""What the store's files say, kept in memory for a while: tracks, infos, overviews, pictures."""

import json
import logging
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sslviz.catalog import CHECKPOINTS
from sslviz.checkpoints.places import CONFIG, find_folder
from sslviz.errors import MediaError
from sslviz.export import load_track
from sslviz.media.length import read_length
from sslviz.media.probe import probe
from sslviz.options import Style, style_from_json
from sslviz.pipeline import grab
from sslviz.pipeline.overview import read_overview
from sslviz.types import Frame, Identity, ScoreTrack, VideoInfo
from sslviz.ui import payload, text
from sslviz.ui.settings import Deployment
from sslviz.ui.store import ForgottenError, Result

LOG = logging.getLogger(__name__)
Message = dict[str, Any]
SOUND_RATE = 16_000
"""Hz; for the overview of a sound file."""


def style_of(result: Result) -> Style:
    """The style a result was painted in."""
    return style_from_json(dict(result.style))


@dataclass(frozen=True, slots=True)
class _Place:
    """A file for caches: linked under two names it is still the same file."""

    key: tuple[int, int, int, int]
    path: Path = field(compare=False)


def _place(path: Path) -> _Place:
    try:
        found = path.stat()
    except OSError as error:
        raise ForgottenError(text.FORGOTTEN) from error
    return _Place((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns), path)


def track_of(path: Path) -> ScoreTrack:
    """A saved track; kept, because sliders ask for it many times a second."""
    return _track_of(_place(path))


def info_of(path: Path, deployment: Deployment) -> VideoInfo:
    """What a stored video is; its length is found by reading it where the header does not say.

    Raises:
        MediaError: It cannot be read.
    """
    return _info_of(_place(path), deployment)


def overview_of(path: Path, deployment: Deployment) -> Message | None:
    """Waveform and spectrogram of a stored clip; ``None`` where it has no readable sound."""
    return _overview_of(_place(path), deployment)


def frame_of(path: Path, at_milliseconds: int, width: int, deployment: Deployment) -> Frame:
    """A decoded picture, kept: a slider moves over the same one many times a second."""
    return _frame_of(_place(path), at_milliseconds, width, deployment)


@lru_cache(maxsize=16)
def _track_of(place: _Place) -> ScoreTrack:
    track = load_track(place.path)
    seconds = 0.0 if "audio_seconds" in track.settings else _heard_at_once(track.identity)
    if not seconds:
        return track
    return replace(track, settings={**track.settings, "audio_seconds": seconds})


def _heard_at_once(identity: Identity) -> float:
    """Seconds of sound behind one map, from the weights where they are here; 0 if not known.

    For tracks whose settings do not say it. The file is read as it is: the checked way loads torch.
    """
    folder = find_folder(identity.checkpoint) if identity.checkpoint in CHECKPOINTS else None
    if folder is None:
        return 0.0
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        same = config["sha256"] == identity.sha256
        return float(config["input"]["audio_seconds"]) if same else 0.0
    except (OSError, ValueError, KeyError, TypeError) as error:
        LOG.warning("%s: %s", folder, error)
        return 0.0


@lru_cache(maxsize=64)
def _info_of(place: _Place, deployment: Deployment) -> VideoInfo:
    limits = deployment.media_limits()
    info = probe(place.path, limits)
    if info.duration_seconds is None:  # what the page itself records has none in its header
        return replace(info, duration_seconds=read_length(place.path, limits))
    return info


@lru_cache(maxsize=64)
def _overview_of(place: _Place, deployment: Deployment) -> Message | None:
    info, limits = _info_of(place, deployment), deployment.media_limits()
    if not info.has_audio or not info.duration_seconds:
        return None
    shape = payload.SOUND_COLUMNS, payload.SOUND_MELS
    try:
        wave, power = read_overview(place.path, (0.0, info.duration_seconds), shape, limits)
    except MediaError as error:
        LOG.warning("no overview of the sound: %s", error)
        return None
    return payload.sound_overview(wave, power, info.duration_seconds)


@lru_cache(maxsize=24)
def _frame_of(place: _Place, at_milliseconds: int, width: int, deployment: Deployment) -> Frame:
    return grab(place.path, at_milliseconds / 1000, width, deployment.media_limits())
