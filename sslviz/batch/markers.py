"""Done-markers: what makes any rerun resume exactly.

A marker is written last, after every result of its item stands under its final name. It holds the
hash of the file's content and of the settings, so that a changed file or another setting is worked
on anew, and nothing else is.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sslviz.media.hashing import sha256_of
from sslviz.whole_file import whole_file

MARKER_SUFFIX = ".done.json"
_PART = re.compile(r"(\.\d+)?\.part$")


@dataclass(frozen=True, slots=True)
class Marker:
    """The proof that one item is done."""

    content_sha256: str
    settings_sha256: str
    size_bytes: int
    modified_ns: int
    """Of the source; where size and time are unchanged the content is not read again."""
    outputs: tuple[str, ...]
    """Names of the results, relative to the output folder."""
    windows: int
    duration_seconds: float
    confident_share: float
    """Of the windows, those whose confidence passes the checkpoint's gate."""
    warnings: tuple[str, ...] = ()


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Of everything that decides the results, in a canonical JSON form."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def marker_path(folder: Path, name: str) -> Path:
    """Where the marker of the item ``name`` stands."""
    return folder / (name + MARKER_SUFFIX)


def read_marker(folder: Path, name: str) -> Marker | None:
    """The marker of an item; ``None`` where there is none or it cannot be read."""
    try:
        values = json.loads(marker_path(folder, name).read_text())
        return Marker(
            **{**values, "outputs": tuple(values["outputs"]), "warnings": tuple(values["warnings"])}
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_marker(folder: Path, name: str, marker: Marker) -> None:
    """Write it whole or not at all."""
    write_text_whole(marker_path(folder, name), json.dumps(asdict(marker), indent=1))


def is_done(folder: Path, name: str, source: Path, settings_sha256: str) -> bool:
    """Whether the item's results stand, made from this very content with these settings."""
    marker = read_marker(folder, name)
    if marker is None or marker.settings_sha256 != settings_sha256:
        return False
    if not all((folder / output).is_file() for output in marker.outputs):
        return False
    try:
        stat = source.stat()
        if (stat.st_size, stat.st_mtime_ns) == (marker.size_bytes, marker.modified_ns):
            return True
        return stat.st_size == marker.size_bytes and sha256_of(source) == marker.content_sha256
    except OSError:  # working on it will say why it cannot be read
        return False


def remove_leftovers(folder: Path, names: Set[str], endings: Iterable[str]) -> None:
    """Remove what a killed run was still writing.

    Args:
        folder: Searched through.
        names: Of the items of the run.
        endings: Of their results.
    """
    for part in list(folder.rglob("*.part")):
        result = _PART.sub("", part.relative_to(folder).as_posix())
        if any(result.removesuffix(end) in names for end in endings if result.endswith(end)):
            part.unlink(missing_ok=True)


def write_text_whole(path: Path, text: str) -> None:
    """Write a text file under its name only once all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
