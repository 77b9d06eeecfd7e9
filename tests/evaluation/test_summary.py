"""From records to figures: what counts as interactive, and how sure a figure is."""

from pathlib import Path

import numpy as np
import pytest
from known_answers import CALIBRATION

from sslviz.datasets.annotated import Annotated, Benchmark
from sslviz.evaluation import detection, metrics
from sslviz.evaluation.protocols import protocol
from sslviz.evaluation.records import Record
from sslviz.evaluation.summary import BenchmarkResult, summarise
from sslviz.types import Identity

IDENTITY = Identity("test", "none", "", CALIBRATION)
HERE = Path("nowhere")


def summary(records: list[Record], *, interactive: bool = False) -> BenchmarkResult:
    samples = tuple(Annotated(record.name, HERE, HERE) for record in records)
    benchmark = Benchmark("any", samples, interactive=interactive)
    return summarise(records, {}, benchmark, IDENTITY, protocol("jsa"))


def record(name: str, value: float, group: str) -> Record:
    curve = tuple(np.full(255, value))
    return Record(name, 1.0, True, "", group, (value,), value, {}, (value,), curve)


def test_two_moments_of_one_clip_are_no_picture_with_two_sounds() -> None:
    records = [record(f"a.mp4@{second}", 0.9, "a.mp4") for second in (2, 5)]
    clips, is3 = summary(records), summary(records, interactive=True)
    assert clips.figure("iiou") is None
    assert clips.figure("iauc_adaptive") is None
    figure = is3.figure("iiou")
    assert figure is not None
    assert (figure.value, figure.num) == (1, 1)


def test_a_picture_counts_by_the_worst_of_its_sounds() -> None:
    pairs = [(0.9, 0.6), (0.9, 0.1), (0.2, 0.7)]
    records = [
        record(f"{picture}{sound}", value, str(picture))
        for picture, values in enumerate(pairs)
        for sound, value in enumerate(values)
    ]
    values = summary(records, interactive=True).to_json()
    assert values["iiou"] == pytest.approx(1 / 3)
    assert values["iauc"] == pytest.approx(metrics.auc([0.6, 0.1, 0.2]))
    assert values["n_iauc"] == 3


@pytest.mark.parametrize("name", ["success_rate_0_5", "auc", "auc_adaptive", "miou", "f_measure"])
def test_frames_that_hang_together_do_not_make_a_figure_surer(name: str) -> None:
    """A hundred frames of five videos, all frames of a video alike, tell as much as five frames."""
    levels = (0.1, 0.9, 0.7, 0.2, 0.8)
    together, alone = (
        summary(
            [
                record(f"{video}-{frame}", level, str(video) if grouped else "")
                for video, level in enumerate(levels)
                for frame in range(20)
            ]
        ).figure(name)
        for grouped in (True, False)
    )
    assert together is not None
    assert alone is not None
    assert together.value == pytest.approx(alone.value)
    assert width(together.interval) > 2.5 * width(alone.interval)


def width(interval: detection.Interval | None) -> float:
    assert interval is not None
    return interval.high - interval.low
