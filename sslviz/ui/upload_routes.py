"""The address that takes files, and those under which an upload is seen again.

Uploads do not go through Gradio, whose cache any visitor can read by path and whose video component
may hand a stranger's file to ffmpeg; here a file gets a name nobody can guess and is opened only in
the sandbox.
"""

import errno
import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from sslviz.errors import MediaError, OutputError, SSLVizError
from sslviz.media.audio import read_sound
from sslviz.media.image import read_image
from sslviz.types import Frame, VideoInfo
from sslviz.ui import describe, library, payload, text
from sslviz.ui.store import ForgottenError, Upload, safe_name
from sslviz.ui.web import CrowdedError, guard, picture
from sslviz.ui.work import Desk

LOG = logging.getLogger(__name__)
LOOKS_AT_ONCE = 4
LOOKS_WAITING = 64
_Found = TypeVar("_Found")


class UploadRoutes:
    """The handlers, bound to one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._looking = anyio.Semaphore(LOOKS_AT_ONCE)

    def all(self) -> list[Route]:
        """Routes for the web application, before Gradio's own."""
        return [
            Route("/sslviz/upload", guard(self.upload), methods=["POST"]),
            Route("/sslviz/stop/{run}", guard(self.stop), methods=["POST"]),
            Route("/sslviz/u/{token}/{name}", guard(self.of_upload)),
        ]

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
                LOG.info("upload refused: larger than allowed")
                return JSONResponse({"error": refused}, 413)
            return JSONResponse(await self._look(self._describe, upload, kind))
        except (SSLVizError, OSError, ClientDisconnect) as error:
            self._desk.store.discard(upload.token)
            if isinstance(error, SSLVizError):
                # Not its name, nor the sentence that holds it: those are the visitor's own.
                LOG.info("upload refused: %s", type(error).__name__)
                raise type(error)(upload.in_visitors_words(str(error))) from error
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise OutputError(f"an upload could not be stored: {error}") from error
            raise

    async def _look(self, work: Callable[..., _Found], *arguments: Any) -> _Found:
        """Open a stranger's file, a few at a time: each costs a process and its memory.

        Raises:
            CrowdedError: Too many wait already.
        """
        waiting = self._looking.statistics().tasks_waiting
        if waiting >= LOOKS_WAITING:
            raise CrowdedError(text.CROWDED)
        async with self._looking:
            return await run_in_threadpool(work, *arguments)

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
            sound = read_sound(upload.path, library.SOUND_RATE, limits)
            return told | {
                "source": f"{base}/source",
                "seconds": round(sound.duration_seconds, 2),
                "line": f"{upload.name} · {describe.clock(sound.duration_seconds)}",
                "sound": f"{base}/sound.json",
            }
        info = library.info_of(upload.path, self._desk.deployment)
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
            return FileResponse(
                upload.path, filename=upload.name, content_disposition_type="inline"
            )
        if name == "poster.jpg":
            return picture(await self._look(self._first_picture, upload))
        if name == "sound.json":
            return JSONResponse(await self._look(self._sound, upload))
        raise ForgottenError("There is no such file.")

    def _first_picture(self, upload: Upload) -> bytes:
        limits = self._desk.deployment.media_limits()
        try:
            frame = read_image(upload.path, limits)
        except MediaError:  # not a picture, so it is a video
            frame = library.frame_of(upload.path, 0, 960, self._desk.deployment)
        return payload.jpeg(frame, 1280)

    def _sound(self, upload: Upload) -> dict[str, Any]:
        deployment = self._desk.deployment
        try:
            info = library.info_of(upload.path, deployment)
        except MediaError:  # a plain sound file
            sound = read_sound(upload.path, library.SOUND_RATE, deployment.media_limits())
            return payload.heard(sound)
        return library.overview_of(upload.path, deployment) or {
            "duration": info.duration_seconds or 0.01
        }


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
    return f"{upload.name} · {width}x{height}"
