"""What becomes of every forged file: ``python -m tests.hostile.forge_report [--files]``.

Each file is read whole in a decoding child of its own, then as a picture and as a sound. The table
tells per group how many were refused and read; at the end stand canary files read, calls to the canary
server, the slowest file and the one that took most memory.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sslviz.errors import MediaCrashError, MediaError, MediaTimeoutError
from sslviz.media.sandbox import Sandbox
from sslviz.options import MediaLimits
from tests.hostile.canary import Canary
from tests.hostile.forge import EITHER, Forged, forge
from tests.hostile.reading_child import Look, look_through

LIMITS = MediaLimits(max_duration_seconds=600, max_bytes=200 * 2**20)
"""Those of a public app."""
GOOD = ("refused", "read")


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    file: Forged
    what: str
    """refused, read, CRASH, HANG or UNTYPED."""
    message: str
    seconds: float
    peak_bytes: int
    look: Look | None

    def faults(self, canary: Canary) -> list[str]:
        """What is wrong with it: none for a good outcome."""
        found = []
        if self.what not in GOOD or self.file.may not in (self.what, EITHER):
            found.append(f"{self.file.label}: {self.what} ({self.message})")
        if self.look is not None and self.look.magenta:
            found.append(f"{self.file.label}: shows a canary's picture")
        secrets = (canary.word, str(canary.folder), str(self.file.path.parent))
        found += [
            f"{self.file.label}: its message tells {secret!r}: {self.message}"
            for secret in secrets
            if secret in self.message
        ]
        return found


def read_alone(file: Forged, limits: MediaLimits = LIMITS) -> Outcome:
    """Read one file in a child of its own."""
    begin, look, message = time.monotonic(), None, ""
    with Sandbox(
        look_through, file.path, limits, limits=limits, cpu_seconds=60, messages=[Look]
    ) as sandbox:
        try:
            while True:
                sandbox.receive()
        except EOFError:
            look, what = sandbox.result, "read"
        except MediaCrashError as error:
            what, message = "CRASH", str(error)
        except MediaTimeoutError as error:
            what, message = "HANG", str(error)
        except MediaError as error:
            what, message = "refused", str(error)
        except Exception as error:  # noqa: BLE001 - this is what the report looks for
            what, message = "UNTYPED", f"{error!r} {error.__notes__}"
    seconds = time.monotonic() - begin
    return Outcome(file, what, message, seconds, sandbox.peak_memory_bytes, look)


def main() -> int:
    """Forge, read, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", action="store_true", help="a line for every file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Canary(Path(name) / "canary") as canary:
        outcomes = []
        for file in forge(Path(name), canary):
            outcomes.append(read_alone(file))
            if asked.files:
                _tell(outcomes[-1])
        faults = [fault for outcome in outcomes for fault in outcome.faults(canary)]
        _table(outcomes)
        sys.stdout.write(f"canary files read: {len(canary.read())}\n")
        sys.stdout.write(f"calls to the canary server: {canary.calls}\n")
        sys.stdout.write("".join(f"FAULT {fault}\n" for fault in faults))
        return int(bool(faults or canary.read() or canary.calls))


def _tell(outcome: Outcome) -> None:
    shown = (
        ""
        if outcome.look is None
        else f"{outcome.look.frames} frames, {outcome.look.sound_seconds:.1f} s"
    )
    with suppress(UnicodeEncodeError):
        sys.stdout.write(
            f"{outcome.what:8} {outcome.seconds:5.2f} s {outcome.peak_bytes / 2**20:4.0f} MB "
            f"{outcome.file.label!r}: {shown or outcome.message}\n"
        )


def _table(outcomes: list[Outcome]) -> None:
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        groups[outcome.file.group][outcome.what] += 1
    kinds = sorted({outcome.what for outcome in outcomes} | set(GOOD) | {"HANG", "CRASH"})
    sys.stdout.write(f"| {'group':14} | files | {' | '.join(kinds)} |\n")
    for group, counts in groups.items():
        cells = " | ".join(f"{counts[kind]:{len(kind)}}" for kind in kinds)
        sys.stdout.write(f"| {group:14} | {counts.total():5} | {cells} |\n")
    slow = max(outcomes, key=lambda outcome: outcome.seconds)
    large = max(outcomes, key=lambda outcome: outcome.peak_bytes)
    sys.stdout.write(f"{len(outcomes)} files\n")
    sys.stdout.write(f"slowest: {slow.seconds:.2f} s, {slow.file.label!r}\n")
    sys.stdout.write(f"largest: {large.peak_bytes / 2**20:.0f} MB, {large.file.label!r}\n")


if __name__ == "__main__":
    raise SystemExit(main())
