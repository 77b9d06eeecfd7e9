"""Clips that ship with the app, with results made beforehand."""

import json
from pathlib import Path
from typing import Any

from sslviz.ui.store import Store

PACKAGE = Path(__file__).resolve().parent.parent
PREFIX = "example-"


def folders() -> list[Path]:
    """Pre-rendered results, in the order of the gallery; in the wheel or beside the source tree."""
    for root in (PACKAGE / "_examples", PACKAGE.parent / "examples" / "results"):
        if root.is_dir():
            return sorted(p for p in root.iterdir() if (p / "result.json").is_file())
    return []


def adopt_all(store: Store) -> list[dict[str, Any]]:
    """Offer every example as a result; returns what the gallery shows."""
    offered = []
    for folder in folders():
        token = PREFIX + folder.name.split("_", 1)[-1]
        store.adopt(token, folder)
        card = json.loads((folder / "card.json").read_text())
        offered.append({"token": token, **card})
    return offered
