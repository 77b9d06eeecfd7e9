"""What a file is, found out in a child process."""

from pathlib import Path

from sslviz.media.child import Link
from sslviz.media.sandbox import DEFAULT_LIMITS, run
from sslviz.options import MediaLimits
from sslviz.types import VideoInfo

_CPU_SECONDS = 60.0


def probe(path: Path, limits: MediaLimits = DEFAULT_LIMITS) -> VideoInfo:
    """Size, rate, length and sound of a video: what a player would show.

    Raises:
        MediaError: It cannot be used; the text says why and what to do.
    """
    info: VideoInfo = run(_probe, path, limits, limits=limits, cpu_seconds=_CPU_SECONDS)
    return info


def _probe(link: Link, path: Path, limits: MediaLimits) -> VideoInfo:
    from sslviz.media.reader import VideoReader  # here, so that asking costs the parent no PyAV

    with VideoReader(path, limits, beat=link.beat) as reader:
        return reader.info
