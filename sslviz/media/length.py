"""How long a clip is whose header does not say: its packets are read, none of them is decoded."""

from pathlib import Path

from sslviz.media.child import Link
from sslviz.media.sandbox import DEFAULT_LIMITS, run
from sslviz.options import MediaLimits

_CPU_SECONDS = 60.0
_LONGEST_SECONDS = 1e8


def read_length(path: Path, limits: MediaLimits = DEFAULT_LIMITS) -> float | None:
    """Seconds from the first shown picture to the end of the last one.

    What a browser records, or a pipe writes, has no length in its header.

    Returns:
        ``None`` where the packets do not say either.

    Raises:
        MediaError: It cannot be used; the text says why and what to do.
    """
    length: float | None = run(_read_length, path, limits, limits=limits, cpu_seconds=_CPU_SECONDS)
    return length


def _read_length(link: Link, path: Path, limits: MediaLimits) -> float | None:
    from sslviz.media.formats import Damage, open_container, packets, video_stream
    from sslviz.media.header import seconds
    from sslviz.media.reader import VideoReader

    with VideoReader(path, limits, beat=link.beat) as reader:
        origin, step = reader.origin_seconds, float(1 / reader.info.fps)
    end = origin
    with open_container(path, limits) as container:
        stream = video_stream(container, path.name, limits)
        for packet in packets(container, stream, Damage()):
            begin = seconds(packet.pts, packet.time_base)
            if begin is not None:
                end = max(end, begin + (seconds(packet.duration, packet.time_base) or step))
            link.beat()
    return end - origin if 0 < end - origin < _LONGEST_SECONDS else None
