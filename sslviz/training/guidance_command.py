"""``sslviz guidance``: ask a chat model what the clips of a table show."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

KEY_VARIABLE = "SSLVIZ_CHAT_KEY"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the sub-parser."""
    parser.add_argument(
        "clips", type=Path, metavar="CLIPS.csv", help="columns id, and label, caption or image"
    )
    parser.add_argument("target", type=Path, metavar="GUIDANCE.jsonl", help="made or gone on with")
    parser.add_argument("--endpoint", help="base URL of an OpenAI-compatible server")
    parser.add_argument("--model", help="the name of the model there")
    parser.add_argument(
        "--labels-only", action="store_true", help="no model: the label is what sounds"
    )
    parser.epilog = f"The key for the endpoint, where it wants one, is read from {KEY_VARIABLE}."


def run(arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Make the file; 1 where some clips are left without a usable answer.

    Raises:
        OptionError: Neither an endpoint with a model, nor labels only.
        DatasetError: The table or an existing file cannot be used.
        HubError: The endpoint does not answer.
    """
    from sslviz.errors import OptionError
    from sslviz.training import guidance
    from sslviz.training.guidance_file import finished_ids, of_labels, to_line

    clips = guidance.read_clips(arguments.clips)
    if arguments.labels_only:
        done = finished_ids(arguments.target)
        labels = [(c.id, c.label) for c in clips if c.label and c.id not in done]
        with arguments.target.open("a", encoding="utf-8") as out:
            out.writelines(to_line(made) for made in of_labels(labels))
        say(f"{len(labels)} of {len(clips)} clips got their label, {len(done)} were there.")
        return 0
    if not (arguments.endpoint and arguments.model):
        raise OptionError("Give --endpoint and --model, or --labels-only for no model at all.")
    options = guidance.ChatOptions(
        arguments.endpoint, arguments.model, os.environ.get(KEY_VARIABLE) or None
    )
    progress = None if arguments.quiet else _bar()
    report = guidance.make_guidance(clips, arguments.target, options, progress)
    say(f"{report.made} made, {report.already_there} were there, {len(report.refused)} refused.")
    for reason in report.refused:
        say(f"refused: {reason}")
    return 1 if report.refused else 0


def _bar() -> Callable[[int, int], None]:
    from tqdm import tqdm

    bar: tqdm[None] = tqdm(unit="clip", file=sys.stderr)

    def tell(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return tell
