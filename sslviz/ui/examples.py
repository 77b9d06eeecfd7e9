"""Clips that ship with the app, with results made beforehand, so that the first one is instant."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sslviz.ui.store import Store

PACKAGE = Path(__file__).resolve().parent.parent
PREFIX = "example-"


@dataclass(frozen=True, slots=True)
class Example:
    """One card of the gallery."""

    name: str
    folder: Path
    """With ``result.json``, ``card.json``, ``overlay.mp4``, ``track.npz`` and ``poster.jpg``."""
    source: Path
    card: dict[str, Any]
    """``title``, ``lesson``, ``credit``, ``composite``, ``order``."""


def places() -> list[Path]:
    """Where examples may lie: in the wheel, or beside the source tree."""
    return [PACKAGE / "_examples", PACKAGE.parent / "examples"]


def found() -> list[Example]:
    """Every example that is whole, in the order of the gallery."""
    for root in places():
        examples = [e for folder in sorted(root.glob("results/*")) if (e := _read(folder))]
        if examples:
            return sorted(examples, key=lambda e: int(e.card.get("order", 99)))
    return []


def _read(folder: Path) -> Example | None:
    source = folder.parent.parent / f"{folder.name}.mp4"
    if not ((folder / "result.json").is_file() and source.is_file()):
        return None
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return Example(folder.name, folder, source, card)


def adopt_all(store: Store) -> list[dict[str, Any]]:
    """Offer every example as a result; returns what the gallery shows."""
    offered = []
    for example in found():
        token = PREFIX + example.name
        store.adopt(token, example.folder, example.source)
        offered.append({"token": token, **example.card})
    return offered
