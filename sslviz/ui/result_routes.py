"""The addresses under a result: its files, painted pictures, one spot over time, exports."""

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sslviz.errors import MediaError
from sslviz.export import write_captions, write_csv, write_poster, write_settings
from sslviz.options import Style
from sslviz.pipeline import paint
from sslviz.types import Frame
from sslviz.ui import comparison, library, payload
from sslviz.ui.store import ForgottenError, Result
from sslviz.ui.web import (
    asked_number,
    asked_style,
    download_name,
    file_response,
    guard,
    made_response,
    picture,
)
from sslviz.ui.work import Desk
from sslviz.whole_file import whole_file

PREVIEWS_AT_ONCE = 2
_PLAIN = re.compile(r"(overlay|side_by_side)\.mp4\Z|track\.npz\Z")


class ResultRoutes:
    """The handlers, bound to one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._previews = anyio.Semaphore(PREVIEWS_AT_ONCE)

    def all(self) -> list[Route]:
        """Routes for the web application, before Gradio's own."""
        return [
            Route("/sslviz/r/{token}/{name}", guard(self.of_result)),
            Route("/sslviz/d/{a}/{b}/difference.jpg", guard(self.difference)),
        ]

    async def difference(self, request: Request) -> Response:
        """Two results of one clip subtracted, at one moment."""
        first, second = (self._desk.store.result(request.path_params[k]) for k in ("a", "b"))
        at = asked_number(request, "at")
        return await run_in_threadpool(self._subtract, first, second, at)

    def _subtract(self, first: Result, second: Result, at: float) -> Response:
        when = max(round(at * 1000), 0)
        frame = library.frame_of(first.source_path, when, 720, self._desk.deployment)
        a, b = (library.track_of(result.track_path) for result in (first, second))
        return picture(payload.jpeg(comparison.difference_picture(frame, a, b, at), 720))

    async def of_result(self, request: Request) -> Response:
        """Everything under a result's own address."""
        result = self._desk.store.result(request.path_params["token"])
        name = request.path_params["name"]
        if _PLAIN.match(name):
            path = result.folder / name
            if not path.is_file():
                raise ForgottenError("This file is no longer here. Make it again.")
            return file_response(
                path, download_name(result, name), "download" in request.query_params
            )
        makers: dict[str, Callable[[Result, Request], Response]] = {
            "poster.jpg": self._poster_small,
            "poster.png": self._poster,
            "preview.jpg": self._preview,
            "warm.json": self._warm,
            "probe.json": self._probe,
            "captions.vtt": self._captions,
            "table.csv": self._table,
            "settings.json": self._settings,
        }
        if name not in makers:
            raise ForgottenError("There is no such file.")
        if name != "preview.jpg":
            return await run_in_threadpool(makers[name], result, request)
        async with self._previews:
            return await run_in_threadpool(self._preview, result, request)

    def _painted(self, result: Result, style: Style, at_seconds: float, width: int) -> Frame:
        when = max(round(at_seconds * 1000), 0)
        frame = library.frame_of(result.source_path, when, width, self._desk.deployment)
        return paint(frame, library.track_of(result.track_path), style)

    def _preview(self, result: Result, request: Request) -> Response:
        style, at = asked_style(request, result), asked_number(request, "at")
        return picture(payload.jpeg(self._painted(result, style, at, 960), 960))

    def _warm(self, result: Result, request: Request) -> Response:
        """Decode the picture on screen before a slider asks for it."""
        when = max(round(asked_number(request, "at") * 1000), 0)
        try:
            library.frame_of(result.source_path, when, 960, self._desk.deployment)
        except MediaError:  # only a hint; whoever asks for the picture itself hears why
            return JSONResponse({"ready": False})
        return JSONResponse({"ready": True})

    def _poster_small(self, result: Result, request: Request) -> Response:
        del request
        return picture(self._cached_poster(result))

    def _cached_poster(self, result: Result) -> bytes:
        ready = result.folder / "poster.jpg"
        if ready.is_file():
            return ready.read_bytes()
        track = library.track_of(result.track_path)
        frame = self._painted(result, library.style_of(result), payload.best_time(track), 960)
        data = payload.jpeg(frame, 960)
        with contextlib.suppress(OSError), whole_file(ready) as part:  # made again next time
            part.write_bytes(data)
        return data

    def _poster(self, result: Result, request: Request) -> Response:
        style = asked_style(request, result)
        at = asked_number(request, "at")
        with _own_file(result, "poster.png") as path:
            write_poster(self._painted(result, style, at, 7680), path)
            return made_response(path, download_name(result, "poster.png"))

    def _probe(self, result: Result, request: Request) -> Response:
        track = library.track_of(result.track_path)
        x, y, at = (asked_number(request, name) for name in ("x", "y", "at"))
        return JSONResponse(payload.probe_message(track, x, y, at))

    def _captions(self, result: Result, request: Request) -> Response:
        del request
        with _own_file(result, "captions.vtt") as path:
            write_captions(library.track_of(result.track_path), library.style_of(result), path)
            return made_response(path, download_name(result, "captions.vtt"), attach=False)

    def _table(self, result: Result, request: Request) -> Response:
        style = asked_style(request, result)
        with _own_file(result, "table.csv") as path:
            write_csv(library.track_of(result.track_path), style, path)
            return made_response(path, download_name(result, "table.csv"))

    def _settings(self, result: Result, request: Request) -> Response:
        style = asked_style(request, result)
        with _own_file(result, "settings.json") as path:
            write_settings(library.track_of(result.track_path), style, path)
            return made_response(path, download_name(result, "settings.json"))


@contextlib.contextmanager
def _own_file(result: Result, name: str) -> Iterator[Path]:
    """A file for the answer to one request: others ask for the same name with other styles."""
    path = result.folder / f"{secrets.token_hex(8)}-{name}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
