"""From a list of items to results: plan, skip what is done, share out, collect, report."""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from sslviz.batch.inputs import Item
from sslviz.batch.markers import MARKER_SUFFIX, is_done, remove_leftovers
from sslviz.batch.ray_engine import RayOptions, run_on_ray
from sslviz.batch.report import SUMMARY_NAMES, Failure, Summary, write_failures, write_report
from sslviz.batch.work import SUFFIXES, TRACK_SUFFIX, BatchOptions, Task
from sslviz.batch.worker import Worker
from sslviz.errors import SSLVizError
from sslviz.media.probe import probe
from sslviz.pipeline import Progress

_LEAST_BYTES_PER_SECOND = 8_000
"""A file of fewer bytes than this per second of a segment is not probed: it cannot be long."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the work is shared out; none of it changes a result."""

    devices: tuple[str, ...] = ("cpu",)
    """One worker each; name a GPU several times to run several workers on it."""
    stall_seconds: float = 120.0
    deadline_seconds: float | None = None
    """Longest time for one task; ``None``: a minute and twenty times the length of its video."""
    segment_seconds: float = 600.0
    """Longer files are cut into segments that several workers analyse at once; 0 is off."""
    ray: RayOptions | None = None
    """Share out over Ray instead of this machine's own workers."""


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is."""

    files_done: int
    files_skipped: int
    files_failed: int
    files_total: int
    windows_done: int
    windows_per_second: float
    eta_seconds: float | None
    newest: str = ""
    """Name of the item that was finished or failed last."""


@dataclass(slots=True)
class _Tally:
    total: int
    skipped: int
    started: float = field(default_factory=time.monotonic)
    done: int = 0
    windows: int = 0
    failures: dict[str, Failure] = field(default_factory=dict)
    """By name of the item; the first of its segments' tells why."""
    newest: str = ""

    def progress(self) -> BatchProgress:
        seconds = max(time.monotonic() - self.started, 1e-6)
        finished = self.done + len(self.failures)
        left = self.total - self.skipped - finished
        return BatchProgress(
            self.done,
            self.skipped,
            len(self.failures),
            self.total,
            self.windows,
            self.windows / seconds,
            left * seconds / finished if finished else None,
            self.newest,
        )


def run_batch(
    items: Sequence[Item],
    options: BatchOptions,
    folder: Path,
    weights_sha256: str,
    engine: EngineOptions = EngineOptions(),
) -> Generator[BatchProgress, None, Summary]:
    """Work on every item that is not done yet.

    Closing the generator ends the workers; what was finished stays, and a rerun goes on from there.

    Args:
        items: From :func:`sslviz.batch.inputs.collect`.
        options: Decide the results.
        folder: Where results, markers, ``failures.jsonl``, ``report.html`` and ``report.md`` go.
        weights_sha256: Of the checkpoint, part of what a marker must match.
        engine: Decides the speed only.

    Yields:
        Progress after each window batch and each item.

    Returns:
        What became of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fingerprint = options.fingerprint(weights_sha256)
    waiting = [item for item in items if not is_done(folder, item.name, item.path, fingerprint)]
    _clear(folder, items)
    tally = _Tally(len(items), len(items) - len(waiting))
    stopped = True
    try:
        yield tally.progress()
        plans = _plans(waiting, options, engine)
        yield from _phase(_spread(plans), options, folder, engine, tally)
        joins = [
            Task(item, join=len(plan))
            for item, plan in zip(waiting, plans, strict=True)
            if len(plan) > 1 and item.name not in tally.failures
        ]
        yield from _phase(joins, options, folder, engine, tally)
        stopped = False
    finally:
        seconds = time.monotonic() - tally.started
        counts = (tally.done, tally.skipped, len(tally.failures), tally.windows)
        summary = Summary(*counts, seconds)
        with contextlib.suppress(OSError) if stopped else contextlib.nullcontext():
            write_failures(folder, tally.failures.values())
            write_report(folder, items, tally.failures, summary)
        _clear(folder, items)  # workers of a killed driver may have written on for a moment
    return summary


def _clear(folder: Path, items: Sequence[Item]) -> None:
    endings = (TRACK_SUFFIX, MARKER_SUFFIX, *SUFFIXES.values())
    remove_leftovers(folder, {item.name for item in items}, endings)
    remove_leftovers(folder, SUMMARY_NAMES, ("",))


def _plans(items: Sequence[Item], options: BatchOptions, engine: EngineOptions) -> list[list[Task]]:
    """Several at a time: looking how long a large file is takes a child of its own."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        return list(pool.map(lambda item: _plan(item, options, engine), items))
    finally:
        pool.shutdown(cancel_futures=True)


