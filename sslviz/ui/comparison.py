"""Several methods on one clip and one clock: numbers and pictures for the page; knows no Gradio."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import cv2
import numpy as np

from sslviz.errors import OptionError
from sslviz.options import AnalysisOptions, Style
from sslviz.scaling import UNIT
from sslviz.timeline import peak_heat
from sslviz.types import Frame, ScoreScale, ScoreTrack
from sslviz.ui import compose, library, measure, payload, text, work
from sslviz.ui.library import Message
from sslviz.ui.store import Result
from sslviz.ui.work import Desk, RunRequest

FEWEST, MOST = 2, 4
_COOL, _WARM = (59, 130, 246), (249, 115, 22)


def check_names(names: Sequence[str]) -> list[str]:
    """Two to four different checkpoints.

    Raises:
        OptionError: Too few or too many.
    """
    chosen = list(dict.fromkeys(names))
    if not FEWEST <= len(chosen) <= MOST:
        raise OptionError(text.COMPARE_FEW.format(count=len(chosen)))
    return chosen


def run(
    desk: Desk, clip: str, names: Sequence[str], device: str, options: AnalysisOptions, style: Style
) -> Iterator[Message]:
    """Run each checkpoint on the clip, then compare; errors become messages."""
    try:
        chosen = check_names(names)
        done: list[str] = []
        for index, name in enumerate(chosen):
            request = RunRequest(clip, name, device, options, style)
            for message in work.run(desk, request):
                if message["state"] == "error":
                    yield message
                    return
                if message["state"] == "done":
                    done.append(message["token"])
                    continue
                yield _one_of(message, name, index, len(chosen))
        yield message_of(desk, done)
    except Exception as error:  # noqa: BLE001 - the page must hear of every end
        yield {"state": "error", "message": work.sentence(error)}


def _one_of(message: Message, name: str, index: int, count: int) -> Message:
    part = ((message["part"] or 0.0) + index) / count
    line = f"{name} ({index + 1}/{count}): {message['line']}"
    return message | {"part": part, "line": line}


def message_of(desk: Desk, tokens: Sequence[str]) -> Message:
    """What the page shows of a comparison."""
    results = [desk.store.result(token) for token in tokens]
    tracks = [library.track_of(result.track_path) for result in results]
    style = library.style_of(results[0])
    sound = library.overview_of(results[0].source_path, desk.deployment)
    data: dict[str, Any] = dict(sound or {})
    heard_seconds = float(data.get("duration", 0.0))
    data["duration"] = round(max(heard_seconds, *(t.duration_seconds for t in tracks)), 3)
    data["curves"] = [
        _curve(result, track, style, index)
        for index, (result, track) in enumerate(zip(results, tracks, strict=True))
    ]
    pairs = [_pair(results, tracks, a, b) for a, b in combinations(range(len(tracks)), 2)]
    data["curves"].append(pairs[0].pop("curve"))
    for pair in pairs[1:]:
        pair.pop("curve")
    return {
        "state": "compared",
        "players": [_player(r, t, i) for i, (r, t) in enumerate(zip(results, tracks, strict=True))],
        "timeline": data,
        "pairs": pairs,
        "partial": any(result.partial for result in results),
    }


def _player(result: Result, track: ScoreTrack, index: int) -> dict[str, Any]:
    return {
        "token": result.token,
        "video": f"r/{result.token}/overlay.mp4",
        "name": result.checkpoint,
        "unit": UNIT[track.scale],
        "color": f"curve-{index}",
        "story": payload.story(track, library.style_of(result)),
    }


def _curve(result: Result, track: ScoreTrack, style: Style, index: int) -> dict[str, Any]:
    return {
        "name": result.checkpoint,
        "unit": text.SHARE_OF_SCALE,
        "times": measure.as_list(track.times, 3),
        "values": measure.as_list(peak_heat(track, style)),
        "low": 0,
        "high": 1,
        "color": f"curve-{index}",
    }


def _pair(
    results: Sequence[Result], tracks: Sequence[ScoreTrack], a: int, b: int
) -> dict[str, Any]:
    found = measure.agreement(tracks[a], tracks[b])
    words = text.COMPARE_RANKS.format(value=payload.mean_of(found.ranks.tolist()))
    if found.difference is None:
        note = text.COMPARE_ONLY_RANKS
    else:
        note = text.COMPARE_DIFFERENCE.format(
            value=payload.mean_of(found.difference.tolist()), unit=UNIT[tracks[a].scale]
        )
    curve = {
        "name": f"{text.AGREEMENT}: {results[a].checkpoint}, {results[b].checkpoint}",
        "unit": "",
        "times": measure.as_list(tracks[a].times, 3),
        "values": measure.as_list(found.ranks),
        "low": -1,
        "high": 1,
        "color": "soft",
        "dashed": True,
    }
    return {
        "a": results[a].checkpoint,
        "b": results[b].checkpoint,
        "tokens": [results[a].token, results[b].token],
        "ranks": words,
        "note": note,
        "equal": found.difference is not None,
        "curve": curve,
    }


def side_by_side(desk: Desk, tokens: Sequence[str]) -> Iterator[Message]:
    """All painted videos of a comparison in one file."""
    try:
        results = [desk.store.result(token) for token in tokens]
        yield {"state": "note", "message": text.COMPOSING}
        target = results[0].folder / compose.SIDE
        compose.write_beside([result.overlay_path for result in results], target)
        yield {"state": "file", "url": f"r/{results[0].token}/{compose.SIDE}?download=1"}
    except Exception as error:  # noqa: BLE001 - the page must hear of every end
        yield {"state": "error", "message": work.sentence(error)}


def difference_picture(
    frame: Frame, first: ScoreTrack, second: ScoreTrack, at_seconds: float
) -> Frame:
    """Where the first track scores higher (orange) and where the second does (blue).

    Full colour is half the wider of the two calibrated ranges.

    Raises:
        OptionError: The scales differ, so that their numbers cannot be subtracted.
    """
    if first.scale != second.scale or first.scale == ScoreScale.ATTENTION:
        raise OptionError(text.COMPARE_ONLY_RANKS)
    a = measure.on_common_grid(first.values[measure.window_at(first, at_seconds), 0])
    b = measure.on_common_grid(second.values[measure.window_at(second, at_seconds), 0])
    ranges = [
        t.identity.calibration.score_high - t.identity.calibration.score_low
        for t in (first, second)
    ]
    strength = np.clip((a - b) / (0.5 * max(ranges)), -1, 1)
    height, width = frame.image.shape[:2]
    wide = cv2.resize(strength, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    color = np.where(wide > 0, np.array(_WARM, np.float32), np.array(_COOL, np.float32))
    amount = 0.75 * np.abs(wide)
    mixed = grey * (1 - amount) + color * amount
    return Frame(np.clip(mixed, 0, 255).astype(np.uint8), frame.pts_seconds)
