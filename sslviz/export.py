"""Everything a person can take away: the raw track, a table, settings, a poster, captions.

Files are written under another name and moved into place, so that a crash leaves no half file.
"""

import contextlib
import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from sslviz.errors import OptionError, OutputError
from sslviz.options import Style, style_from_json, to_json
from sslviz.regions import Region, find_region
from sslviz.scaling import Verdict, clip_range, to_heat, verdicts
from sslviz.track_file import load_track, save_track
from sslviz.types import Frame, ScoreTrack
from sslviz.whole_file import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "load_settings",
    "load_track",
    "painted_from",
    "save_track",
    "write_captions",
    "write_csv",
    "write_figure",
    "write_poster",
    "write_settings",
]

COLUMNS = (
    "time_seconds", "map", "verdict", "score", "confidence", "level_dbfs", "heat",
    "peak_x", "peak_y", "box_x0", "box_y0", "box_x1", "box_y1", "area",
)  # fmt: skip


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to write to, moved to ``path`` at the end or removed on failure."""
    try:
        with whole_file(path) as part:
            yield part
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


def found_regions(
    track: ScoreTrack, style: Style, name: int = 0
) -> Iterator[tuple[Verdict, float, Region | None]]:
    """For each window: the verdict, the strongest heat, and the region where a source is claimed."""
    own = clip_range(track, style, name)
    for index, verdict in enumerate(verdicts(track, style, name)):
        heat = to_heat(
            track.values[index, name],
            track.identity.calibration,
            track.scale,
            style.color_scale,
            own,
            float(track.confidence[index, name]),
        )
        peak = float(heat.max())
        claimed = verdict is Verdict.SOURCE and peak > style.threshold
        yield verdict, peak, find_region(heat) if claimed else None


def write_csv(track: ScoreTrack, style: Style, path: Path) -> None:
    """One row per window and map: time, what is claimed, raw peak score, place in fractions.

    Peak, box and area are empty where no source is claimed: a gate is closed or no heat passes the
    threshold. The box holds the cells around the peak with at least half its heat.

    Raises:
        OutputError: The file cannot be written.
    """
    with _replacing(Path(path)) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number, name in enumerate(track.names):
            for index, (verdict, heat, region) in enumerate(found_regions(track, style, number)):
                score = float(track.values[index, number].max())
                sure = float(track.confidence[index, number])
                table.writerow((
                    f"{track.times[index]:.6f}", name, verdict.value, f"{score:.6g}", f"{sure:.6g}",
                    f"{track.level_dbfs[index]:.2f}", f"{heat:.4f}", *_place(region),
                ))  # fmt: skip


def _place(region: Region | None) -> list[str]:
    if region is None:
        return [""] * 7
    box = (region.x0, region.y0, region.x1, region.y1)
    return [f"{value:.4f}" for value in (region.peak_x, region.peak_y, *box, region.area)]


def write_settings(track: ScoreTrack, style: Style, path: Path) -> None:
    """How a picture was made, as JSON: analysis, style, weights, video.

    Raises:
        OutputError: The file cannot be written.
    """
    identity = track.identity
    calibration = identity.calibration
    settings: dict[str, Any] = {
        "format_version": 1,
        "style": to_json(style),
        "analysis": dict(track.settings),
        "method": identity.method,
        "checkpoint": identity.checkpoint,
        "checkpoint_sha256": identity.sha256,
        "trained": identity.trained,
        "scale": track.scale.value,
        "calibration": {
            "confidence_gate": calibration.confidence_gate,
            "score_low": calibration.score_low,
            "score_high": calibration.score_high,
        },
        "video_sha256": track.video_sha256,
        "duration_seconds": track.duration_seconds,
        "complete": track.complete,
    }
    with _replacing(Path(path)) as part:
        part.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load_settings(path: Path) -> Style:
    """The style of a settings file.

    Raises:
        OptionError: Not a settings file of this program.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        settings = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"{path} is not a settings file: {error}.") from error
    if not isinstance(settings, dict) or not isinstance(settings.get("style"), dict):
        raise OptionError(f'{path} holds no style; a settings file has a "style" object.')
    return style_from_json(settings["style"])


def write_poster(frame: Frame, path: Path) -> None:
    """A painted frame as PNG.

    Raises:
        OutputError: The file cannot be written.
    """
    done, data = cv2.imencode(".png", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    if not done:
        raise OutputError(f"{path} cannot be written: the picture cannot be coded as PNG.")
    with _replacing(Path(path)) as part:
        part.write_bytes(data.tobytes())


def write_figure(drawn: "Figure", path: Path) -> None:
    """A matplotlib figure as PNG.

    Raises:
        OutputError: The file cannot be written.
    """
    with _replacing(Path(path)) as part:
        drawn.savefig(part, format="png", dpi=150)


def painted_from(track: ScoreTrack) -> float:
    """Second of the source that is second 0 of the painted file: a part is written from 0 on."""
    start = track.settings.get("start_seconds", 0.0)
    usable = isinstance(start, int | float) and 0.0 <= start < math.inf
    return float(start) if usable else 0.0


def write_captions(
    track: ScoreTrack, style: Style, path: Path, zero_seconds: float | None = None
) -> None:
    """Captions (WebVTT) that say in words where the sound comes from.

    A caption stays while its words stay; so a screen reader is not flooded.

    Args:
        track: Times count in the source.
        style: Says what is claimed.
        path: The file to write.
        zero_seconds: Second of the source at which the captions' clock starts: where the painted
            file does by default, 0 for captions beside the source itself.

    Raises:
        OutputError: The file cannot be written.
    """
    cues: list[tuple[float, float, str, str]] = []
    end_of_last = max(track.duration_seconds, *track.times[-1:].tolist(), 0.0)
    ends = [*track.times[1:].tolist(), end_of_last]
    for index, (verdict, heat, region) in enumerate(found_regions(track, style)):
        place = region.place if region else ""
        score = float(track.values[index, 0].max())
        text = f"strongest at {place}, {score:.2f}" if region else _words(verdict, heat)
        key = place or verdict.value  # no number: it changes with every window
        if cues and cues[-1][3] == key:
            cues[-1] = (cues[-1][0], ends[index], cues[-1][2], key)
        else:
            cues.append((float(track.times[index]), ends[index], text, key))
    zero = painted_from(track) if zero_seconds is None else zero_seconds
    shown = [(max(a - zero, 0.0), b - zero, text) for a, b, text, _ in cues]
    body = "\n".join(f"{_clock(a)} --> {_clock(b)}\n{text}\n" for a, b, text in shown if b > a)
    with _replacing(Path(path)) as part:
        part.write_text(f"WEBVTT\n\n{body}", encoding="utf-8")


def _words(verdict: Verdict, heat: float) -> str:
    if verdict is Verdict.SOURCE:
        return f"nothing stands out, {heat:.2f} of full colour"
    return verdict.value


def _clock(seconds: float) -> str:
    whole = math.floor(seconds * 1000 + 0.5)
    minutes, milliseconds = divmod(whole, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds / 1000:06.3f}"