def _plan(item: Item, options: BatchOptions, engine: EngineOptions) -> list[Task]:
    """The whole item, or its segments when it is long."""
    step = engine.segment_seconds
    whole = [Task(item)]
    if not step or not item.path.is_file():
        return whole
    if item.path.stat().st_size < step * _LEAST_BYTES_PER_SECOND:
        return whole
    try:
        duration = probe(item.path, options.limits).duration_seconds
    except SSLVizError:
        return whole  # the worker meets the same error and reports it
    end = min(item.end_seconds or duration or 0.0, duration or 0.0)
    # A whole number of maps per segment keeps every window on the grid of the undivided file.
    cell = 1 / options.analysis.maps_per_second
    step = max(1, round(step / cell)) * cell
    starts = [item.start_seconds]
    while starts[-1] + 1.5 * step < end:
        starts.append(starts[0] + len(starts) * step)
    if len(starts) == 1:
        return whole
    ends = [*starts[1:], item.end_seconds]
    # Each later segment starts one cell early; that cell is dropped when the segments are joined.
    starts = [starts[0], *(start - cell for start in starts[1:])]
    return [
        Task(replace(item, start_seconds=start, end_seconds=stop), segment=index)
        for index, (start, stop) in enumerate(zip(starts, ends, strict=True))
    ]


def _spread(plans: Iterable[list[Task]]) -> list[Task]:
    """Segments of long files first: they decide when the last worker is free."""
    return [task for plan in sorted(plans, key=len, reverse=True) for task in plan]


_Event = tuple[Task, Progress | Failure | None]


def _phase(
    tasks: Sequence[Task], options: BatchOptions, folder: Path, engine: EngineOptions, tally: _Tally
) -> Iterator[BatchProgress]:
    """Share tasks out until all are through."""
    if not tasks:
        return
    make_worker = partial(
        Worker,
        options,
        folder,
        stall_seconds=engine.stall_seconds,
        deadline_seconds=engine.deadline_seconds,
    )
    if engine.ray is None:
        yield from _local_phase(tasks, make_worker, engine.devices, tally)
        return
    # Ray shows an actor its own GPU only, and the checkpoint finds it.
    device = "auto" if engine.ray.gpus_per_worker else "cpu"
    for task, windows, failure in run_on_ray(tasks, partial(make_worker, device), engine.ray):
        tally.windows += windows
        _count(task, failure, tally)
        yield tally.progress()


def _local_phase(
    tasks: Sequence[Task],
    make_worker: Callable[[str], Worker],
    devices: Sequence[str],
    tally: _Tally,
) -> Iterator[BatchProgress]:
    """One thread for each worker."""
    todo: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        todo.put(task)
    events: queue.Queue[_Event] = queue.Queue(maxsize=64)
    stop = threading.Event()
    workers = [make_worker(device) for device in devices[: len(tasks)]]
    threads = [
        threading.Thread(target=_work_off, args=(worker, todo, events, stop), daemon=True)
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    seen: dict[Task, int] = {}
    through = 0
    try:
        while through < len(tasks):
            task, news = events.get()
            if isinstance(news, Progress):
                tally.windows += news.windows_done - seen.get(task, 0)
                seen[task] = news.windows_done
            else:
                through += 1
                _count(task, news, tally)
            yield tally.progress()
    finally:
        stop.set()
        for worker in workers:
            worker.close()


def _count(task: Task, failure: Failure | None, tally: _Tally) -> None:
    if failure is not None:
        tally.failures.setdefault(failure.name, failure)
    elif task.segment is None:
        tally.done += 1
    else:
        return
    tally.newest = task.item.name


def _work_off(
    worker: Worker,
    todo: "queue.SimpleQueue[Task]",
    events: "queue.Queue[_Event]",
    stop: threading.Event,
) -> None:
    while not stop.is_set():
        try:
            task = todo.get_nowait()
        except queue.Empty:
            break
        failure: Failure | None = None
        try:
            worker.run(task, partial(_tell_progress, events, task, stop))
        except Exception as error:  # noqa: BLE001 - a thread must not die silently with a task
            failure = Failure.of(task.item, error)
        _tell(events, (task, failure), stop)
    worker.close()


def _tell_progress(
    events: "queue.Queue[_Event]", task: Task, stop: threading.Event, progress: Progress
) -> None:
    _tell(events, (task, progress), stop)


def _tell(events: "queue.Queue[_Event]", event: _Event, stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            return events.put(event, timeout=0.2)
    return None
