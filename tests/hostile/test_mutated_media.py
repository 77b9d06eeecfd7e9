"""Real media with random damage, through the sandboxed reader: for minutes, at night.

``SSLVIZ_FUZZ_SECONDS`` sets how long (180), ``SSLVIZ_FUZZ_SEED`` where it begins.
"""

import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from sslviz.errors import MediaCrashError, MediaTimeoutError
from sslviz.media.sandbox import run
from sslviz.options import MediaLimits
from tests.hostile.forge_base import make_base
from tests.hostile.forge_damage import flipped
from tests.hostile.reading_child import Look, look_through_many

LIMITS = MediaLimits(max_duration_seconds=600)
BATCH = 25


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Flipped bits, a piece moved, doubled, cut out, or filled with extreme numbers."""
    kind = chance.randrange(5)
    at, size = chance.randrange(len(data)), chance.choice((1, 2, 4, 8, 64, 700))
    if kind == 0:
        return flipped(data, chance.choice((1e-5, 1e-4, 1e-3, 1e-2)), chance)
    if kind == 1:
        return flipped(data[:900], 0.01, chance) + data[900:]
    if kind == 2:
        extreme = chance.choice((b"\xff", b"\0", b"\x7f", b"\x80"))
        return data[:at] + extreme * size + data[at + size :]
    if kind == 3:
        return data[:at] + data[at : at + size] * chance.choice((0, 2, 30)) + data[at + size :]
    other = chance.randrange(len(data))
    return data[:at] + data[other : other + size] + data[at:]


def read_batch(paths: list[Path], counts: Counter[str], faults: list[str]) -> None:
    """Read in one child; where it dies, each file alone, to know which."""
    try:
        found = run(
            look_through_many, paths, LIMITS, limits=LIMITS, cpu_seconds=120, messages=[Look]
        )
    except (MediaCrashError, MediaTimeoutError) as error:
        # Typed, as promised: a user gets this sentence. One file alone is counted, to be looked at.
        if len(paths) == 1:
            counts[type(error).__name__] += 1
            return
        for path in paths:
            read_batch([path], counts, faults)
        return
    for path, (what, message, _) in zip(paths, found, strict=True):
        counts[what] += 1
        if what not in ("read", "refused"):
            faults.append(f"{path.name}: {what} {message}")


def fuzz(folder: Path, seconds: float, seed: int) -> tuple[Counter[str], list[str]]:
    """Mutate and read until the time is up."""
    base, chance = make_base(folder / "base"), random.Random(seed)
    sources = [*base.videos(), base.wav]
    counts: Counter[str] = Counter()
    faults: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        paths = []
        for number in range(BATCH):
            source = chance.choice(sources)
            path = folder / f"{number}{source.suffix}"
            path.write_bytes(mutated(source.read_bytes(), chance))
            paths.append(path)
        read_batch(paths, counts, faults)
        for path in paths:
            path.unlink()
    return counts, faults


@pytest.mark.nightly
def test_mutated_media_end_in_a_typed_result(tmp_path, record_property, capsys):
    seconds = float(os.environ.get("SSLVIZ_FUZZ_SECONDS", "180"))
    seed = int(os.environ.get("SSLVIZ_FUZZ_SEED", str(time.time_ns() % 10**6)))
    counts, faults = fuzz(tmp_path, seconds, seed)
    record_property("counts", dict(counts))
    with capsys.disabled():
        sys.stdout.write(f"\nmutated media, seed {seed}: {dict(counts)}\n")
    assert faults == []
    assert counts["read"] > 0
    assert counts["refused"] > 0
    assert counts["MediaTimeoutError"] == 0
