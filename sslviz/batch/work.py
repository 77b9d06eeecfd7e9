"""What is done to one item, the same on every engine: analyse, draw what is wanted, mark as done."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.batch.embedding import EMBEDDINGS_SUFFIX, EmbeddingLocalizer, Embeddings
from sslviz.batch.inputs import Item
from sslviz.batch.markers import Marker, is_done, read_marker, settings_hash, write_marker
from sslviz.errors import MediaError, OptionError, SSLVizError
from sslviz.export import load_track, save_track, write_csv, write_poster
from sslviz.options import AnalysisOptions, MediaLimits, Style, to_json
from sslviz.pipeline import (
    Progress,
    iter_analyse,
    iter_render,
    iter_restyle,
    preview,
    run_to_end,
)
from sslviz.types import Localizer, ScoreTrack

TRACK_SUFFIX = ".npz"
SUFFIXES = {"video": ".mp4", "csv": ".csv", "poster": ".png", "embeddings": EMBEDDINGS_SUFFIX}
"""What may be asked for beside the track, which is always kept."""
_POSTER_WIDTH = 640

Tick = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How every file of a batch is worked on."""

    checkpoint: str
    device: str = "auto"
    analysis: AnalysisOptions = field(default_factory=AnalysisOptions)
    style: Style = field(default_factory=Style)
    limits: MediaLimits = field(default_factory=MediaLimits)
    outputs: frozenset[str] = frozenset()
    """Keys of ``SUFFIXES``."""

    def __post_init__(self) -> None:
        if unknown := sorted(self.outputs - set(SUFFIXES)):
            raise OptionError(
                f"Unknown outputs {', '.join(unknown)}; allowed are {', '.join(SUFFIXES)}."
            )

    def fingerprint(self, weights_sha256: str) -> str:
        """Hash of all that decides the results; device, batches and segments do not."""
        drawn = self.outputs - {"embeddings"}
        analysis = {k: v for k, v in to_json(self.analysis).items() if k != "batch_size"}
        return settings_hash(
            {
                "weights": weights_sha256,
                "analysis": analysis,
                "style": to_json(self.style) if drawn else None,
                "outputs": sorted(self.outputs),
            }
        )


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work for one worker: a whole item, one segment of it, or the joining of them."""

    item: Item
    segment: int | None = None
    """Index of the segment, which spans the item's own start and end."""
    join: int = 0
    """Number of segments to join into the item's results."""


def run_task(
    task: Task, localizer: Localizer, options: BatchOptions, folder: Path, tick: Tick
) -> Marker | None:
    """Do one piece of work, unless another worker has done the item in the meantime.

    Args:
        task: What to do.
        localizer: Loaded once, used for every task.
        options: The same for every item.
        folder: Where results go, below it as ``task.item.name``.
        tick: Called after each step; may raise to stop.

    Returns:
        The item's marker once all its results stand; ``None`` after a mere segment.

    Raises:
        SSLVizError: The item cannot be worked on; the text says why.
    """
    item = task.item
    if not item.path.is_file():
        raise MediaError(f"There is no file {item.path}; check the path in the list.")
    if is_done(folder, item.name, item.path, options.fingerprint(localizer.identity.sha256)):
        return read_marker(folder, item.name)
    source = item.path.stat()
    (folder / item.name).parent.mkdir(parents=True, exist_ok=True)
    if task.segment is not None:
        _analyse_segment(task, localizer, options, folder, tick)
        return None
    if task.join:
        track, embeddings = _joined(item, task.join, folder)
        warnings: Sequence[str] = ()
        if "video" in options.outputs:
            target = _target(folder, item, "video")
            steps = iter_restyle(item.path, track, target, options.style, options.limits)
            warnings = run_to_end(steps, tick).warnings
    else:
        track, embeddings, warnings = _whole(item, localizer, options, folder, tick)
    marker = _finish(item, track, embeddings, options, folder, warnings, source)
    shutil.rmtree(_segments(folder, item), ignore_errors=True)
    return marker


def _whole(
    item: Item, localizer: Localizer, options: BatchOptions, folder: Path, tick: Tick
) -> tuple[ScoreTrack, Embeddings | None, Sequence[str]]:
    wrapped = EmbeddingLocalizer(localizer) if "embeddings" in options.outputs else None
    analysis = _span_of(item, options.analysis)
    if "video" in options.outputs:
        result = run_to_end(
            iter_render(
                item.path,
                _target(folder, item, "video"),
                wrapped or localizer,
                analysis,
                options.style,
                options.limits,
            ),
            tick,
        )
        track, warnings = result.track, result.warnings
    else:
        steps = iter_analyse(item.path, wrapped or localizer, analysis, options.limits)
        track, warnings = run_to_end(steps, tick), ()
    return track, wrapped.embeddings(track.times) if wrapped else None, warnings


