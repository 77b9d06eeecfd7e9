"""Messages between this process and a decoding child: length-prefixed, over one socket.

The child unpickles what its parent tells it. What comes from the child is plain data (see
:mod:`sslviz.media.plain`), so that a decoder taken over by a hostile file cannot run code here
through a message.
"""

import pickle
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from typing import Any

from sslviz.media.bell import Bell, await_any
from sslviz.media.plain import Buffer, pack, unpack

_HEADER = struct.Struct("<IQ")
_MAX_MESSAGE_BYTES = 1 << 30


class Channel:
    """One end of the line.

    Args:
        connection: A connected stream socket; owned from now on.
        classes: Data classes that may arrive in messages of plain data; ``None`` for the child's end,
            which is told pickles and answers in plain data.
    """

    def __init__(self, connection: socket.socket, classes: Iterable[type] | None = None) -> None:
        self._socket = connection
        self._classes = None if classes is None else tuple(classes)

    def send(self, message: object, timeout_seconds: float | None = None) -> None:
        """Send one message; arrays go without being copied into the text.

        Raises:
            TypeError: It cannot be said (the child's end: it is no plain data).
            TimeoutError: The other end did not take it in time.
            OSError: The other end is gone.
        """
        body, raw = pack(message) if self._classes is None else _pickled(message)
        self._socket.settimeout(timeout_seconds)
        self._socket.sendall(_HEADER.pack(len(raw), len(body)))
        self._socket.sendall(body)
        for view in raw:
            self._socket.sendall(struct.pack("<Q", memoryview(view).nbytes))
            self._socket.sendall(view)

    def poll(self, seconds: float, bell: Bell | None = None) -> bool:
        """Wait up to ``seconds``, or for a bell; whether something (or the end) is there to receive."""
        if bell is not None:
            return bell.wait(seconds, self._socket)
        return bool(await_any([self._socket], seconds))

    def receive(self, timeout_seconds: float | None = None) -> Any:
        """Wait for one message.

        Raises:
            TimeoutError: Nothing, or only a part of it, came in time.
            EOFError: The other end is gone.
            ValueError: The message holds something that is not allowed.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        count, size = _HEADER.unpack(self._read(_HEADER.size, deadline))
        body, left = self._read(size, deadline), _MAX_MESSAGE_BYTES
        buffers = []
        for _ in range(count):
            (length,) = struct.unpack("<Q", self._read(8, deadline))
            buffers.append(self._read(length, deadline, left))
            left -= length
        if self._classes is None:
            return pickle.loads(body, buffers=buffers)
        return unpack(body, buffers, self._classes)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _read(self, size: int, deadline: float | None, most: int = _MAX_MESSAGE_BYTES) -> bytearray:
        if size > most:
            raise ValueError(f"a message of {size} bytes is not plausible")
        data = bytearray(size)
        view = memoryview(data)
        while view:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            try:
                got = self._socket.recv_into(view)
            except ConnectionResetError:
                got = 0
            if not got:
                raise EOFError
            view = view[got:]
        return data


def _pickled(message: object) -> tuple[bytes, Sequence[Buffer]]:
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    return body, [buffer.raw() for buffer in buffers]
