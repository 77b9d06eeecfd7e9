"""One picture and several sounds: which sound comes from where; pure functions, no Gradio."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import OptionError
from sslviz.options import Style
from sslviz.pipeline import paint, region_at
from sslviz.scaling import UNIT, Verdict, verdicts
from sslviz.types import AudioClip, Frame, Localizer, ScoreMap, ScoreScale, ScoreTrack, Window
from sslviz.ui import payload, text
from sslviz.windows import level_dbfs

MOST_SOUNDS = 4


@runtime_checkable
class Reader(Protocol):
    """A localizer that also finds words in a picture."""

    def localize_text(self, frames: Sequence[Frame], phrase: str) -> list[ScoreMap]:
        """One map per frame."""
        ...


@dataclass(frozen=True, slots=True)
class NamedSound:
    """A sound and what the visitor calls it."""

    name: str
    clip: AudioClip


def loudest_excerpt(clip: AudioClip, seconds: float) -> AudioClip:
    """The stretch with the most energy; a shorter sound is padded with silence on both sides."""
    spare = clip.duration_seconds - seconds
    if spare <= 0:
        return _from_zero(clip.excerpt(clip.start_seconds + spare / 2, seconds))
    energy = np.concatenate([[0.0], np.cumsum(np.square(clip.samples, dtype=np.float64))])
    length = round(seconds * clip.sample_rate)
    sums = energy[length:] - energy[:-length]
    start = clip.start_seconds + int(sums.argmax()) / clip.sample_rate
    return _from_zero(clip.excerpt(start, seconds))


def _from_zero(clip: AudioClip) -> AudioClip:
    return AudioClip(clip.samples, clip.sample_rate, 0.0)


def score(localizer: Localizer, picture: Frame, sounds: Sequence[NamedSound]) -> ScoreTrack:
    """One map per sound, all of one picture, as a track of one window and K names.

    Raises:
        OptionError: No sound, or more than four.
    """
    if not 1 <= len(sounds) <= MOST_SOUNDS:
        raise OptionError(f"{len(sounds)} sounds came; one to {MOST_SOUNDS} are allowed.")
    frame = Frame(picture.image, 0.0)
    excerpts = [loudest_excerpt(s.clip, localizer.spec.audio_seconds) for s in sounds]
    levels = [level_dbfs(excerpt.samples) for excerpt in excerpts]
    windows = [
        Window(frame, excerpt, 0.0, 1.0, level)
        for excerpt, level in zip(excerpts, levels, strict=True)
    ]
    return _track(localizer, localizer.localize(windows), [s.name for s in sounds], max(levels))


def score_words(localizer: Localizer, picture: Frame, phrase: str) -> ScoreTrack:
    """The map of a phrase instead of a sound.

    Raises:
        OptionError: The method hears but does not read.
    """
    if not isinstance(localizer, Reader):
        name = localizer.identity.checkpoint
        raise OptionError(text.NO_TEXT_QUERY.format(checkpoint=name))
    maps = localizer.localize_text([Frame(picture.image, 0.0)], phrase)
    return _track(localizer, maps, [phrase], 0.0)


def _track(
    localizer: Localizer, maps: Sequence[ScoreMap], names: Sequence[str], level: float
) -> ScoreTrack:
    return ScoreTrack(
        values=np.stack([m.values for m in maps])[None],
        names=tuple(names),
        times=np.zeros(1),
        confidence=np.array([[m.confidence for m in maps]], np.float32),
        level_dbfs=np.array([level], np.float32),
        scale=maps[0].scale,
        identity=localizer.identity,
        video_sha256="0" * 64,
        duration_seconds=1.0,
    )


def painted(picture: Frame, track: ScoreTrack, style: Style) -> list[dict[str, Any]]:
    """Each map of the track as the page shows it: name, picture, words, confidence."""
    return [_entry(picture, track, style, index) for index in range(len(track.names))]


def _entry(picture: Frame, track: ScoreTrack, style: Style, index: int) -> dict[str, Any]:
    frame = paint(Frame(picture.image, 0.0), track, style, index)
    verdict = verdicts(track, style, index)[0]
    region = region_at(track, style, 0.0, index) if verdict is Verdict.SOURCE else None
    peak = float(track.values[0, index].max())
    number = "" if track.scale == ScoreScale.ATTENTION else f", {peak:.2f} {UNIT[track.scale]}"
    words = f"{region.place}{number}" if region else str(verdict)
    return {
        "name": track.names[index],
        "picture": payload.data_url(payload.jpeg(frame, 1280, 88)),
        "words": words,
        "confidence": round(float(track.confidence[0, index]), 4),
        "gate": track.identity.calibration.confidence_gate,
        "found": region is not None,
    }


def joined(tracks: Sequence[ScoreTrack]) -> ScoreTrack:
    """Several one-window tracks of one picture as one track with all their maps."""
    first = tracks[0]
    values = cast(NDArray[np.float32], np.concatenate([t.values for t in tracks], axis=1))
    return ScoreTrack(
        values=values,
        names=tuple(name for t in tracks for name in t.names),
        times=first.times,
        confidence=np.concatenate([t.confidence for t in tracks], axis=1),
        level_dbfs=np.max([t.level_dbfs for t in tracks], axis=0),
        scale=first.scale,
        identity=first.identity,
        video_sha256=first.video_sha256,
        duration_seconds=first.duration_seconds,
    )
