"""What is kept of each sample: one JSON line, so that a run can stop anywhere and go on."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sslviz.errors import OptionError, OutputError
from sslviz.media.closing import Closing


@dataclass(frozen=True, slots=True)
class Record:
    """One sample, measured."""

    name: str
    confidence: float
    sounding: bool = True
    category: str = ""
    group: str = ""
    ciou: tuple[float, ...] = ()
    """By the protocol: one value, or 19 of a sweep. Empty for a negative."""
    ciou_adaptive: float = 0.0
    baselines: dict[str, float] = field(default_factory=dict)
    """cIoU of maps that hear nothing, by the same protocol."""
    miou: tuple[float, ...] = ()
    """AVSBench's IoU, where the truth is a mask."""
    f_curve: tuple[float, ...] = ()
    """AVSBench's F at 255 thresholds; empty where the truth is empty."""
    negatives: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Share of pixels above 0, 0.01 ... 1 under ``silence``, ``noise`` and ``offscreen`` sound."""
    ciou_absolute: tuple[float, ...] = ()
    """cIoU of the absolute map cut at 0, 0.01 ... 1, where negatives were taken."""


class RecordFile(Closing):
    """An append-only file of records with the settings they were made under; a context manager.

    Args:
        path: Of the file.
        settings: What makes records comparable: weights, protocol, benchmark, its folder and split, seed.
        resume: Go on where an earlier run stopped.

    Raises:
        OptionError: An earlier run's file has other settings, or ``resume`` is off and there is one.
        OutputError: The file cannot be written.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, resume: bool = True) -> None:
        self._path = path
        self.done: set[str] = set()
        """Names of the samples measured before."""
        self.failed: dict[str, str] = {}
        """Samples that could not be read, and why."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.stat().st_size:
                self._check(settings, resume)
                self._cut_torn_line()
                self._file = path.open("a", encoding="utf-8")
            else:
                self._file = path.open("w", encoding="utf-8")
                self._write({"settings": settings})
        except OSError as error:
            raise OutputError(f"{path} cannot be written ({error.strerror}).") from error

    def add(self, record: Record) -> None:
        """Append one record."""
        self._write(asdict(record))

    def add_failure(self, name: str, reason: str) -> None:
        """Append a sample that could not be read."""
        self.failed[name] = reason
        self._write({"failed": name, "reason": reason})

    def flush(self) -> None:
        """Hand everything to the system, so that a kill costs nothing."""
        self._file.flush()

    def records(self) -> Iterator[Record]:
        """All records of this and earlier runs, in order of writing."""
        if not self._file.closed:
            self.flush()
        for line in _lines(self._path):
            if "name" in line:
                yield _record(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _check(self, settings: dict[str, Any], resume: bool) -> None:
        if not resume:
            raise OptionError(f"{self._path} holds an earlier run; give another folder or resume.")
        lines = _lines(self._path)
        before = next(lines, {}).get("settings")
        if before != settings:
            raise OptionError(
                f"{self._path} was made with other settings ({_differences(before or {}, settings)}); "
                "give another folder for results (--out), or remove that file."
            )
        for line in lines:
            if "failed" in line:
                self.failed[line["failed"]] = line["reason"]
            elif "name" in line:
                self.done.add(line["name"])

    def _cut_torn_line(self) -> None:
        """A kill may have left half a line at the end."""
        content = self._path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            with self._path.open("r+b") as file:
                file.truncate(end)

    def _write(self, values: dict[str, Any]) -> None:
        self._file.write(json.dumps(values, separators=(",", ":")) + "\n")


def _differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    other = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return ", ".join(f"{n}: {before.get(n)!r} there, {now.get(n)!r} now" for n in other)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for text in file:
            if not text.endswith("\n"):
                return
            line = json.loads(text)
            if isinstance(line, dict):
                yield line


def _record(line: dict[str, Any]) -> Record:
    lists = {"ciou", "miou", "f_curve", "ciou_absolute"}
    values: dict[str, Any] = {
        key: tuple(value) if key in lists else value for key, value in line.items()
    }
    values["negatives"] = {key: tuple(shares) for key, shares in line["negatives"].items()}
    return Record(**values)
