"""What to work on: files, folders, globs, lists and CSV manifests become one list of items."""

import csv
import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sslviz.errors import OptionError

VIDEO_SUFFIXES = frozenset([
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".ivf", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv",
])  # fmt: skip
"""A folder is searched for these; a file that is named directly is taken whatever its suffix."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file to work on."""

    path: Path
    name: str
    """Unique and relative, with forward slashes: where its results go below the output folder."""
    start_seconds: float = 0.0
    end_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    relative: str
    start_seconds: float = 0.0
    end_seconds: float | None = None


def collect(
    inputs: Sequence[str], list_file: Path | None = None, out: Path | None = None
) -> list[Item]:
    """Everything the user named, in order, each file once per span of time.

    Args:
        inputs: Files, folders (searched through, by suffix), glob patterns (``**`` too), and CSV
            manifests (``*.csv`` with a column ``path``, and ``start_seconds`` and ``end_seconds``
            where only a part is wanted).
        list_file: A text file with one path a line; empty lines and lines with ``#`` first are
            comments. Relative paths in lists and manifests are relative to the list.
        out: Where results go: what lies there is a result and no input.

    Raises:
        OptionError: Nothing was found, or a list or manifest cannot be read.
    """
    found = [one for text in inputs for one in _from_input(text)]
    if list_file is not None:
        found += _from_list(list_file)
    if out is not None:
        found = [one for one in found if not one.path.is_relative_to(out.resolve())]
    unique = list({(f.path, f.start_seconds, f.end_seconds): f for f in found}.values())
    if not unique:
        named = ", ".join(inputs) or str(list_file)
        raise OptionError(
            f"No video was found in {named}; give files, folders, glob patterns, a .csv manifest or "
            f"--list FILE."
        )
    return list(_named(unique))


def _from_input(text: str) -> Iterator[_Found]:
    path = Path(text)
    if path.is_dir():
        yield from (
            _Found(child.resolve(), child.relative_to(path).as_posix())
            for child in sorted(path.rglob("*"))
            if child.is_file() and child.suffix.lower() in VIDEO_SUFFIXES
        )
    elif path.suffix.lower() == ".csv":
        yield from _from_manifest(path)
    elif path.exists() or not glob.has_magic(text):
        yield _Found(path.resolve(), path.name)
    else:
        matches = (Path(match) for match in sorted(glob.glob(text, recursive=True)))  # noqa: PTH207
        yield from (_Found(match.resolve(), match.name) for match in matches if match.is_file())


def _from_list(list_file: Path) -> Iterator[_Found]:
    lines = _read_text(list_file).splitlines()
    for line in (line.strip() for line in lines):
        if line and not line.startswith("#"):
            path = (list_file.parent / line).resolve()
            yield _Found(path, path.name)


def _from_manifest(manifest: Path) -> Iterator[_Found]:
    reader = csv.DictReader(_read_text(manifest).splitlines())
    try:
        columns, rows = reader.fieldnames or (), list(reader)
    except csv.Error as error:
        raise OptionError(f"The manifest {manifest.name} cannot be read: {error}.") from error
    if "path" not in columns:
        raise OptionError(
            f"The manifest {manifest.name} has no column 'path'; its columns are "
            f"{', '.join(columns) or 'none'}."
        )
    for number, row in enumerate(rows, start=2):
        try:
            if not row["path"]:
                raise ValueError("the column 'path' is empty")
            start = float(row.get("start_seconds") or 0)
            end = float(row["end_seconds"]) if row.get("end_seconds") else None
            if not 0 <= start < (1e9 if end is None else end) < float("inf"):
                raise ValueError(f"there is no part of a video from {start:g} s to {end} s")
        except ValueError as error:
            raise OptionError(f"{manifest.name}, line {number}: {error}.") from error
        path = (manifest.parent / row["path"]).resolve()
        yield _Found(path, path.name, start, end)


def _read_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"The list {path} cannot be read: {error}.") from error
    if "\0" in text:
        raise OptionError(f"The list {path} is no text file: there is a zero byte in it.")
    return text


def _named(found: Iterable[_Found]) -> Iterator[Item]:
    taken: dict[str, int] = {}
    for one in found:
        name = one.relative
        if one.start_seconds or one.end_seconds is not None:  # never the results of the whole file
            end = "" if one.end_seconds is None else f"{one.end_seconds:.10g}"
            name += f"@{one.start_seconds:.10g}-{end}"
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:  # two folders hold a file of the same name
            pure = PurePosixPath(name)
            name = str(pure.with_name(f"{pure.name}~{taken[name]}"))
        yield Item(one.path, name, one.start_seconds, one.end_seconds)
