"""Start the app: ``python app.py``, with the flags of ``sslviz app``.

Settings for a public deployment come from the environment.
"""

import sys

from sslviz.cli import main

if __name__ == "__main__":  # worker processes must not start an app of their own
    raise SystemExit(main(["app", *sys.argv[1:]]))
