"""The app's own addresses beside Gradio's: uploads, results, previews, probes.

Uploads do not go through Gradio, whose cache any visitor can read by path and whose video component
may hand a stranger's file to ffmpeg; here a file gets a name nobody can guess and is opened only in
the sandbox.
"""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from sslviz.errors import MediaError, OptionError, SSLVizError
from sslviz.export import write_captions, write_csv, write_poster, write_settings
from sslviz.media.audio import read_sound
from sslviz.media.image import read_image
from sslviz.options import Style, style_from_json
from sslviz.pipeline import paint
from sslviz.types import Frame, VideoInfo
from sslviz.ui import describe, payload, text, work
from sslviz.ui.store import ForgottenError, Result, Upload, safe_name
from sslviz.ui.work import Desk

PREVIEWS_AT_ONCE = 2
_PLAIN = re.compile(r"(overlay|side_by_side|source)\.mp4\Z|track\.npz\Z|map-\d\.jpg\Z")
_TYPES = {".mp4": "video/mp4", ".npz": "application/octet-stream", ".jpg": "image/jpeg"}
Handler = Callable[[Desk, Request], Awaitable[Response]]


class Routes:
    """The handlers, bound to one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._previews = anyio.Semaphore(PREVIEWS_AT_ONCE)

    def all(self) -> list[Route]:
        """Routes for the web application, before Gradio's own."""
        return [
            Route("/sslviz/upload", self._guard(self.upload), methods=["POST"]),
            Route("/sslviz/stop/{run}", self._guard(self.stop), methods=["POST"]),
            Route("/sslviz/u/{token}/{name}", self._guard(self.of_upload)),
            Route("/sslviz/r/{token}/{name}", self._guard(self.of_result)),
        ]

    def _guard(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except ForgottenError as error:
                return JSONResponse({"error": str(error)}, 404)
            except SSLVizError as error:
                return JSONResponse({"error": str(error)}, 422)
            except Exception as error:  # noqa: BLE001 - the visitor gets a sentence, the log the rest
                return JSONResponse({"error": work.sentence(error)}, 500)

        return guarded

    async def upload(self, request: Request) -> Response:
        """Take one file, check it in the sandbox, answer with what it is."""
        # A page of another site cannot set this header without asking first, and we never allow it.
        if "x-sslviz-name" not in request.headers:
            return JSONResponse({"error": "uploads need the header X-Sslviz-Name"}, 403)
        name = safe_name(unquote(request.headers["x-sslviz-name"]))
        kind = request.query_params.get("kind", "video")
        await run_in_threadpool(self._desk.store.sweep)
        upload = self._desk.store.new_upload(name)
        try:
            refused = await self._receive(request, upload)
            if refused:
                self._desk.store.discard(upload.token)
                return JSONResponse({"error": refused}, 413)
            return JSONResponse(await run_in_threadpool(self._describe, upload, kind))
        except (SSLVizError, OSError, ClientDisconnect) as error:
            self._desk.store.discard(upload.token)
            if isinstance(error, SSLVizError):
                raise _without_path(error, upload) from error
            raise

    async def _receive(self, request: Request, upload: Upload) -> str:
        """Write the body to disk; returns why it is refused, or nothing."""
        limit = self._desk.deployment.max_bytes
        size = 0
        async with await anyio.open_file(upload.path, "wb") as file:
            async for block in request.stream():
                size += len(block)
                if size > limit:
                    return text.TOO_LARGE.format(
                        name=upload.name, size="more than that", limit=f"{limit / 2**20:.0f} MB"
                    )
                await file.write(block)
        return ""

    def _describe(self, upload: Upload, kind: str) -> dict[str, Any]:
        limits = self._desk.deployment.media_limits()
        base = f"u/{upload.token}"
        told: dict[str, Any] = {"token": upload.token, "name": upload.name}
        if kind == "image":
            image = read_image(upload.path, limits)
            return told | {"poster": f"{base}/poster.jpg", "line": _image_line(upload, image)}
        if kind == "sound":
            sound = read_sound(upload.path, work.SOUND_RATE, limits)
            return told | {
                "source": f"{base}/source",
                "seconds": round(sound.duration_seconds, 2),
                "line": f"{upload.name} · {describe.clock(sound.duration_seconds)}",
                "sound": f"{base}/sound.json",
            }
        info = work.info_of(upload.path, self._desk.deployment)
        return told | clip_message(base, upload, info)

    async def stop(self, request: Request) -> Response:
        """Ask a run to finish what it has."""
        found = self._desk.stop(request.path_params["run"])
        return JSONResponse({"stopping": found})

    async def of_upload(self, request: Request) -> Response:
        """The upload itself, its first picture, the overview of its sound."""
        upload = self._desk.store.upload(request.path_params["token"])
        name = request.path_params["name"]
        if name == "source":
            return FileResponse(upload.path, filename=upload.name, content_disposition_type="inline")
        if name == "poster.jpg":
            return _picture(await run_in_threadpool(self._first_picture, upload))
        if name == "sound.json":
            return JSONResponse(await run_in_threadpool(self._sound, upload))
        raise ForgottenError("There is no such file.")

    def _first_picture(self, upload: Upload) -> bytes:
        limits = self._desk.deployment.media_limits()
        try:
            frame = read_image(upload.path, limits)
        except MediaError:  # not a picture, so it is a video
            frame = work.frame_of(upload.path, 0, 960, self._desk.deployment)
        return payload.jpeg(frame, 1280)

    def _sound(self, upload: Upload) -> dict[str, Any]:
        deployment = self._desk.deployment
        try:
            info = work.info_of(upload.path, deployment)
        except MediaError:  # a plain sound file
            sound = read_sound(upload.path, work.SOUND_RATE, deployment.media_limits())
            return payload.heard(sound)
        return work.overview_of(upload.path, deployment) or {
            "duration": info.duration_seconds or 0.01
        }

    async def of_result(self, request: Request) -> Response:
        """Everything under a result's own address."""
        result = self._desk.store.result(request.path_params["token"])
        name = request.path_params["name"]
        if _PLAIN.match(name):
            path = result.folder / name
            if not path.is_file():
                raise ForgottenError("This file is no longer here. Make it again.")
            return _file(path, download_name(result, name), "download" in request.query_params)
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
        frame = work.frame_of(result.source_path, when, width, self._desk.deployment)
        return paint(frame, work.track_of(result.track_path), style)

    def _preview(self, result: Result, request: Request) -> Response:
        style, at = asked_style(request, result), asked_number(request, "at")
        return _picture(payload.jpeg(self._painted(result, style, at, 960), 960))

    def _warm(self, result: Result, request: Request) -> Response:
        """Decode the picture on screen before a slider asks for it."""
        when = max(round(asked_number(request, "at") * 1000), 0)
        work.frame_of(result.source_path, when, 960, self._desk.deployment)
        return JSONResponse({"at": when / 1000})

    def _poster_small(self, result: Result, request: Request) -> Response:
        del request
        return _picture(self._cached_poster(result).read_bytes())

    def _cached_poster(self, result: Result) -> Path:
        ready = result.folder / "poster.jpg"
        if ready.is_file():
            return ready
        track = work.track_of(result.track_path)
        frame = self._painted(result, work.style_of(result), payload.best_time(track), 960)
        ready.write_bytes(payload.jpeg(frame, 960))
        return ready

    def _poster(self, result: Result, request: Request) -> Response:
        style = asked_style(request, result)
        at = asked_number(request, "at")
        path = result.folder / "poster.png"
        write_poster(self._painted(result, style, at, 7680), path)
        return _file(path, download_name(result, "poster.png"), attach=True)

    def _probe(self, result: Result, request: Request) -> Response:
        track = work.track_of(result.track_path)
        x, y, at = (asked_number(request, name) for name in ("x", "y", "at"))
        return JSONResponse(payload.probe_message(track, x, y, at))

    def _captions(self, result: Result, request: Request) -> Response:
        del request
        path = result.folder / "captions.vtt"
        write_captions(work.track_of(result.track_path), work.style_of(result), path)
        return _file(path, download_name(result, "captions.vtt"))

    def _table(self, result: Result, request: Request) -> Response:
        path = result.folder / "table.csv"
        write_csv(work.track_of(result.track_path), asked_style(request, result), path)
        return _file(path, download_name(result, "table.csv"), attach=True)

    def _settings(self, result: Result, request: Request) -> Response:
        path = result.folder / "settings.json"
        write_settings(work.track_of(result.track_path), asked_style(request, result), path)
        return _file(path, download_name(result, "settings.json"), attach=True)


def clip_message(base: str, upload: Upload, info: VideoInfo) -> dict[str, Any]:
    """What the stage needs to know of a clip that just came in."""
    return {
        "source": f"{base}/source",
        "poster": f"{base}/poster.jpg",
        "line": describe.clip_line(upload.name, info),
        "duration": info.duration_seconds,
        "sound": f"{base}/sound.json",
        "has_audio": info.has_audio,
    }


def _image_line(upload: Upload, image: Frame) -> str:
    height, width = image.image.shape[:2]
    return f"{upload.name} · {width}×{height}"


def _without_path(error: SSLVizError, upload: Upload) -> SSLVizError:
    """The same error in the visitor's words: his file name instead of a path of this machine."""
    words = str(error).replace(str(upload.path), upload.name).replace(upload.path.name, upload.name)
    return type(error)(words)


def asked_number(request: Request, name: str) -> float:
    """A number of the query.

    Raises:
        OptionError: It is missing or no finite number.
    """
    try:
        value = float(request.query_params[name])
    except (KeyError, ValueError) as error:
        raise OptionError(f"This address needs a number {name!r}.") from error
    if not abs(value) < 1e9:
        raise OptionError(f"{name} is {value}, allowed are finite numbers.")
    return value


def asked_style(request: Request, result: Result) -> Style:
    """The style of the query, or the one the result was painted in.

    Raises:
        OptionError: It is no style.
    """
    words = request.query_params.get("style")
    if not words or words == "null":
        return work.style_of(result)
    try:
        values = json.loads(words)
    except ValueError as error:
        raise OptionError("The style of this address is not JSON.") from error
    if not isinstance(values, dict):
        raise OptionError("The style of this address is not an object.")
    return style_from_json(cast(dict[str, Any], values))


def download_name(result: Result, name: str) -> str:
    """What a downloaded file is called: after the clip, so that folders stay readable."""
    stem = Path(result.name).stem
    kind, suffix = Path(name).stem, Path(name).suffix
    words = {"overlay": "sound-source", "track": "score-maps"}.get(kind, kind)
    return f"{stem}_{words}{suffix}"


def _file(path: Path, name: str, attach: bool = False) -> Response:
    return FileResponse(
        path,
        filename=name,
        media_type=_TYPES.get(path.suffix),
        content_disposition_type="attachment" if attach else "inline",
    )


def _picture(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
