"""What the page is told, as JSON values: pure functions over tracks, clips and progress."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.export import painted_from
from sslviz.options import Style, style_from_json, to_json
from sslviz.regions import find_region, peak_of
from sslviz.scaling import UNIT, Verdict, has_sound, verdicts
from sslviz.timeline import FLOOR_DB, mel_power, spans, to_decibel, waveform
from sslviz.types import AudioClip, Frame, ScoreScale, ScoreTrack, VideoInfo
from sslviz.ui import describe, measure, text
from sslviz.ui.store import Result

SOUND_COLUMNS = 900
SOUND_MELS = 48
PREVIEW_QUALITY = 82


def jpeg(frame: Frame, max_width: int, quality: int = PREVIEW_QUALITY) -> bytes:
    """A picture for the page, no wider than asked."""
    image = frame.image
    height, width = image.shape[:2]
    if width > max_width:
        size = (max_width, max(1, round(height * max_width / width)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ValueError(f"{frame} cannot be coded as JPEG")
    return data.tobytes()


def data_url(picture: bytes) -> str:
    """A JPEG inside a message."""
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


def sound_overview(
    wave: NDArray[np.float32], power: NDArray[np.float32], duration_seconds: float
) -> dict[str, Any]:
    """Waveform and mel spectrogram of a whole clip, small enough to send.

    Args:
        wave: (columns, 2), lowest and highest sample.
        power: (mels, columns), linear.
        duration_seconds: Of the clip.
    """
    edges = np.round(wave * 127).astype(int)
    shade = np.round((1 - to_decibel(power) / FLOOR_DB) * 235).astype(np.uint8)
    return {
        "duration": round(duration_seconds, 3),
        "low": edges[:, 0].tolist(),
        "high": edges[:, 1].tolist(),
        "spectrogram": {
            "rows": shade.shape[0],
            "columns": shade.shape[1],
            "data": base64.b64encode(shade.tobytes()).decode(),
        },
    }


def heard(sound: AudioClip) -> dict[str, Any]:
    """The overview of a sound file."""
    wave, power = waveform(sound, SOUND_COLUMNS), mel_power(sound, SOUND_COLUMNS, SOUND_MELS)
    return sound_overview(wave, power, max(sound.duration_seconds, 0.01))


def score_curves(track: ScoreTrack) -> list[dict[str, Any]]:
    """The strongest score and the confidence of each window, on the track's own scale."""
    if not len(track):
        return []
    times = measure.as_list(track.times, 3)
    sure = {
        "name": "confidence",
        "unit": "",
        "times": times,
        "values": measure.as_list(track.confidence[:, 0]),
        "low": 0,
        "high": 1,
        "color": "curve-1",
        "dashed": True,
    }
    if track.scale == ScoreScale.ATTENTION:
        return [{**sure, "color": "curve-0", "dashed": False, "fill": True}]
    peaks = track.values[:, 0].max(axis=(1, 2))
    calibration = track.identity.calibration
    low = min(calibration.score_low, float(peaks.min()))
    high = max(calibration.score_high, float(peaks.max()))
    best = {
        "name": "peak score",
        "unit": UNIT[track.scale],
        "times": times,
        "values": measure.as_list(peaks),
        "low": low,
        "high": high,
        "color": "curve-0",
        "fill": True,
    }
    return [best, sure]


def shaded(track: ScoreTrack, style: Style) -> list[tuple[str, float, float]]:
    """Spans to shade, in order: silent ones, and those without a confident source."""
    if not len(track):
        return []
    end = analysed(track)[1]
    silent = spans(track, style, (Verdict.SILENT, Verdict.NO_SOUND_TRACK))
    unsure = spans(track, style, (Verdict.NO_CONFIDENT_SOURCE,))
    found = [("silent", *span) for span in silent] + [("unsure", *span) for span in unsure]
    return sorted(((kind, a, min(b, end)) for kind, a, b in found), key=lambda s: s[1])


def analysed(track: ScoreTrack) -> tuple[float, float]:
    """First and last second that the track covers; a window lasts until the next key frame."""
    if not len(track):
        return 0.0, 0.0
    usual = float(np.median(np.diff(track.times))) if len(track) > 1 else track.duration_seconds
    end = float(track.times[-1]) + usual
    if track.duration_seconds > 0:
        end = min(end, max(track.duration_seconds, float(track.times[-1])))
    return float(track.times[0]), end


