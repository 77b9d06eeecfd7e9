"""Work on strangers' files in a child process that can be killed.

Every decoder has open holes. So each file is opened in a child of its own, with a limit on address
space and processor time; when it crashes or hangs, the child dies, the caller gets a typed error,
and the next job runs in a new child. The child is a plain ``python -c`` process: it does not run
the caller's ``__main__`` again, forks no locks, sees no environment variable that could be a secret.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sslviz.errors import MediaCrashError, MediaError, MediaTimeoutError
from sslviz.media.bell import Bell
from sslviz.media.channel import Channel
from sslviz.media.closing import Closing
from sslviz.media.watch import Watch
from sslviz.options import MediaLimits
from sslviz.types import AudioClip, Frame, VideoInfo, Window

DEFAULT_LIMITS = MediaLimits()
_START_SECONDS = 30.0
_MOST_TURNS = 15
_MESSAGES = (AudioClip, Frame, VideoInfo, Window)

_BOOTSTRAP = (
    "import sys, socket; sys.path[:] = {path!r}; sys.dont_write_bytecode = {no_bytecode}; "
    "from sslviz.media.child import main; main({connection})"
)
_KEPT_ENVIRONMENT = (
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP",
    "SYSTEMROOT", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
)  # fmt: skip


class Sandbox(Closing):
    """A child process that runs ``worker(link, *arguments)``; a context manager.

    The worker is a module-level function of an importable module; ``link`` is a
    :class:`sslviz.media.child.Link`. What it returns ends up in :attr:`result`, what it raises is
    raised here, of the same type. Leaving the ``with`` block kills the child if it still runs.

    Args:
        worker: Not from ``__main__``: the child could not import it.
        arguments: Plain data.
        limits: ``stall_seconds`` and ``max_memory_bytes`` apply.
        cpu_seconds: Processor time the child may use in all; ``None``: no limit. Let it grow with
            the work done by :meth:`allow_cpu`.
        remove: Files to remove when the child ended in any way but by returning.
        messages: Data classes that the worker sends or returns, beside those of :mod:`sslviz.types`
            that readers make; nothing else arrives but numbers, text, containers and arrays.
    """

    def __init__(
        self,
        worker: Callable[..., Any],
        *arguments: object,
        limits: MediaLimits = DEFAULT_LIMITS,
        cpu_seconds: float | None = None,
        remove: Iterable[Path] = (),
        messages: Iterable[type] = (),
    ) -> None:
        if worker.__module__ == "__main__":
            raise TypeError(f"{worker.__qualname__} must live in an importable module")
        self.result: Any = None
        """What the worker returned, once :meth:`receive` has raised ``EOFError``."""
        self.peak_memory_bytes = 0
        """Largest resident memory of the child, known once it has ended by itself."""
        self.cpu_seconds = 0.0
        """Processor time of the child, known once it has ended by itself."""
        self._limits = limits
        self._allowed_cpu_seconds = cpu_seconds
        self._remove = tuple(remove)
        self._returned = self._started = False
        self._unread: deque[Any] = deque()
        here, there = socket.socketpair()
        with there:
            self._process = _start(there)
        self._watch = Watch(self._process.pid)
        self._channel = Channel(here, classes=(*_MESSAGES, *messages))
        try:
            self._channel.send((cpu_seconds, limits.max_memory_bytes))
            self._channel.send((worker, arguments))
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Send the worker a message; nothing where it has returned and needs none.

        Raises:
            MediaTimeoutError: It did not take it within ``stall_seconds``.
            MediaError: It has died; raised as :meth:`receive` would.
        """
        if self._returned:
            return
        try:
            self._channel.send(message, self._limits.stall_seconds)
        except TimeoutError:
            raise self._stalled() from None
        except OSError:
            self._drain()

    def poll(self, seconds: float, bell: Bell | None = None) -> bool:
        """Wait up to ``seconds``, or for a bell, for a sign of the child; ``receive`` may still wait for the rest."""
        return bool(self._unread) or self._returned or self._channel.poll(seconds, bell)

    def receive(self) -> Any:
        """Wait for the worker's next message.

        Raises:
            EOFError: The worker has returned; see :attr:`result`.
            MediaTimeoutError: No sign of life for ``stall_seconds``, or too much processor time.
            MediaCrashError: The child died.
            Exception: What the worker raised, with the child's traceback as a note.
        """
        if self._unread:
            return self._unread.popleft()
        return self._hear()

    def _hear(self) -> Any:
        if self._returned:
            raise EOFError
        while True:
            self._await_sign()
            try:
                kind, *content = _checked(self._channel.receive(self._limits.stall_seconds))
            except TimeoutError:
                raise self._stalled() from None
            except EOFError:
                raise self._died() from None
            except ValueError as error:
                self.close()
                raise MediaCrashError(f"The decoder sent nonsense and was ended: {error}") from None
            self._started = True
            if kind == "item":
                return content[0]
            if kind != "beat":
                self._finish(kind, content)

    def allow_cpu(self, seconds: float) -> None:
        """Raise the child's processor time to ``seconds`` in all (Linux; elsewhere nothing)."""
        if sys.platform == "linux" and seconds > (self._allowed_cpu_seconds or float("inf")):
            import resource

            self._allowed_cpu_seconds = seconds
            with contextlib.suppress(OSError):
                _, hard = resource.prlimit(self.pid, resource.RLIMIT_CPU)
                resource.prlimit(self.pid, resource.RLIMIT_CPU, (round(seconds), hard))

    def close(self) -> None:
        """Kill the child if it runs, take its exit status, remove what it left behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._channel.close()
        if not self._returned:
            for path in self._remove:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _await_sign(self) -> None:
        """Wait for a sign of life; a child that only waits for its turn gets more time."""
        stall = self._limits.stall_seconds
        patience = stall if self._started else max(stall, _START_SECONDS)
        for _ in range(_MOST_TURNS):
            if self._channel.poll(patience):
                return
            if not self._watch.starves(patience):
                break
        raise self._stalled()

    def _finish(self, kind: str, content: list[Any]) -> None:
        """The child's last word."""
        *_, self.peak_memory_bytes, self.cpu_seconds = content
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        if kind == "end":
            self.result = content[0]
            self._returned = True
            self.close()
            raise EOFError
        self.close()
        error, trace = content[:2]
        error.add_note(f"In the decoding child:\n{trace}")
        raise error

    def _drain(self) -> None:
        """The line is broken: find out why, keeping what the child still had to say."""
        with contextlib.suppress(EOFError):
            while True:
                self._unread.append(self._hear())

    def _stalled(self) -> MediaTimeoutError:
        self.close()
        return MediaTimeoutError(
            f"Decoding made no progress for {self._limits.stall_seconds:g} s and was stopped; "
            "the file is damaged or too heavy for this machine."
        )

    def _died(self) -> MediaError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.poll()
        self.close()
        if hasattr(signal, "SIGXCPU") and status == -signal.SIGXCPU:
            return MediaTimeoutError(
                f"Decoding used more than {self._allowed_cpu_seconds:.0f} s of processor time and "
                "was stopped; the file is damaged or made to keep machines busy."
            )
        return MediaCrashError(
            f"The decoder crashed on this file ({_cause(status)}); it is damaged or hostile. "
            "Re-encode it with a trusted tool and try again."
        )


