"""Soak: visitors upload, render and watch live for minutes; does memory grow, do files stay, does anything
fail? ``python -m tests.hostile.measure_soak [--minutes 30] [--live 2] [--uploads 2]``.

The app keeps files for a minute only, so that deletion is part of it. Told are the slope of memory after
the first minute, files left over time, and every error.
"""

import argparse
import contextlib
import itertools
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sslviz.bench.live import chirps, moving_jpegs
from sslviz.ui.live_protocol import MAGIC, REQUEST
from tests.engine.clips import moving_spot
from tests.hostile.canary import Canary
from tests.hostile.forge import forge
from tests.hostile.pressing import press
from tests.hostile.running_app import RunningApp, running_app

RATE = 16_000
PERIOD_SECONDS = 0.2
KEEP_SECONDS = 60.0


@dataclass
class Notes:
    """What happened so far; several visitors write."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds, MB."""
    files: list[tuple[float, int, float]] = field(default_factory=list)
    """Seconds, number, MB."""
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def fail(self, what: str) -> None:
        with self.lock:
            self.counts["errors"] += 1
            self.errors.append(what[:300])

    def slope(self) -> float:
        """MB of memory per minute after the first minute, or the first third of a short run."""
        last = self.memory[-1][0]
        begin = min(60.0, last / 3)
        late = np.array([entry for entry in self.memory if entry[0] >= begin])
        return float(np.polyfit(late[:, 0] / 60, late[:, 1], 1)[0])


def upload_and_render(app: RunningApp, notes: Notes, clip: bytes, hostile: list[Path]) -> None:
    """A visitor who renders good clips and sends hostile ones between."""
    for path in itertools.cycle(hostile):
        if notes.over.is_set():
            return
        answer = app.upload(clip)
        if answer.status == 200:
            _render(app, notes, answer.json()["token"])
        else:
            notes.fail(f"upload: {answer.status} {answer.body[:200]!r}")
        answer = app.upload(path.read_bytes(), path.name)
        notes.count("hostile")
        if answer.status not in (200, 413, 422):
            notes.fail(f"hostile {path.name}: {answer.status} {answer.body[:200]!r}")


def _render(app: RunningApp, notes: Notes, token: str) -> None:
    pressed = press(app, token)
    if pressed.state == "done":
        notes.count("rendered")
        shown = app.ask(f"sslviz/{pressed.last['video']}")
        if shown.status != 200:
            notes.fail(f"result: {shown.status} {shown.body[:200]!r}")
    elif pressed.state == "refused":
        notes.count("refused by the queue")
        time.sleep(1)
    elif pressed.seconds > KEEP_SECONDS:
        notes.count("waited longer than files are kept")
    else:
        notes.fail(f"render: {pressed.state} {pressed.message}")


def watch_live(app: RunningApp, notes: Notes, pictures: list[bytes]) -> None:
    """A visitor of the live view, who comes back when the time is up."""
    address = app.url.replace("http", "ws") + "live/socket"
    while not notes.over.is_set():
        try:
            with connect(address, open_timeout=60) as line:
                _one_visit(line, notes, pictures)
        except (ConnectionClosed, OSError, TimeoutError) as error:
            if not notes.over.is_set():
                notes.fail(f"live: {error!r}")
                time.sleep(1)


def _one_visit(line: ClientConnection, notes: Notes, pictures: list[bytes]) -> None:
    line.send(json.dumps({"type": "hello", "visitor": uuid.uuid4().hex}))
    while (message := _told(line)).get("type") not in ("ready", "error"):
        pass
    if message["type"] == "error":
        notes.count("live refused")
        time.sleep(2)
        return
    started, sent = time.monotonic(), 0
    for number in itertools.count():
        if notes.over.is_set():
            return
        now = time.monotonic() - started
        last = max(round(now * RATE), sent + 1)
        sound = (chirps(sent, last - sent, RATE) * 32767).astype("<i2").tobytes()
        jpeg = pictures[number % len(pictures)]
        line.send(
            REQUEST.pack(MAGIC, number, last / RATE, sent, last - sent, len(jpeg)) + sound + jpeg
        )
        sent = last
        while not isinstance(answer := line.recv(timeout=60), bytes):
            if json.loads(answer).get("type") == "error":
                notes.count("live ended by the app")
                return
        notes.count("live maps")
        time.sleep(max(started + now + PERIOD_SECONDS - time.monotonic(), 0.0))


