"""Tables: JSON, CSV and Markdown, with published numbers beside and a warning where rules differ."""

import csv
import io
from collections.abc import Sequence

from sslviz.evaluation.protocols import PROTOCOLS, Rule, comparable
from sslviz.evaluation.published import BOUNDS, PUBLISHED, Published
from sslviz.evaluation.summary import BenchmarkResult

_TITLES = {
    "success_rate_0_5": "cIoU@0.5",
    "auc": "AUC",
    "success_rate_0_5_adaptive": "cIoU@0.5 adaptive",
    "auc_adaptive": "AUC adaptive",
    "mean_ciou": "mean cIoU",
    "iiou": "IIoU",
    "iauc": "IAUC",
    "iiou_adaptive": "IIoU adaptive",
    "iauc_adaptive": "IAUC adaptive",
    "miou": "mIoU",
    "f_measure": "F",
    "average_precision": "AP",
    "max_f1": "max-F1",
    "precision_at_50": "Prec@50",
}


def title(name: str) -> str:
    """A figure's name as tables of the field have it."""
    return _TITLES.get(name, name)


def markdown(results: Sequence[BenchmarkResult]) -> str:
    """Our figures in percent with baselines, then published ones, then everything that must be said."""
    lines: list[str] = []
    for benchmark in dict.fromkeys(result.benchmark for result in results):
        ours = [result for result in results if result.benchmark == benchmark]
        published = [row for row in PUBLISHED if row.benchmark == benchmark]
        lines += [f"## {benchmark}", "", *_our_table(ours), ""]
        lines += [*_published_table(ours, published), ""] if published else []
        lines += [*_remarks(ours, published), ""]
    return "\n".join(lines).rstrip() + "\n"


def _our_table(ours: Sequence[BenchmarkResult]) -> list[str]:
    lines = [
        "| checkpoint | protocol | figure | value | 95 % interval | n | centre | object | random |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in ours:
        who = result.identity.checkpoint + ("" if result.identity.trained else " (NOT TRAINED)")
        for figure in result.figures:
            sure = figure.interval
            between = f"{100 * sure.low:.2f} to {100 * sure.high:.2f}" if sure else ""
            beside = [
                f"{100 * figure.baselines[k]:.2f}" if k in figure.baselines else ""
                for k in ("centre", "object", "random")
            ]
            cells = [who, result.protocol.name, title(figure.name), f"**{100 * figure.value:.2f}**"]
            lines.append(f"| {' | '.join([*cells, between, str(figure.num), *beside])} |")
    return lines


def _published_table(ours: Sequence[BenchmarkResult], rows: Sequence[Published]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    head = " | ".join(title(name) for name in names)
    lines = [
        f"| published | trained on | protocol | {head} | source |",
        f"|---|---|---|{'---|' * len(names)}---|",
    ]
    used = {result.protocol.name for result in ours}
    for row in rows:
        values = [f"{row.values[name]:.2f}" if name in row.values else "" for name in names]
        mark = "" if row.protocol in used else " (another rule)"
        cells = [row.method, row.trained_on, row.protocol + mark, *values, row.source]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _remarks(ours: Sequence[BenchmarkResult], published: Sequence[Published]) -> list[str]:
    lines = []
    names = {result.protocol.name for result in ours}
    if not comparable(names | {row.protocol for row in published}):
        lines.append(
            "WARNING: this table holds figures taken under different protocols; compare only rows of the "
            "same protocol."
        )
    lines += [
        f"- protocol `{name}` ({PROTOCOLS[name].source}): {PROTOCOLS[name].describe()}"
        for name in sorted(names)
    ]
    for result in ours:
        lines.append(
            f"- {result.identity.checkpoint} ({result.protocol.name}): over {result.coverage}."
        )
        lines += [f"  - {note}" for note in result.notes]
    kinds = {
        "median" if PROTOCOLS[n].rule is Rule.MEDIAN else PROTOCOLS[n].rule.value for n in names
    }
    for bound in BOUNDS:
        if bound.benchmark == ours[0].benchmark and bound.protocol in kinds | {"adaptive"}:
            values = ", ".join(f"{title(k)} {v:.2f}" for k, v in bound.values.items())
            lines.append(f"- {bound.meaning}: {values}")
    return lines


def samples_csv(result: BenchmarkResult) -> str:
    """One row per sample; the sweep's 19 values are in the JSON lines only."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["name", "category", "group", "sounding", "confidence", "ciou", "ciou_adaptive"]
    writer.writerow([*head, "ciou_centre", "ciou_object", "protocol"])
    for record in result.records:
        single = record.ciou[0] if len(record.ciou) == 1 else ""
        base = [record.baselines.get(name, "") for name in ("centre", "object")]
        row = [record.name, record.category, record.group, int(record.sounding), record.confidence]
        writer.writerow([*row, single, record.ciou_adaptive, *base, result.protocol.name])
    return out.getvalue()
