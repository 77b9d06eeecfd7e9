"""Time that only rises, whatever the time stamps in a file do."""

_LONGEST_GAP_SECONDS = 43_200.0
"""Beyond half a day a jump is damage; MP4 could not store it either."""
_FALL_SECONDS = 1.0
"""A fall beyond this is a new start of the stamps, not jitter."""
_PATIENCE = 4


class Clock:
    """Turns a stream's stamps into rising times.

    Stamps that are missing are filled in at the nominal step; stamps that repeat or fall a little
    are set just after the last time; where stamps start anew or leap, time goes on at the nominal
    step.

    Args:
        step_seconds: Nominal time between frames, positive.
    """

    def __init__(self, step_seconds: float) -> None:
        self.step_seconds = step_seconds
        self.repairs = 0
        """How many stamps were not taken as they were."""
        self._last: float | None = None
        self._offset = 0.0
        self._run = 0
        self._seen_stamp = False

    def stamp(self, seconds: float | None) -> float:
        """The time of the next frame, later than all before."""
        time = self._repaired(seconds)
        self._last = time
        return time

    def _repaired(self, seconds: float | None) -> float:
        last = self._last
        first_stamp = seconds is not None and not self._seen_stamp
        self._seen_stamp = self._seen_stamp or first_stamp
        if last is None:
            return 0.0 if seconds is None else seconds
        if seconds is None:
            self.repairs += 1
            return last + self.step_seconds
        if first_stamp:
            self._offset = last + self.step_seconds - seconds
        time = seconds + self._offset
        if last < time <= last + _LONGEST_GAP_SECONDS:
            self._run = 0
            return time
        self.repairs += 1
        if last - _FALL_SECONDS <= time <= last:
            self._run += 1
            return last + self.step_seconds / (8 if self._run <= _PATIENCE else 1)
        self._offset += last + self.step_seconds - time
        return last + self.step_seconds
