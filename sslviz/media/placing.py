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


def planar(frame: AudioFrame) -> Samples:
    """The samples of a decoded frame, (channels, n) float32, full scale 1; not yet clipped."""
    data: NDArray[Any] = frame.to_ndarray()
    planes = data if frame.format.is_planar else data.reshape(-1, len(frame.layout.channels)).T
    if planes.dtype == np.float32:
        return planes
    full_scale, zero = _FULL_SCALES[planes.dtype.kind, planes.dtype.itemsize]
    samples: Samples = ((planes - zero) / full_scale).astype(np.float32)
    return samples


def mono(frame: AudioFrame) -> Samples:
    """The mean of all channels, (1, n)."""
    planes = planar(frame)
    return planes if len(planes) == 1 else planes.mean(0, dtype=np.float32, keepdims=True)


class Placer:
    """Joins frames of one sample rate into runs and resamples them.

    Args:
        rate_in: Hz, of what comes.
        rate_out: Hz, of what goes.
        layout: FFmpeg's name of the channel layout; samples are (channels, n).
    """

    def __init__(self, rate_in: int, rate_out: int, layout: str = "mono") -> None:
        self.rate_in, self._rate_out, self._layout = rate_in, rate_out, layout
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
        length = samples.shape[1]
        at, skip = self._position(time_seconds)
        if skip >= length:
            return
        if self._next != at:
            yield from self.finish()
            self._write = round(at * self._rate_out / self.rate_in)
        self._waiting.append(samples[:, skip:])
        self._num_waiting += length - skip
        self._next = at + length - skip
        if self._num_waiting >= _BATCH_SECONDS * self.rate_in:
            yield from self._emit()

    def finish(self) -> Iterator[tuple[int, Samples]]:
        """The end of a run: hand out all that is left."""
        yield from self._emit()
        if self._resampler is not None:
            for frame in self._resampler.resample(None):
                yield self._advance(
                    np.clip(frame.to_ndarray(), -1, 1).astype(np.float32, copy=False)
                )
            self._resampler = None

    def _position(self, time_seconds: float | None) -> tuple[int, int]:
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
        samples = np.concatenate(self._waiting, 1)
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
            self._resampler = AudioResampler("fltp", self._layout, self._rate_out)
        frame = AudioFrame.from_ndarray(samples, "fltp", self._layout)
        frame.sample_rate = self.rate_in
        for out in self._resampler.resample(frame):
            yield self._advance(np.clip(out.to_ndarray(), -1, 1).astype(np.float32, copy=False))

    def _advance(self, samples: Samples) -> tuple[int, Samples]:
        at = self._write
        self._write += samples.shape[1]
        return at, samples
