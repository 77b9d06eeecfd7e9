"""Run a localizer over a benchmark: streaming, resumable, one record per sample."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.datasets.annotated import Annotated, Benchmark
from sslviz.errors import MediaError
from sslviz.evaluation.detection import highlighted_share
from sslviz.evaluation.library import (
    MediaSource,
    loudest_excerpt,
    silence,
    still_window,
    white_noise,
)
from sslviz.evaluation.metrics import Floats, ciou, f_curve, min_max, segmentation_iou
from sslviz.evaluation.priors import centre_prior, object_priors, random_map
from sslviz.evaluation.protocols import PROTOCOLS, SIZE, Protocol, Rule, absolute_map, upsample
from sslviz.evaluation.records import Record, RecordFile
from sslviz.types import AudioClip, InputSpec, Localizer, ScoreMap, ScoreScale, Window

Progress = Callable[[str, int, int], None]
GRID = tuple(round(0.01 * step, 2) for step in range(101))
"""Universal thresholds for which negatives are kept."""
NEGATIVES = ("silence", "noise", "offscreen")


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """How to run."""

    protocol: Protocol = PROTOCOLS["ezvsl"]
    masks: bool = False
    """Take AVSBench's mIoU and F."""
    negatives: bool = False
    """Also hear each picture with silence, noise and another sample's sound (four times the sounds)."""
    object_prior: bool = True
    """Also measure the network's object prior, where it has one (one more image encoding)."""
    batch_size: int = 8
    seed: int = 0
    resume: bool = True


DEFAULT_OPTIONS = BenchmarkOptions()


@dataclass(slots=True)
class _Ready:
    sample: Annotated
    windows: list[Window]
    truth: NDArray[np.float32]


def run_benchmark(
    localizer: Localizer,
    benchmark: Benchmark,
    source: MediaSource,
    folder: Path,
    options: BenchmarkOptions = DEFAULT_OPTIONS,
    progress: Progress | None = None,
) -> RecordFile:
    """Measure every sample that is not yet in the folder's ``samples.jsonl``.

    Stopping at any moment loses at most one batch; calling it again goes on.

    Args:
        localizer: What to measure.
        benchmark: Samples; decoded only when their turn comes.
        source: Reads pictures and sounds.
        folder: For ``samples.jsonl``.
        options: Protocol and extras.
        progress: Called as samples are done.

    Returns:
        The closed file of records; ``records()`` reads them.

    Raises:
        OptionError: The folder holds a run of other data or with other settings.
    """
    with RecordFile(
        folder / "samples.jsonl", _settings(localizer, benchmark, options), resume=options.resume
    ) as file:
        todo = [s for s in benchmark.samples if s.name not in file.done | set(file.failed)]
        done = len(benchmark.samples) - len(todo)
        for batch in _batches(todo, options.batch_size):
            ready = list(_prepare(batch, benchmark, source, localizer.spec, file, options))
            for record in _measure(localizer, ready, options):
                file.add(record)
            file.flush()
            done += len(batch)
            if progress is not None:
                progress(benchmark.name, done, len(benchmark.samples))
    return file


def _settings(
    localizer: Localizer, benchmark: Benchmark, options: BenchmarkOptions
) -> dict[str, Any]:
    found = localizer.identity
    return {
        "benchmark": benchmark.name,
        "data": "" if benchmark.root is None else str(benchmark.root.resolve()),
        "split": benchmark.split,
        "method": found.method,
        "checkpoint": found.checkpoint,
        "sha256": found.sha256,
        "protocol": options.protocol.name,
        "image_size": localizer.spec.image_size,
        "audio_seconds": localizer.spec.audio_seconds,
        "negatives": options.negatives,
        "seed": options.seed,
    }


def _batches(samples: Sequence[Annotated], size: int) -> Iterator[Sequence[Annotated]]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _prepare(
    batch: Sequence[Annotated],
    benchmark: Benchmark,
    source: MediaSource,
    spec: InputSpec,
    file: RecordFile,
    options: BenchmarkOptions,
) -> Iterator[_Ready]:
    for sample in batch:
        try:
            window = read_window(source, sample, spec)
            sounds = _negatives(sample, benchmark, source, spec, options)
            truth = sample.truth(source.picture)
        except MediaError as error:
            file.add_failure(sample.name, str(error))
            continue
        others = [still_window(window.key_frame.image, clip) for clip in sounds]
        yield _Ready(sample, [window, *others], truth)


def read_window(source: MediaSource, sample: Annotated, spec: InputSpec) -> Window:
    """A sample's picture and sound.

    Raises:
        MediaError: One of them cannot be read.
    """
    if sample.is_moment:
        return source.moment(sample.image_path, sample.frame_seconds or 0.0, spec)
    image = source.picture(sample.image_path)
    return still_window(image, read_excerpt(source, sample, spec))


