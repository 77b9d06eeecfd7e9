"""How a figure is taken: repeats beside its floor, wall and CPU time, peak memory of all processes."""

import json
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

_PAGE_BYTES = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time of this process and its finished children."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table."""

    key: str
    """Name in the JSON, for example ``render_720p_ratio``."""
    value: float
    """Median over the repeats."""
    unit: str
    floor: float | None = None
    """The same job at its least, in the same unit and run."""
    low: float | None = None
    high: float | None = None
    repeats: int = 1
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Value over floor."""
        return self.value / self.floor if self.floor else None


def cpu_seconds() -> float:
    """CPU time of this process and its finished children so far."""
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def cost_of(job: Callable[[], object]) -> Cost:
    """Run a job once."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    job()
    return Cost(time.perf_counter() - wall, cpu_seconds() - cpu)


def interleaved(
    job: Callable[[], object], floor: Callable[[], object], repeats: int
) -> tuple[list[Cost], list[Cost]]:
    """Job and floor in turns, so that a load on the machine meets both."""
    pairs = [(cost_of(floor), cost_of(job)) for _ in range(repeats)]
    return [job_cost for _, job_cost in pairs], [floor_cost for floor_cost, _ in pairs]


def compared(key: str, jobs: list[Cost], floors: list[Cost], note: str = "") -> list[Measurement]:
    """Wall and CPU seconds of a job beside its floor, and their ratios, pair by pair."""
    measurements = []
    for suffix, attribute in (("", "wall_seconds"), ("_cpu", "cpu_seconds")):
        own = [getattr(cost, attribute) for cost in jobs]
        least = [getattr(cost, attribute) for cost in floors]
        measurements.append(
            spread(f"{key}{suffix}_seconds", own, "s", statistics.median(least), note)
        )
        ratios = [a / b for a, b in zip(own, least, strict=True)]
        measurements.append(spread(f"{key}{suffix}_ratio", ratios, "x", None, note))
    return measurements


def spread(
    key: str, values: list[float], unit: str, floor: float | None = None, note: str = ""
) -> Measurement:
    """The median of some values, with their range."""
    middle = statistics.median(values)
    return Measurement(key, middle, unit, floor, min(values), max(values), len(values), note)


def peak_memory(command: list[str]) -> tuple[float, float]:
    """Run a command and watch it and all below it (Linux; else 0): MB resident, MB with shared pages counted once.

    Resident memory counts pages that processes share in each of them. The second figure is looked
    at twice a second only, because the system takes milliseconds to tell it.
    """
    resident = shared_once = 0.0
    looks = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            family = _family(process.pid)
            resident = max(resident, sum(map(_resident_megabytes, family)))
            looks += 1
            if looks % 10 == 0:
                shared_once = max(shared_once, sum(map(_proportional_megabytes, family)))
            time.sleep(0.05)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return resident, shared_once


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except (OSError, ValueError):
        return [pid]
    return [pid, *(one for child in children for one in _family(child))]


def _resident_megabytes(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0


def _proportional_megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:"))


def table(measurements: list[Measurement]) -> str:
    """For a person to read."""
    head = (
        f"{'figure':<34}{'median':>10} {'unit':<7}{'low..high':>19}{'floor':>10}{'ratio':>8}  note"
    )
    lines = [head, "-" * len(head)]
    for one in measurements:
        span = f"{one.low:.3g}..{one.high:.3g}" if one.low is not None else ""
        floor = f"{one.floor:.4g}" if one.floor is not None else ""
        ratio = f"{one.ratio:.2f}" if one.ratio is not None else ""
        lines.append(
            f"{one.key:<34}{one.value:>10.4g} {one.unit:<7}{span:>19}{floor:>10}{ratio:>8}  {one.note}"
        )
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """What the absolute times depend on."""
    return {"cores": os.cpu_count(), "load_average": os.getloadavg()[0]}


def write_json(measurements: list[Measurement], path: Path) -> None:
    """Key to value, with the details and the machine beside them."""
    values: dict[str, object] = {one.key: one.value for one in measurements}
    values |= {"machine": machine(), "details": [asdict(one) for one in measurements]}
    path.write_text(json.dumps(values, indent=1) + "\n")