def _checked(message: Any) -> list[Any]:
    """A message of the child's end of the line, which may be anybody's by now.

    Raises:
        ValueError: It is none that :mod:`sslviz.media.child` sends.
    """
    match message:
        case ("item", _) | ("beat",) | ("end", _, int(), float()):
            return list(message)
        case ("error", Exception(), str(), int(), float()):
            return list(message)
    raise ValueError("a message that no worker sends")


def run(worker: Callable[..., Any], *arguments: object, **options: Any) -> Any:
    """Run one worker to its end in a child of its own and hand back what it returns.

    Args:
        worker: As for :class:`Sandbox`.
        arguments: Its arguments.
        options: ``limits``, ``cpu_seconds``, ``remove``, ``messages`` of :class:`Sandbox`.

    Raises:
        MediaError: As :meth:`Sandbox.receive`.
    """
    with Sandbox(worker, *arguments, **options) as sandbox:
        try:
            while True:
                sandbox.receive()
        except EOFError:
            return sandbox.result


def _start(connection: socket.socket) -> subprocess.Popen[bytes]:
    """Start the child; it inherits the socket and a standard input that ends when we do."""
    code = _BOOTSTRAP.format(
        path=[os.fspath(Path(entry).absolute()) for entry in sys.path],
        no_bytecode=sys.dont_write_bytecode,
        connection=f"socket.socket(fileno={connection.fileno()})",
    )
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[connection.fileno()],
        env={**environment, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
    )


def _cause(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"exit status {status}"