def _analyse_segment(
    task: Task, localizer: Localizer, options: BatchOptions, folder: Path, tick: Tick
) -> None:
    path = _segments(folder, task.item) / f"{task.segment:05d}{TRACK_SUFFIX}"
    analysis = _span_of(task.item, options.analysis)
    if _is_kept(path, analysis, localizer, task.item.path):
        return
    wrapped = EmbeddingLocalizer(localizer) if "embeddings" in options.outputs else None
    track = run_to_end(
        iter_analyse(task.item.path, wrapped or localizer, analysis, options.limits), tick
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if wrapped is not None:
        wrapped.embeddings(track.times).save(path.with_suffix(EMBEDDINGS_SUFFIX))
    save_track(track, path)


def _is_kept(path: Path, analysis: AnalysisOptions, localizer: Localizer, source: Path) -> bool:
    """Whether an interrupted run left this very segment; its track is written last."""
    try:
        track = load_track(path)
    except (SSLVizError, OSError):
        return False
    same = dict(track.settings).items() >= to_json(analysis).items()
    return (
        same
        and track.identity == localizer.identity
        and path.stat().st_mtime_ns > source.stat().st_mtime_ns
    )


def _joined(item: Item, count: int, folder: Path) -> tuple[ScoreTrack, Embeddings | None]:
    """The segments' tracks as the one track that an undivided analysis would have made."""
    paths = [_segments(folder, item) / f"{k:05d}{TRACK_SUFFIX}" for k in range(count)]
    tracks = [load_track(path) for path in paths]
    first = tracks[0]
    kept = [np.ones(len(first), bool), *(_after_run_in(track) for track in tracks[1:])]
    if any(t.identity != first.identity or t.video_sha256 != first.video_sha256 for t in tracks):
        raise SSLVizError(f"{item.name} changed while it was worked on; run the batch again.")
    track = replace(
        first,
        values=np.concatenate([t.values[k] for t, k in zip(tracks, kept, strict=True)]),
        times=np.concatenate([t.times[k] for t, k in zip(tracks, kept, strict=True)]),
        confidence=np.concatenate([t.confidence[k] for t, k in zip(tracks, kept, strict=True)]),
        level_dbfs=np.concatenate([t.level_dbfs[k] for t, k in zip(tracks, kept, strict=True)]),
        duration_seconds=max(t.duration_seconds for t in tracks),
        settings={**first.settings, "end_seconds": tracks[-1].settings.get("end_seconds")},
    )
    beside = [path.with_suffix(EMBEDDINGS_SUFFIX) for path in paths]
    if not all(path.exists() for path in beside):
        return track, None
    loaded = [Embeddings.load(path)[k] for path, k in zip(beside, kept, strict=True)]
    return track, Embeddings.concatenate(loaded)


def _after_run_in(track: ScoreTrack) -> NDArray[np.bool_]:
    """Windows of a segment but its first cell of the time grid, which repeats the one before.

    A reader that starts at a time shows the frame that is on the screen then, under that time; only
    from the next cell on are key frames those of the undivided file.
    """
    rate, start = (float(track.settings[name]) for name in ("maps_per_second", "start_seconds"))
    later: NDArray[np.bool_] = np.floor(track.times * rate + 1e-6) > np.floor(start * rate + 1e-6)
    return later


def _finish(
    item: Item,
    track: ScoreTrack,
    embeddings: Embeddings | None,
    options: BatchOptions,
    folder: Path,
    warnings: Sequence[str],
    source: os.stat_result,
) -> Marker:
    """Write what is made from the track alone, then, last of all, the marker."""
    save_track(track, folder / (item.name + TRACK_SUFFIX))
    if "csv" in options.outputs:
        write_csv(track, options.style, _target(folder, item, "csv"))
    if "poster" in options.outputs and len(track):
        best = float(track.times[int(track.confidence.max(axis=1).argmax())])
        picture = preview(item.path, track, options.style, best, max_width=_POSTER_WIDTH)
        write_poster(picture, _target(folder, item, "poster"))
    if embeddings is not None:
        embeddings.save(_target(folder, item, "embeddings"))
    names = [item.name + suffix for suffix in (TRACK_SUFFIX, *SUFFIXES.values())]
    gate = track.identity.calibration.confidence_gate
    marker = Marker(
        content_sha256=track.video_sha256,
        settings_sha256=options.fingerprint(track.identity.sha256),
        size_bytes=source.st_size,
        modified_ns=source.st_mtime_ns,
        outputs=tuple(name for name in names if (folder / name).is_file()),
        windows=len(track),
        duration_seconds=track.duration_seconds,
        confident_share=float((track.confidence.max(axis=1) >= gate).mean()) if len(track) else 0.0,
        warnings=tuple(warnings),
    )
    write_marker(folder, item.name, marker)
    return marker


def _span_of(item: Item, analysis: AnalysisOptions) -> AnalysisOptions:
    if item.start_seconds == 0 and item.end_seconds is None:
        return analysis
    return replace(analysis, start_seconds=item.start_seconds, end_seconds=item.end_seconds)


def _segments(folder: Path, item: Item) -> Path:
    return folder / (item.name + ".segments")


def _target(folder: Path, item: Item, output: str) -> Path:
    return folder / (item.name + SUFFIXES[output])
