"""Best, median and worst cases as one HTML file that opens without a server."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.annotated import Annotated, Benchmark
from sslviz.errors import MediaError
from sslviz.evaluation.benchmark import read_window
from sslviz.evaluation.library import MediaSource
from sslviz.evaluation.metrics import min_max
from sslviz.evaluation.plots import ciou_values
from sslviz.evaluation.protocols import SIZE
from sslviz.evaluation.summary import BenchmarkResult
from sslviz.types import Localizer, ScoreMap

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:14px sans-serif;margin:2em;background:#fff;color:#111}}
figure{{display:inline-block;margin:6px;width:224px;vertical-align:top}}img{{width:224px;height:224px}}
figcaption{{font-size:12px;overflow-wrap:anywhere}}</style>
<h1>{title}</h1><p>{lead}</p>{body}</html>
"""


def pick_cases(result: BenchmarkResult, each: int = 6) -> dict[str, list[tuple[str, float]]]:
    """Names and cIoU of the best, the middle and the worst samples; no sample twice."""
    positives = [record.name for record in result.records if record.sounding]
    values = ciou_values(result)
    order = np.argsort(-values, kind="stable")
    each = min(each, len(order) // 3) or min(each, len(order))
    middle = max(0, (len(order) - each) // 2)
    parts = {"Best": order[:each], "Median": order[middle : middle + each], "Worst": order[-each:]}
    return {
        name: [(positives[int(i)], float(values[int(i)])) for i in index]
        for name, index in parts.items()
    }


def save_gallery(
    result: BenchmarkResult,
    benchmark: Benchmark,
    localizer: Localizer,
    source: MediaSource,
    path: Path,
) -> Path:
    """Score the chosen samples once more and write the page.

    The heat is stretched to each picture's own range, which the page says; the truth is outlined in white.
    """
    by_name = {sample.name: sample for sample in benchmark.samples}
    parts = []
    for heading, cases in pick_cases(result).items():
        figures = [_figure(by_name[n], v, localizer, source) for n, v in cases if n in by_name]
        parts.append(f"<h2>{heading}</h2>{''.join(figures)}")
    lead = (
        f"Checkpoint {result.identity.checkpoint}, protocol {result.protocol.name} "
        f"({result.protocol.describe()}), {result.coverage}. Heat is stretched to each picture's own "
        "range; the truth is outlined in white."
    )
    title = html.escape(f"{result.benchmark}: best, median and worst")
    path.parent.mkdir(parents=True, exist_ok=True)
    page = _PAGE.format(title=title, lead=html.escape(lead), body="".join(parts))
    path.write_text(page, encoding="utf-8")
    return path


def _figure(sample: Annotated, value: float, localizer: Localizer, source: MediaSource) -> str:
    try:
        window = read_window(source, sample, localizer.spec)
        truth = sample.truth(source.picture)
    except MediaError as error:
        return f"<figure>{html.escape(str(error))}</figure>"
    (score_map,) = localizer.localize([window])
    picture = base64.b64encode(_jpeg(overlay(window.key_frame.image, score_map, truth))).decode()
    words = html.escape(f"{sample.name} {sample.category}")
    return (
        f'<figure><img alt="{words}" src="data:image/jpeg;base64,{picture}">'
        f"<figcaption>{words}<br>cIoU {value:.3f}, confidence {score_map.confidence:.2f}"
        "</figcaption></figure>"
    )


def overlay(
    image: NDArray[np.uint8], score_map: ScoreMap, truth: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The picture under its stretched heat with the truth's outline, RGB (224, 224, 3)."""
    small = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(score_map.values, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    heat = np.clip(min_max(np.asarray(smooth)), 0, 1)
    color = mpl.colormaps["inferno"](heat)[..., :3] * 255
    mixed = (0.45 * small + 0.55 * color).astype(np.uint8)
    outlines, _ = cv2.findContours(
        (truth > 0).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(mixed, _points(outlines), -1, (255, 255, 255), 1)
    return mixed


def _points(outlines: Sequence[NDArray[np.generic]]) -> list[NDArray[np.int32]]:
    return [np.asarray(outline, np.int32) for outline in outlines]


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85]
    )
    return bytes(data)
