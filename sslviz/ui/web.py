"""What the app's own addresses share: errors as sentences, numbers and styles from a query, files."""

import json
from collections.abc import Awaitable, Callable
from mimetypes import guess_type
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from sslviz.errors import OptionError, OutputError, SSLVizError
from sslviz.options import Style, style_from_json
from sslviz.ui import library, work
from sslviz.ui.store import ForgottenError, Result

Endpoint = Callable[[Request], Awaitable[Response]]
_TYPES = {
    ".mp4": "video/mp4", ".npz": "application/octet-stream", ".jpg": "image/jpeg", ".vtt": "text/vtt",
}  # fmt: skip


class CrowdedError(SSLVizError, RuntimeError):
    """More is asked of the app at once than it does; to be tried again."""


def guard(handler: Endpoint) -> Endpoint:
    """Turn what goes wrong into a sentence for the visitor."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ForgottenError as error:
            return JSONResponse({"error": str(error)}, 404)
        except CrowdedError as error:
            return JSONResponse({"error": str(error)}, 503, {"Retry-After": "30"})
        except OutputError as error:
            return JSONResponse({"error": work.sentence(error)}, 507)
        except SSLVizError as error:
            return JSONResponse({"error": work.sentence(error)}, 422)
        except Exception as error:  # noqa: BLE001 - the visitor gets a sentence, the log the rest
            return JSONResponse({"error": work.sentence(error)}, 500)

    return guarded


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
        return library.style_of(result)
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


def file_response(path: Path, name: str, attach: bool = False) -> Response:
    """A stored file under a readable name."""
    return FileResponse(
        path,
        filename=name,
        media_type=_TYPES.get(path.suffix),
        content_disposition_type="attachment" if attach else "inline",
    )


def made_response(path: Path, name: str, attach: bool = True) -> Response:
    """A file made for this one request, read at once: it may be gone when the answer is sent."""
    kind = "attachment" if attach else "inline"
    disposition = f"{kind}; filename*=utf-8''{quote(name)}"
    media_type = _TYPES.get(path.suffix) or guess_type(path.name)[0]
    headers = {"Content-Disposition": disposition}
    return Response(path.read_bytes(), media_type=media_type, headers=headers)


def picture(data: bytes) -> Response:
    """A JPEG that belongs to a moment; not worth keeping."""
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
