"""Pictures of a result: success curve, spread of cIoU, precision over recall."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from sslviz.evaluation import metrics
from sslviz.evaluation.protocols import Rule
from sslviz.evaluation.summary import BenchmarkResult, detections

Draw = Callable[[BenchmarkResult, Axes], None]
_STEPS = np.linspace(0, 1, metrics.NUM_STEPS)


def save_plots(result: BenchmarkResult, folder: Path) -> list[Path]:
    """Write the plots that the result allows as PNG; their paths."""
    values = ciou_values(result)
    if not len(values):
        return []
    with mpl.rc_context({"font.size": 9}):
        paths = [
            _save(result, folder / "success_curve.png", _success),
            _save(result, folder / "ciou.png", _spread),
        ]
        if result.figure("average_precision"):
            paths.append(_save(result, folder / "precision_recall.png", _precision))
    return paths


def ciou_values(result: BenchmarkResult) -> metrics.Floats:
    """Per-sample cIoU of the positives; of a sweep, at its best threshold."""
    table = np.array([record.ciou for record in result.records if record.sounding], np.float64)
    if not table.size:
        return np.zeros(0)
    if result.protocol.rule is not Rule.SWEEP:
        return np.asarray(table[:, 0])
    return np.asarray(table[:, int(np.argmax((table >= 0.5).mean(axis=0)))])


def _save(result: BenchmarkResult, path: Path, draw: Draw) -> Path:
    canvas = Canvas(figsize=(5, 3.6), dpi=120, layout="constrained")
    axes = canvas.add_subplot()
    draw(result, axes)
    axes.set_title(
        f"{result.benchmark}, {result.identity.checkpoint}, protocol {result.protocol.name}"
    )
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path)
    return path


def _success(result: BenchmarkResult, axes: Axes) -> None:
    values = ciou_values(result)
    axes.plot(_STEPS, metrics.success_curve(values), label=f"sound, AUC {metrics.auc(values):.3f}")
    for name, dash in (("centre", "--"), ("object", ":")):
        other = np.array([r.baselines[name] for r in result.records if name in r.baselines])
        if len(other):
            label = f"{name} prior, AUC {metrics.auc(other):.3f}"
            axes.plot(_STEPS, metrics.success_curve(other), dash, label=label)
    axes.set(xlabel="cIoU threshold", ylabel="share of samples", ylim=(0, 1), xlim=(0, 1))
    axes.legend()


def _spread(result: BenchmarkResult, axes: Axes) -> None:
    axes.hist(ciou_values(result), bins=_STEPS.tolist(), color="tab:blue", alpha=0.8)
    axes.axvline(0.5, color="black", linewidth=1)
    axes.set(xlabel="cIoU", ylabel="samples", xlim=(0, 1))


def _precision(result: BenchmarkResult, axes: Axes) -> None:
    found = detections(result.records)
    precision, recall = found.curve()
    axes.step(recall, precision, where="post", label=f"AP {found.average_precision():.3f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
