"""Find, download, verify, convert and load trained weights; the only importer of the Hub client.

The names are lazy: asking what is on this machine loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslviz.checkpoints.folder import CheckpointConfig, load_network, read_config
    from sslviz.checkpoints.loading import choose_device, fetch, load_localizer, prepare
    from sslviz.checkpoints.places import CheckpointState, available, cache_folder, find_folder
    from sslviz.checkpoints.publishing import Published, publish
    from sslviz.checkpoints.saving import save_checkpoint

__all__ = [
    "CheckpointConfig",
    "CheckpointState",
    "Published",
    "available",
    "cache_folder",
    "choose_device",
    "fetch",
    "find_folder",
    "load_localizer",
    "load_network",
    "prepare",
    "publish",
    "read_config",
    "save_checkpoint",
]

_HOME = {
    **dict.fromkeys(
        ("CheckpointConfig", "load_network", "read_config"),
        "folder",
    ),
    **dict.fromkeys(("choose_device", "fetch", "load_localizer", "prepare"), "loading"),
    **dict.fromkeys(("CheckpointState", "available", "cache_folder", "find_folder"), "places"),
    **dict.fromkeys(("Published", "publish"), "publishing"),
    "save_checkpoint": "saving",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
