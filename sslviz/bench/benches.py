"""The sub-benches, each a figure beside the floor that was taken in the same run."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sslviz.bench import clip
from sslviz.bench.acl import bench_acl as bench_acl
from sslviz.bench.live import bench_live as bench_live
from sslviz.bench.measure import Measurement, compared, interleaved, peak_memory, spread
from sslviz.checkpoints import load_localizer
from sslviz.evaluation.latency import at_image_size, measure_latency
from sslviz.media.reader import VideoReader
from sslviz.options import Style
from sslviz.overlay import Painter, Planes
from sslviz.overlay.artwork import make_artwork
from sslviz.pipeline import analyse, render, restyle
from sslviz.scaling import describe
from sslviz.types import Calibration, Localizer, ScoreScale


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What is measured, how often, on what input."""

    checkpoint: str
    device: str = "auto"
    sizes: tuple[str, ...] = ("720p", "1080p")
    """Of ``clip.SIZES``."""
    seconds: int = 30
    repeats: int = 3


def bench_render(options: BenchOptions, folder: Path) -> list[Measurement]:
    """Video in, overlay video out, against a plain transcode; then the same from a saved track."""
    localizer = load_localizer(options.checkpoint, device=options.device)
    measurements = [
        one
        for size, source in _sources(options, folder)
        for one in _render_measurements(size, source, localizer, options)
    ]
    peaks = [_render_memory(source, options) for _, source in _sources(options, folder)]
    resident, shared_once = (max(peak) for peak in zip(*peaks, strict=True))
    note = "largest of these videos; a command and its decoding child, torch included"
    once = "the same, pages that both have counted once"
    figures = ("peak_rss_mb", resident, note), ("peak_pss_mb", shared_once, once)
    peak = [Measurement(key, value, "MB", note=text) for key, value, text in figures if value]
    return measurements + peak


def _render_memory(source: Path, options: BenchOptions) -> tuple[float, float]:
    chosen = ["--checkpoint", options.checkpoint, "--device", options.device, "--quiet"]
    target = source.with_name("memory.mp4")
    return peak_memory(
        [sys.executable, "-m", "sslviz", "render", str(source), str(target), *chosen]
    )


def _render_measurements(
    size: str, source: Path, localizer: Localizer, options: BenchOptions
) -> list[Measurement]:
    target, tracks = source.with_name("out.mp4"), []
    floor = partial(clip.transcode, source, source.with_name("plain.mp4"))
    first = interleaved(
        lambda: tracks.append(render(source, target, localizer).track), floor, options.repeats
    )
    again = interleaved(lambda: restyle(source, tracks[-1], target), floor, options.repeats)
    return compared(f"render_{size}", *first) + compared(f"restyle_{size}", *again)


def bench_decode(options: BenchOptions, folder: Path) -> list[Measurement]:
    """Reading every frame as planes, against ffmpeg's decode to nothing."""
    return [
        one
        for size, source in _sources(options, folder)
        for one in compared(
            f"decode_{size}",
            *interleaved(partial(_read, source), partial(clip.decode, source), options.repeats),
        )
    ]


def _read(source: Path) -> None:
    with VideoReader(source) as reader:
        for frame in reader.frames():
            frame.yuv420p()


def bench_encode(options: BenchOptions, folder: Path) -> list[Measurement]:
    """A restyle that paints nothing: decode, encode and mux in the sandbox, against a transcode."""
    localizer = load_localizer(options.checkpoint, device=options.device)
    bare = Style(fill=False, color_bar=False, badge=False)
    measurements = []
    for size, source in _sources(options, folder):
        job = partial(restyle, source, analyse(source, localizer), folder / "out.mp4", bare)
        floor = partial(clip.transcode, source, folder / "plain.mp4")
        measurements += compared(f"encode_{size}", *interleaved(job, floor, options.repeats))
    return measurements


def _sources(options: BenchOptions, folder: Path) -> Iterator[tuple[str, Path]]:
    for size in options.sizes:
        path = folder / f"{size}.mp4"
        yield size, path if path.exists() else clip.make_clip(path, size, options.seconds)


def bench_overlay(options: BenchOptions, folder: Path) -> list[Measurement]:
    """One frame painted on one thread, against copying its planes."""
    del folder
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:14, 0:14]
    heat = np.exp(-((rows - 6) ** 2 + (columns - 8) ** 2) / 12).astype(np.float32)
    style = Style()
    label = describe(Calibration(0.5, 0.0, 1.0), ScoreScale.COSINE, style.color_scale, None)
    measurements = []
    for size in options.sizes:
        width, height = clip.SIZES[size]
        shapes = (height, width), (height // 2, width // 2), (height // 2, width // 2)
        planes = Planes(*(rng.integers(16, 235, shape, np.uint8) for shape in shapes))
        painter = Painter(style, make_artwork(style, label, width, height), width, height)
        painted = _milliseconds(partial(painter.paint_yuv, planes, heat))
        floor = statistics.median(_milliseconds(partial(_copy, planes)))
        note = "floor: copying the planes"
        measurements.append(spread(f"overlay_{size}_ms", painted, "ms", floor, note))
    return measurements


def _copy(planes: Planes) -> None:
    for plane in planes:
        plane.copy()


def bench_model(options: BenchOptions, folder: Path) -> list[Measurement]:
    """One window on one core, batch 1, front end included; CPU time, so load hardly matters."""
    del folder
    localizer = load_localizer(options.checkpoint, device="cpu")
    measurements = [_window_measurement("window_ms_one_core_shipped", localizer)]
    if (small := at_image_size(localizer, 224)) is not None:
        measurements.append(_window_measurement("window_ms_one_core_224", small))
    return measurements


def _window_measurement(key: str, localizer: Localizer) -> Measurement:
    latency = measure_latency(localizer)
    note = f"map {latency.map_shape[0]}x{latency.map_shape[1]}, wall {latency.wall_ms:.1f} ms"
    return Measurement(key, latency.cpu_ms, "ms", repeats=latency.num_windows, note=note)


def bench_startup(options: BenchOptions, folder: Path) -> list[Measurement]:
    """``sslviz --help`` against a Python that does nothing, and a first load of the localizer."""
    del folder
    nothing, hello = ["-c", "pass"], ["-m", "sslviz", "--help"]
    load = ["-c", f"from sslviz import load_localizer; load_localizer({options.checkpoint!r})"]
    measurements = []
    for key, arguments in (("help", hello), ("load_localizer", load)):
        jobs, floors = interleaved(_python(arguments), _python(nothing), max(options.repeats, 3))
        measurements += compared(f"startup_{key}", jobs, floors, "floor: python -c pass")
    return measurements


def _python(arguments: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def _milliseconds(job: Callable[[], object], repeats: int = 60) -> list[float]:
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        taken = []
        for _ in range(repeats):
            start = time.thread_time()
            job()
            taken.append(1000 * (time.thread_time() - start))
    finally:
        cv2.setNumThreads(threads)
    return taken
