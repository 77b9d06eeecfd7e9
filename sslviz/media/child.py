"""The inside of a decoding child: it runs one worker, watches its parent, and reports every error.

Started by :class:`sslviz.media.sandbox.Sandbox`, never by hand. It imports no more than the worker's
own module needs, so a worker that decodes should live in a module that knows av, numpy and cv2 only.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from sslviz.errors import MediaError, SSLVizError
from sslviz.media.channel import Channel
from sslviz.media.plain import MISTAKES

try:
    import resource
except ImportError:  # Windows: the deadline stays, the limits on memory and processor time do not.
    resource = None  # type: ignore[assignment]

_BEAT_EVERY_SECONDS = 0.5


class Link:
    """A worker's line to its parent: its first argument."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._last_sign = time.monotonic()

    def send(self, message: object) -> None:
        """Send one message; waits while the parent is busy (that is the bound on the queue)."""
        self._channel.send(("item", message))
        self._last_sign = time.monotonic()

    def receive(self) -> Any:
        """Wait for a message of the parent."""
        message = self._channel.receive()
        self._last_sign = time.monotonic()
        return message

    def poll(self, seconds: float = 0.0) -> bool:
        """Whether a message of the parent is waiting."""
        return self._channel.poll(seconds)

    def beat(self) -> None:
        """Say "still getting on"; call it once per frame (it sends at most two signs a second)."""
        now = time.monotonic()
        if now - self._last_sign >= _BEAT_EVERY_SECONDS:
            self._last_sign = now
            self._channel.send(("beat",))


def main(connection: socket.socket) -> None:
    """Receive a job, run it, report, leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which then ends us
    threading.Thread(target=_die_with_parent, daemon=True).start()
    channel = Channel(connection)
    cpu_seconds, max_memory_bytes = channel.receive()
    limit_processor_time(cpu_seconds)
    report: tuple[object, ...]
    try:
        # The worker's modules are imported here, before memory is limited.
        worker, arguments = channel.receive()
        _limit_memory(max_memory_bytes)
        channel.send(("beat",))
        report = ("end", worker(Link(channel), *arguments))
    except (BrokenPipeError, EOFError, ConnectionResetError):
        os._exit(1)  # the parent has hung up
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        report = ("error", *describe(error))
    with contextlib.suppress(OSError):
        channel.send((*report, *_usage()))
    # No clean-up at the end of the process: a broken decoder may hang in it.
    os._exit(0)


def describe(error: BaseException) -> tuple[BaseException, str]:
    """An error that can travel, and where it came from."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, MemoryError):
        return MediaError("Decoding needs more memory than is allowed; try a smaller one."), trace
    if isinstance(error, (SSLVizError, *MISTAKES)):
        return error, trace
    # Odd files make libraries raise nearly anything.
    return MediaError(f"The file could not be processed ({type(error).__name__}: {error})."), trace


def limit_processor_time(seconds: float | None) -> None:
    """Let the kernel end this process (SIGXCPU) once it has used ``seconds`` of processor time."""
    if resource is not None and seconds is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (max(1, round(seconds)), hard))


def _limit_memory(extra_bytes: int) -> None:
    """Bound the address space to what is in use now plus ``extra_bytes``; leave no core file."""
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra_bytes, hard))


def _usage() -> tuple[int, float]:
    """Largest resident memory in bytes, processor time in seconds."""
    if resource is None:
        return 0, time.process_time()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return _peak_memory(used.ru_maxrss), used.ru_utime + used.ru_stime


def _peak_memory(max_rss: int) -> int:
    """Largest resident memory in bytes of this program alone.

    What the kernel calls ``ru_maxrss`` on Linux still holds that of the parent we were started by.
    """
    if sys.platform != "linux":
        return max_rss if sys.platform == "darwin" else max_rss * 1024
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _die_with_parent() -> None:
    """Standard input is a pipe that only the parent holds: its end is the parent's end."""
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os._exit(1)
