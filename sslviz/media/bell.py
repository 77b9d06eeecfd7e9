"""A bell: work in another thread wakes the one that waits for a child's messages."""

import contextlib
import selectors
import socket
from collections.abc import Sequence
from typing import Any

from sslviz.media.closing import Closing


class Bell(Closing):
    """Any thread may ring it; rung while nobody waits, it ends the next wait at once."""

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def ring(self) -> None:
        """Wake who waits; nothing where the bell is closed."""
        with contextlib.suppress(OSError):  # full: it has been rung often enough
            self._rung.send(b"!")

    def wait(self, seconds: float, also: socket.socket | None = None) -> bool:
        """Wait for the bell, or for something to receive; whether there is something to receive."""
        ready = await_any([self._heard] if also is None else [self._heard, also], seconds)
        if self._heard in ready:
            with contextlib.suppress(OSError):
                self._heard.recv(4096)
        return also in ready

    def close(self) -> None:
        """Take it down."""
        self._heard.close()
        self._rung.close()


def await_any(sockets: Sequence[socket.socket], seconds: float) -> list[Any]:
    """Wait up to ``seconds``; those that have something (or the end) to receive."""
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(max(0.0, seconds))]
