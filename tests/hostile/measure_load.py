"""Load on one app: ``python -m tests.hostile.measure_load [--clients 32] [--queue 8] [--uploads 16]``.

Many visitors press the button at once against a short queue, then many send large files at once. Told
are who was served and who was refused, the slowest refusal, and memory.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.engine.clips import ffmpeg, moving_spot
from tests.hostile.pressing import Pressed, press
from tests.hostile.running_app import Answer, RunningApp, running_app

MEGABYTE = 2**20


@dataclass
class Memory:
    """Of an app and its children, looked at five times a second."""

    before_mb: float = 0.0
    peak_mb: float = 0.0
    after_mb: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self, app: RunningApp) -> None:
        while not self._over.wait(0.2):
            self.peak_mb = max(self.peak_mb, app.memory_mb())


@contextmanager
def memory_of(app: RunningApp):
    """Watch memory while the block runs."""
    memory = Memory(before_mb=app.memory_mb())
    thread = threading.Thread(target=memory.watch, args=(app,))
    thread.start()
    try:
        yield memory
    finally:
        memory._over.set()
        thread.join()
        memory.after_mb = app.memory_mb()


@dataclass(frozen=True)
class Crowd:
    """What became of many presses at once."""

    served: list[Pressed]
    refused: list[Pressed]
    other: list[Pressed]
    memory: Memory

    @property
    def slowest_refusal(self) -> float:
        return max((pressed.answered_seconds for pressed in self.refused), default=0.0)


def crowd(app: RunningApp, clip: Path, clients: int) -> Crowd:
    """Everybody presses the button at the same moment."""
    token = app.upload(clip.read_bytes()).json()["token"]
    press(app, token)  # loads what is loaded once
    gate = threading.Barrier(clients)

    def one(_: int) -> Pressed:
        gate.wait()
        return press(app, token, session=uuid.uuid4().hex)

    with memory_of(app) as memory, ThreadPoolExecutor(clients) as pool:
        ends = list(pool.map(one, range(clients)))
    served = [end for end in ends if end.state == "done"]
    refused = [end for end in ends if end.state == "refused"]
    other = [end for end in ends if end.state not in ("done", "refused")]
    return Crowd(served, refused, other, memory)


def large_uploads(app: RunningApp, clip: Path, count: int) -> tuple[list[Answer], Memory]:
    """Different large files, all at once."""
    data = clip.read_bytes()

    def one(number: int) -> Answer:
        return app.upload(data + number.to_bytes(8, "big"), f"large{number}.avi")

    with memory_of(app) as memory, ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count))), memory


def large_clip(path: Path, num_bytes: int) -> Path:
    """A clip of noise of about this size."""
    seconds = num_bytes / 1.9e6
    ffmpeg("-f", "lavfi", "-i", f"nullsrc=s=320x240:r=10:d={seconds:.2f},noise=alls=100:allf=t",
           "-c:v", "rawvideo", "-pix_fmt", "yuv420p", path)  # fmt: skip
    data = path.read_bytes()
    path.write_bytes(data[:num_bytes] + bytes(max(num_bytes - len(data), 0)))
    return path


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--uploads", type=int, default=16)
    parser.add_argument("--megabytes", type=int, default=18)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, begin = Path(name), time.monotonic()
        clip = moving_spot(folder / "spot.mp4", seconds=1)
        large = large_clip(folder / "large.avi", asked.megabytes * MEGABYTE)
        with running_app(folder / "app", pace=0.2, queue_size=asked.queue, public=True) as app:
            seen = crowd(app, clip, asked.clients)
            _tell_crowd(seen, asked.clients, asked.queue)
            answers, memory = large_uploads(app, large, asked.uploads)
            _tell_uploads(answers, memory, app)
        sys.stdout.write(f"{time.monotonic() - begin:.0f} s in all\n")
    return int(bool(seen.other))


def _tell_crowd(seen: Crowd, clients: int, queue: int) -> None:
    say = sys.stdout.write
    say(f"load of the machine {os.getloadavg()[0]:.1f}\n")
    say(
        f"{clients} clients, queue {queue}: {len(seen.served)} served, {len(seen.refused)} refused, "
    )
    say(f"{len(seen.other)} otherwise\n")
    say(f"slowest refusal {seen.slowest_refusal:.2f} s; ")
    say(f"it says {seen.refused[0].message!r}\n" if seen.refused else "nobody was refused\n")
    say(f"last served after {max((p.seconds for p in seen.served), default=0):.1f} s\n")
    _tell_memory(seen.memory)
    for pressed in seen.other[:5]:
        say(f"OTHERWISE {pressed}\n")


def _tell_uploads(answers: list[Answer], memory: Memory, app: RunningApp) -> None:
    codes = sorted({answer.status for answer in answers})
    counts = ", ".join(f"{sum(a.status == code for a in answers)} x {code}" for code in codes)
    slowest = max(answer.seconds for answer in answers)
    stored = sum(path.stat().st_size for path in app.store.rglob("source.*"))
    sys.stdout.write(f"{len(answers)} uploads at once: {counts}; slowest {slowest:.1f} s; ")
    sys.stdout.write(f"{stored / MEGABYTE:.0f} MB stored\n")
    _tell_memory(memory)


def _tell_memory(memory: Memory) -> None:
    sys.stdout.write(
        f"memory of the app and its children: {memory.before_mb:.0f} MB before, {memory.peak_mb:.0f} MB "
        f"at most, {memory.after_mb:.0f} MB after\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
