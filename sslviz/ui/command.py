"""``sslviz app``: the page in the browser."""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument(
        "--host", help="address to listen on; this machine only by default, 0.0.0.0 for all"
    )
    parser.add_argument("--port", type=int, help="the first free one from 7860 by default")
    parser.add_argument("--share", action="store_true", help="ask Gradio for a public link")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.add_argument(
        "--certificate", type=Path, help="for https, which cameras of other machines need"
    )
    parser.add_argument("--key", type=Path, help="of the certificate")


def run(args: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Serve until interrupted."""
    from sslviz.ui.server import ServerOptions, launch

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("sslviz").setLevel(logging.INFO)
    options = ServerOptions(
        args.host, args.port, args.share, not args.no_browser, args.certificate, args.key
    )
    launch(options, say=say)
    return 0
