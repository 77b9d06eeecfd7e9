"""Score tracks on disk: an npz of plain arrays, checked as a stranger's file when it comes back."""

import json
import math
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from sslviz.errors import OutputError, TrackError
from sslviz.types import Calibration, Identity, ScoreScale, ScoreTrack
from sslviz.whole_file import whole_file

TRACK_FORMAT_VERSION = 1
MAX_TRACK_BYTES = 2 * 1024**3
_MAX_HEADER_BYTES = 1024**2
_UNREADABLE = (
    OSError, ValueError, KeyError, IndexError, TypeError, EOFError, OverflowError, RecursionError,
    NotImplementedError, RuntimeError, MemoryError, SyntaxError, struct.error, tokenize.TokenError,
    zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile,
)  # fmt: skip
"""What zip, deflate, NumPy's header and JSON raise on nonsense."""
_ARRAYS: dict[str, tuple[type, int]] = {
    "values": (np.float32, 4),
    "times": (np.float64, 1),
    "confidence": (np.float32, 2),
    "level_dbfs": (np.float32, 1),
    "header": (np.uint8, 1),
}


def save_track(track: ScoreTrack, path: Path) -> None:
    """Write a track; it reloads bit-equal.

    Args:
        track: What to write.
        path: An ``.npz`` file; it appears whole or not at all.

    Raises:
        OutputError: The file cannot be written, or its settings are no JSON.
    """
    path = Path(path)
    try:
        header = json.dumps(_header(track), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise OutputError(f"The settings of this track cannot be saved: {error}.") from error
    arrays: dict[str, Any] = {
        "values": track.values,
        "times": track.times,
        "confidence": track.confidence,
        "level_dbfs": track.level_dbfs,
        "header": np.frombuffer(header, np.uint8),
    }
    try:
        with whole_file(path) as part, part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _header(track: ScoreTrack) -> dict[str, Any]:
    identity, calibration = track.identity, track.identity.calibration
    return {
        "format_version": TRACK_FORMAT_VERSION,
        "names": list(track.names),
        "scale": track.scale.value,
        "method": identity.method,
        "checkpoint": identity.checkpoint,
        "checkpoint_sha256": identity.sha256,
        "trained": identity.trained,
        "calibration": [
            calibration.confidence_gate, calibration.score_low, calibration.score_high,
        ],
        "video_sha256": track.video_sha256,
        "duration_seconds": track.duration_seconds,
        "settings": dict(track.settings),
        "complete": track.complete,
    }  # fmt: skip


def load_track(path: Path) -> ScoreTrack:
    """Read a track that may come from a stranger: nothing in it is run, sizes are checked first.

    Args:
        path: What ``save_track`` or ``sslviz analyse`` wrote.

    Raises:
        TrackError: Not a track, damaged, of a newer format, or larger than ``MAX_TRACK_BYTES``.
    """
    path = Path(path)
    try:
        arrays = _read_arrays(path)
        header = json.loads(bytes(arrays["header"]))
        if not isinstance(header, dict):
            raise TrackError(f"{path.name} is not a score track: its header is no object.")
        _check_version(header, path)
        return _build(arrays, header)
    except TrackError:
        raise
    except _UNREADABLE as error:
        raise TrackError(
            f"{path.name} is not a score track that can be read ({type(error).__name__}: {error}); "
            "make a new one with sslviz analyse."
        ) from error  # fmt: skip


def _read_arrays(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        wanted = {f"{name}.npy" for name in _ARRAYS}
        if set(sizes) != wanted or len(archive.infolist()) != len(wanted):
            raise TrackError(
                f"{path.name} is not a score track: it holds {', '.join(sorted(sizes)[:6]) or 'nothing'}."
            )
        if sum(sizes.values()) > MAX_TRACK_BYTES or sizes["header.npy"] > _MAX_HEADER_BYTES:
            raise TrackError(f"{path.name} unpacks to {sum(sizes.values())} bytes: too large.")
        return {name: _read_array(archive, name, sizes[f"{name}.npy"]) for name in _ARRAYS}


def _read_array(archive: zipfile.ZipFile, name: str, size: int) -> Any:
    """One array, its declared shape checked against its real bytes before memory is taken."""
    dtype, rank = _ARRAYS[name]
    with archive.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, found = read(file)
        length = math.prod(shape) * np.dtype(dtype).itemsize
        if found != np.dtype(dtype) or len(shape) != rank or fortran or length > size:
            raise TrackError(f"{name} is {found} {shape}, a score track holds {np.dtype(dtype)}.")
        data = file.read(length)
    if len(data) != length:
        raise TrackError(f"{name} is cut short.")
    return np.frombuffer(bytearray(data), dtype).reshape(shape)


def _check_version(header: Mapping[str, Any], path: Path) -> None:
    version = header.get("format_version")
    if version != TRACK_FORMAT_VERSION:
        raise TrackError(
            f"{path.name} is a score track of format {version!r}, this program reads format "
            f"{TRACK_FORMAT_VERSION}; install a newer sslviz or analyse the video again."
        )


def _build(arrays: Mapping[str, Any], header: Mapping[str, Any]) -> ScoreTrack:
    names, duration = header["names"], float(header["duration_seconds"])
    texts = [*names, header["method"], header["checkpoint"], header["checkpoint_sha256"]]
    if not isinstance(names, list) or not all(isinstance(text, str) for text in texts):
        raise TrackError("names and identity of a score track must be text.")
    if not re.fullmatch(r"[0-9a-f]{64}", header["video_sha256"]):
        raise TrackError("a score track must name its video by a sha256 of 64 hex digits.")
    flags = header["trained"], header["complete"]
    if not all(isinstance(flag, bool) for flag in flags) or not isinstance(
        header["settings"], dict
    ):
        raise TrackError("trained and complete must be true or false, settings an object.")
    times, confidence = arrays["times"], arrays["confidence"]
    if not math.isfinite(duration) or not np.isfinite(times).all() or duration < 0:
        raise TrackError("times of a score track must be finite.")
    if 0 in arrays["values"].shape[1:] or not ((confidence >= 0) & (confidence <= 1)).all():
        raise TrackError("a score track needs cells, and confidences in [0, 1].")
    if np.isnan(arrays["level_dbfs"]).any():
        raise TrackError("levels of a score track must be numbers.")
    calibration = Calibration(*(float(value) for value in header["calibration"]))
    identity = Identity(
        header["method"], header["checkpoint"], header["checkpoint_sha256"], calibration,
        header["trained"],
    )  # fmt: skip
    return ScoreTrack(
        arrays["values"], tuple(names), times, confidence, arrays["level_dbfs"],
        ScoreScale(header["scale"]), identity, header["video_sha256"], duration,
        header["settings"], header["complete"],
    )  # fmt: skip
