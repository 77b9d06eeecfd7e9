"""What the bodies of ``sslviz evaluate`` share."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.errors import OptionError, OutputError
from sslviz.evaluation.command import Say
from sslviz.types import Localizer
from sslviz.whole_file import whole_file


def load(args: argparse.Namespace, say: Say) -> Localizer:
    """The localizer that the arguments name; says loudly when it was never trained.

    Raises:
        OptionError: The checkpoint belongs to another method than the one asked for.
    """
    from sslviz.checkpoints import load_localizer  # torch takes seconds: first find the data

    name = args.checkpoint or args.method or DEFAULT_CHECKPOINT
    localizer = load_localizer(
        name, file=args.file, device=args.device, allow_untrained=args.allow_untrained
    )
    found = localizer.identity
    if args.method and found.method != args.method:
        raise OptionError(f"--method is {args.method}, but {name} belongs to {found.method}.")
    if not found.trained:
        say("THESE WEIGHTS WERE NEVER TRAINED: the figures below are those of chance.")
    return localizer


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
