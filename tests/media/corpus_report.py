# ruff: noqa: T201
"""Read every file of a folder of odd media through the sandbox and print what came of it.

    python tests/media/corpus_report.py FOLDER [--files] [--memory-mb N]

Each file must give a result or a typed refusal; a hang or a crash is a failure (exit status 1).
Where the folder has a manifest.csv (columns path and frames_ffprobe5, pyav_tolerant), the number of
frames is compared with the larger of the two counts there.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sslviz.errors import MediaCrashError, MediaError, MediaTimeoutError
from sslviz.media.sandbox import Sandbox
from sslviz.options import MediaLimits
from tests.media.reading import Seen, read_everything


def expected_frames(folder: Path) -> dict[Path, int]:
    """Frames of each file by independent tools."""
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        return {}
    found = {}
    for row in csv.DictReader(manifest.open(encoding="utf-8")):
        tolerant = row["pyav_tolerant"].rpartition(":")[2]
        counts = [int(n) for n in (row["frames_ffprobe5"], tolerant) if n.isdigit()]
        found[folder / row["path"]] = max(counts, default=0)
    return found


def read_one(path: Path, limits: MediaLimits) -> tuple[str, Seen | None, str, float, int]:
    """(outcome, what was seen, message, seconds, peak bytes) of one file."""
    begin = time.monotonic()
    seen, message = None, ""
    with Sandbox(
        read_everything, path, limits, limits=limits, cpu_seconds=120, messages=[Seen]
    ) as sandbox:
        try:
            while True:
                sandbox.receive()
        except EOFError:
            seen, outcome = sandbox.result, "ok"
        except MediaCrashError as error:
            outcome, message = "CRASH", str(error)
        except MediaTimeoutError as error:
            outcome, message = "HANG", str(error)
        except MediaError as error:
            outcome, message = "refused", str(error)
        except Exception as error:  # noqa: BLE001 - this is what the report looks for
            outcome, message = "UNTYPED", f"{error!r} {error.__notes__}"
    return outcome, seen, message, time.monotonic() - begin, sandbox.peak_memory_bytes


def kind_of(message: str, name: str) -> str:
    """A refusal without the names and numbers of its file."""
    message = message.replace(repr(name), "FILE")
    for start in ("No frame of FILE could be decoded", "FILE is coded as", "FILE has "):
        if message.startswith(start):
            return start
    return message.split(";")[0].split(" (")[0]


def main() -> int:
    """Read all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", action="store_true", help="a line for every file")
    parser.add_argument("--memory-mb", type=int, default=3072)
    asked = parser.parse_args()
    truth = expected_frames(asked.folder)
    paths = sorted(truth) or sorted(p for p in asked.folder.rglob("*") if p.is_file())
    limits = MediaLimits(max_memory_bytes=asked.memory_mb << 20)
    outcomes: Counter[str] = Counter()
    worst: list[tuple[float, float, str]] = []
    differing = []
    for path in paths:
        outcome, seen, message, seconds, peak = read_one(path, limits)
        label = path.relative_to(asked.folder)
        if seen is not None:
            outcomes[f"ok: {'picture' if seen.kind == 'video' else 'sound alone'}"] += 1
        else:
            outcomes[f"{outcome}: {kind_of(message, path.name)}"] += 1
        frames = seen.frames if seen else 0
        if path in truth and frames != truth[path]:
            differing.append(f"{label}: {frames} of {truth[path]} frames; {message}")
        worst.append((seconds, peak / 2**20, str(label)))
        if asked.files:
            warned = "; ".join(seen.warnings) if seen else message
            print(
                f"{outcome:8} {seconds:5.2f} s {peak / 2**20:5.0f} MB {frames:5} {label}: {warned}"
            )
    print(f"\n{len(paths)} files")
    for what, count in sorted(outcomes.items(), key=lambda item: -item[1]):
        print(f"{count:5}  {what}")
    print("slowest:", *(f"{s:.2f} s {name}" for s, _, name in sorted(worst)[-3:]), sep="\n  ")
    by_memory = sorted(worst, key=lambda entry: entry[1])
    print("largest:", *(f"{m:.0f} MB {name}" for _, m, name in by_memory[-3:]), sep="\n  ")
    print(f"{len(differing)} with another number of frames than counted by ffprobe / PyAV:")
    print(*(f"  {line}" for line in differing), sep="\n")
    return int(any(what.startswith(("CRASH", "HANG", "UNTYPED")) for what in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
