"""Messages between this process and a decoding child: pickled, length-prefixed, over one socket.

What comes from the child is unpickled against a list of harmless classes, so that a decoder taken
over by a hostile file cannot run code here through a message.
"""

import builtins
import io
import pickle
import selectors
import socket
import struct
import time
from typing import Any

_HEADER = struct.Struct("<IQ")
_MAX_MESSAGE_BYTES = 1 << 30
_SAFE_BUILTINS = frozenset({"bytearray", "complex", "frozenset", "range", "set", "slice"})
_SAFE_MODULES = ("numpy", "sslviz", "fractions", "pathlib", "collections", "datetime")


def _is_exception(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


class _SafeUnpickler(pickle.Unpickler):
    """Rebuilds data, never calls anything else."""

    trusted_module = ""

    def find_class(self, module: str, name: str) -> Any:
        """Look a class up, or refuse it."""
        if module == "builtins":
            if name in _SAFE_BUILTINS or _is_exception(getattr(builtins, name, None)):
                return getattr(builtins, name)
        elif module.split(".")[0] in _SAFE_MODULES or module == self.trusted_module:
            found = super().find_class(module, name)
            if isinstance(found, type) or module.startswith("numpy"):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a message")


class Channel:
    """One end of the line.

    Args:
        connection: A connected stream socket; owned from now on.
        trusted_module: A further module whose classes may arrive; ``None`` trusts every message
            (only the child does: what it is told comes from its own parent).
    """

    def __init__(self, connection: socket.socket, trusted_module: str | None = None) -> None:
        self._socket = connection
        self._trusted_module = trusted_module

    def send(self, message: object, timeout_seconds: float | None = None) -> None:
        """Send one message; arrays go without being copied into the pickle.

        Raises:
            TimeoutError: The other end did not take it in time.
            OSError: The other end is gone.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        raw = [buffer.raw() for buffer in buffers]
        self._socket.settimeout(timeout_seconds)
        self._socket.sendall(_HEADER.pack(len(raw), len(body)))
        self._socket.sendall(body)
        for view in raw:
            self._socket.sendall(struct.pack("<Q", view.nbytes))
            self._socket.sendall(view)

    def poll(self, seconds: float) -> bool:
        """Wait up to ``seconds``; whether something (or the end) is there to receive."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(max(0.0, seconds)))

    def receive(self, timeout_seconds: float | None = None) -> Any:
        """Wait for one message.

        Raises:
            TimeoutError: Nothing, or only a part of it, came in time.
            EOFError: The other end is gone.
            pickle.UnpicklingError: The message holds something that is not plain data.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        count, size = _HEADER.unpack(self._read(_HEADER.size, deadline))
        body = self._read(size, deadline)
        buffers = []
        for _ in range(count):
            (length,) = struct.unpack("<Q", self._read(8, deadline))
            buffers.append(self._read(length, deadline))
        if self._trusted_module is None:
            return pickle.loads(body, buffers=buffers)
        unpickler = _SafeUnpickler(io.BytesIO(body), buffers=buffers)
        unpickler.trusted_module = self._trusted_module
        return unpickler.load()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _read(self, size: int, deadline: float | None) -> bytearray:
        if size > _MAX_MESSAGE_BYTES:
            raise pickle.UnpicklingError(f"a message of {size} bytes is not plausible")
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
