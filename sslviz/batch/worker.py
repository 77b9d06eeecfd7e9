"""A supervised worker: one child process that loads the localizer once and works off tasks.

Both engines use it. A crash or a hang costs the task at hand and nothing else: the child is ended,
the task's error is typed, and the next task gets a new child.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sslviz.batch.markers import Marker
from sslviz.batch.work import BatchOptions, Task, run_task
from sslviz.checkpoints import load_localizer
from sslviz.errors import MediaTimeoutError, SSLVizError
from sslviz.media.child import Link, describe
from sslviz.media.closing import Closing
from sslviz.media.sandbox import Sandbox
from sslviz.options import MediaLimits
from sslviz.pipeline import Progress

_UNLIMITED_BYTES = 1 << 46
"""Address space: torch and CUDA map far more than they use. The decoder's own child stays limited."""


def serve(link: Link, options: BatchOptions, folder: Path, device: str) -> None:
    """The inside of the child: load, then work off what comes until ``None`` comes."""
    localizer = load_localizer(options.checkpoint, device=device)
    link.send("ready")
    while (task := link.receive()) is not None:

        def tick(progress: Progress) -> None:
            link.send(replace(progress, preview=None, score_map=None))

        try:
            link.send(("done", run_task(task, localizer, options, folder, tick)))
        except Exception as error:  # noqa: BLE001 - one bad file must not end the others' worker
            link.send(("failed", *describe(error)))


class Worker(Closing):
    """One child, replaced when it dies. A context manager.

    Args:
        options: How items are worked on.
        folder: Where results go.
        device: ``cpu``, ``cuda:1``, ... the child's own.
        stall_seconds: A task that makes no progress for so long is ended.
        deadline_seconds: Longest time for one task; ``None``: a minute and twenty times its length.
    """

    def __init__(
        self,
        options: BatchOptions,
        folder: Path,
        device: str,
        stall_seconds: float = 120.0,
        deadline_seconds: float | None = None,
    ) -> None:
        self._arguments = (options, folder, device)
        limits = MediaLimits(stall_seconds=stall_seconds, max_memory_bytes=_UNLIMITED_BYTES)
        self._limits = limits
        self._deadline_seconds = deadline_seconds
        self._sandbox: Sandbox | None = None

    def run(self, task: Task, on_progress: Callable[[Progress], None]) -> Marker | None:
        """Do one task in the child.

        Raises:
            SSLVizError: Of a type that says what happened; ``MediaCrashError`` if the child died.
        """
        started, seconds = time.monotonic(), None
        self._send(task)
        while True:
            message = self._receive()
            if isinstance(message, Progress):
                seconds = message.total_seconds or seconds
                on_progress(message)
                self._check_deadline(task, time.monotonic() - started, seconds)
                continue
            kind, *content = message
            if kind == "done":
                marker: Marker | None = content[0]
                return marker
            raise _typed(*content)

    def _send(self, task: Task) -> None:
        if self._sandbox is None:
            self._sandbox = Sandbox(
                serve, *self._arguments, limits=self._limits, messages=(Marker, Progress)
            )
            self._receive()  # "ready", or what went wrong while loading
        try:
            self._sandbox.send(task)
        except BaseException:
            self.close()
            raise

    def _receive(self) -> Any:
        assert self._sandbox is not None
        try:
            return self._sandbox.receive()
        except BaseException:
            self.close()  # whatever it was, this child is of no more use
            raise

    def _check_deadline(self, task: Task, taken: float, seconds: float | None) -> None:
        allowed = self._deadline_seconds or 60 + 20 * (seconds or 0)
        if taken > allowed and (self._deadline_seconds or seconds):
            self.close()
            raise MediaTimeoutError(
                f"{task.item.name} took more than {allowed:.0f} s and was stopped; give it more with "
                f"--deadline or a faster method."
            )

    def close(self) -> None:
        """End the child."""
        if self._sandbox is not None:
            with contextlib.suppress(SSLVizError):
                self._sandbox.close()
            self._sandbox = None


def _typed(error: BaseException, trace: str) -> SSLVizError:
    """An error of the task itself, as one of the package's own."""
    if not isinstance(error, SSLVizError):
        error = SSLVizError(f"{type(error).__name__}: {error}")
    error.add_note(trace)
    return error
