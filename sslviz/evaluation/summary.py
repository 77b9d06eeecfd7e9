"""From records to figures: what a benchmark's table says, with baselines, intervals and counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sslviz.datasets.annotated import Benchmark
from sslviz.evaluation import detection, metrics
from sslviz.evaluation.benchmark import GRID, NEGATIVES
from sslviz.evaluation.figures import Figure, mean_figure
from sslviz.evaluation.protocols import SWEEP, Protocol, Rule
from sslviz.evaluation.records import Record
from sslviz.types import Identity


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """Figures of one localizer on one benchmark under one protocol."""

    benchmark: str
    identity: Identity
    protocol: Protocol
    figures: tuple[Figure, ...]
    num_listed: int
    num_measured: int
    left_out: tuple[str, ...]
    """Missing and unreadable samples, ``name: reason``; in none of the figures."""
    records: tuple[Record, ...] = ()
    notes: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def coverage(self) -> str:
        """Over how many samples the figures were taken."""
        return f"{self.num_measured} of {self.num_listed} listed samples"

    def figure(self, name: str) -> Figure | None:
        """A figure by name; ``None`` where it was not taken."""
        return next((figure for figure in self.figures if figure.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Flat figures and everything needed to compare them."""
        values: dict[str, Any] = {}
        for figure in self.figures:
            values |= figure.to_json()
        return values | {
            "benchmark": self.benchmark,
            "protocol": self.protocol.name,
            "protocol_rule": self.protocol.describe(),
            "method": self.identity.method,
            "checkpoint": self.identity.checkpoint,
            "sha256": self.identity.sha256,
            "trained": self.identity.trained,
            "num_listed": self.num_listed,
            "num_measured": self.num_measured,
            "num_left_out": len(self.left_out),
            "left_out": list(self.left_out),
            "notes": list(self.notes),
            **self.extra,
        }


def summarise(
    records: Sequence[Record],
    failed: dict[str, str],
    benchmark: Benchmark,
    identity: Identity,
    protocol: Protocol,
    f_batch: int | None = None,
) -> BenchmarkResult:
    """All figures that the records allow; of samples that the benchmark no longer lists, none is counted.

    Args:
        records: In any order.
        failed: Samples that could not be read, and why.
        benchmark: Where they come from.
        identity: Of the localizer.
        protocol: That the records were made under.
        f_batch: Take AVSBench's F as its own code does: the maximum within each batch of so many frames.
    """
    place = {sample.name: index for index, sample in enumerate(benchmark.samples)}
    records = sorted((r for r in records if r.name in place), key=lambda r: place[r.name])
    positives = [record for record in records if record.sounding]
    figures: list[Figure] = []
    notes: list[str] = []
    if positives:
        column = _column(positives, protocol, notes)
        figures += _placement(positives, column)
        if benchmark.interactive:
            figures += _interactive(positives, column)
        figures += _masks(positives, f_batch)
        figures += _negatives(positives, notes)
        if len(positives) < len(records):
            figures += _extended(records, column)
    unread = (f"{name}: {reason}" for name, reason in failed.items() if name in place)
    left_out = [*benchmark.missing, *unread]
    return BenchmarkResult(
        benchmark.name,
        identity,
        protocol,
        tuple(figures),
        benchmark.num_listed,
        len(records),
        tuple(left_out),
        tuple(records),
        tuple(notes),
    )


def _column(positives: Sequence[Record], protocol: Protocol, notes: list[str]) -> int:
    """Which of a sample's values counts: the only one, or the sweep's best threshold of the whole set."""
    if protocol.rule is not Rule.SWEEP:
        return 0
    rates = [metrics.success_rate(values) for values in np.array([r.ciou for r in positives]).T]
    best = int(np.argmax(rates))
    notes.append(
        f"threshold {SWEEP[best]:g} is the best of 19 on this very set, as the paper's evaluator does: "
        "tuned on the test set."
    )
    return best


def _placement(positives: Sequence[Record], column: int) -> list[Figure]:
    values = np.array([record.ciou[column] for record in positives])
    adaptive = np.array([record.ciou_adaptive for record in positives])
    names = sorted({name for record in positives for name in record.baselines})
    base = {n: np.array([r.baselines[n] for r in positives if n in r.baselines]) for n in names}
    groups = _groups(positives)
    hits = {name: array >= 0.5 for name, array in base.items()}
    return [
        mean_figure("success_rate_0_5", values >= 0.5, hits, groups),
        _area("auc", values, base, groups),
        mean_figure("mean_ciou", values, base, groups),
        mean_figure("success_rate_0_5_adaptive", adaptive >= 0.5, {}, groups),
        _area("auc_adaptive", adaptive, {}, groups),
    ]


