"""Videos made of videos: original beside painted, and several methods in one picture."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from sslviz.media.compose import side_by_side as beside
from sslviz.options import Style
from sslviz.pipeline import restyle
from sslviz.ui import library, text, work
from sslviz.ui.library import Message
from sslviz.ui.store import Result
from sslviz.ui.work import Desk

SIDE = "side_by_side.mp4"
_UNPAINTED = Style(fill=False, color_bar=False, badge=False)


def side_by_side(desk: Desk, token: str) -> Iterator[Message]:
    """Original and painted video in one file; made once, then handed out again."""
    try:
        result = desk.store.result(token)
        if not (result.folder / SIDE).is_file():
            yield {"state": "note", "message": text.COMPOSING}
            _write(desk, result)
        yield {"state": "file", "url": f"r/{token}/{SIDE}?download=1"}
    except Exception as error:  # noqa: BLE001 - the page must hear of every end
        yield {"state": "failed", "message": work.sentence(error)}


def _write(desk: Desk, result: Result) -> None:
    """A visitor's own file is opened in the sandbox only, so the original is written anew first."""
    track = library.track_of(result.track_path)
    plain = result.folder / f"plain-{secrets.token_hex(8)}.mp4"  # two visitors may ask at once
    try:
        restyle(result.source_path, track, plain, _UNPAINTED, desk.deployment.media_limits())
        write_beside([plain, result.overlay_path], result.folder / SIDE)
    finally:
        plain.unlink(missing_ok=True)


def write_beside(paths: Sequence[Path], target: Path) -> None:
    """Put videos of one length beside each other; only such as we wrote ourselves."""
    beside(list(paths), target)
