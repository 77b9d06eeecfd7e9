"""Peak memory of long and short renders; run by hand: ``python tests/engine/measure_memory.py 6 60``.

Each length runs in a process of its own, with a localizer that costs nothing, so that what is measured
is the engine: parent and media child, largest resident memory of each.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clips import ffmpeg
from engine_helpers import BrightestIsLoudest

RATE = 10


def make(folder: Path, minutes: float) -> Path:
    """A 640x360 video with sound, one minute long, repeated by copying its packets."""
    unit, path = folder / "minute.mp4", folder / "long.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", f"testsrc2=s=640x360:r={RATE}:d=60", "-f", "lavfi", "-i", "sine=d=60",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", unit,
    )  # fmt: skip
    ffmpeg("-stream_loop", round(minutes) - 1, "-i", unit, "-c", "copy", path)
    return path


def measure(minutes: float) -> dict[str, float]:
    from sslviz.pipeline import render

    with tempfile.TemporaryDirectory() as folder:
        source = make(Path(folder), minutes)
        start = time.perf_counter()
        result = render(source, Path(folder) / "out.mp4", BrightestIsLoudest())
        wall = time.perf_counter() - start
    parent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "minutes": minutes,
        "windows": len(result.track),
        "wall_seconds": round(wall, 1),
        "parent_mb": round(parent, 1),
        "child_mb": round(children, 1),
    }


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        sys.stdout.write(json.dumps(measure(float(sys.argv[2]))) + "\n")
    else:
        for minutes in sys.argv[1:]:
            subprocess.run([sys.executable, __file__, "--one", minutes], check=True)
