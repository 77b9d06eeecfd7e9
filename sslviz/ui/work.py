"""What happens when a button is pressed, as generators of messages for the page; knows no Gradio."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sslviz.errors import MediaError, SSLVizError
from sslviz.export import load_track, save_track
from sslviz.media.probe import probe
from sslviz.options import AnalysisOptions, Style, style_from_json, to_json
from sslviz.pipeline import Progress, RenderResult, grab, iter_render, iter_restyle
from sslviz.pipeline.overview import read_overview
from sslviz.types import Frame, ScoreTrack, VideoInfo
from sslviz.ui import describe, payload, text
from sslviz.ui.localizers import SHELF, Shelf, allowed_name
from sslviz.ui.settings import Deployment
from sslviz.ui.store import Result, Store, Upload

LOG = logging.getLogger(__name__)
Message = dict[str, Any]
PICTURE_SECONDS = 0.25
"""At most four pictures a second go to the page while it runs."""
SOUND_RATE = 16_000
"""Hz; for the overview of a sound file."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One press of the button."""

    clip: str
    """Token of an upload, or of a result whose source is analysed again."""
    checkpoint: str
    device: str = "auto"
    options: AnalysisOptions = AnalysisOptions()
    style: Style = Style()


@dataclass(slots=True)
class Desk:
    """Everything that the running app shares between visitors."""

    deployment: Deployment
    store: Store
    shelf: Shelf = field(default_factory=lambda: SHELF)
    stops: dict[str, threading.Event] = field(default_factory=dict)

    def stop(self, run: str) -> bool:
        """Ask a run to finish what it has; false when it is not running."""
        event = self.stops.get(run)
        if event is None:
            return False
        event.set()
        return True


def open_desk(deployment: Deployment) -> Desk:
    """The shared state of a new app."""
    store = Store(deployment.folder, deployment.keep_seconds, deployment.store_bytes)
    return Desk(deployment, store)


def sentence(error: Exception) -> str:
    """What a visitor may read about an error: our own sentences, nothing of the machine."""
    if isinstance(error, SSLVizError):
        return str(error)
    LOG.exception("unexpected error", exc_info=error)
    return text.INTERNAL


def run(desk: Desk, request: RunRequest) -> Iterator[Message]:
    """Analyse and paint a clip; yields progress, then the result.

    Errors become messages; closing the generator removes what is unfinished.
    """
    try:
        yield from _run(desk, request)
    except Exception as error:  # noqa: BLE001 - the page must hear of every end
        yield {"state": "error", "message": sentence(error)}


def _run(desk: Desk, request: RunRequest) -> Iterator[Message]:
    if not request.clip:
        raise MediaError(text.NO_CLIP)
    upload = desk.store.upload(request.clip)
    name = allowed_name(request.checkpoint, desk.deployment.public)
    token, folder = desk.store.new_folder()
    event = desk.stops[token] = threading.Event()
    kept = False
    try:
        yield _running(token, text.LOADING.format(name=name))
        localizer = desk.shelf.get(name, request.device)
        source = link(upload.path, folder)
        yield _running(token, text.WAITING)
        started = time.perf_counter()
        steps = iter_render(
            source, folder / "overlay.mp4", localizer, request.options, request.style,
            desk.deployment.media_limits(), event.is_set,
        )  # fmt: skip
        rendered = yield from _told(token, steps)
        _learn(desk, request, rendered, time.perf_counter() - started)
        result = Result(
            token, folder, upload.name, source.name, rendered.partial, rendered.warnings,
            to_json(request.style), to_json(request.options), name,
        )  # fmt: skip
        save_track(rendered.track, result.track_path)
        desk.store.save(result)
        kept = True
        yield message_of(desk, result)
    finally:
        desk.stops.pop(token, None)
        if not kept:
            desk.store.discard(token)


def _running(token: str, line: str, part: float | None = None) -> Message:
    return {"state": "running", "run": token, "line": line, "part": part}


def _told(
    token: str, steps: Generator[Progress, None, RenderResult]
) -> Generator[Message, None, RenderResult]:
    """Progress as messages, pictures at most every ``PICTURE_SECONDS``; returns what steps return."""
    last = 0.0
    shown = 0
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            now = time.monotonic()
            fresh = step.preview is not None and (now - last >= PICTURE_SECONDS or not shown)
            if not fresh and now - last < PICTURE_SECONDS:
                continue
            last = now
            message = _progress(token, step)
            if fresh and step.preview is not None:
                shown += 1
                message["picture"] = payload.data_url(payload.jpeg(step.preview, 720, 75))
                message["at"] = round(step.preview.pts_seconds, 3)
            yield message
    finally:
        steps.close()


