"""The About tab: whose ideas these are, which weights run, what is kept, what it cannot do."""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from sslviz.catalog import CHECKPOINTS, METHODS, Method
from sslviz.checkpoints.places import CONFIG, CheckpointState, available, find_folder
from sslviz.ui import about_text, describe
from sslviz.ui.settings import Deployment
from sslviz.ui.work import Desk


def build_about_tab(desk: Desk) -> None:
    """Words, and tables made from the catalog and from the checkpoints that are here."""
    gr.HTML(page(desk.deployment), apply_default_css=False)


def page(deployment: Deployment) -> str:
    """The whole tab as HTML."""
    methods = "".join(article(method) for method in METHODS.values())
    rows = "".join(row(state) for state in available())
    heads = "".join(f'<th scope="col">{name}</th>' for name in about_text.COLUMNS)
    questions = "".join(f"<li>{html.escape(line)}</li>" for line in about_text.LIMITS)
    return (
        '<article class="sv-about">'
        f"{_section(about_text.WHAT_TITLE, *about_text.WHAT)}"
        f"{_section(about_text.READ_TITLE, *about_text.READ)}"
        f"<h2>{about_text.METHODS_TITLE}</h2><div class='sv-papers'>{methods}</div>"
        f"{_section('', about_text.OURS)}"
        f"<h2>{about_text.CHECKPOINTS_TITLE}</h2>"
        f"<div class='sv-scroll' tabindex='0' role='region' aria-label='{about_text.CHECKPOINTS_TITLE}'>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{_section('', about_text.METRICS)}"
        f"<h2>{about_text.LIMITS_TITLE}</h2><ul>{questions}</ul>"
        f"{_section(about_text.PRIVACY_TITLE, *privacy(deployment))}"
        f"{_section(about_text.KEYS_TITLE, *about_text.KEYS)}"
        "</article>"
    )


def _section(title: str, *lines: str) -> str:
    head = f"<h2>{html.escape(title)}</h2>" if title else ""
    return head + "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def article(method: Method) -> str:
    """One method as a card."""
    link = f"https://arxiv.org/abs/{method.arxiv}"
    return (
        f"<article><h3>{html.escape(method.title)}</h3><p>{html.escape(method.summary)}</p>"
        f"<p>{html.escape(method.authors)}. {html.escape(method.venue)}, "
        f'<a href="{link}" rel="noreferrer" target="_blank">arXiv {method.arxiv}</a></p></article>'
    )


def row(state: CheckpointState) -> str:
    """One checkpoint as a table row."""
    checkpoint = CHECKPOINTS[state.name]
    cells = [
        f"<b>{html.escape(state.name)}</b>",
        html.escape(METHODS[state.method].title if state.method in METHODS else state.method),
        html.escape(_place(state)),
        html.escape(checkpoint.licence),
        _weights(state),
        _metrics(state),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _place(state: CheckpointState) -> str:
    size = f"{state.size_bytes / 2**20:.1f} MB"
    if state.where == "missing":
        return about_text.MISSING if not state.size_bytes else f"{about_text.ON_HUB}, {size}"
    return f"{state.where}, {size}"


def _weights(state: CheckpointState) -> str:
    """Hash of the weights that are here; revision of those that would be fetched."""
    folder = find_folder(state.name)
    if folder is None:
        files = CHECKPOINTS[state.name].files
        places = [f"{file.repo_id}@{file.revision[:12]}" for file in files[:3]]
        return "<br>".join(f"<code>{html.escape(place)}</code>" for place in places)
    config = _config(folder)
    mark = "" if config.get("trained", True) else f" {about_text.UNTRAINED}"
    return (
        f"<code>sha256 {html.escape(str(config.get('sha256', ''))[:16])}</code>{html.escape(mark)}"
    )


def _config(folder: Path) -> Mapping[str, Any]:
    """What a checkpoint says of itself; the loader, which needs torch, checks it before use."""
    try:
        values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"sha256": about_text.DAMAGED}
    return values if isinstance(values, dict) else {}


def _metrics(state: CheckpointState) -> str:
    folder = find_folder(state.name)
    if folder is None:
        return html.escape(state.note)
    metrics = _config(folder).get("metrics", {})
    return "<br>".join(html.escape(line) for line in metric_lines(metrics))


def metric_lines(metrics: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[str]:
    """Measured numbers of a checkpoint card, one per line, with their own names."""
    lines: list[str] = []
    for name, value in metrics.items():
        words = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, Mapping) and {"value", "low", "high", "n"} <= set(value):
            lines.append(_measured(words, value))
            continue
        if isinstance(value, Mapping) and depth < 3:
            lines += metric_lines(value, f"{words}, ", depth + 1)
        elif isinstance(value, float):
            lines.append(f"{words}: {value:.3g}")
        elif isinstance(value, int | str):
            lines.append(f"{words}: {value}")
    return lines


def _measured(words: str, entry: Mapping[str, Any]) -> str:
    """A figure with its interval and its count, in one line."""
    value, low, high = (format(float(entry[name]), ".3g") for name in ("value", "low", "high"))
    return f"{words} {value} ({low} to {high}, n = {entry['n']})"


def privacy(deployment: Deployment) -> list[str]:
    """What is kept and for how long, from the settings that hold."""
    kept = describe.about(deployment.keep_seconds)
    size = f"{deployment.max_bytes / 2**20:.0f} MB"
    long = deployment.max_duration_seconds
    length = about_text.ANY_LENGTH if long is None else describe.about(long)
    return [
        about_text.PRIVACY_KEPT.format(time=kept),
        about_text.PRIVACY_LINKS,
        about_text.PRIVACY_LOCAL,
        about_text.PRIVACY_LIMITS.format(size=size, length=length),
    ]
