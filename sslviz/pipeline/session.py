"""One job between parent and media child: messages, progress, patience, stopping."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sslviz.errors import MediaTimeoutError, OutputError
from sslviz.media.bell import Bell
from sslviz.media.closing import Closing
from sslviz.media.sandbox import Sandbox
from sslviz.pipeline.child import work
from sslviz.pipeline.job import Done, Found, Heard, Job, NeedHeat, Progress, Status, Stop
from sslviz.types import Frame, ScoreMap
from sslviz.whole_file import remove_orphans

_LONGEST_WAIT_SECONDS = 0.1
_FIRST_CPU_SECONDS = 120.0
_CPU_SECONDS_PER_FRAME = 2.0

StopCheck = Callable[[], bool]


class Session(Closing):
    """A running media child and what is known about its work; a context manager.

    Leaving it kills the child and removes an unfinished file.
    """

    def __init__(self, stage: str, job: Job, stop: StopCheck | None) -> None:
        self.stage, self.job = stage, job
        self.found: Found | None = None
        self.done: Done | None = None
        self.stopped = False
        self.windows_done = 0
        self.score_map: ScoreMap | None = None
        self.bell = Bell()
        """To be rung by what else is worked on."""
        self._stop = stop
        self._status = Status(job.options.start_seconds, 0)
        self._preview: Frame | None = None
        self._began = time.monotonic()
        self._quiet_seconds, self._cpu_at_message = 0.0, 0.0
        leftovers = (job.part,) if job.part else ()
        if job.target is not None:
            remove_orphans(job.target)
        self._child = Sandbox(
            work, job, limits=job.limits, cpu_seconds=_FIRST_CPU_SECONDS, remove=leftovers,
            messages=(Done, Found, Heard, NeedHeat, Status),
        )  # fmt: skip

    @property
    def ended(self) -> bool:
        """The child has returned."""
        return self.done is not None

    def send(self, message: object) -> None:
        """Tell the child; nothing where it has ended."""
        if not self.ended:
            self._child.send(message)

    def check_stop(self) -> bool:
        """Pass on the caller's wish to stop; whether it was uttered."""
        if not self.stopped and self._stop is not None and self._stop():
            self.stopped = True
            self.send(Stop())
        return self.stopped

    def next_message(self) -> Any:
        """The child's next message, or ``None`` where there is none for a moment, or the bell rang.

        Raises:
            MediaTimeoutError: The child has been quiet for too long.
            SSLVizError: Whatever went wrong in the child.
        """
        if self.ended:
            self.bell.wait(_LONGEST_WAIT_SECONDS)
            return None
        began = time.monotonic()
        if not self._child.poll(_LONGEST_WAIT_SECONDS, self.bell):
            self._quiet_seconds += time.monotonic() - began
            if self._quiet_seconds > self.job.limits.stall_seconds and not self._starved():
                raise MediaTimeoutError(
                    f"Decoding made no progress for {self.job.limits.stall_seconds:g} s and was "
                    "stopped; the file is damaged or too heavy for this machine."
                )
            return None
        self._quiet_seconds, self._cpu_at_message = 0.0, cpu_seconds_of(self._child.pid)[0]
        try:
            message = self._child.receive()
        except EOFError:
            self.done = self._child.result
            return self.done
        if isinstance(message, Status):
            self._status = message
            self._preview = message.preview or self._preview
            self._child.allow_cpu(_FIRST_CPU_SECONDS + _CPU_SECONDS_PER_FRAME * message.num_frames)
        elif isinstance(message, Found):
            self.found = message
        return message

    def _starved(self) -> bool:
        """Whether the child is quiet only because a crowded machine gives it no processor."""
        used, runs = cpu_seconds_of(self._child.pid)
        patience = self.job.limits.stall_seconds
        little = used - self._cpu_at_message < patience / 4
        return runs and little and self._quiet_seconds < 6 * patience

    def progress(self) -> Progress:
        """Where the work stands."""
        options = self.job.options
        elapsed = max(time.monotonic() - self._began, 1e-6)
        end = self.done.end_seconds if self.done else self._status.done_seconds
        done = end
        if self.job.spec is not None and not self.ended:
            heard = self.score_map.pts_seconds if self.score_map else options.start_seconds
            done = min(end, heard)
        total = self._total_seconds()
        fraction = 0.0
        if total is not None:
            fraction = (done - options.start_seconds) / max(total - options.start_seconds, 1e-6)
        eta = None
        if total is not None and fraction > 0.01:
            eta = max(elapsed * (1 / fraction - 1), 0.0)
        windows = None
        if total is not None:
            span = total - options.start_seconds
            windows = max(round(span * options.maps_per_second), self.windows_done)
        return Progress(
            stage=self.stage,
            done_seconds=done,
            total_seconds=total,
            windows_done=self.windows_done,
            windows_total=windows,
            windows_per_second=self.windows_done / elapsed,
            eta_seconds=0.0 if self.ended else eta,
            preview=self._preview,
            score_map=self.score_map,
            message="stopping" if self.stopped else "",
        )

    def _total_seconds(self) -> float | None:
        if self.done is not None:
            return self.done.end_seconds
        length = self.found.info.duration_seconds if self.found else None
        end = self.job.options.end_seconds
        if length is None:
            return None
        return length if end is None else min(end, length)

    def close(self) -> None:
        """Kill the child, and remove an unfinished file."""
        self._child.close()
        self.bell.close()


def cpu_seconds_of(pid: int) -> tuple[float, bool]:
    """Processor time of a process so far, and whether it would run now (Linux; else 0 and no)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (OSError, ValueError):
        return 0.0, False
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK"), fields[0] in "RD"


def check_target(source: Path, target: Path) -> None:
    """Refuse a target that cannot be written, before any work is done.

    Raises:
        OutputError: Its folder is missing or takes no files, or it is the source itself.
    """
    if target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file to write.")
    if not target.parent.is_dir():
        raise OutputError(f"There is no folder {target.parent} to write {target.name} to.")
    if target.exists() and source.exists() and target.samefile(source):
        raise OutputError(f"{target} is the source itself; give another name for the result.")
    try:  # rights, read-only disks, quotas: only trying tells
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OutputError(
            f"{target.name!r} could not be written: {error.strerror or error}; check the folder and "
            "its free space."
        ) from error