def _groups(records: Sequence[Record]) -> list[str]:
    """What hangs together, for the intervals: frames of one video, sounds of one picture."""
    return [record.group or record.name for record in records]


def _area(
    name: str,
    values: metrics.Floats,
    base: dict[str, metrics.Floats],
    groups: Sequence[str] | None = None,
) -> Figure:
    interval = detection.bootstrap_of(lambda index: metrics.auc(values[index]), len(values), groups)
    return Figure(
        name,
        metrics.auc(values),
        len(values),
        interval,
        {k: metrics.auc(v) for k, v in base.items()},
    )


def _interactive(positives: Sequence[Record], column: int) -> list[Figure]:
    """IIoU and IAUC: a picture counts by the worst of its sounds."""
    cious = {
        "": [record.ciou[column] for record in positives],
        "_adaptive": [record.ciou_adaptive for record in positives],
    }
    figures = []
    for ending, values in cious.items():
        smallest = metrics.smallest_per_picture(values, _groups(positives))
        if len(smallest):
            figures.append(mean_figure(f"iiou{ending}", smallest >= 0.5, {}))
            figures.append(_area(f"iauc{ending}", smallest, {}))
    return figures


def _masks(positives: Sequence[Record], f_batch: int | None) -> list[Figure]:
    marked = [record for record in positives if record.miou]
    if not marked:
        return []
    table = np.array([record.miou for record in marked])
    best = int(np.argmax(table.mean(axis=0)))
    figures = [mean_figure("miou", table[:, best], {}, _groups(marked))]
    sounding = [record for record in marked if record.f_curve]
    curves = np.array([record.f_curve for record in sounding])
    if len(curves):
        interval = detection.bootstrap_of(
            lambda index: float(curves[index].mean(axis=0).max()),
            len(curves),
            _groups(sounding),
            rounds=100,
        )
        figures.append(Figure("f_measure", float(curves.mean(axis=0).max()), len(curves), interval))
    if len(curves) and f_batch:
        figures.append(
            Figure(f"f_per_batch_of_{f_batch}", _batched_f(marked, f_batch), len(curves), None)
        )
    return figures


def _batched_f(marked: Sequence[Record], size: int) -> float:
    """The benchmark's own arithmetic: the mean over mini-batches of each batch's largest F."""
    measure = metrics.FMeasure(size)
    for record in marked:
        measure.add_curve(np.array(record.f_curve) if record.f_curve else None)
    return measure.result()


def _negatives(positives: Sequence[Record], notes: list[str]) -> list[Figure]:
    """PIA, AUC_N and F_LOC at the universal threshold: third quartile of map maxima under negatives."""
    heard = [record for record in positives if record.negatives]
    if not heard:
        return []
    shares = {n: np.array([record.negatives[n] for record in heard]) for n in NEGATIVES}
    largest = [GRID[int(np.count_nonzero(row > 0))] if row[-1] == 0 else 1.0
               for table in shares.values() for row in table]  # fmt: skip
    threshold = detection.universal_threshold(largest)
    index = min(range(len(GRID)), key=lambda i: abs(GRID[i] - threshold))
    notes.append(
        f"universal threshold {GRID[index]:g} on the absolute scale, from these negatives."
    )
    values = np.array([record.ciou_absolute[index] for record in heard])
    groups = _groups(heard)
    figures = [mean_figure("mean_ciou_absolute", values, {}, groups)]
    for name, table in shares.items():
        dark = float(table[:, index].mean())
        figures.append(mean_figure(f"pia_{name}", table[:, index], {}, groups))
        area = detection.negative_auc(table[:, index])
        figures.append(Figure(f"auc_n_{name}", area, len(heard), None))
        figures.append(
            Figure(f"f_loc_{name}", detection.f_loc(float(values.mean()), dark), len(heard), None)
        )
        figures.append(
            Figure(f"f_auc_{name}", detection.harmonic(metrics.auc(values), area), len(heard), None)
        )
    return figures


def detections(records: Sequence[Record], column: int = 0) -> detection.Detections:
    """The extended sets' view of records."""
    return detection.Detections(
        np.array([record.ciou[column] if record.sounding else 0.0 for record in records]),
        np.array([record.confidence for record in records]),
        np.array([record.sounding for record in records]),
    )


def _extended(records: Sequence[Record], column: int) -> list[Figure]:
    found = detections(records, column)
    count = len(records)
    return [
        Figure("average_precision", found.average_precision(), count, None),
        Figure("max_f1", found.max_f1(), count, None),
        Figure("precision_at_50", found.precision_at_50(), int(found.positive.sum()), None),
    ]
