"""The same work on Ray: a pool of actors, each with a supervised child of its own.

Ray Data's defaults retry a crashing task without end and fail the whole job on one error. So an actor
never runs a network or a decoder itself: it owns a :class:`~sslviz.batch.worker.Worker`, turns every
error into a row, and restarts are bounded. Results and markers go to a folder that all nodes see.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sslviz.batch.report import Failure
from sslviz.batch.work import BatchOptions, Task
from sslviz.batch.worker import Worker
from sslviz.errors import OptionError

_BLOCKS_PER_WORKER = 8
"""Enough to share out evenly, few enough to keep Ray's bookkeeping small."""


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Where and how wide."""

    address: str | None = None
    """Of a cluster; ``None`` starts Ray on this machine."""
    workers: int = 1
    cpus_per_worker: float = 0.5
    """Below one on purpose: actors that fill every core leave none for Ray's own read tasks."""
    gpus_per_worker: float = 0.0
    stall_seconds: float = 120.0
    deadline_seconds: float | None = None


def run_on_ray(
    tasks: Sequence[Task], options: BatchOptions, folder: Path, engine: RayOptions
) -> Iterator[tuple[Task, int, Failure | None]]:
    """Work off tasks on Ray.

    Yields:
        For each task, in the order they end: the task, the number of its windows, and why it failed.

    Raises:
        OptionError: Ray is not installed, or the cluster does not answer.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise OptionError("The Ray engine needs Ray: pip install 'sslviz[ray]'.") from error
    try:
        ray.init(address=engine.address, include_dashboard=False, log_to_driver=False)
    except ConnectionError as error:
        raise OptionError(f"No Ray cluster answers at {engine.address}: {error}") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = engine.workers
    try:
        rows = ray.data.from_items(
            [{"index": index} for index in range(len(tasks))],
            override_num_blocks=min(len(tasks), engine.workers * _BLOCKS_PER_WORKER),
        ).map_batches(
            _Actor,
            fn_constructor_args=(list(tasks), options, folder, engine),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=engine.workers),
            num_cpus=engine.cpus_per_worker,
            num_gpus=engine.gpus_per_worker or None,
            max_restarts=1,
            max_task_retries=1,
        )
        for row in rows.iter_rows():
            task = tasks[row["index"]]
            failure = Failure(task.item.name, str(task.item.path), row["kind"], row["message"])
            yield task, int(row["windows"]), failure if row["kind"] else None
    finally:
        ray.shutdown()


class _Actor:
    """Loaded once per worker of the pool."""

    def __init__(
        self, tasks: list[Task], options: BatchOptions, folder: Path, engine: RayOptions
    ) -> None:
        self._tasks = tasks
        # Ray shows an actor only its own GPU, which is then the first.
        device = "cuda:0" if engine.gpus_per_worker else options.device
        self._worker = Worker(
            options, folder, device, engine.stall_seconds, engine.deadline_seconds
        )

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {"index": [], "windows": [], "kind": [], "message": []}
        for index in batch["index"]:
            windows, kind, message = 0, "", ""
            try:
                marker = self._worker.run(self._tasks[int(index)], lambda _: None)
                windows = marker.windows if marker else 0
            except Exception as error:  # noqa: BLE001 - an error is a row, never a failed job
                failure = Failure.of(self._tasks[int(index)].item, error)
                kind, message = failure.kind, failure.message
            for name, value in zip(rows, (int(index), windows, kind, message), strict=True):
                rows[name].append(value)
        return rows
