"""``python -m sslviz`` is the command line."""

import sys

from sslviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
