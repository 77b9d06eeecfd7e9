"""``sslviz evaluate``: flags and dispatch. Imports nothing heavy until a command runs."""

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from sslviz.commands.arguments import Say, add_localizer, load
from sslviz.evaluation.registry import BENCHMARKS, PROTOCOL_NAMES

_BODIES = {"paired": "paired_command", "clip": "clip_command", "swap": "clip_command"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the evaluations as sub-commands."""
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_paired(kinds.add_parser("paired", help="photos and sounds by category, masks, real clips"))
    _add_clip(kinds.add_parser("clip", help="your own video with boxes"))
    _add_swap(kinds.add_parser("swap", help="audio-swap test: does the map follow the sound?"))
    for entry in BENCHMARKS.values():
        _add_benchmark(kinds.add_parser(entry.name, help=entry.title))


def run(args: argparse.Namespace, say: Say) -> int:
    """Run what was asked for; the exit status."""
    module = import_module(f"sslviz.evaluation.{_BODIES.get(args.what, 'benchmark_command')}")
    name = args.what if args.what in _BODIES else "benchmark"
    status: int = getattr(module, f"run_{name}")(args, lambda: load_measured(args, say), say)
    return status


def load_measured(args: argparse.Namespace, say: Say) -> Any:
    """The localizer that the flags mean; says loudly when it was never trained.

    Refined maps are blended at the size of the ground truth, as the papers' evaluations do: on the
    network's own grid, as for pictures, other pixels win.

    Raises:
        CheckpointError: Missing or damaged weights.
        DeviceError: No such device.
        OptionError: The network cannot be refined so.
    """
    from sslviz.evaluation.protocols import SIZE

    localizer = load(args, say, blend_size=SIZE)
    if not localizer.identity.trained:
        say("THESE WEIGHTS WERE NEVER TRAINED: the figures below are those of chance.")
    return localizer


def _add_running(parser: argparse.ArgumentParser) -> None:
    add_localizer(parser)
    add = parser.add_argument
    add("--batch-size", type=int, default=8, help="windows per model call (default: 8)")
    add("--seed", type=int, default=0, help="of every random draw (default: 0)")
    add("--quiet", action="store_true", help="no progress bar")


def _add_paired(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="with photo.csv, audio.csv, eval")
    add("--split", default="val", help="as named in the tables, or all (default: val)")
    add("--json", type=Path, metavar="FILE", help="write every figure here")
    add("--mosaics", type=int, default=1000, help="draws per size (default: 1000)")
    add("--composites", type=int, default=500, help="draws (default: 500)")
    add("--confidence", type=int, default=400, help="photos (default: 400)")
    add("--timed", type=int, default=30, help="timed windows, 0: none (default: 30)")
    _add_running(parser)


def _add_clip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path)
    parser.add_argument(
        "--boxes", type=Path, required=True, help="JSON list of {file, t, boxes [[x0, y0, x1, y1]]}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    _add_running(parser)


def _add_swap(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path)
    parser.add_argument("--other", type=Path, help="a sound or video whose sound is laid under it")
    parser.add_argument("--windows", type=int, default=8, help="spread over the video (default: 8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    _add_running(parser)


def _add_benchmark(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="the benchmark's folder")
    add("--split", default="test", help="of AVSBench or of a paired folder (default: test)")
    add(
        "--protocol",
        action="append",
        choices=(*PROTOCOL_NAMES, "all"),
        help="may be given several times (default: ezvsl)",
    )
    add("--out", type=Path, default=None, metavar="DIR", help="results (default: out/evaluate)")
    add("--negatives", action="store_true", help="also silence, noise and off-screen sounds")
    add("--f-batch", type=int, help="AVSBench's own F: maximum per batch of so many frames")
    add("--retrieval", action="store_true", help="also R@1, R@5, R@10 in both directions")
    add(
        "--no-object-prior",
        action="store_true",
        help="leave the column of the network's own object prior out (faster)",
    )
    add("--no-gallery", action="store_true", help="no plots and no page of best and worst cases")
    add("--fresh", action="store_true", help="refuse to go on with an earlier run")
    _add_running(parser)
