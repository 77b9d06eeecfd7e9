"""All parts of the paired measurement, one after the other."""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sslviz.datasets.paired import PairedSet, read_paired
from sslviz.errors import SSLVizError
from sslviz.evaluation.figures import Figure
from sslviz.evaluation.latency import Latency, at_image_size, measure_latency
from sslviz.evaluation.library import Library
from sslviz.evaluation.paired.bench import DEFAULT_OPTIONS, Bench, PairedOptions, Progress
from sslviz.evaluation.paired.clips import measure_clips
from sslviz.evaluation.paired.confidence import measure_confidence
from sslviz.evaluation.paired.interactive import measure_interactive
from sslviz.evaluation.paired.masks import measure_masks
from sslviz.evaluation.paired.mosaics import measure_mosaics
from sslviz.types import Identity, Localizer

EXPECTED = (
    "mosaic4_pointing",
    "mosaic16_pointing",
    "masks_success_0_5",
    "masks_success_0_5_adaptive",
    "iiou",
    "iiou_adaptive",
    "clips_pointing",
    "clips_iou_half_max",
    "clips_iou_adaptive",
    "auroc_silence",
    "auroc_noise",
    "auroc_mismatch",
    "auroc_clips",
)
"""Names of the figures, in the order of the report."""
_LISTED = 50
"""Missing and unreadable files named one by one; all are counted."""
PROTOCOL = (
    "mosaics: strongest pixel after bicubic upsampling; masks and composites: cIoU at 224 px, fixed 0.6 of the "
    "map's range (protocol jsa) and adaptive (protocol adaptive); clips: IoU of the map's upper half with the "
    "union of boxes; confidence: AUROC on the same photos, and on clips with sounds of clips labelled otherwise; "
    "sounds and photos are paired by category"
)


@dataclass(frozen=True, slots=True)
class PairedReport:
    """Every figure that could be taken, and why the others could not."""

    data: str
    split: str
    identity: Identity
    figures: tuple[Figure, ...]
    latencies: dict[str, Latency | None]
    """By key ending: ``224`` and ``shipped``."""
    counts: dict[str, int]
    notes: tuple[str, ...]
    options: PairedOptions
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Flat keys for the figures; ``None`` for those that could not be taken."""
        taken = {figure.name: figure for figure in self.figures}
        values: dict[str, Any] = {}
        for name in EXPECTED:
            values |= taken[name].to_json() if name in taken else {name: None, f"n_{name}": 0}
        for size, latency in self.latencies.items():
            values |= _latency_json(f"window_ms_one_core_{size}", latency)
        return values | {
            "protocol": PROTOCOL,
            "data": self.data,
            "split": self.split,
            "method": self.identity.method,
            "checkpoint": self.identity.checkpoint,
            "sha256": self.identity.sha256,
            "trained": self.identity.trained,
            "counts": self.counts,
            "notes": list(self.notes),
            "options": asdict(self.options),
            "machine": platform.platform(),
            **self.extra,
        }


def measure_paired(
    localizer: Localizer,
    root: Path | str,
    split: str,
    library: Library,
    options: PairedOptions = DEFAULT_OPTIONS,
    progress: Progress | None = None,
) -> PairedReport:
    """Take every figure that the folder allows.

    Args:
        localizer: What to measure.
        root: Folder with ``photo.csv``, ``audio.csv`` and ``eval``; missing parts are skipped and noted.
        split: Name in the tables, or ``"all"``.
        library: Reads and keeps the files, with this localizer's ``spec``.
        options: Draws and seed.
        progress: Called as trials are done.

    Raises:
        DatasetError: The folder has neither table, or no such split.
    """
    root, report = Path(root), progress or _quiet
    library.unreadable.clear()
    found = read_paired(root)
    chosen = found.of_split(split)
    report("reading", 0, 1)
    data = replace(
        chosen,
        photos=library.readable_pictures(chosen.photos),
        sounds=library.readable_sounds(chosen.sounds),
    )
    bench = Bench(localizer, library, data, root, options, report)
    figures = _figures(bench)
    latencies = _latencies(bench)
    return PairedReport(
        str(root),
        split,
        localizer.identity,
        tuple(figures),
        latencies,
        _counts(chosen, bench),
        (*bench.notes, *_unread(library, found)),
        options,
    )


def _figures(bench: Bench) -> list[Figure]:
    parts: tuple[Callable[[Bench], list[Figure]], ...] = (
        lambda b: [figure for side in (2, 4) if (figure := measure_mosaics(b, side))],
        measure_masks,
        measure_interactive,
        measure_clips,
        measure_confidence,
    )
    return [figure for part in parts for figure in part(bench)]


def _latencies(bench: Bench) -> dict[str, Latency | None]:
    count, localizer = bench.options.num_timed, bench.localizer
    if not count:
        return {"224": None, "shipped": None}
    at_224 = at_image_size(localizer, 224)
    found: dict[str, Latency | None] = {"224": None, "shipped": measure_latency(localizer, count)}
    try:
        found["224"] = measure_latency(at_224, count) if at_224 is not None else None
    except SSLVizError as error:
        bench.notes.append(f"window_ms_one_core_224: not measured, {error}")
    if at_224 is None:
        bench.notes.append("window_ms_one_core_224: not measured, this localizer's size is fixed.")
    return found


def _latency_json(key: str, latency: Latency | None) -> dict[str, Any]:
    if latency is None:
        return {key: None, f"n_{key}": 0}
    return {
        key: latency.cpu_ms,
        f"n_{key}": latency.num_windows,
        f"{key}_wall": latency.wall_ms,
        f"{key}_load_average": latency.load,
        f"{key}_map_shape": list(latency.map_shape),
    }


def _counts(chosen: PairedSet, bench: Bench) -> dict[str, int]:
    return {
        "photos": len(bench.data.photos),
        "sounds": len(bench.data.sounds),
        "shared_categories": len(bench.shared),
        "photo_categories": len(bench.photos),
        "sound_categories": len(bench.sounds),
        "missing": len(chosen.missing),
        "unreadable": len(bench.library.unreadable),
    }


def _unread(library: Library, found: PairedSet) -> list[str]:
    lines = [*found.missing, *(f"{path}: {why}" for path, why in library.unreadable.items())]
    listed = [f"left out: {line}" for line in lines[:_LISTED]]
    return listed if len(lines) <= _LISTED else [*listed, f"... and {len(lines) - _LISTED} more."]


def _quiet(part: str, done: int, total: int) -> None:
    del part, done, total
