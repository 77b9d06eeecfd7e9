"""A look at the whole sound of a file, in bounded memory: waveform and mel spectrogram."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.media import sandbox
from sslviz.media.audio_reader import AudioReader
from sslviz.media.child import Link
from sslviz.media.reader import VideoReader
from sslviz.options import MediaLimits
from sslviz.timeline import mel_power, waveform
from sslviz.types import AudioClip

SAMPLE_RATE = 16_000
_BLOCK_SECONDS = 8.0

Span = tuple[float, float]
Floats = NDArray[np.float32]


def read_waveform(
    source: Path, span: Span, num_columns: int, limits: MediaLimits, audio_track: int = 0
) -> Floats:
    """Lowest and highest sample of each column, (num_columns, 2).

    Args:
        source: A video; without sound the waveform is flat.
        span: Start and end, seconds.
        num_columns: How finely.
        limits: What the file may cost.
        audio_track: Which sound.
    """
    wave, _ = read_overview(source, span, (num_columns, 0), limits, audio_track)
    return wave


def read_overview(
    source: Path, span: Span, shape: tuple[int, int], limits: MediaLimits, audio_track: int = 0
) -> tuple[Floats, Floats]:
    """Waveform (columns, 2) and power in mel bands (mels, columns), of ``shape`` (columns, mels)."""
    seconds = max(span[1] - span[0], 0.0)
    result: tuple[Floats, Floats] = sandbox.run(
        scan, source, span, shape, limits, audio_track,
        limits=limits, cpu_seconds=60.0 + seconds,
    )  # fmt: skip
    return result


def scan(
    link: Link, source: Path, span: Span, shape: tuple[int, int], limits: MediaLimits, track: int
) -> tuple[Floats, Floats]:
    """In the child: read the sound once, a few seconds at a time."""
    num_columns, num_mels = shape
    waves = np.zeros((num_columns, 2), np.float32)
    powers = np.zeros((num_mels, num_columns), np.float32)
    with VideoReader(source, limits, beat=link.beat) as video:
        origin, has_sound = video.origin_seconds, video.info.has_audio
    if not has_sound:
        return waves, powers
    with AudioReader(source, SAMPLE_RATE, origin, track, limits=limits, beat=link.beat) as sound:
        for columns, clip in blocks(sound, span, num_columns):
            waves[columns] = waveform(clip, columns.stop - columns.start)
            if num_mels:
                powers[:, columns] = mel_power(clip, columns.stop - columns.start, num_mels)
            link.beat()
    return waves, powers


def blocks(sound: AudioReader, span: Span, num_columns: int) -> Iterator[tuple[slice, AudioClip]]:
    """Runs of columns with their sound."""
    start, end = span
    step = max(end - start, 1e-3) / num_columns
    count = max(int(_BLOCK_SECONDS / step), 1)
    for first in range(0, num_columns, count):
        last = min(first + count, num_columns)
        yield slice(first, last), sound.excerpt(start + first * step, (last - first) * step)
