"""What a batch leaves for a person: one page with thumbnails, a table to sort, and totals."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from sslviz.batch.inputs import Item
from sslviz.batch.markers import Marker, read_marker, write_text_whole

FAILURES_NAME = "failures.jsonl"
REPORT_NAME = "report.html"
_MARKDOWN_NAME = "report.md"
SUMMARY_NAMES = frozenset([FAILURES_NAME, REPORT_NAME, _MARKDOWN_NAME])
_MOST_ROWS = 5_000
"""A browser still sorts so many at once."""
_SCRIPT = """
for (const th of document.querySelectorAll("th")) th.addEventListener("click", () => {
  const body = document.querySelector("tbody"), i = th.cellIndex, up = th.dataset.up !== "1";
  th.dataset.up = up ? "1" : "0";
  const key = (tr) => tr.cells[i].dataset.value ?? tr.cells[i].textContent;
  const rows = [...body.rows].sort((a, b) => {
    const x = key(a), y = key(b), n = Number(x) - Number(y);
    return (Number.isNaN(n) ? x.localeCompare(y) : n) * (up ? 1 : -1);
  });
  body.append(...rows);
});
"""
_CSS = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8884; }
th { cursor: pointer; position: sticky; top: 0; background: Canvas; }
th:focus-visible { outline: 2px solid Highlight; }
img { width: 120px; border-radius: 4px; display: block; }
.failed { color: #c0392b; }
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one item has no result."""

    name: str
    path: str
    kind: str
    """Name of the error type, for example ``MediaCrashError``."""
    message: str

    @classmethod
    def of(cls, item: Item, error: Exception) -> Self:
        """What a person needs to know of an error, on one line."""
        return cls(item.name, str(item.path), type(error).__name__, " ".join(str(error).split()))


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a batch."""

    done: int
    """Items worked on in this run."""
    skipped: int
    """Items whose results already stood."""
    failed: int
    windows: int
    seconds: float
    """Wall time of this run."""

    @property
    def exit_code(self) -> int:
        """0: all there; 3: some failed."""
        return 3 if self.failed else 0


def write_failures(folder: Path, failures: Iterable[Failure]) -> None:
    """One JSON object a line; the file is there, and empty, when nothing failed."""
    lines = [
        json.dumps({"name": f.name, "path": f.path, "kind": f.kind, "message": f.message})
        for f in failures
    ]
    write_text_whole(folder / FAILURES_NAME, "".join(line + "\n" for line in lines))


def write_report(
    folder: Path, items: Sequence[Item], failures: Mapping[str, Failure], summary: Summary
) -> None:
    """Write ``report.html`` (needs no network, only the files beside it) and ``report.md``."""
    rows = [(item, read_marker(folder, item.name), failures.get(item.name)) for item in items]
    totals = _totals(rows, summary)
    write_text_whole(folder / _MARKDOWN_NAME, _markdown(rows, totals))
    if len(rows) > _MOST_ROWS:
        rows = sorted(rows, key=lambda row: row[1] is not None)[:_MOST_ROWS]
        totals += f" Here are {_MOST_ROWS} of them, what is missing first; report.md has all."
    write_text_whole(folder / REPORT_NAME, _page(rows, totals))


_Row = tuple[Item, Marker | None, Failure | None]


def _totals(rows: Sequence[_Row], summary: Summary) -> str:
    hours = sum(marker.duration_seconds for _, marker, _ in rows if marker) / 3600
    windows = sum(marker.windows for _, marker, _ in rows if marker)
    return (
        f"{len(rows)} files, {hours:.2f} hours of video, {windows} windows; this run: "
        f"{summary.done} done, {summary.skipped} already there, {summary.failed} failed, "
        f"{summary.seconds:.1f} s."
    )


def _markdown(rows: Sequence[_Row], totals: str) -> str:
    lines = [
        "# sslviz batch",
        "",
        totals,
        "",
        "| file | seconds | windows | confident | remarks |",
        "|---|---|---|---|---|",
    ]
    for item, marker, failure in rows:
        if marker is not None and failure is None:
            cells = (
                f"{marker.duration_seconds:.1f} | {marker.windows} | "
                f"{marker.confident_share:.0%} | {'; '.join(marker.warnings)}"
            )
        else:
            cells = f" | | | {failure.kind}: {failure.message}" if failure else " | | | not done"
        lines.append(f"| {item.name} | {cells.replace(chr(10), ' ')} |")
    return "\n".join(lines) + "\n"


def _page(rows: Sequence[_Row], totals: str) -> str:
    body = "\n".join(_page_row(*row) for row in rows)
    heads = "".join(
        f'<th tabindex="0" scope="col">{name}</th>'
        for name in ("picture", "file", "seconds", "windows", "confident", "remarks")
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>sslviz batch</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_CSS}</style>'
        f"<h1>sslviz batch</h1><p>{html.escape(totals)}</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        f"<script>{_SCRIPT}</script></html>"
    )


def _page_row(item: Item, marker: Marker | None, failure: Failure | None) -> str:
    name = html.escape(item.name)
    if marker is None or failure is not None:
        why = f"{failure.kind}: {failure.message}" if failure else "not done"
        return f'<tr><td></td><td>{name}</td><td></td><td></td><td></td><td class="failed">{html.escape(why)}</td></tr>'
    return (
        f"<tr><td>{_thumbnail(item, marker)}</td><td>{_links(marker, name)}</td>"
        f'<td data-value="{marker.duration_seconds}">{marker.duration_seconds:.1f}</td>'
        f"<td>{marker.windows}</td>"
        f'<td data-value="{marker.confident_share}">{marker.confident_share:.0%}</td>'
        f"<td>{html.escape('; '.join(marker.warnings))}</td></tr>"
    )


def _thumbnail(item: Item, marker: Marker) -> str:
    poster = next((o for o in marker.outputs if o.endswith(".png")), None)
    if poster is None:
        return ""
    return f'<img alt="{html.escape(item.name)}" loading="lazy" src="{quote(poster)}">'


def _links(marker: Marker, name: str) -> str:
    links = " ".join(
        f'<a href="{quote(output)}">{html.escape(output.rsplit(".", 1)[-1])}</a>'
        for output in marker.outputs
    )
    return f"{name}<br>{links}"
