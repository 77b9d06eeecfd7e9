"""``sslviz bench``: take the figures, print the table, keep the JSON."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from sslviz.bench.measure import Measurement, machine, table, write_json
from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.errors import OptionError

NAMES = ("render", "model", "live", "overlay", "decode", "encode", "startup")
ON_REQUEST = ("acl",)
"""Minutes of one core, and about ACL alone."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the sub-parser."""
    parser.add_argument(
        "benches", nargs="*", metavar="BENCH", help=f"of {', '.join(NAMES)} (all by default), acl"
    )
    parser.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT, help="name or folder")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--sizes", default="720p,1080p", help="of 360p, 720p, 1080p")
    parser.add_argument("--seconds", type=int, default=30, help="length of the input")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")


def run(arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Take the figures and print the table.

    Returns:
        The exit status.

    Raises:
        OptionError: An unknown bench or size.
    """
    from sslviz.bench import benches
    from sslviz.bench.clip import SIZES

    sizes = tuple(arguments.sizes.split(","))
    for given, known in ((arguments.benches, NAMES + ON_REQUEST), (sizes, SIZES)):
        if unknown := sorted(set(given) - set(known)):
            raise OptionError(f"Unknown: {', '.join(unknown)}; allowed are {', '.join(known)}.")
    options = benches.BenchOptions(
        arguments.checkpoint, arguments.device, sizes, arguments.seconds, arguments.repeats
    )
    measurements: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="sslviz-bench-") as folder:
        for name in arguments.benches or NAMES:
            measurements += getattr(benches, f"bench_{name}")(options, Path(folder))
    if arguments.json:
        write_json(measurements, arguments.json)
    load = machine()
    say(table(measurements))
    say(f"{load['cores']} cores, load average {load['load_average']:.1f}")
    return 0