def read_excerpt(source: MediaSource, sample: Annotated, spec: InputSpec) -> AudioClip:
    """The sound of a sample as the papers cut it: around the picture's time or the middle; tiled if short.

    Raises:
        MediaError: The sound cannot be read.
    """
    clip = source.sound(sample.audio_path, spec.sample_rate)
    if not len(clip.samples):
        raise MediaError(f"{sample.audio_path.name!r} holds no sound.")
    if sample.loudest:
        return loudest_excerpt(clip, spec.audio_seconds)
    length = spec.num_samples
    if len(clip.samples) < length:
        return AudioClip(np.resize(clip.samples, length), spec.sample_rate)
    middle = clip.duration_seconds / 2 if sample.frame_seconds is None else sample.frame_seconds
    first = round(middle * spec.sample_rate - length / 2)
    first = min(max(first, 0), len(clip.samples) - length)
    return AudioClip(
        clip.samples[first : first + length].copy(), spec.sample_rate, first / spec.sample_rate
    )


def _negatives(
    sample: Annotated,
    benchmark: Benchmark,
    source: MediaSource,
    spec: InputSpec,
    options: BenchmarkOptions,
) -> list[AudioClip]:
    """Silence, noise and an off-screen sound, the same for a sample in every run."""
    if not options.negatives or not sample.sounding:
        return []
    rng = np.random.default_rng([options.seed, *sample.name.encode()])
    other = _offscreen(sample, benchmark.samples, rng)
    return [silence(spec), white_noise(spec, rng), read_excerpt(source, other, spec)]


def _offscreen(
    sample: Annotated, samples: Sequence[Annotated], rng: np.random.Generator
) -> Annotated:
    """Another sample: of another category and clip, as far as a hundred draws find one."""
    other = sample
    for _ in range(100):
        other = samples[int(rng.integers(len(samples)))]
        same = other.audio_path == sample.audio_path or (
            other.group and other.group == sample.group
        )
        if not same and (not other.category or other.category != sample.category):
            break
    return other


def _measure(
    localizer: Localizer, ready: Sequence[_Ready], options: BenchmarkOptions
) -> Iterator[Record]:
    if not ready:
        return
    maps = iter(localizer.localize([window for item in ready for window in item.windows]))
    frames = [item.windows[0].key_frame for item in ready]
    priors = object_priors(localizer, frames) if options.object_prior else None
    for index, item in enumerate(ready):
        found = [next(maps) for _ in item.windows]
        yield _record(item, found, None if priors is None else priors[index], options)


def _record(
    item: _Ready, maps: list[ScoreMap], prior: NDArray[np.float32] | None, options: BenchmarkOptions
) -> Record:
    sample, protocol, score_map = item.sample, options.protocol, maps[0]
    confidence = protocol.confidence(score_map)
    if not sample.sounding:
        return Record(sample.name, confidence, False, sample.category, sample.group)
    values = protocol.upsample(score_map)
    masks = protocol.predictions(values, item.truth, score_map.scale)
    adaptive = PROTOCOLS["adaptive"]
    absolute = absolute_map(values, score_map.scale) if options.negatives else values[:0]
    return Record(
        sample.name,
        confidence,
        True,
        sample.category,
        sample.group,
        tuple(float(ciou(mask, item.truth)) for mask in masks),
        float(adaptive.cious(score_map, item.truth)[0]),
        _baselines(item, score_map, prior, protocol, options.seed),
        _mious(masks, item.truth) if options.masks else (),
        _curve(values, score_map.scale, protocol, item.truth) if options.masks else (),
        {
            name: _shares(absolute_map(protocol.upsample(m), m.scale))
            for name, m in zip(NEGATIVES, maps[1:], strict=False)
        },
        tuple(float(ciou(absolute > t, item.truth)) for t in GRID) if options.negatives else (),
    )


def _baselines(
    item: _Ready,
    score_map: ScoreMap,
    prior: NDArray[np.float32] | None,
    protocol: Protocol,
    seed: int,
) -> dict[str, float]:
    """CIoU of maps that hear nothing; the sweep's absolute rule has no sense for them: half of the range."""
    rows, columns = score_map.values.shape
    rng = np.random.default_rng([seed, 1, *item.sample.name.encode()])
    maps: dict[str, Floats] = {
        "centre": centre_prior(SIZE),
        "random": _up(random_map((rows, columns), rng), protocol),
    }
    if prior is not None:
        maps["object"] = _up(prior, protocol)
    found = {}
    for name, values in maps.items():
        if protocol.rule is Rule.SWEEP:
            mask = np.asarray(min_max(values) >= 0.5)
        else:
            mask = protocol.predictions(values, item.truth, ScoreScale.ATTENTION)[0]
        found[name] = float(ciou(mask, item.truth))
    return found


def _up(values: Floats, protocol: Protocol) -> Floats:
    return upsample(values, SIZE, protocol.kernel, protocol.align_corners)


def _mious(masks: Sequence[NDArray[np.bool_]], truth: Floats) -> tuple[float, ...]:
    return tuple(float(segmentation_iou(mask, np.asarray(truth > 0))) for mask in masks)


def _curve(
    values: Floats, scale: ScoreScale, protocol: Protocol, truth: Floats
) -> tuple[float, ...]:
    """F over 255 thresholds: of the absolute map where the protocol is absolute, else of the stretched one."""
    if not truth.any():
        return ()
    unit = absolute_map(values, scale) if protocol.rule is Rule.SWEEP else min_max(values)
    return tuple(round(float(f), 5) for f in f_curve(unit, np.asarray(truth > 0)))


def _shares(absolute: Floats) -> tuple[float, ...]:
    return tuple(round(highlighted_share(absolute, threshold), 5) for threshold in GRID)
