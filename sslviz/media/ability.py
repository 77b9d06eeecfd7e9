"""What PyAV's FFmpeg can read and write on this machine, for ``sslviz doctor``."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from sslviz.media.header import VideoFormat
from sslviz.media.picture import ColorTags
from sslviz.media.writer import VideoWriter

_READ = ("h264", "hevc", "vp8", "vp9", "libdav1d", "mpeg4", "mjpeg", "aac", "mp3float", "libopus")
_WRITTEN = ("libx264", "aac")


def coders() -> dict[str, bool]:
    """Names of decoders and encoders, and whether they are there."""
    kinds = {f"{name} decoder": (name, "r") for name in _READ}
    kinds |= {f"{name} encoder": (name, "w") for name in _WRITTEN}
    return {label: _is_there(name, mode) for label, (name, mode) in kinds.items()}


def _is_there(name: str, mode: str) -> bool:
    try:
        av.Codec(name, "w" if mode == "w" else "r")
    except (ValueError, av.error.FFmpegError):
        return False
    return True


def write_sample(path: Path) -> None:
    """A grey video of five frames, 64x48.

    Raises:
        OutputError: It cannot be written.
    """
    form = VideoFormat(64, 48, Fraction(10), Fraction(1, 90_000), ColorTags())
    grey = np.full((48, 64), 128, np.uint8)
    with VideoWriter(path, form) as writer:
        for index in range(5):
            writer.write((grey, grey[::2, ::2], grey[::2, ::2]), index / 10)
        writer.finish()
