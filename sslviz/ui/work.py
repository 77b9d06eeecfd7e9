"""What happens when a button is pressed, as generators of messages for the page; knows no Gradio."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sslviz.errors import CancelledError, MediaError, OutputError, SSLVizError
from sslviz.export import painted_from, save_track
from sslviz.options import AnalysisOptions, Style, to_json
from sslviz.pipeline import Progress, RenderResult, iter_render, iter_restyle
from sslviz.ui import describe, payload, text
from sslviz.ui.library import Message, info_of, overview_of, track_of
from sslviz.ui.localizers import SHELF, Shelf, allowed_name
from sslviz.ui.settings import Deployment
from sslviz.ui.store import ForgottenError, Result, Store

LOG = logging.getLogger(__name__)
PICTURE_SECONDS = 0.25
"""At most four pictures a second go to the page while it runs."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One press of the button."""

    clip: str
    """Token of an upload, or of a result whose source is analysed again."""
    checkpoint: str
    device: str = "auto"
    options: AnalysisOptions = field(default_factory=AnalysisOptions)
    style: Style = field(default_factory=Style)


@dataclass(slots=True)
class Desk:
    """Everything that the running app shares between visitors."""

    deployment: Deployment
    store: Store
    shelf: Shelf = field(default_factory=lambda: SHELF)
    stops: dict[str, threading.Event] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when the app ends: no run begins any more."""

    def finish(self, patience_seconds: float) -> bool:
        """Let every run end with what it has; false when some would not in time."""
        self.closing.set()
        deadline = time.monotonic() + patience_seconds
        while self.stops and time.monotonic() < deadline:
            for run in list(self.stops):
                self.stop(run)
            time.sleep(0.05)
        return not self.stops

    def stop(self, run: str) -> bool:
        """Ask a run to finish what it has; false when it is not running."""
        event = self.stops.get(run)
        if event is None:
            return False
        event.set()
        return True


def open_desk(deployment: Deployment, shelf: Shelf | None = None) -> Desk:
    """The shared state of a new app."""
    store = Store(deployment.folder, deployment.keep_seconds, deployment.store_bytes)
    chosen = shelf or SHELF
    chosen.max_hub_bytes = deployment.max_checkpoint_bytes
    return Desk(deployment, store, chosen)


def sentence(error: Exception) -> str:
    """What a visitor may read about an error: our own sentences, nothing of the machine."""
    if isinstance(error, OutputError):
        LOG.error("%s", error)
        return text.NO_ROOM_ON_DISK
    if isinstance(error, MemoryError):
        LOG.error("no memory is left", exc_info=error)
        return text.NO_MEMORY
    if isinstance(error, SSLVizError):
        return describe.without_folders(str(error))
    LOG.exception("unexpected error", exc_info=error)
    return text.INTERNAL


def run(desk: Desk, request: RunRequest) -> Iterator[Message]:
    """Analyse and paint a clip; yields progress, then the result.

    Errors become messages; closing the generator removes what is unfinished.
    """
    try:
        yield from _run(desk, request)
    except Exception as error:  # noqa: BLE001 - the page must hear of every end
        yield {"state": "error", "message": about_clip(desk, request.clip, sentence(error))}


def about_clip(desk: Desk, clip: str, words: str) -> str:
    """A sentence about a clip, with the visitor's name for it."""
    try:
        return desk.store.upload(clip).in_visitors_words(words)
    except ForgottenError:
        return words


def _run(desk: Desk, request: RunRequest) -> Iterator[Message]:
    if not request.clip:
        raise MediaError(text.NO_CLIP)
    if desk.closing.is_set():
        raise CancelledError(text.CLOSING)
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
        rendered = yield from _told(token, steps, request.options.start_seconds)
        _learn(desk, request, rendered, time.perf_counter() - started)
        result = Result(
            token, folder, upload.name, source.name, rendered.partial, rendered.warnings,
            to_json(request.style), to_json(request.options), name,
        )  # fmt: skip
        save_track(rendered.track, result.track_path)
        desk.store.save(result)
        kept = True
        LOG.info("%s: %d maps in %.1f s", name, len(rendered.track), time.perf_counter() - started)
        yield message_of(desk, result)
    finally:
        desk.stops.pop(token, None)
        if not kept:
            desk.store.discard(token)


def _running(token: str, line: str, part: float | None = None) -> Message:
    return {"state": "running", "run": token, "line": line, "part": part}


def _told(
    token: str, steps: Generator[Progress, None, RenderResult], start_seconds: float
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
            message = _progress(token, step, start_seconds)
            if fresh and step.preview is not None:
                shown += 1
                message["picture"] = payload.data_url(payload.jpeg(step.preview, 720, 75))
                message["at"] = round(step.preview.pts_seconds, 3)
            yield message
    finally:
        steps.close()


def _progress(token: str, step: Progress, start_seconds: float) -> Message:
    part = None
    if step.total_seconds:
        span = max(step.total_seconds - start_seconds, 1e-6)
        part = min(max(step.done_seconds - start_seconds, 0.0) / span, 1.0)
    line = describe.progress_line(
        step.windows_done, step.windows_total, step.windows_per_second, step.eta_seconds
    )
    return _running(token, step.message or line, part)


def link(path: Path, folder: Path) -> Path:
    """A file beside its result, so that the result outlives the upload; a link where possible."""
    target = folder / path.name
    link_as(path, target)
    return target


def link_as(path: Path, target: Path) -> None:
    """The same file under a second name; a copy where the file system has no links."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


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
    if desk.closing.is_set():
        raise CancelledError(text.CLOSING)
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
        rendered = yield from _told(token, steps, painted_from(track))
        link(old.track_path, folder)
        partial = old.partial or rendered.partial
        result = replace(old, token=token, folder=folder, partial=partial, style=to_json(style))
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