def timeline(
    track: ScoreTrack, style: Style, sound: Mapping[str, Any] | None, excerpt_seconds: float
) -> dict[str, Any]:
    """Everything under the player, on the clock of the whole clip: so long is its sound drawn."""
    data: dict[str, Any] = dict(sound or {})
    heard_seconds = float(data.get("duration", 0.0))
    longest = max(heard_seconds, track.duration_seconds, analysed(track)[1], 0.01)
    data["duration"] = round(longest, 3)
    data["curves"] = score_curves(track)
    data["spans"] = [[kind, round(a, 3), round(b, 3)] for kind, a, b in shaded(track, style)]
    data["level"] = {
        "times": measure.as_list(track.times, 3),
        "values": measure.as_list(track.level_dbfs, 1),
    }
    data["analysed"] = [round(v, 3) for v in analysed(track)]
    data["window_seconds"] = excerpt_seconds
    return data


def best_time(track: ScoreTrack) -> float:
    """When the clip shows most: its strongest confident window, else its middle."""
    sure = np.array([v is Verdict.SOURCE for v in verdicts(track, Style())], bool)
    if not sure.any():
        return track.duration_seconds / 2
    return float(track.times[int(np.where(sure, strengths(track), -np.inf).argmax())])


def strengths(track: ScoreTrack) -> NDArray[np.float32]:
    """(T,) what makes one window stronger than another on this scale."""
    if track.scale == ScoreScale.ATTENTION:
        return track.confidence[:, 0]
    peaks: NDArray[np.float32] = track.values[:, 0].max(axis=(1, 2))
    return peaks


def story(track: ScoreTrack, style: Style) -> str:
    """Two short sentences on what was found."""
    if not has_sound(track):
        return text.STORY_SILENT
    sure = np.array([v is Verdict.SOURCE for v in verdicts(track, style)], bool)
    if not sure.any():
        return text.STORY_NONE
    peaks = np.where(sure, strengths(track), -np.inf)
    best = int(peaks.argmax())
    region = find_region(track.values[best, 0] - track.values[best, 0].min())
    x, y = peak_of(track.values[best, 0])
    place = region.place if region else f"{x:.0%} across, {y:.0%} down"
    unit = "confidence" if track.scale == ScoreScale.ATTENTION else UNIT[track.scale]
    first = text.STORY.format(
        time=describe.clock(float(track.times[best])), place=place, score=peaks[best], unit=unit
    )
    return f"{first} {text.STORY_SHARE.format(share=float(sure.mean()))}"


def result_message(
    result: Result, track: ScoreTrack, info: VideoInfo, sound: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A finished run, as the stage shows it."""
    style = style_from_json(dict(result.style))
    notes = list(result.warnings)
    if result.partial:
        notes.insert(0, text.PARTIAL)
    if not track.identity.trained:
        notes.insert(0, text.UNTRAINED)
    told = story(track, style)
    base = f"r/{result.token}"
    return {
        "state": "done",
        "token": result.token,
        "line": describe.clip_line(result.name, info),
        "notes": notes,
        "story": told,
        "alt": text.VIDEO_ALT.format(name=result.name, checkpoint=result.checkpoint, story=told),
        "fps": float(info.fps),
        "width": info.width,
        "height": info.height,
        "duration": track.duration_seconds,
        "offset": painted_from(track),
        "video": f"{base}/overlay.mp4",
        "captions": f"{base}/captions.vtt",
        "poster": f"{base}/poster.jpg",
        "timeline": timeline(track, style, sound, excerpt_seconds(track)),
        "style": to_json(style),
        "checkpoint": result.checkpoint,
        "identity": identity_line(track),
    }


def excerpt_seconds(track: ScoreTrack) -> float:
    """Length of sound behind one map, where the settings say it."""
    value = track.settings.get("audio_seconds", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def identity_line(track: ScoreTrack) -> str:
    """Which weights made a result."""
    identity = track.identity
    short = identity.sha256[:12] or "no file"
    return f"{identity.checkpoint} ({identity.method}), weights {short}"


def probe_message(track: ScoreTrack, x: float, y: float, at_seconds: float) -> dict[str, Any]:
    """What one spot says, as the stage shows it."""
    found = measure.probe(track, x, y, at_seconds)
    others = text.PROBE_OTHERS.format(count=len(found.similar)) if found.similar else text.PROBE_TOP
    words = text.PROBE.format(
        now=float(found.scores[found.window]),
        low=float(found.scores.min()),
        high=float(found.scores.max()),
        others=others,
    )
    curves = score_curves(track)
    bounds = {k: curves[0][k] for k in ("low", "high")} if track.scale != "attention" else {}
    return {
        "grid": list(track.values.shape[2:]),
        "cell": [found.row, found.column],
        "similar": [list(cell) for cell in found.similar],
        "words": words,
        "curve": {
            "name": "this spot",
            "unit": "",
            "times": measure.as_list(track.times, 3),
            "values": measure.as_list(found.scores, 5),
            **bounds,
        },
    }


def mean_of(values: Sequence[float]) -> float:
    """Mean; 0 for nothing."""
    return float(np.mean(values)) if len(values) else 0.0
