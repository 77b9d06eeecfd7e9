"""Localizers that stay loaded between visitors, how fast they are here, and ZeroGPU around them."""

import platform
import re
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from weakref import WeakValueDictionary

import numpy as np

from sslviz.catalog import CHECKPOINTS, DEFAULT_CHECKPOINT
from sslviz.checkpoints.places import CheckpointState, available
from sslviz.errors import CheckpointMissingError
from sslviz.options import AnalysisOptions
from sslviz.types import AudioClip, Frame, Identity, InputSpec, Localizer, ScoreMap, Window
from sslviz.ui import text

_HUB_NAME = re.compile(r"hf:[\w.-]{1,96}/[\w.-]{1,96}(@[\w.-]{1,96})?\Z")
GPU_SECONDS_PER_WINDOW = 0.05
"""Reserved on ZeroGPU; a visitor's daily minutes are charged by what is reserved."""


def allowed_name(name: str, public: bool) -> str:
    """The checkpoint that a visitor may ask for.

    Raises:
        CheckpointMissingError: Neither in the catalog nor on the Hub; on a public app a path of
            this machine is not for visitors to name.
    """
    cleaned = name.strip()
    if cleaned in CHECKPOINTS or _HUB_NAME.match(cleaned) or (cleaned and not public):
        return cleaned
    raise CheckpointMissingError(text.NOT_ALLOWED.format(name=name))


def choices() -> list[tuple[str, str]]:
    """Every checkpoint as (words, name), those on this machine first."""
    order = {"bundled": 0, "cached": 1, "missing": 2}
    states = sorted(available(), key=lambda s: (order[s.where], s.name != DEFAULT_CHECKPOINT))
    return [(_words(state), state.name) for state in states]


def ready_names() -> list[str]:
    """Checkpoints that run here without a download, the default one first."""
    return [name for words, name in choices() if words != text.MISSING.format(name=name)]


def _words(state: CheckpointState) -> str:
    if state.where == "missing":
        return text.MISSING.format(name=state.name)
    size = f"{state.size_bytes / 2**20:.1f}"
    return text.WITH_SIZE.format(name=state.name, where=state.where, size=size)


def devices() -> list[str]:
    """Devices that seem to exist here; found without torch, which would delay the page by seconds."""
    found = ["auto", "cpu"]
    if Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        found.append("cuda")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found.append("mps")
    return found


@dataclass(frozen=True, slots=True)
class _Remote:
    """A localizer whose model calls run where the Space lends a GPU; nothing else crosses."""

    key: tuple[str, str]
    inner: Localizer

    @property
    def spec(self) -> InputSpec:
        return self.inner.spec

    @property
    def identity(self) -> Identity:
        return self.inner.identity

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        return cast(list[ScoreMap], _on_gpu(*self.key, list(windows)))


def gpu_seconds(name: str, device: str, windows: Sequence[Window]) -> int:
    """How long to reserve a ZeroGPU for a batch; takes what the wrapped function takes."""
    del name, device
    return 10 + int(len(windows) * GPU_SECONDS_PER_WINDOW)


def gpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """Lend the function a GPU on a ZeroGPU Space; elsewhere it stays as it is."""
    try:
        import spaces
    except ImportError:
        return function
    wrapped: Callable[..., Any] = spaces.GPU(duration=gpu_seconds)(function)
    return wrapped


def _localize(name: str, device: str, windows: list[Window]) -> list[ScoreMap]:
    return SHELF.plain(name, device).localize(windows)


def is_here(name: str) -> bool:
    """Whether a checkpoint loads without a download."""
    on_disk = {state.name for state in available() if state.where != "missing"}
    is_folder = not name.startswith("hf:") and Path(name).is_dir()
    return name in on_disk or (name not in CHECKPOINTS and is_folder)


