"""``sslviz batch`` and ``sslviz search``."""

import argparse
import json
import os
from collections.abc import Callable, Generator
from dataclasses import asdict
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.batch.engine import BatchProgress, EngineOptions, run_batch
from sslviz.batch.inputs import collect
from sslviz.batch.ray_engine import RayOptions
from sslviz.batch.report import FAILURES_NAME, REPORT_NAME, Summary
from sslviz.batch.search import INDEXED, Order, search
from sslviz.batch.vector_index import names_near
from sslviz.batch.work import SUFFIXES, BatchOptions
from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.errors import OptionError
from sslviz.options import AnalysisOptions
from sslviz.pipeline import run_to_end

Say = Callable[[str], None]
_CANDIDATES = 20
"""Windows that the index names for each find: neighbours in time fall together."""


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the sub-parser of ``batch``."""
    parser.add_argument("inputs", nargs="*", help="files, folders, globs, .csv manifests")
    parser.add_argument("--list", type=Path, metavar="FILE", help="text file, one path a line")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where results go")
    parser.add_argument(
        "--outputs", default="poster", help=f"beside the track, of {','.join(SUFFIXES)}; or none"
    )
    parser.add_argument("--method", default=DEFAULT_CHECKPOINT, metavar="NAME", help="checkpoint")
    parser.add_argument("--rate", type=float, default=5.0, help="maps per second")
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="this machine, or Ray's"
    )
    parser.add_argument("--address", help="of a Ray cluster; by default one starts here")
    parser.add_argument("--workers", type=int, help="default: one per core, or one per GPU")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, or a list: cuda:0,cuda:1"
    )
    parser.add_argument("--gpus-per-worker", type=float, default=0.0, help="Ray: may be a fraction")
    parser.add_argument("--deadline", type=float, metavar="SECONDS", help="longest time for a file")
    parser.add_argument(
        "--stall", type=float, default=120.0, metavar="SECONDS", help="without progress: given up"
    )
    parser.add_argument(
        "--segment", type=float, default=600.0, metavar="SECONDS", help="0: never cut"
    )


def run_batch_command(arguments: argparse.Namespace, say: Say) -> int:
    """Work through the batch; a bar on standard error, the totals at the end.

    Returns:
        0 when all results stand, 3 when some files failed.

    Raises:
        SSLVizError: Nothing to do, unknown options, no such checkpoint.
    """
    from sslviz.checkpoints import read_config
    from sslviz.checkpoints.loading import locate

    items = collect(arguments.inputs, arguments.list, arguments.out)
    outputs = frozenset(filter(None, arguments.outputs.replace("none", "").split(",")))
    engine = _engine(arguments)
    on_gpu = engine.ray.gpus_per_worker > 0 if engine.ray else set(engine.devices) != {"cpu"}
    # Batches follow the clock, and sums in another order differ in the last bits: so that every run
    # makes the same bytes, one window at a time where that costs little.
    analysis = AnalysisOptions(
        maps_per_second=arguments.rate, batch_size=AnalysisOptions().batch_size if on_gpu else 1
    )
    options = BatchOptions(arguments.method, arguments.device, analysis, outputs=outputs)
    weights = read_config(locate(arguments.method)).sha256
    steps = run_batch(items, options, arguments.out, weights, engine)
    summary = _watch(steps, len(items), arguments.quiet)
    say(
        f"{summary.done} done, {summary.skipped} were done before, {summary.failed} failed, in "
        f"{summary.seconds:.1f} s. Report: {arguments.out / REPORT_NAME}"
    )
    if summary.failed:
        say(f"Why files failed: {arguments.out / FAILURES_NAME}")
    return summary.exit_code


def _watch(steps: Generator[BatchProgress, None, Summary], num_files: int, quiet: bool) -> Summary:
    from tqdm import tqdm

    with tqdm(total=num_files, unit="file", disable=quiet) as bar:

        def show(now: BatchProgress) -> None:
            bar.update(now.files_done + now.files_skipped + now.files_failed - bar.n)
            bar.set_postfix_str(
                f"{now.windows_per_second:.1f} windows/s, {now.files_failed} failed"
            )

        return run_to_end(steps, show)


def _engine(arguments: argparse.Namespace) -> EngineOptions:
    ray = None
    if arguments.engine == "ray":
        ray = RayOptions(
            arguments.address, arguments.workers, gpus_per_worker=arguments.gpus_per_worker
        )
    devices = _devices(arguments.device, arguments.workers)
    return EngineOptions(devices, arguments.stall, arguments.deadline, arguments.segment, ray)


def _devices(device: str, workers: int | None) -> tuple[str, ...]:
    """One entry per worker.

    Raises:
        OptionError: No worker is wanted.
    """
    from sslviz.checkpoints import choose_device

    if workers is not None and workers < 1:
        raise OptionError(f"--workers is {workers}, it must be at least 1.")
    names = device.split(",")
    if names == ["auto"]:
        names = [str(choose_device("auto"))]
    count = workers or ((os.cpu_count() or 1) if names == ["cpu"] else len(names))
    return tuple(names[index % len(names)] for index in range(count))


def add_search_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the sub-parser of ``search``."""
    parser.add_argument("folder", type=Path, help="what sslviz batch --out filled")
    parser.add_argument(
        "--by", choices=[order.value for order in Order], default="confident", help="what to find"
    )
    parser.add_argument("--sound", type=Path, help="sound or video file to compare with")
    parser.add_argument("--method", default=DEFAULT_CHECKPOINT, metavar="NAME", help="checkpoint")
    parser.add_argument(
        "--index",
        action="store_true",
        help="for large archives: keep a FAISS index (sslviz[search])",
    )
    parser.add_argument("--top", type=int, default=20, help="how many moments (default: 20)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run_search_command(arguments: argparse.Namespace, say: Say) -> int:
    """One line per find, best first, then what could not be searched.

    Returns:
        0.

    Raises:
        SSLVizError: Nothing to search, or no sound to compare with.
    """
    query = _embedded(arguments.sound, arguments.method) if arguments.sound else None
    folder, order, top = arguments.folder, Order(arguments.by), arguments.top
    names = None
    if arguments.index and query is not None and order in INDEXED:
        names = names_near(folder, INDEXED[order], query, _CANDIDATES * top)
    moments, problems = search(folder, order, query, top, names=names)
    for one in moments:
        if arguments.json:
            told = asdict(one)  # silence has a level of minus infinity, which JSON has not
            say(json.dumps({k: None if v == -inf else v for k, v in told.items()}))
        else:
            minutes, seconds = divmod(one.time_seconds, 60)
            say(
                f"{one.score:8.3f}  {int(minutes):3d}:{seconds:05.2f}  {one.name}  "
                f"(confidence {one.confidence:.2f}, {one.level_dbfs:.0f} dBFS, "
                f"at {one.peak_x:.0%} right, {one.peak_y:.0%} down)"
            )
    for problem in problems:
        say(f"not searched: {problem}")
    return 0


def _embedded(sound: Path, method: str) -> NDArray[np.float32]:
    from sslviz.abilities import Embedder
    from sslviz.checkpoints import load_localizer
    from sslviz.errors import OptionError
    from sslviz.media.audio import read_sound

    localizer = load_localizer(method)
    if not isinstance(localizer, Embedder):
        raise OptionError(f"{method} has no embeddings; choose a method that has.")
    clip = read_sound(sound, localizer.spec.sample_rate)
    middle = (clip.duration_seconds - localizer.spec.audio_seconds) / 2
    return localizer.embed_sound(clip.excerpt(max(middle, 0.0), localizer.spec.audio_seconds))
