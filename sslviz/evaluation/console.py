"""What the bodies of ``sslviz evaluate`` share."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sslviz.errors import OutputError
from sslviz.types import Localizer
from sslviz.whole_file import whole_file

Say = Callable[[str], None]
"""Where a command's lines go; the command line passes ``print``."""
Load = Callable[[], Localizer]
"""Loads what is to be measured. Torch takes seconds: first find the data."""


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar per part on standard error."""
    bars: dict[str, Any] = {}

    def report(part: str, done: int, total: int) -> None:
        if part not in bars:
            for bar in bars.values():
                bar.close()
            bars[part] = tqdm(total=total, desc=part, disable=quiet, leave=False)
        bars[part].update(done - bars[part].n)

    try:
        yield report
    finally:
        for bar in bars.values():
            bar.close()


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error


def write_json(path: Path | None, values: Any) -> None:
    """Write indented JSON; nothing without a path.

    Raises:
        OutputError: It cannot be written.
    """
    if path is not None:
        write_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")
