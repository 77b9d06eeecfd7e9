"""What one window costs on one CPU core."""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from sslviz.abilities import Resizable
from sslviz.evaluation.library import still_window, white_noise
from sslviz.types import Localizer, Window


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds per window, batch 1, spectrogram and resize included."""

    cpu_ms: float
    """Median CPU time of the process: what one core is busy for, whatever else the machine does."""
    wall_ms: float
    """Median time a user waits; grows with the machine's load."""
    load: float
    """Load average of the last minute."""
    num_windows: int
    map_shape: tuple[int, int]


def measure_latency(localizer: Localizer, num_windows: int = 30, seed: int = 0) -> Latency:
    """Time windows that share nothing: new picture and new sound each."""
    rng = np.random.default_rng(seed)
    shape = (0, 0)
    cpu, wall = [], []
    with one_thread():
        for index in range(num_windows + 3):
            window = _fresh_window(localizer, rng)
            started, busy = time.perf_counter(), time.process_time()
            (score_map,) = localizer.localize([window])
            if index >= 3:
                cpu.append(time.process_time() - busy)
                wall.append(time.perf_counter() - started)
            shape = (score_map.values.shape[0], score_map.values.shape[1])
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return Latency(
        1000 * statistics.median(cpu), 1000 * statistics.median(wall), load, num_windows, shape
    )


def at_image_size(localizer: Localizer, image_size: int) -> Localizer | None:
    """The same localizer at another input size; ``None`` where it does not take it."""
    if localizer.spec.image_size == image_size:
        return localizer
    if isinstance(localizer, Resizable) and image_size in localizer.image_sizes:
        return localizer.at_image_size(image_size)
    return None


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, if the localizer has brought it; a localizer without torch is not touched."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fresh_window(localizer: Localizer, rng: np.random.Generator) -> Window:
    size = localizer.spec.image_size
    image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    return still_window(image, white_noise(localizer.spec, rng))
