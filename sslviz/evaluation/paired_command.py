"""``sslviz evaluate paired``."""

import argparse

from sslviz.evaluation.console import Load, Say, progress_bar, write_json
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.library import Library
from sslviz.evaluation.paired import PairedOptions, PairedReport, measure_paired


def run_paired(args: argparse.Namespace, load: Load, say: Say) -> int:
    """Measure on a folder of photos, sounds, marked pictures and clips."""
    localizer = load()
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
    write_json(args.json, found.to_json())
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
    lines.append("")
    for size, latency in report.latencies.items():
        if latency is not None:
            lines.append(
                f"One window at {size} size, one core: {latency.cpu_ms:.1f} ms of CPU time "
                f"({latency.wall_ms:.1f} ms waited at load {latency.load:.1f}), "
                f"map {latency.map_shape[0]}x{latency.map_shape[1]}, n = {latency.num_windows}"
            )
    return [*lines, *(f"note: {note}" for note in report.notes)]
