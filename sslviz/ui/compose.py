"""Videos made of videos: original beside painted, and several methods in one picture."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sslviz.errors import SSLVizError
from sslviz.media.compose import side_by_side as beside
from sslviz.ui import text, work
from sslviz.ui.library import Message
from sslviz.ui.work import Desk

SIDE = "side_by_side.mp4"


def side_by_side(desk: Desk, token: str) -> Iterator[Message]:
    """Original and painted video in one file; made once, then handed out again."""
    try:
        result = desk.store.result(token)
        if not (result.folder / SIDE).is_file():
            yield {"state": "note", "message": text.COMPOSING}
            write_beside([result.source_path, result.overlay_path], result.folder / SIDE)
        yield {"state": "file", "url": f"r/{token}/{SIDE}?download=1"}
    except SSLVizError as error:
        yield {"state": "failed", "message": work.sentence(error)}


def write_beside(paths: Sequence[Path], target: Path) -> None:
    """Put videos of one length beside each other."""
    beside(list(paths), target)
