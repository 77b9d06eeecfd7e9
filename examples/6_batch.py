"""Every clip of a folder, then the moments with the most confident source.

python examples/6_batch.py [FOLDER]
"""

import sys
from pathlib import Path

from sslviz.batch.engine import run_batch
from sslviz.batch.inputs import collect
from sslviz.batch.search import Order, search
from sslviz.batch.work import BatchOptions
from sslviz.checkpoints import fetch, read_config

METHOD = "marginnce-compact"


def main() -> None:
    """Work through the folder; a second run finds everything done."""
    folder = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).parent)
    weights, out = read_config(fetch(METHOD)).sha256, Path("batch_results")
    for progress in run_batch(collect([folder]), BatchOptions(METHOD), out, weights):
        done = progress.files_done + progress.files_skipped
        print(f"{done}/{progress.files_total} files, {progress.windows_per_second:.1f} maps/s")
    moments, _ = search(out, Order.CONFIDENT, top=5)
    for moment in moments:
        print(f"{moment.name} at {moment.time_seconds:.1f} s: confidence {moment.confidence:.2f}")


if __name__ == "__main__":  # workers are new processes that import this file
    main()
