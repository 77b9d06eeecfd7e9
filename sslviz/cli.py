"""The command line: one line per command; the bodies live with what they do.

Exit status: 0 done, 1 it failed (one line on standard error says why), 2 wrong arguments,
130 interrupted, 143 terminated (nothing half-written is left in either case).
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import FrameType

from sslviz import __version__
from sslviz.errors import CancelledError, OptionError, SSLVizError


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command's flags and body are; imported only when it is called."""

    help: str
    module: str
    add: str = "add_arguments"
    run: str = "run"


COMMANDS = {
    "render": Command(
        "paint the source of the sound into a video", "commands.video", "add_render", "run_render"
    ),
    "analyse": Command(
        "score a video, save the maps", "commands.video", "add_analyse", "run_analyse"
    ),
    "restyle": Command(
        "paint a video from saved maps, without a model",
        "commands.video",
        "add_restyle",
        "run_restyle",
    ),
    "app": Command("the app in the browser", "ui.command"),
    "live": Command(
        "camera and microphone in a window, or files as if live",
        "commands.live",
        "add_live",
        "run_live",
    ),
    "models": Command(
        "methods and checkpoints on offer", "commands.listing", "add_models", "run_models"
    ),
    "fetch": Command("download a checkpoint", "commands.listing", "add_fetch", "run_fetch"),
    "publish": Command(
        "upload a checkpoint to the Hub", "commands.listing", "add_publish", "run_publish"
    ),
    "evaluate": Command("measure a localizer against marked data", "commands.evaluate"),
    "train": Command("train a method on a folder", "training.command"),
    "guidance": Command("ask a chat model what training clips show", "training.guidance_command"),
    "batch": Command(
        "many files, on every core or on Ray",
        "batch.command",
        "add_batch_arguments",
        "run_batch_command",
    ),
    "search": Command(
        "find moments in what a batch made",
        "batch.command",
        "add_search_arguments",
        "run_search_command",
    ),
    "bench": Command("measure speed against the floor on this machine", "bench.command"),
    "doctor": Command("what works on this machine", "commands.doctor", "add_doctor", "run_doctor"),
}
"""In the order of the help page. Each module has ``add(parser)`` and ``run(args, say) -> int``."""


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The parser, with the flags of one command; those of the others are not needed.

    Args:
        chosen: Name of the command to prepare.
    """
    parser = argparse.ArgumentParser(
        prog="sslviz",
        description="See which pixels make the sound.",
        epilog="sslviz COMMAND --help tells the flags of a command.",
    )
    parser.add_argument("--version", action="version", version=f"sslviz {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}."
        )
        if name == chosen:
            getattr(import_module(f"sslviz.{command.module}"), command.add)(sub)
            if "--quiet" not in sub.format_help():
                sub.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if word in COMMANDS), None)
    args = build_parser(chosen).parse_args(words)
    command = COMMANDS[args.command]
    if args.command != "train":
        share_cores()
    try:
        body = getattr(import_module(f"sslviz.{command.module}"), command.run)
        with ending_on_request():
            status: int = body(args, _say)
        return status
    except (KeyboardInterrupt, CancelledError) as error:
        print("sslviz: stopped; nothing half-written is left.", file=sys.stderr)
        return 143 if isinstance(error, _Terminated) else 130
    except OptionError as error:
        print(f"sslviz: {error}", file=sys.stderr)
        return 2
    except SSLVizError as error:
        print(f"sslviz: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # of the machine: a port in use, a folder that may not be written to
        where = f" ({error.filename})" if error.filename else ""
        print(f"sslviz: {error.strerror or error}{where}", file=sys.stderr)
        return 1
    except MemoryError:
        print(
            "sslviz: no memory is left; try a smaller --batch-size or a shorter part.",
            file=sys.stderr,
        )
        return 1


def share_cores() -> None:
    """Leave half of the cores to decoder, encoder and page: torch that takes them all waits for itself.

    Takes effect where torch is not imported yet; a number that the user has set stands.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) // 2)))


class _Terminated(KeyboardInterrupt):
    """The system asked us to end (SIGTERM)."""


@contextmanager
def ending_on_request() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does; left alone, it would leave unfinished files behind."""

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(line: str) -> None:
    print(line, flush=True)
