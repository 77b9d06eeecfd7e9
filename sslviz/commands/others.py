"""Thin adapters for commands whose bodies hand back text."""

import argparse

from sslviz.commands.arguments import Say


def run_bench(args: argparse.Namespace, say: Say) -> int:
    """``sslviz bench``."""
    from sslviz.bench.command import run

    text, status = run(args)
    say(text)
    return status
