"""The real app with localizers that need no weights: ``python serve.py PORT FOLDER``."""

import sys
from pathlib import Path

from ui_helpers import Listener

from sslviz.ui import localizers, server
from sslviz.ui.settings import MEGABYTE, Deployment

if __name__ == "__main__":
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    deployment = Deployment(folder=folder, max_bytes=8 * MEGABYTE)
    shelf = localizers.Shelf(load=lambda name, device: Listener(name))
    app = server.start(server.ServerOptions(port=port, open_browser=False), deployment, shelf)
    app.page.block_thread()
