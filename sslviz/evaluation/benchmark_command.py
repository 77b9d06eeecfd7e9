"""``sslviz evaluate BENCHMARK``."""

import argparse
import re
from pathlib import Path

from sslviz.datasets.annotated import Benchmark
from sslviz.errors import OptionError
from sslviz.evaluation.benchmark import BenchmarkOptions, Progress
from sslviz.evaluation.benchmark import run_benchmark as measure
from sslviz.evaluation.console import Load, Say, progress_bar, write_json, write_text
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.library import MediaSource
from sslviz.evaluation.protocols import protocol
from sslviz.evaluation.registry import PROTOCOL_NAMES, entry
from sslviz.evaluation.report import markdown, samples_csv
from sslviz.evaluation.retrieval import measure_retrieval
from sslviz.evaluation.summary import BenchmarkResult, summarise
from sslviz.types import Localizer


def run_protocol(
    localizer: Localizer,
    benchmark: Benchmark,
    source: MediaSource,
    folder: Path,
    options: BenchmarkOptions,
    progress: Progress | None = None,
    *,
    f_batch: int | None = None,
) -> BenchmarkResult:
    """Run or go on with one protocol and write JSON, CSV and JSON lines into its folder."""
    file = measure(localizer, benchmark, source, folder, options, progress)
    records = list(file.records())
    result = summarise(
        records, file.failed, benchmark, localizer.identity, options.protocol, f_batch
    )
    write_json(folder / "result.json", result.to_json())
    write_text(folder / "samples.csv", samples_csv(result))
    return result


def run_benchmark(args: argparse.Namespace, load: Load, say: Say) -> int:
    """Every protocol asked for, then one table."""
    chosen = entry(args.what)
    benchmark = chosen.read(args.data, args.split)
    if not benchmark.samples:
        raise OptionError(
            f"None of the {benchmark.num_listed} listed samples of {args.what} is in {args.data}."
        )
    _say_missing(benchmark, say)
    localizer = load()
    root = (args.out or Path("out") / "evaluate") / args.what / _safe(localizer.identity.checkpoint)
    results = []
    with SandboxedSource() as source, progress_bar(args.quiet) as report:
        for name in _protocol_names(args):
            options = _options(args, name, chosen.masks)
            result = run_protocol(localizer, benchmark, source, root / name, options, report)
            results.append(result)
            if not args.no_gallery:
                _draw(result, benchmark, localizer, source, root / name)
        if args.retrieval:
            _retrieve(localizer, benchmark, source, root, say)
    text = markdown(results)
    write_text(root / "table.md", text)
    say(text)
    say(f"Everything is in {root}.")
    return 0


def _protocol_names(args: argparse.Namespace) -> list[str]:
    asked = args.protocol or ["ezvsl"]
    return list(PROTOCOL_NAMES) if "all" in asked else list(dict.fromkeys(asked))


def _say_missing(benchmark: Benchmark, say: Say) -> None:
    for line in benchmark.missing[:5]:
        say(f"missing: {line}")
    if len(benchmark.missing) > 5:
        say(f"missing: {len(benchmark.missing)} of {benchmark.num_listed} in all")


def _retrieve(
    localizer: Localizer, benchmark: Benchmark, source: MediaSource, root: Path, say: Say
) -> None:
    found = measure_retrieval(localizer, benchmark, source)
    write_json(root / "retrieval.json", found.to_json())
    for key, value in found.to_json().items():
        if key.startswith("r_at"):
            say(f"{key}: {100 * value:.2f} (n = {found.num_pairs})")


def _options(args: argparse.Namespace, protocol_name: str, masks: bool) -> BenchmarkOptions:
    return BenchmarkOptions(
        protocol=protocol(protocol_name),
        masks=masks,
        negatives=args.negatives,
        object_prior=not args.no_object_prior,
        batch_size=args.batch_size,
        seed=args.seed,
        resume=not args.fresh,
    )


def _draw(
    result: BenchmarkResult,
    benchmark: Benchmark,
    localizer: Localizer,
    source: SandboxedSource,
    folder: Path,
) -> None:
    from sslviz.evaluation.gallery import save_gallery  # matplotlib takes a second to import
    from sslviz.evaluation.plots import save_plots

    save_plots(result, folder)
    save_gallery(result, benchmark, localizer, source, folder / "gallery.html")


def _safe(name: str) -> str:
    """A checkpoint's name as a folder's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "checkpoint"
