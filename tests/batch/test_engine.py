"""The local engine on real clips with the bundled checkpoint: real crashes, real hangs, real resumes."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from media.clips import ffmpeg

from sslviz.batch.engine import BatchProgress, EngineOptions, run_batch
from sslviz.batch.inputs import collect
from sslviz.batch.report import Summary
from sslviz.batch.search import Order, search
from sslviz.batch.work import BatchOptions
from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.checkpoints import fetch, read_config
from sslviz.errors import OptionError
from sslviz.export import load_track
from sslviz.options import AnalysisOptions

OPTIONS = BatchOptions(DEFAULT_CHECKPOINT, "cpu", AnalysisOptions(maps_per_second=2.0))
ONE_WORKER = EngineOptions(("cpu",), stall_seconds=90.0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short clips and a file that only says it is one."""
    folder = tmp_path_factory.mktemp("clips")
    for name, tone in (("a", 300), ("b", 600), ("c", 900)):
        ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=1.5",
            "-f", "lavfi", "-i", f"sine=f={tone}:d=1.5",
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest",
            str(folder / f"{name}.mp4"),
        )  # fmt: skip
    (folder / "text.mp4").write_text("this is no video")
    return folder


def _weights() -> str:
    return read_config(fetch(DEFAULT_CHECKPOINT)).sha256


def _run(
    source: Path,
    out: Path,
    options: BatchOptions = OPTIONS,
    engine: EngineOptions = ONE_WORKER,
) -> tuple[Summary, list[BatchProgress]]:
    steps = run_batch(collect([str(source)]), options, out, _weights(), engine)
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return end.value, seen


@pytest.mark.slow
def test_one_bad_file_costs_only_itself_and_a_rerun_does_nothing_again(
    clips: Path, tmp_path: Path
) -> None:
    options = replace(OPTIONS, outputs=frozenset({"video", "csv", "poster", "embeddings"}))
    summary, _ = _run(clips, tmp_path, options)
    assert (summary.done, summary.skipped, summary.failed, summary.exit_code) == (3, 0, 1, 3)
    (failure,) = map(json.loads, (tmp_path / "failures.jsonl").read_text().splitlines())
    assert (failure["name"], failure["kind"]) == ("text.mp4", "MediaError")
    for name in "abc":
        for suffix in (".npz", ".mp4", ".csv", ".png", ".embeddings.npz", ".done.json"):
            assert (tmp_path / f"{name}.mp4{suffix}").stat().st_size > 0
    assert not list(tmp_path.rglob("*.part"))
    assert "text.mp4" in (tmp_path / "report.html").read_text()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.mp4.*")}
    again, _ = _run(clips, tmp_path, options)
    assert (again.done, again.skipped, again.failed) == (0, 3, 1)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.mp4.*")}
    moments, problems = search(tmp_path, Order.LOUD, top=5)
    assert {moment.name for moment in moments} == {"a.mp4", "b.mp4", "c.mp4"}
    assert not problems


@pytest.mark.slow
@pytest.mark.parametrize(
    ("blow", "kind"), [(signal.SIGSEGV, "MediaCrashError"), (signal.SIGSTOP, "MediaTimeoutError")]
)
def test_a_worker_that_dies_or_hangs_costs_one_file_and_the_next_gets_a_new_worker(
    clips: Path, tmp_path: Path, blow: signal.Signals, kind: str
) -> None:
    engine = replace(ONE_WORKER, stall_seconds=45.0)
    steps = run_batch(collect([str(clips / "?.mp4")]), OPTIONS, tmp_path, _weights(), engine)
    struck = False
    summary = None
    while summary is None:
        try:
            progress = next(steps)
        except StopIteration as end:
            summary = end.value
            break
        if progress.files_done == 1 and not struck:
            struck = True
            os.kill(_worker_of(os.getpid()), blow)
    assert (summary.done, summary.failed) == (2, 1)
    (failure,) = map(json.loads, (tmp_path / "failures.jsonl").read_text().splitlines())
    assert failure["kind"] == kind
    again, _ = _run(clips, tmp_path)
    assert (again.done, again.skipped) == (1, 2)


def _worker_of(pid: int) -> int:
    """The batch's worker: the child whose command line starts a media child's bootstrap."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"sslviz.media.child" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    raise AssertionError("no worker runs")


@pytest.mark.slow
def test_segments_join_without_a_seam(clips: Path, tmp_path: Path) -> None:
    long = tmp_path / "in" / "long.mp4"
    long.parent.mkdir()
    ffmpeg("-stream_loop", "3", "-i", str(clips / "a.mp4"), "-c", "copy", str(long))
    whole, _ = _run(long, tmp_path / "whole", engine=replace(ONE_WORKER, segment_seconds=0))
    # Small enough that even this clip counts as long.
    engine = replace(ONE_WORKER, segment_seconds=2.0)
    parts, _ = _run(long, tmp_path / "parts", engine=engine)
    assert whole.done == parts.done == 1
    one, other = (load_track(tmp_path / name / "long.mp4.npz") for name in ("whole", "parts"))
    assert np.array_equal(one.times, other.times)
    np.testing.assert_allclose(one.values, other.values, rtol=0, atol=1e-4)
    assert not list((tmp_path / "parts").glob("*.segments"))


def test_unknown_outputs_are_refused_by_name() -> None:
    with pytest.raises(OptionError, match="Unknown outputs gif"):
        BatchOptions(DEFAULT_CHECKPOINT, outputs=frozenset({"gif"}))
