"""Find moments in an archive of tracks: confident sources, the loudest, or those like a given sound."""

import heapq
import math
from collections.abc import Iterator, Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.batch.embedding import EMBEDDINGS_SUFFIX, Embeddings
from sslviz.batch.work import TRACK_SUFFIX
from sslviz.errors import OptionError, TrackError
from sslviz.export import load_track
from sslviz.types import ScoreTrack


class Order(StrEnum):
    """What the best moments are."""

    CONFIDENT = "confident"
    """Picture and sound agree most."""
    LOUD = "loud"
    SOUND_LIKE = "sound-like"
    """Heard there: closest to the query among the sounds."""
    SHOWS = "shows"
    """Seen there: closest to the query among the pictures, even when silent."""


INDEXED = {Order.SOUND_LIKE: "sounds", Order.SHOWS: "images"}
"""The embeddings that an order compares with."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """One find."""

    score: float
    """Confidence, dB of full scale, or cosine similarity, by the order asked for."""
    name: str
    """Of the item, as in the batch's report."""
    time_seconds: float
    confidence: float
    level_dbfs: float
    peak_x: float
    """Of the strongest cell, in [0, 1] from the left."""
    peak_y: float
    """In [0, 1] from the top."""


def search(
    folder: Path,
    order: Order,
    query: NDArray[np.float32] | None = None,
    top: int = 20,
    apart_seconds: float = 2.0,
    names: Set[str] | None = None,
) -> tuple[list[Moment], list[str]]:
    """The best moments below a batch's folder.

    Reads one track at a time, so an archive of any size fits in memory.

    Args:
        folder: What ``sslviz batch --out`` filled.
        order: What counts as good.
        query: Unit vector (C,) for the two orders by similarity, from the same checkpoint.
        top: How many.
        apart_seconds: Finds in one file keep at least this distance.
        names: Of the items to look at, as from an index; ``None``: all.

    Returns:
        Best first, and the names of the files that could not be searched, each with the reason.

    Raises:
        OptionError: The folder holds no track, or a query is missing.
    """
    if order in INDEXED and query is None:
        raise OptionError(
            f"The order '{order}' needs a sound to compare with; give one with --sound."
        )
    best: list[Moment] = []
    problems: list[str] = []
    searched = 0
    for path in _tracks(folder) if names is None else _tracks_of(folder, names):
        name = path.relative_to(folder).as_posix().removesuffix(TRACK_SUFFIX)
        try:
            track = load_track(path)
            scores = _scores(path, track, order, query)
        except TrackError as error:
            problems.append(f"{name}: {error}")
            continue
        searched += 1
        best = heapq.nlargest(top, [*best, *_moments(name, track, scores, top, apart_seconds)])
    if not searched:
        raise OptionError(
            f"No track in {folder} could be searched; fill it with sslviz batch "
            f"(and --outputs embeddings to search by sound). {' '.join(problems[:1])}"
        )
    return best, problems


def _tracks(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob(f"*{TRACK_SUFFIX}")):
        if not path.name.endswith(EMBEDDINGS_SUFFIX) and ".segments" not in path.parent.suffixes:
            yield path


def _tracks_of(folder: Path, names: Set[str]) -> Iterator[Path]:
    yield from (folder / (name + TRACK_SUFFIX) for name in sorted(names))


def _scores(
    path: Path, track: ScoreTrack, order: Order, query: NDArray[np.float32] | None
) -> NDArray[np.float64]:
    if order is Order.CONFIDENT:
        most: NDArray[np.float32] = track.confidence.max(axis=1)
        return most.astype(np.float64)
    if order is Order.LOUD:
        return track.level_dbfs.astype(np.float64)
    assert query is not None
    kept = Embeddings.load(path.with_name(path.name.removesuffix(TRACK_SUFFIX) + EMBEDDINGS_SUFFIX))
    vectors: NDArray[np.float64] = getattr(kept, INDEXED[order]).astype(np.float64)
    if vectors.shape != (len(track), len(query)):
        raise TrackError(
            f"its embeddings are {vectors.shape[1]}-d, the query is {len(query)}-d: "
            f"they come from different checkpoints"
        )
    scores: NDArray[np.float64] = vectors @ query.astype(np.float64)
    return scores


def _moments(
    name: str, track: ScoreTrack, scores: NDArray[np.float64], top: int, apart_seconds: float
) -> Iterator[Moment]:
    taken: list[float] = []
    for index in np.argsort(-scores, kind="stable"):
        time = float(track.times[index])
        if not math.isfinite(scores[index]) or any(abs(time - t) < apart_seconds for t in taken):
            continue
        taken.append(time)
        which = int(track.confidence[index].argmax())
        values = track.values[index, which]
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        yield Moment(
            score=float(scores[index]),
            name=name,
            time_seconds=time,
            confidence=float(track.confidence[index, which]),
            level_dbfs=float(track.level_dbfs[index]),
            peak_x=(int(column) + 0.5) / values.shape[1],
            peak_y=(int(row) + 0.5) / values.shape[0],
        )
        if len(taken) == top:
            return
