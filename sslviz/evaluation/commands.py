"""The bodies of ``sslviz evaluate``."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.checkpoints import load_localizer
from sslviz.errors import OptionError, OutputError
from sslviz.evaluation.command import Say
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.library import Library
from sslviz.evaluation.paired import PairedOptions, PairedReport, measure_paired
from sslviz.types import Localizer


def load(args: argparse.Namespace, say: Say) -> Localizer:
    """The localizer that the arguments name; says loudly when it was never trained.

    Raises:
        OptionError: The checkpoint belongs to another method than the one asked for.
    """
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
    """Write a file through ``.part``, so that no half of it is ever left under its name.

    Raises:
        OutputError: It cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error


def to_json(values: Any) -> str:
    """Indented JSON."""
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def run_paired(args: argparse.Namespace, say: Say) -> int:
    """``sslviz evaluate paired``."""
    localizer = load(args, say)
    options = PairedOptions(
        num_mosaics=args.mosaics,
        num_composites=args.composites,
        num_confidence=args.confidence,
        num_timed=args.timed,
        seed=args.seed,
        batch_size=args.batch_size,
    )
    with SandboxedSource() as source, progress_bar(args.quiet) as report:
        library = Library(localizer.spec, source)
        found = measure_paired(localizer, args.data, args.split, library, options, report)
    if args.json:
        write_text(args.json, to_json(found.to_json()))
    for line in paired_table(found):
        say(line)
    return 0


def paired_table(report: PairedReport) -> list[str]:
    """A Markdown table: figure, 95 % interval, n, and the baselines beside it."""
    kinds = ("centre", "object", "random", "wrong_sound")
    lines = [
        f"{report.identity.method}, checkpoint {report.identity.checkpoint}, split {report.split}",
        "",
        "| figure | value | 95 % interval | n | centre | object | random | wrong sound |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for figure in report.figures:
        sure = figure.interval
        beside = [f"{figure.baselines[k]:.3f}" if k in figure.baselines else "" for k in kinds]
        between = f"{sure.low:.3f} to {sure.high:.3f}" if sure else ""
        cells = [figure.name, f"**{figure.value:.3f}**", between, str(figure.num), *beside]
        lines.append(f"| {' | '.join(cells)} |")
    for size, latency in report.latencies.items():
        if latency is not None:
            lines.append(
                f"\nOne window at {size} size, one core: {latency.cpu_ms:.1f} ms of CPU time "
                f"({latency.wall_ms:.1f} ms waited at load {latency.load:.1f}), "
                f"map {latency.map_shape[0]}x{latency.map_shape[1]}, n = {latency.num_windows}"
            )
    return [*lines, *(f"note: {note}" for note in report.notes)]


RUN: dict[str, Callable[[argparse.Namespace, Say], int]] = {"paired": run_paired}
