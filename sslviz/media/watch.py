"""Whether a process that says nothing hangs, or merely waits for its turn on a busy machine."""

import contextlib
import os
from pathlib import Path


class Watch:
    """Looks at a child between its signs of life (Linux; elsewhere it knows nothing).

    Args:
        pid: The child.
    """

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self._used = 0.0

    def starves(self, seconds: float) -> bool:
        """Whether it wanted to run, but got less than a quarter of the last ``seconds``."""
        used, wants_to_run = self._look()
        got, self._used = used - self._used, used
        return wants_to_run and got < seconds / 4

    def _look(self) -> tuple[float, bool]:
        """Processor time so far, and whether a thread is runnable or reads from the disk.

        Its own children count too: a worker of a batch sleeps while the decoder it started works.
        """
        ticks, wants_to_run = 0, False
        for thread in (t for family in self._family() for t in family.glob("task/*/stat")):
            with contextlib.suppress(OSError):
                fields = (
                    thread.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                )
                wants_to_run |= fields[0] in "RD"
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK") if ticks else 0.0, wants_to_run

    def _family(self) -> list[Path]:
        """The child and its children, as folders below ``/proc``."""
        children: list[str] = []
        for listed in self._folder.glob("task/*/children"):
            with contextlib.suppress(OSError):
                children += listed.read_text(encoding="ascii").split()
        return [self._folder, *(Path("/proc", pid) for pid in children)]
