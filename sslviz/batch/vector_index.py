"""A FAISS index beside an archive's embeddings, so that a search reads a few files and not all.

It only says which files hold the nearest windows; their scores are then computed exactly, as without it.
Small archives are indexed as they are; large ones by inverted lists of product-quantised vectors
(Jégou, Douze, Schmid: "Product Quantization for Nearest Neighbor Search", 2011), an eighth of a byte
per dimension and window.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.batch.embedding import EMBEDDINGS_SUFFIX, Embeddings
from sslviz.batch.markers import write_text_whole
from sslviz.errors import OptionError, TrackError

_SAMPLED_FILES = 2_000
_SMALL = 20_000
"""Windows in the sample below which nothing is quantised."""
_PROBED = 32


def names_near(folder: Path, kind: str, query: NDArray[np.float32], count: int) -> set[str]:
    """Items that hold the windows nearest to a query; builds the index when results have changed.

    Args:
        folder: What ``sslviz batch --outputs embeddings`` filled.
        kind: ``sounds`` or ``images``.
        query: Unit vector (C,).
        count: Number of windows to find.

    Raises:
        OptionError: FAISS is not installed, or the folder has no embeddings that fit the query.
    """
    try:
        import faiss
    except ImportError as error:
        raise OptionError("--index needs FAISS: pip install 'sslviz[search]'.") from error
    files = sorted(folder.rglob(f"*{EMBEDDINGS_SUFFIX}"))
    stamp = hashlib.sha256("".join(f"{f}{f.stat().st_mtime_ns}" for f in files).encode())
    path, about = folder / f"{kind}.faiss", folder / f"{kind}.faiss.json"
    known = json.loads(about.read_text()) if about.exists() and path.exists() else {}
    if known.get("stamp") == stamp.hexdigest():
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
    else:
        index, ends = _build(faiss, files, kind, len(query))
        names = [f.relative_to(folder).as_posix().removesuffix(EMBEDDINGS_SUFFIX) for f in files]
        known = {"names": names, "ends": ends, "stamp": stamp.hexdigest()}
        about.unlink(missing_ok=True)
        faiss.write_index(index, str(path))
        write_text_whole(about, json.dumps(known))
    if hasattr(index, "nprobe"):
        index.nprobe = _PROBED
    _, found = index.search(query[None].astype(np.float32), count)
    which = np.searchsorted(known["ends"], found[found >= 0], side="right")
    return {known["names"][place] for place in which}


def _build(faiss: Any, files: list[Path], kind: str, size: int) -> tuple[Any, list[int]]:
    """The index, and for each file the number of windows up to its end."""
    step = max(1, len(files) // _SAMPLED_FILES)
    sample = np.concatenate(
        [np.zeros((0, size), np.float32), *(_vectors(path, kind, size) for path in files[::step])]
    )
    if not len(sample):
        raise OptionError(
            f"No {size}-d embeddings here; run sslviz batch with --outputs embeddings and the "
            f"checkpoint that the search uses."
        )
    lists = min(round(4 * (len(sample) * step) ** 0.5), len(sample) // 40)
    key = "Flat" if len(sample) < _SMALL else f"IVF{lists},PQ{size // 8}"
    index = faiss.index_factory(size, key, faiss.METRIC_INNER_PRODUCT)
    index.train(sample)
    ends = []
    for path in files:
        index.add(_vectors(path, kind, size))
        ends.append(int(index.ntotal))
    return index, ends


def _vectors(path: Path, kind: str, size: int) -> NDArray[np.float32]:
    """Those of one file; none where it is damaged, empty or from another checkpoint."""
    try:
        vectors: NDArray[np.float32] = getattr(Embeddings.load(path), kind).astype(np.float32)
    except TrackError:
        vectors = np.zeros((0, size), np.float32)
    return vectors if vectors.shape[1:] == (size,) else np.zeros((0, size), np.float32)