def _told(line: ClientConnection) -> dict:
    message = line.recv(timeout=60)
    return {} if isinstance(message, bytes) else json.loads(message)


def look(app: RunningApp, notes: Notes, seconds: float) -> None:
    """Note memory and files."""
    notes.memory.append((seconds, app.own_mb()))
    sizes = []
    for top in (app.store, app.uploads_of_gradio):
        for folder, _, names in os.walk(top):  # passes over folders that are deleted meanwhile
            if not Path(folder).name.startswith("example-"):
                for name in names:
                    with contextlib.suppress(OSError):  # deleted, too
                        sizes.append((Path(folder) / name).stat().st_size)
    notes.files.append((seconds, len(sizes), sum(sizes) / 1e6))


def soak(
    app: RunningApp, clip: Path, hostile: list[Path], minutes: float, people: tuple[int, int]
) -> Notes:
    """Let visitors at an app for some minutes.

    Args:
        app: The app.
        clip: A good clip.
        hostile: Files sent between good ones.
        minutes: How long.
        people: Who upload, who watch live.
    """
    notes, pictures, data = Notes(), moving_jpegs(range(0, 80, 10)), clip.read_bytes()
    threads = [
        threading.Thread(
            target=upload_and_render, args=(app, notes, data, hostile[index::2] or hostile)
        )
        for index in range(people[0])
    ]
    threads += [
        threading.Thread(target=watch_live, args=(app, notes, pictures)) for _ in range(people[1])
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    while (now := time.monotonic() - started) < 60 * minutes and app.process.poll() is None:
        look(app, notes, now)
        time.sleep(min(5.0, max(60 * minutes - now, 0.1)))
    notes.over.set()
    for thread in threads:
        thread.join(120)
    if app.process.poll() is not None:
        notes.fail(f"the app ended: {app.process.returncode}")
    return notes


def main() -> int:
    """Soak and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--live", type=int, default=2)
    parser.add_argument("--uploads", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Canary(Path(name) / "canary") as canary:
        folder = Path(name)
        clip = moving_spot(folder / "spot.mp4", seconds=3)
        hostile = [f.path for f in forge(folder, canary) if f.path.stat().st_size < 2**21][::3]
        with running_app(folder / "app", keep_seconds=KEEP_SECONDS, queue_size=8) as app:
            people = asked.uploads, asked.live
            notes = soak(app, clip, hostile, asked.minutes, people)
            time.sleep(2.1 * KEEP_SECONDS)
            look(app, notes, notes.memory[-1][0] + 2.1 * KEEP_SECONDS)
            log = app.log.read_text()
        _tell(notes, asked.minutes, log)
        sys.stdout.write(f"canary files read: {len(canary.read())}; calls: {canary.calls}\n")
    return int(bool(notes.errors))


def _tell(notes: Notes, minutes: float, log: str) -> None:
    say = sys.stdout.write
    say(f"{minutes:g} minutes, load of the machine {os.getloadavg()[1]:.1f}\n")
    say("".join(f"  {what}: {count}\n" for what, count in sorted(notes.counts.items())))
    during, after = notes.memory[:-1], notes.memory[-1]
    say(f"memory: {during[0][1]:.0f} MB first, {max(mb for _, mb in during):.0f} MB at most, ")
    say(f"{after[1]:.0f} MB in the quiet after; ")
    notes.memory = during
    say(f"slope {notes.slope():+.2f} MB a minute (the app alone; its children come and go)\n")
    most = max(notes.files, key=lambda entry: entry[1])
    say(f"files: {most[1]} at most ({most[2]:.1f} MB), {notes.files[-1][1]} in the quiet after\n")
    say(f"errors: {len(notes.errors)}; tracebacks in the log: {log.count('Traceback')}\n")
    say("".join(f"  {error}\n" for error in notes.errors[:20]))


if __name__ == "__main__":
    raise SystemExit(main())
