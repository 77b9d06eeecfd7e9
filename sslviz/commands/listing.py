"""``models``, ``fetch`` and ``publish``: what weights there are, and how to get or share them."""

import argparse
from pathlib import Path

from sslviz.catalog import CHECKPOINTS, METHODS
from sslviz.commands.arguments import Say


def add_models(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz models``."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run_models(args: argparse.Namespace, say: Say) -> int:
    """``sslviz models``: every checkpoint on offer and whether it is here."""
    import json
    from dataclasses import asdict

    from sslviz.checkpoints import available

    states = available()
    if args.json:
        say(json.dumps([asdict(state) for state in states], indent=2))
        return 0
    width = max(len(state.name) for state in states)
    for state in states:
        method = METHODS[state.method]
        size = f"{state.size_bytes / 1e6:.0f} MB" if state.size_bytes else "size unknown"
        live = ", live" if method.live else ""
        licence = CHECKPOINTS[state.name].licence
        say(f"{state.name:<{width}}  {state.where}, {size}, licence: {licence}{live}")
        say(f"{'':<{width}}  {method.title} (arXiv {method.arxiv}). {method.summary}")
        if state.note:
            say(f"{'':<{width}}  {state.note}")
    return 0


def add_fetch(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz fetch``."""
    parser.add_argument("name", metavar="NAME", help="from `sslviz models`, or hf:USER/NAME")
    parser.add_argument(
        "--from-file", type=Path, metavar="FILE",
        help="use this file of the authors (such as ACL's Param_best.pth); fetch only the rest",
    )  # fmt: skip
    parser.add_argument(
        "--allow-pickle", action="store_true", help="FILE may be in PyTorch's pickle format"
    )
    parser.add_argument(
        "--bundle", type=Path, metavar="FOLDER",
        help="also write a trimmed half-precision copy that loads with no network (ACL)",
    )  # fmt: skip


def run_fetch(args: argparse.Namespace, say: Say) -> int:
    """``sslviz fetch NAME``: download, verify and convert."""
    import sys

    from tqdm import tqdm

    from sslviz.checkpoints.bundling import adopt, bundle
    from sslviz.checkpoints.hub import fetch_companions
    from sslviz.checkpoints.loading import locate

    bars: dict[str, tqdm[None]] = {}

    def tell(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = tqdm(
                desc=name, total=total or None, unit="B", unit_scale=True, file=sys.stderr,
                disable=args.quiet,
            )  # fmt: skip
        bars[name].update(done - bars[name].n)

    try:
        if args.from_file:
            folder = adopt(args.name, args.from_file, args.allow_pickle, tell)
        else:
            folder = locate(args.name, progress=tell)
            if args.name in CHECKPOINTS:
                # An earlier try may have ended before them.
                fetch_companions(args.name, folder, tell)
    finally:
        for bar in bars.values():
            bar.close()
    say(f"{args.name} is here: {folder}")
    if args.bundle:
        say(f"A trimmed copy is here: {bundle(folder, args.bundle)}")
    return 0


def add_publish(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sslviz publish``."""
    parser.add_argument(
        "checkpoint", metavar="CHECKPOINT", help="name of one that is here, or a checkpoint folder"
    )
    parser.add_argument("--repo", required=True, metavar="USER/NAME", help="repository on the Hub")
    parser.add_argument("--private", action="store_true", help="visible to you only")


def run_publish(args: argparse.Namespace, say: Say) -> int:
    """``sslviz publish CHECKPOINT --repo USER/NAME``: upload a checkpoint with its card."""
    from sslviz.checkpoints import publish

    say(str(publish(args.checkpoint, args.repo, args.private)))
    return 0
