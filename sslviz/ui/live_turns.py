"""Fair turns: how many may use the live view at once, and who is next."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sslviz.errors import LiveError, OptionError


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How many may use the machine at once, and for how long."""

    slots: int = 2
    max_waiting: int = 8
    turn_seconds: float = 30.0
    """After this long, whoever waits goes first; without anybody waiting a turn has no end."""
    session_seconds: float | None = None
    """Time limit of a session; ``None``: none."""
    idle_seconds: float = 30.0
    """Without a sign of life for this long a visitor has left."""

    def __post_init__(self) -> None:
        if self.slots < 1 or self.max_waiting < 0 or min(self.turn_seconds, self.idle_seconds) <= 0:
            raise OptionError(f"There must be a place and time for somebody, got {self}.")


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a visitor stands."""

    running: bool
    ahead: int
    """Visitors who come first; 0 while running."""
    wait_seconds: float
    """At most, if nobody leaves; 0 while running."""


@dataclass(slots=True)
class _Visitor:
    joined: float
    seen: float
    turn_started: float = 0.0


class Turns:
    """Places at the machine, given in the order of arrival and given up when somebody waits.

    With ``w`` waiting for ``s`` slots nobody waits longer than ``ceil(w / s)`` turns.
    """

    def __init__(
        self, options: TurnOptions | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.options = options or TurnOptions()
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, _Visitor] = {}
        self._waiting: dict[str, _Visitor] = {}

    @property
    def num_running(self) -> int:
        """Visitors at the machine now."""
        with self._lock:
            return len(self._running)

    def join(self, visitor: str) -> Turn:
        """Take a place, or a number in the queue.

        Raises:
            LiveError: This visitor is here already, or the queue is full.
        """
        with self._lock:
            now = self._rotate()
            if visitor in self._running or visitor in self._waiting:
                raise LiveError("This page is live already; stop it there, or reload this page.")
            if (
                len(self._running) >= self.options.slots
                and len(self._waiting) >= self.options.max_waiting
            ):
                raise LiveError(
                    f"Live is full: {len(self._running)} running and {len(self._waiting)} waiting. "
                    f"Try again in {self._wait(len(self._waiting), now):.0f} s, or record a clip."
                )
            self._waiting[visitor] = _Visitor(now, now)
            self._rotate()
            return self._turn(visitor, now)

    def look(self, visitor: str, alive: bool = True) -> Turn:
        """Where this visitor stands.

        Args:
            visitor: Who joined before.
            alive: Whether this counts as a sign of life.

        Raises:
            LiveError: Time is up, or the visitor left.
        """
        with self._lock:
            here = self._running.get(visitor) or self._waiting.get(visitor)
            if here is not None and alive:
                here.seen = self._clock()
            now = self._rotate()
            return self._turn(visitor, now)

    def leave(self, visitor: str) -> None:
        """Give up the place."""
        with self._lock:
            self._running.pop(visitor, None)
            self._waiting.pop(visitor, None)
            self._rotate()

    def _rotate(self) -> float:
        """Send away who left, end turns that somebody waits for, fill the places; returns now."""
        now, options = self._clock(), self.options
        for group in (self._running, self._waiting):
            for name in [n for n, v in group.items() if now - v.seen > options.idle_seconds]:
                del group[name]
        ended = [
            n for n, v in self._running.items() if now - v.turn_started >= options.turn_seconds
        ]
        free = options.slots - len(self._running)
        for name in ended[: max(len(self._waiting) - free, 0)]:
            self._waiting[name] = self._running.pop(name)
        while self._waiting and len(self._running) < options.slots:
            name = next(iter(self._waiting))
            self._running[name] = self._waiting.pop(name)
            self._running[name].turn_started = now
        return now

    def _turn(self, visitor: str, now: float) -> Turn:
        here = self._running.get(visitor) or self._waiting.get(visitor)
        if here is None:
            raise LiveError("The live view heard nothing from this page for a while; press Start.")
        limit = self.options.session_seconds
        if limit is not None and now - here.joined > limit:
            self._running.pop(visitor, None)
            self._waiting.pop(visitor, None)
            raise LiveError(
                f"A live session ends after {limit / 60:g} minutes; press Start to go on."
            )
        if visitor in self._running:
            return Turn(True, 0, 0.0)
        ahead = list(self._waiting).index(visitor)
        return Turn(False, ahead, self._wait(ahead, now))

    def _wait(self, ahead: int, now: float) -> float:
        """Seconds until whoever has that many in front gets a place, if nobody leaves."""
        length, slots = self.options.turn_seconds, self.options.slots
        left = sorted(max(v.turn_started + length - now, 0.0) for v in self._running.values())
        return left[ahead % slots] + (ahead // slots) * length
