"""Make the gallery's results anew: ``PYTHONPATH=. python examples/prerender.py [CHECKPOINT]``.

Run it after the bundled checkpoint or the painting has changed; the results are committed.
"""

import json
import shutil
import sys
from pathlib import Path

from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.checkpoints import load_localizer
from sslviz.export import save_track
from sslviz.options import AnalysisOptions, Style, to_json
from sslviz.pipeline import grab, paint, render
from sslviz.ui import payload
from sslviz.ui.store import Result

HERE = Path(__file__).resolve().parent
CARDS = json.loads((HERE / "cards.json").read_text(encoding="utf-8"))


def prerender(name: str, card: dict, checkpoint: str) -> None:
    folder = HERE / "results" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = HERE / f"{name}.mp4"
    options, style = AnalysisOptions(), Style()
    done = render(source, folder / "overlay.mp4", load_localizer(checkpoint), options, style)
    save_track(done.track, folder / "track.npz")
    frame = paint(grab(source, payload.best_time(done.track), 640), done.track, style)
    (folder / "poster.jpg").write_bytes(payload.jpeg(frame, 640))
    result = Result(
        "", folder, source.name, source.name, False, done.warnings, to_json(style), to_json(options), checkpoint
    )  # fmt: skip
    values = {
        "name": result.name, "source": result.source, "partial": False, "warnings": list(done.warnings),
        "style": to_json(style), "analysis": to_json(options), "checkpoint": checkpoint,
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(values))
    (folder / "card.json").write_text(json.dumps(card, ensure_ascii=False))
    print(name, payload.story(done.track, style))


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_CHECKPOINT
    for order, (name, card) in enumerate(CARDS.items()):
        prerender(name, {**card, "order": order}, chosen)
