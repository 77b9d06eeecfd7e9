"""The same work on Ray: a pool of actors, each with a supervised child of its own.

Ray Data's defaults retry a crashing task without end and fail the whole job on one error. So an actor
never runs a network or a decoder itself: it owns a :class:`~sslviz.batch.worker.Worker`, turns every
error into a row, and restarts are bounded. Results and markers go to a folder that all nodes see.
"""

import logging
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sslviz.batch.report import Failure
from sslviz.batch.work import Task
from sslviz.batch.worker import Worker
from sslviz.errors import MediaCrashError, OptionError, SSLVizError

_MOST_BLOCKS = 10_000
"""Results and retries come block by block, so a block is one file until Ray would have too many."""
_QUEUED_PER_ACTOR = 2
"""The file at work and the next; more would leave other actors idle at the end."""
_LOST = (
    "The Ray actor that worked on this file was lost twice, and its answer with it; a node may be down "
    "or out of memory. Run the batch again."
)


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Where and how wide."""

    address: str | None = None
    """Of a cluster; ``None`` starts Ray on this machine."""
    workers: int | None = None
    """``None``: as many as the cluster has cores, or places on GPUs."""
    cpus_per_worker: float = 0.5
    """Below one on purpose: actors that fill every core leave none for Ray's own read tasks."""
    gpus_per_worker: float = 0.0


def run_on_ray(
    tasks: Sequence[Task], make_worker: Callable[[], Worker], engine: RayOptions
) -> Iterator[tuple[Task, int, Failure | None]]:
    """Work off tasks on Ray.

    Args:
        tasks: What to do.
        make_worker: Called in each actor.
        engine: Where and how wide.

    Yields:
        For each task, in the order they end: the task, the number of its windows, and why it failed.

    Raises:
        OptionError: Ray is not installed, or the cluster does not answer or has no place for a worker.
        SSLVizError: Ray gave up.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise OptionError("The Ray engine needs Ray: pip install 'sslviz[ray]'.") from error
    _connect(engine.address)
    lost = set(range(len(tasks)))
    try:
        for row in _rows(tasks, make_worker, engine):
            index = int(row["index"])
            lost.discard(index)
            item = tasks[index].item
            failure = Failure(item.name, str(item.path), row["kind"], row["message"])
            yield tasks[index], int(row["windows"]), failure if row["kind"] else None
    except ray.exceptions.RayError as error:
        raise SSLVizError(f"Ray gave up ({error}); what is done stays, run it again.") from error
    finally:
        ray.shutdown()
    for index in sorted(lost):
        yield tasks[index], 0, Failure.of(tasks[index].item, MediaCrashError(_LOST))


def _connect(address: str | None) -> None:
    import ray

    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except Exception as error:  # Ray also raises the bare class
        where = f"answers at {address}" if address else "could be started here"
        raise OptionError(f"No Ray cluster {where}: {error}") from error


def _rows(
    tasks: Sequence[Task], make_worker: Callable[[], Worker], engine: RayOptions
) -> Iterator[dict[str, Any]]:
    """One row for each task, as they end."""
    import ray

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # a lost block is reported file by file
    context.max_consecutive_actor_init_deaths = 10
    items = [{"index": index, "task": pickle.dumps(task)} for index, task in enumerate(tasks)]
    dataset = ray.data.from_items(items, override_num_blocks=min(len(items), _MOST_BLOCKS))
    workers = min(_num_workers(engine), len(items))
    with warnings.catch_warnings():
        # Ray offers no other name for the two bounds, which are without end by default.
        warnings.filterwarnings("ignore", ".*ray_remote_args.*deprecated", DeprecationWarning)
        results = dataset.map_batches(
            _Actor,
            fn_constructor_args=(make_worker,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(
                size=workers, max_tasks_in_flight_per_actor=_QUEUED_PER_ACTOR
            ),
            num_cpus=engine.cpus_per_worker,
            num_gpus=engine.gpus_per_worker or None,
            max_restarts=3,
            max_task_retries=1,
        )
    for batch in results.iter_batches(batch_size=None, prefetch_batches=0):
        for values in zip(*batch.values(), strict=True):
            yield dict(zip(batch, values, strict=True))


def _num_workers(engine: RayOptions) -> int:
    import ray

    there = ray.cluster_resources()
    cores, gpus = there.get("CPU", 0.0), there.get("GPU", 0.0)
    room = int(cores / engine.cpus_per_worker)
    if engine.gpus_per_worker:
        room = min(room, int(gpus / engine.gpus_per_worker + 1e-6))
    if not room:
        raise OptionError(
            f"The Ray cluster has {cores:g} cores and {gpus:g} GPUs, which is no room for a worker of "
            f"{engine.cpus_per_worker:g} cores and {engine.gpus_per_worker:g} GPUs."
        )
    return min(engine.workers or (room if engine.gpus_per_worker else int(cores) or 1), room)


class _Actor:
    """Loaded once per worker of the pool."""

    def __init__(self, make_worker: Callable[[], Worker]) -> None:
        self._worker = make_worker()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {"index": [], "windows": [], "kind": [], "message": []}
        for index, pickled in zip(batch["index"], batch["task"], strict=True):
            task: Task = pickle.loads(pickled)
            windows, kind, message = 0, "", ""
            try:
                marker = self._worker.run(task, lambda _: None)
                windows = marker.windows if marker else 0
            except Exception as error:  # noqa: BLE001 - an error is a row, never a failed job
                failure = Failure.of(task.item, error)
                kind, message = failure.kind, failure.message
            for name, value in zip(rows, (int(index), windows, kind, message), strict=True):
                rows[name].append(value)
        return rows