def _progress(token: str, step: Progress) -> Message:
    part = None
    if step.total_seconds:
        part = min(step.done_seconds / step.total_seconds, 1.0)
    line = describe.progress_line(
        step.windows_done, step.windows_total, step.windows_per_second, step.eta_seconds
    )
    return _running(token, step.message or line, part)


def link(path: Path, folder: Path) -> Path:
    """A file beside its result, so that the result outlives the upload; a link where possible."""
    target = folder / path.name
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
    return target


def _learn(desk: Desk, request: RunRequest, rendered: RenderResult, seconds: float) -> None:
    info, count = rendered.info, len(rendered.track)
    if count < 5:
        return
    rate = request.options.maps_per_second
    fixed = describe.estimate_seconds(info, rate, 0.0, count / rate) or 0.0
    desk.shelf.learn(request.checkpoint, request.device, max(seconds - fixed, 0.0) / count)


def restyle(desk: Desk, token: str, style: Style) -> Iterator[Message]:
    """Write the painted video of a result again in another style; no model runs.

    It becomes a result of its own: a link to the first one keeps showing the first look.
    """
    try:
        yield from _restyle(desk, desk.store.result(token), style)
    except Exception as error:  # noqa: BLE001 - the page must hear of every end
        yield {"state": "error", "message": sentence(error)}


def _restyle(desk: Desk, old: Result, style: Style) -> Iterator[Message]:
    track = track_of(old.track_path)
    token, folder = desk.store.new_folder()
    event = desk.stops[token] = threading.Event()
    kept = False
    try:
        yield _running(token, text.RESTYLING, 0.0)
        source = link(old.source_path, folder)
        steps = iter_restyle(
            source, track, folder / "overlay.mp4", style, desk.deployment.media_limits(),
            event.is_set,
        )  # fmt: skip
        rendered = yield from _told(token, steps)
        link(old.track_path, folder)
        partial = old.partial or rendered.partial
        result = replace(
            old, token=token, folder=folder, partial=partial, style=to_json(style)
        )
        desk.store.save(result)
        kept = True
        yield {**message_of(desk, result), "instead_of": old.token}
    finally:
        desk.stops.pop(token, None)
        if not kept:
            desk.store.discard(token)


def message_of(desk: Desk, result: Result) -> Message:
    """A finished result as the stage shows it."""
    info = info_of(result.source_path, desk.deployment)
    track = track_of(result.track_path)
    sound = overview_of(result.source_path, desk.deployment)
    return payload.result_message(result, track, info, sound)


def style_of(result: Result) -> Style:
    """The style a result was painted in."""
    return style_from_json(dict(result.style))


@lru_cache(maxsize=16)
def track_of(path: Path) -> ScoreTrack:
    """A saved track; kept, because sliders ask for it many times a second."""
    return load_track(path)


@lru_cache(maxsize=64)
def info_of(path: Path, deployment: Deployment) -> VideoInfo:
    """What a stored video is.

    Raises:
        MediaError: It cannot be read.
    """
    return probe(path, deployment.media_limits())


@lru_cache(maxsize=64)
def overview_of(path: Path, deployment: Deployment) -> Message | None:
    """Waveform and spectrogram of a stored clip; ``None`` where it has no readable sound."""
    info, limits = info_of(path, deployment), deployment.media_limits()
    if not info.has_audio or not info.duration_seconds:
        return None
    shape = payload.SOUND_COLUMNS, payload.SOUND_MELS
    try:
        wave, power = read_overview(path, (0.0, info.duration_seconds), shape, limits)
    except MediaError as error:
        LOG.warning("no overview of the sound: %s", error)
        return None
    return payload.sound_overview(wave, power, info.duration_seconds)


@lru_cache(maxsize=24)
def frame_of(path: Path, at_milliseconds: int, width: int, deployment: Deployment) -> Frame:
    """A decoded picture, kept: a slider moves over the same one many times a second."""
    return grab(path, at_milliseconds / 1000, width, deployment.media_limits())
