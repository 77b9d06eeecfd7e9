"""Where checkpoints lie, and which are there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sslviz.catalog import CHECKPOINTS, Source

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """One checkpoint on offer, and whether it can be used without a download."""

    name: str
    method: str
    where: str
    """``bundled``, ``cached`` or ``missing``."""
    size_bytes: int
    """On disk; for a missing one, what a download would cost (0: not known)."""
    note: str


def cache_folder() -> Path:
    """Where fetched and converted checkpoints are kept; ``SSLVIZ_CACHE`` names another place."""
    chosen = os.environ.get("SSLVIZ_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sslviz"


def hub_endpoint() -> str:
    """Address of the Hub; ``HF_ENDPOINT`` names another, as for every Hub client."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def bundled_folders() -> Iterator[Path]:
    """Where checkpoints come with the code: in the wheel, or beside a source tree."""
    yield PACKAGE / "_checkpoints"
    beside = PACKAGE.parent / "checkpoints"
    if (PACKAGE.parent / "pyproject.toml").is_file():
        yield beside


def find_folder(name: str) -> Path | None:
    """The folder of a named checkpoint on this machine, bundled ones first."""
    for root in (*bundled_folders(), cache_folder() / "checkpoints"):
        folder = root / name
        if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
            return folder
    return None


def available() -> list[CheckpointState]:
    """Every checkpoint of the catalog, and what is on this machine."""
    return [_state(name) for name in CHECKPOINTS]


def _state(name: str) -> CheckpointState:
    checkpoint = CHECKPOINTS[name]
    folder = find_folder(name)
    if folder is None:
        size = sum(file.size_bytes for file in checkpoint.files)
        return CheckpointState(name, checkpoint.method, "missing", size, missing_advice(name))
    where = "cached" if folder.is_relative_to(cache_folder()) else "bundled"
    size = sum(f.stat().st_size for f in folder.iterdir() if f.is_file())
    return CheckpointState(name, checkpoint.method, where, size, checkpoint.note)


def missing_advice(name: str) -> str:
    """What to do about a checkpoint of the catalog that is not on this machine."""
    checkpoint = CHECKPOINTS[name]
    if checkpoint.source is Source.HUB:
        advice = f"Run `sslviz fetch {name}` to download it."
    elif checkpoint.source is Source.BUNDLED:
        advice = "It belongs to this package; install sslviz again."
    else:
        advice = f"Give its file with --from-file, or train one with `sslviz train {name}`."
    return " ".join(part for part in (checkpoint.note, advice) if part)
