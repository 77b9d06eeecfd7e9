"""Decoded sound, put where its time stamps say, at another sample rate."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_JITTER_SECONDS = 0.03
"""Stamps this near to where the samples before end are continuous."""
_FALL_SECONDS = 1.0
"""Stamps that fall further start anew; sound then goes on where it was."""
_LONGEST_GAP_SECONDS = 43_200.0
_BATCH_SECONDS = 0.25
_FULL_SCALES = {
    ("u", 1): (128.0, 128.0),
    ("i", 2): (32768.0, 0.0),
    ("i", 4): (2147483648.0, 0.0),
    ("i", 8): (9223372036854775808.0, 0.0),
    ("f", 4): (1.0, 0.0),
    ("f", 8): (1.0, 0.0),
}
"""By kind and size of a sample: value of full scale, value of silence."""


def mono(frame: AudioFrame) -> Samples:
    """The mean of all channels, (n,) float32, full scale 1; not yet clipped."""
    data: NDArray[Any] = frame.to_ndarray()
    channels = len(frame.layout.channels)
    planes = data if frame.format.is_planar else data.reshape(-1, channels).T
    full_scale, zero = _FULL_SCALES[planes.dtype.kind, planes.dtype.itemsize]
    mixed = planes[0] if channels == 1 else planes.mean(0, dtype=np.float64)
    samples: Samples = ((mixed - zero) / full_scale).astype(np.float32)
    return samples


class Placer:
    """Joins frames of one sample rate into runs and resamples them.

    Args:
        rate_in: Hz, of what comes.
        rate_out: Hz, of what goes.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self.rate_in, self._rate_out = rate_in, rate_out
        self.silenced = 0
        """Samples that were no numbers."""
        self._next: int | None = None
        self._offset = 0
        self._waiting: list[Samples] = []
        self._num_waiting = 0
        self._write = 0
        self._resampler: AudioResampler | None = None

    def place(self, samples: Samples, time_seconds: float | None) -> Iterator[tuple[int, Samples]]:
        """Take one frame; yields (index at the new rate, samples) as far as they are certain."""
        at, skip = self._position(len(samples), time_seconds)
        if skip >= len(samples):
            return
        if self._next != at:
            yield from self.finish()
            self._write = round(at * self._rate_out / self.rate_in)
        self._waiting.append(samples[skip:])
        self._num_waiting += len(samples) - skip
        self._next = at + len(samples) - skip
        if self._num_waiting >= _BATCH_SECONDS * self.rate_in:
            yield from self._emit()

    def finish(self) -> Iterator[tuple[int, Samples]]:
        """The end of a run: hand out all that is left."""
        yield from self._emit()
        if self._resampler is not None:
            for frame in self._resampler.resample(None):
                yield self._advance(frame.to_ndarray()[0])
            self._resampler = None

    def _position(self, length: int, time_seconds: float | None) -> tuple[int, int]:
        """Where a frame goes, and how many of its first samples were there already."""
        expected = self._next
        if time_seconds is None:
            return (0 if expected is None else expected), 0
        at = round(time_seconds * self.rate_in) + self._offset
        if expected is None:
            return at, 0
        late = at - expected
        if -_FALL_SECONDS * self.rate_in <= late <= _LONGEST_GAP_SECONDS * self.rate_in:
            if abs(late) <= _JITTER_SECONDS * self.rate_in:
                return expected, 0
            return (at, 0) if late > 0 else (expected, -late)
        self._offset -= late
        return expected, 0

    def _emit(self) -> Iterator[tuple[int, Samples]]:
        if not self._waiting:
            return
        samples = np.concatenate(self._waiting)
        self._waiting, self._num_waiting = [], 0
        bad = ~np.isfinite(samples)
        if bad.any():
            self.silenced += int(bad.sum())
            samples[bad] = 0
        np.clip(samples, -1, 1, out=samples)
        if self.rate_in == self._rate_out:
            yield self._advance(samples)
            return
        if self._resampler is None:
            self._resampler = AudioResampler("fltp", "mono", self._rate_out)
        frame = AudioFrame.from_ndarray(samples[None], "fltp", "mono")
        frame.sample_rate = self.rate_in
        for out in self._resampler.resample(frame):
            yield self._advance(np.clip(out.to_ndarray()[0], -1, 1))

    def _advance(self, samples: Samples) -> tuple[int, Samples]:
        at = self._write
        self._write += len(samples)
        return at, samples
