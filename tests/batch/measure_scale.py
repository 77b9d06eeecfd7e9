"""Scale, by hand: ``PYTHONPATH=.:tests python tests/batch/measure_scale.py WHAT [--engine ray]``.

``throughput``: short clips through a loop of single commands and through the engine: files a minute and
peak memory (sum of the processes' proportional share). ``faults``: a file that crashes its decoder, one
that hangs and a hostile one among 50. ``kills``: five times ``kill -9`` of the driver at random moments.
``costs``: processor time of decoding a clip, of a window, of skipping what is done. Each prints one JSON object a line.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from batch_helpers import (
    HOSTILE,
    ROOT,
    Blows,
    command,
    kill_driver_after,
    make_clips,
    markers,
    results,
    start,
)
from media.clips import ffmpeg

from sslviz.batch.inputs import Item
from sslviz.batch.markers import Marker, is_done, write_marker
from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.checkpoints import load_localizer
from sslviz.pipeline import analyse
from sslviz.types import Identity, InputSpec, Localizer, ScoreMap, ScoreScale, Window

EXAMPLES = {"cows_rooster": 4.3, "dog": 5.0, "stream": 3.1, "talking_man": 6.0}


def say(**figures: object) -> None:
    sys.stdout.write(json.dumps({**figures, "load": [round(x, 1) for x in os.getloadavg()]}) + "\n")
    sys.stdout.flush()


def cut_examples(folder: Path, count: int) -> float:
    """Clips of 2 to 4 s at different places of the examples; returns their length in all."""
    folder.mkdir(parents=True, exist_ok=True)
    total = 0.0
    for index in range(count):
        name, length = list(EXAMPLES.items())[index % len(EXAMPLES)]
        seconds = min(2 + index // len(EXAMPLES) % 3, length)
        offset = (length - seconds) * (index * 37 % 20) / 20
        total += seconds
        target = folder / f"{index:03d}_{name}.mp4"
        ffmpeg(
            "-ss", f"{offset:.2f}", "-i", str(ROOT / "examples" / f"{name}.mp4"),
            "-t", f"{seconds:.2f}", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac",
            str(target),
        )  # fmt: skip
    return total


class Memory:
    """The most memory that a process and all below it held at once, by proportional share."""

    def __init__(self, pid: int) -> None:
        self.peak_mb, self.processes = 0.0, 0
        self._root, self._over = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> dict[str, float]:
        self._over.set()
        self._thread.join()
        return {"peak_mb": round(self.peak_mb), "processes": self.processes}

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            pids = self._family()
            megabytes = sum(map(_share_mb, pids))
            if megabytes > self.peak_mb:
                self.peak_mb, self.processes = megabytes, len(pids)

    def _family(self) -> list[int]:
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(stat.parent.name)] = int(fields[1])
        family, new = {self._root}, True
        while new:
            new = {pid for pid, parent in parents.items() if parent in family} - family
            family |= new
        return sorted(family)


def _share_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def throughput(folder: Path, options: argparse.Namespace) -> None:
    source, out = folder / "in", folder / "out"
    seconds = cut_examples(source, options.files)
    began = time.perf_counter()
    if options.engine == "loop":
        script = (
            'for f in "$1"/*.mp4; do '
            '"$2" -m sslviz analyse --quiet "$f" "$3/$(basename "$f").npz" || exit 1; done'
        )
        out.mkdir()
        arguments = ["bash", "-c", script, "loop", str(source), sys.executable, str(out)]
    else:
        arguments = [
            sys.executable, "-m", "sslviz", "batch", "--quiet", str(source), "--out", str(out),
            "--outputs", "none", "--engine", options.engine, "--workers", str(options.workers),
        ]  # fmt: skip
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    memory = Memory(process.pid)
    _, said = process.communicate()
    took = time.perf_counter() - began
    assert process.returncode == 0, said
    done = len(list(out.glob("*.mp4.npz")))
    assert done == options.files
    say(
        measured="throughput", engine=options.engine, files=done, video_seconds=round(seconds, 1),
        wall_seconds=round(took, 1), files_per_minute=round(60 * done / took, 1), **memory.end(),
    )  # fmt: skip


def faults(folder: Path, options: argparse.Namespace) -> None:
    source, out = folder / "in", folder / "out"
    make_clips(source, options.files, seconds=2.0)
    names = sorted(path.name for path in source.iterdir())
    crash, hang, hostile = (source / names[k] for k in (7, 23, 41))
    hostile.write_text(HOSTILE)
    began = time.perf_counter()
    with Blows({crash: signal.SIGSEGV, hang: signal.SIGSTOP}) as struck:
        driver = start(
            str(source), "--out", str(out), "--engine", options.engine, "--outputs", "none",
            "--workers", str(options.workers),
        )  # fmt: skip
        said, _ = driver.communicate()
    assert not struck.left, f"never opened: {struck.left}; {said}"
    rows = map(json.loads, (out / "failures.jsonl").read_text().splitlines())
    say(
        measured="faults", engine=options.engine, files=len(names), results=len(markers(out)),
        failures={row["name"]: row["kind"] for row in rows}, exit_code=driver.returncode,
        wall_seconds=round(time.perf_counter() - began, 1),
    )  # fmt: skip


def kills(folder: Path, options: argparse.Namespace) -> None:
    source, reference, out = folder / "in", folder / "reference", folder / "out"
    make_clips(source, options.files)
    workers = ["--workers", str(options.workers)]
    subprocess.run(command(str(source), "--out", str(reference), *workers), cwd=ROOT, check=True)
    chance = random.Random(options.seed)
    known: dict[str, tuple[int, int]] = {}
    again: set[str] = set()
    arguments = [str(source), "--out", str(out), "--engine", options.engine, *workers]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for name, mark in markers(out).items():
                if known.setdefault(name, mark) != mark:
                    again.add(name)

    watcher = threading.Thread(target=watch)
    watcher.start()
    killed_at = []
    for _ in range(options.kills):
        # At random within the run: after up to a share of the files, then anywhere in the next second.
        more = chance.randrange(0, options.files // (options.kills + 1) + 1)
        running = kill_driver_after(start(*arguments), out, more, chance.random())
        killed_at.append(len(markers(out)) if running else None)
    driver = start(*arguments)
    said, _ = driver.communicate()
    over.set()
    watcher.join()
    assert driver.returncode == 0, said
    ours, theirs = results(out), results(reference)
    say(
        measured="kills", engine=options.engine, files=options.files, markers_at_kill=killed_at,
        differing=[
            name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)
        ],
        done_again=sorted(again),
    )  # fmt: skip


@dataclass
class Free:
    """Asks for the same inputs as another localizer, and costs nothing."""

    like: Localizer

    @property
    def spec(self) -> InputSpec:
        return self.like.spec

    @property
    def identity(self) -> Identity:
        return self.like.identity

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        empty = np.zeros((7, 7), np.float32)
        return [ScoreMap(empty, ScoreScale.COSINE, 0.0, w.key_frame.pts_seconds) for w in windows]


def costs(folder: Path, options: argparse.Namespace) -> None:
    """Processor time, which a busy machine stretches far less than wall time."""
    localizer = load_localizer(DEFAULT_CHECKPOINT, device="cpu")
    for height in (240, 480, 1080):
        clip = folder / f"{height}.mp4"
        ffmpeg(
            "-stream_loop", "3", "-i", str(ROOT / "examples" / "dog.mp4"), "-t", "10",
            "-vf", f"scale=-2:{height}", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac",
            str(clip),
        )  # fmt: skip
        free, real = [], []
        for _ in range(options.repeats):
            free.append(_processor_seconds(clip, Free(localizer)))
            real.append(_processor_seconds(clip, localizer))
        (child, parent, windows), (_, full, _) = (np.median(x, axis=0) for x in (free, real))
        say(
            measured="costs", clip=f"10 s, {height} lines, 24 fps, H.264",
            bytes=clip.stat().st_size, decoding_cpu_seconds=round(child, 2), windows=int(windows),
            parent_cpu_seconds_without_network=round(parent, 2),
            network_cpu_ms_per_window=round(1000 * (full - parent) / windows, 1),
        )  # fmt: skip
    skipping(folder)


def _processor_seconds(clip: Path, localizer: Localizer) -> tuple[float, float, int]:
    """Of the decoding child, of this process, and the number of windows."""
    own, children = (
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    track = analyse(clip, localizer)
    end, ends = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    child = ends.ru_utime + ends.ru_stime - children.ru_utime - children.ru_stime
    return child, end.ru_utime + end.ru_stime - own.ru_utime - own.ru_stime, len(track)


def skipping(folder: Path) -> None:
    """What a rerun costs for each file that is done."""
    source = folder / "240.mp4"
    items = [Item(source, f"{k % 100:02d}/{k}.mp4") for k in range(200)]
    stat = source.stat()
    marker = Marker("0" * 64, "s", stat.st_size, stat.st_mtime_ns, (), 50, 10.0, 1.0)
    for item in items:
        write_marker(folder, item.name, marker)
    began = time.process_time()
    assert all(is_done(folder, item.name, item.path, "s") for item in items)
    say(
        measured="markers", files=len(items),
        cpu_seconds_to_skip_a_million=round((time.process_time() - began) / len(items) * 1e6),
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("throughput", "faults", "kills", "costs"))
    parser.add_argument("--engine", default="local", choices=("local", "ray", "loop"))
    parser.add_argument("--files", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.files = given.files or {"throughput": 200, "faults": 50}.get(given.what, 20)
    measures = {"throughput": throughput, "faults": faults, "kills": kills, "costs": costs}
    with tempfile.TemporaryDirectory() as place:
        measures[given.what](Path(place), given)
