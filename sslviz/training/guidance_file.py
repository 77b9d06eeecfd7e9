"""``guidance.jsonl``: per clip, what is visible and sounds, and what is visible but silent.

One JSON object per line: ``{"id": ..., "sounding": [...], "silent": [...], "source": ...}``. Phrases are short noun phrases in
lower case. Made by a chat model (``training/guidance.py``), from class labels (``of_labels``), or by hand.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sslviz.errors import DatasetError

MAX_PHRASES, MAX_LENGTH = 6, 60
LABEL_SOURCE = "label"


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a clip shows."""

    id: str
    sounding: tuple[str, ...]
    """Phrases for what is heard; may be empty where nothing visible sounds."""
    silent: tuple[str, ...] = ()
    """Phrases for what is visible but makes no sound."""
    source: str = LABEL_SOURCE
    """Who says so: ``label``, ``hand`` or the name of a model."""


def parse_guidance(values: Mapping[str, Any]) -> Guidance:
    """Check one record.

    Raises:
        DatasetError: A field is missing, misshapen or contradicts another; the text says which.
    """
    identifier = values.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise DatasetError("id must be a non-empty string")
    sounding, silent = (_phrases(values, name) for name in ("sounding", "silent"))
    if both := sorted(set(sounding) & set(silent)):
        raise DatasetError(f"{', '.join(both)} cannot be both sounding and silent")
    if not sounding and not silent:
        raise DatasetError("sounding and silent are both empty")
    source = values.get("source", "hand")
    if not isinstance(source, str):
        raise DatasetError("source must be a string")
    return Guidance(identifier, sounding, silent, source)


def _phrases(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    phrases = values.get(name, [])
    if not isinstance(phrases, list) or not all(isinstance(p, str) for p in phrases):
        raise DatasetError(f"{name} must be a list of strings")
    cleaned = list(dict.fromkeys(" ".join(p.lower().split()).strip(" .") for p in phrases))
    if len(cleaned) > MAX_PHRASES:
        raise DatasetError(f"{name} has {len(cleaned)} phrases, at most {MAX_PHRASES} are allowed")
    if wrong := [p for p in cleaned if not 0 < len(p) <= MAX_LENGTH]:
        raise DatasetError(
            f"{name} has a phrase of {len(wrong[0])} characters, not 1 to {MAX_LENGTH}"
        )
    return tuple(cleaned)


def read_guidance(path: Path) -> dict[str, Guidance]:
    """Every record by its id; the last one counts where an id comes twice.

    Raises:
        DatasetError: A line cannot be used; the text names it.
    """
    if not path.is_file():
        raise DatasetError(f"There is no guidance file {path}; make one with `sslviz guidance`.")
    records = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is no text in UTF-8: {error}.") from error
    for number, line in enumerate(lines, 1):
        try:
            guidance = parse_guidance(_record(line))
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{path}, line {number}: {error}.") from error
        records[guidance.id] = guidance
    return records


def _record(line: str) -> dict[str, Any]:
    values = json.loads(line)
    if not isinstance(values, dict):
        raise DatasetError("a line must be a JSON object")
    return values


def to_line(guidance: Guidance) -> str:
    """The record as a line of the file."""
    return json.dumps(asdict(guidance), ensure_ascii=False) + "\n"


def of_labels(labels: Iterable[tuple[str, str]]) -> Iterator[Guidance]:
    """Guidance without a model: a clip's class label (VGGSound has one each) is what sounds."""
    for identifier, label in labels:
        yield parse_guidance({"id": identifier, "sounding": [label], "source": LABEL_SOURCE})


def finished_ids(path: Path) -> set[str]:
    """Ids that are already in a file; a last line that was cut off by a kill is removed from it.

    Raises:
        DatasetError: A whole line cannot be used.
    """
    if not path.is_file():
        return set()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        path.write_bytes(whole)
    return set(read_guidance(path))
