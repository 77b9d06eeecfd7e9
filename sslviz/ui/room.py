"""No upload is taken while the disk is nearly full: neither at our own address nor at Gradio's."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sslviz.ui import text
from sslviz.ui.store import Store


class RoomKeeper:
    """ASGI middleware: uploads are refused with 507 where the disk would not have enough left."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app, self._store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but uploads without room."""
        if scope["type"] == "http" and scope["path"].endswith("/upload"):
            request = Request(scope)
            if request.method == "POST" and not self._store.has_room_for(announced_bytes(request)):
                await JSONResponse({"error": text.NO_ROOM_ON_DISK}, 507)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def announced_bytes(request: Request) -> int:
    """How large the body says it is; 0 where it does not."""
    words = request.headers.get("content-length", "")
    return int(words) if words.isdecimal() and len(words) < 16 else 0
