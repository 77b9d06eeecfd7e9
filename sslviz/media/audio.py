"""Sound files, in and out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import MediaError, OutputError
from sslviz.media.child import Link
from sslviz.media.sandbox import DEFAULT_LIMITS, run
from sslviz.options import MediaLimits
from sslviz.types import AudioClip
from sslviz.whole_file import whole_file

Samples = NDArray[np.float32]

_CPU_SECONDS = 600.0
_LONGEST_SECONDS = 3 * 3600.0
"""Where the limits name none: the whole sound is held in memory."""


def read_sound(path: Path, sample_rate: int, limits: MediaLimits = DEFAULT_LIMITS) -> AudioClip:
    """The first sound track of any sound or video file, mono, from its first sample on.

    Raises:
        MediaError: It holds no sound that can be decoded, or is longer than allowed.
    """
    samples: Samples = run(
        decode_sound, path, sample_rate, limits, limits=limits, cpu_seconds=_CPU_SECONDS
    )
    return AudioClip(samples, sample_rate, 0.0)


def write_wav(path: Path, clip: AudioClip) -> None:
    """Write 16-bit WAV; the file appears whole or not at all.

    Raises:
        OutputError: The folder is missing or the disk is full.
    """
    import soundfile

    try:
        with whole_file(path) as part:
            soundfile.write(part, clip.samples, clip.sample_rate, subtype="PCM_16", format="WAV")
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"{path.name!r} could not be written ({error}); check the folder and its free space."
        ) from error


def decode_sound(link: Link, path: Path, sample_rate: int, limits: MediaLimits) -> Samples:
    """The inside of :func:`read_sound`, for a child that reads many."""
    from sslviz.media.audio_reader import AudioReader

    allowed = limits.max_duration_seconds or _LONGEST_SECONDS
    pieces: list[tuple[int, Samples]] = []
    with AudioReader(path, sample_rate, None, limits=limits, beat=link.beat) as reader:
        for begin, samples in reader.rest():
            if begin + len(samples) > (allowed + 1) * sample_rate:
                raise MediaError(f"{path.name!r} is longer than the allowed {allowed:g} s.")
            pieces.append((begin, samples))
        if not pieces:
            said = " ".join(reader.warnings)
            raise MediaError(f"{path.name!r} holds no sound that can be decoded. {said}".strip())
    end = max(begin + len(samples) for begin, samples in pieces)
    whole = np.zeros(end, np.float32)
    for begin, samples in pieces:
        low = max(0, -begin)
        whole[begin + low : begin + len(samples)] = samples[low:]
    return whole
