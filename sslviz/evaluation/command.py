"""``sslviz evaluate``: arguments and dispatch. Imports nothing heavy until a command runs."""

import argparse
from collections.abc import Callable
from pathlib import Path

from sslviz.catalog import DEFAULT_CHECKPOINT

Say = Callable[[str], None]
"""Where a command's lines go; the command line passes ``print``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the evaluations as sub-commands."""
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_paired(kinds.add_parser("paired", help="photos and sounds by category, masks, clips"))


def run(args: argparse.Namespace, say: Say) -> int:
    """Run what was asked for; the exit status."""
    from sslviz.evaluation import commands

    return commands.RUN[args.what](args, say)


def _add_localizer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--method", help="a method; its own checkpoint unless --checkpoint is given"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="NAME",
        help=f"catalog name, checkpoint folder or hf:USER/NAME (default: {DEFAULT_CHECKPOINT})",
    )
    parser.add_argument("--file", type=Path, help="weights in the authors' own layout")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    parser.add_argument(
        "--allow-untrained",
        action="store_true",
        help="measure random weights where there are no others",
    )
    parser.add_argument(
        "--batch-size", type=int, default=8, help="windows per model call (default: 8)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of every random draw (default: 0)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_paired(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder with photo.csv, audio.csv, eval",
    )
    parser.add_argument(
        "--split", default="val", help="as named in the tables, or all (default: val)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    parser.add_argument("--mosaics", type=int, default=1000, help="draws per size (default: 1000)")
    parser.add_argument("--composites", type=int, default=500, help="draws (default: 500)")
    parser.add_argument("--confidence", type=int, default=400, help="photos (default: 400)")
    parser.add_argument(
        "--timed", type=int, default=30, help="timed windows, 0: none (default: 30)"
    )
    _add_localizer(parser)