class Shelf:
    """The last few localizers, loaded once; safe to use from many threads.

    While one loads, or is fetched for minutes, only those wait who asked for the same.
    """

    def __init__(self, size: int = 3, load: Callable[[str, str], Localizer] | None = None) -> None:
        """Start with nothing loaded.

        Args:
            size: How many stay loaded.
            load: Makes a localizer from a name and a device; checkpoints by default.
        """
        self.max_hub_bytes: int | None = None
        """Largest file that is fetched for a visitor's ``hf:USER/NAME``; ``None``: any."""
        self._size = size
        self._load = load or self._from_checkpoints
        self._lock = threading.RLock()
        self._loading: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._loaded: OrderedDict[tuple[str, str], Localizer] = OrderedDict()
        self._seconds: dict[tuple[str, str], float] = {}

    def plain(self, name: str, device: str = "auto") -> Localizer:
        """The localizer itself; loads it when it is not there.

        Raises:
            CheckpointError: Its weights are not to be had, or damaged.
            DeviceError: There is no such device here.
        """
        key = (name, device)
        with self._lock:
            # One lock for all devices: they would write the same files of one checkpoint.
            loading = self._loading.setdefault(name, threading.Lock())
        with self._lock if self.is_loaded(*key) else loading:
            localizer = self._loaded.get(key) or self._load(name, device)
        with self._lock:
            self._loaded[key] = localizer
            self._loaded.move_to_end(key)
            while len(self._loaded) > self._size:
                self._loaded.popitem(last=False)
        return localizer

    def _from_checkpoints(self, name: str, device: str) -> Localizer:
        from sslviz.checkpoints import load_localizer
        from sslviz.checkpoints.download import at_most

        limited = name.startswith("hf:") and self.max_hub_bytes is not None
        progress = at_most(self.max_hub_bytes or 0) if limited else None
        return load_localizer(name, device=device, progress=progress)

    def get(self, name: str, device: str = "auto") -> Localizer:
        """The localizer, on a borrowed GPU where the Space lends one."""
        inner = self.plain(name, device)
        return _Remote((name, device), inner) if on_zero_gpu() else inner

    def is_loaded(self, name: str, device: str = "auto") -> bool:
        """Whether it can run at once."""
        with self._lock:
            return (name, device) in self._loaded

    def seconds_per_map(self, name: str, device: str = "auto") -> float:
        """Measured here: from real runs, or from a first try on noise.

        Raises:
            CheckpointError: Its weights are not to be had, or damaged.
        """
        key = (name, device)
        if key not in self._seconds:
            localizer = self.plain(name, device)
            windows = _noise(localizer.spec, 2)
            localizer.localize(windows)
            started = time.perf_counter()
            localizer.localize(windows)
            self._seconds[key] = (time.perf_counter() - started) / len(windows)
        return self._seconds[key]

    def learn(self, name: str, device: str, seconds_per_map: float) -> None:
        """Remember the speed of a real run; recent ones count more."""
        key = (name, device)
        with self._lock:
            old = self._seconds.get(key, seconds_per_map)
            self._seconds[key] = 0.5 * old + 0.5 * seconds_per_map


def _noise(spec: InputSpec, count: int) -> list[Window]:
    source = np.random.default_rng(0)
    windows = []
    for index in range(count):
        image = source.integers(0, 255, (spec.image_size, spec.image_size, 3), np.uint8)
        samples = source.normal(0, 0.1, spec.num_samples).astype(np.float32)
        sound = AudioClip(samples, spec.sample_rate, 0.0)
        windows.append(Window(Frame(image, float(index)), sound, index, index + 1.0, -20.0))
    return windows


def batch_size() -> int:
    """Windows per model call: on ZeroGPU each call costs a hand-over, so they are larger there."""
    return 64 if on_zero_gpu() else AnalysisOptions().batch_size


_on_gpu = gpu(_localize)


def on_zero_gpu() -> bool:
    """Whether this machine lends its GPU by the call."""
    return _on_gpu is not _localize


SHELF = Shelf()
