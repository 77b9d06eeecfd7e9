"""What a camera and a microphone sent lately: bounded, guarded by a lock, and honest about losses."""

import math
import threading
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import MediaError
from sslviz.types import AudioClip, Frame


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """What went in, and what never came."""

    samples: int = 0
    """Kept: every one of them exactly once."""
    missing_samples: int = 0
    """Never sent; they sound as silence."""
    repeated_samples: int = 0
    """Sent again and dropped."""
    frames: int = 0
    missing_frames: int = 0
    """Sequence numbers that were skipped."""
    stale_frames: int = 0
    """Sent again or late, and dropped."""


@dataclass(frozen=True, slots=True)
class SentFrame:
    """One picture as it was sent, kept for recording."""

    sequence: int
    pts_seconds: float
    jpeg: bytes


class LiveBuffer:
    """The last seconds of one visitor's sound, the newest picture, and the pictures before it.

    Time 0 is the first sample. Sound carries the number of its first sample, pictures a sequence
    number; so a gap is known as a gap and a repetition is dropped. Any thread may call anything.
    """

    def __init__(
        self, sample_rate: int, history_seconds: float, max_history_bytes: int = 24 * 2**20
    ) -> None:
        """Make room once.

        Args:
            sample_rate: Hz.
            history_seconds: How much sound and how many pictures are kept.
            max_history_bytes: Cap on the kept pictures; the oldest go first.

        Raises:
            ValueError: A size is not positive.
        """
        if sample_rate < 1 or history_seconds <= 0:
            raise ValueError(f"sizes must be positive, got {sample_rate} Hz, {history_seconds} s")
        self.sample_rate = sample_rate
        self.history_seconds = history_seconds
        self._max_history_bytes = max_history_bytes
        self._lock = threading.Lock()
        self._ring = np.zeros(math.ceil(history_seconds * sample_rate), np.float32)
        self._next_sample = 0
        self._next_sequence = 0
        self._newest: Frame | None = None
        self._sent: deque[SentFrame] = deque()
        self._sent_bytes = 0
        self._counts = LiveCounts()

    @property
    def counts(self) -> LiveCounts:
        """Bookkeeping so far."""
        with self._lock:
            return self._counts

    @property
    def sound_end_seconds(self) -> float:
        """Time at which the sound received so far ends."""
        with self._lock:
            return self._next_sample / self.sample_rate

    @property
    def newest_frame(self) -> Frame | None:
        """The picture with the highest sequence number so far."""
        with self._lock:
            return self._newest

    def push_audio(self, first_sample: int, samples: NDArray[np.float32]) -> None:
        """Append sound; (num_samples,) in [-1, 1], its first sample is number ``first_sample``.

        Raises:
            MediaError: The numbers are not finite, or ``first_sample`` is negative.
        """
        if first_sample < 0 or samples.ndim != 1 or not np.isfinite(samples).all():
            raise MediaError(
                f"Sound must be a run of finite numbers from sample 0 on, got shape "
                f"{samples.shape} at sample {first_sample}; start the live view again."
            )
        with self._lock:
            known = min(max(self._next_sample - first_sample, 0), len(samples))
            missing = max(first_sample - self._next_sample, 0)
            fresh = samples[known:].astype(np.float32, copy=False)
            if len(fresh):
                self._skip(missing)
                self._append(fresh)
            self._counts = replace(
                self._counts,
                samples=self._counts.samples + len(fresh),
                missing_samples=self._counts.missing_samples + (missing if len(fresh) else 0),
                repeated_samples=self._counts.repeated_samples + known,
            )

    def push_frame(self, sequence: int, frame: Frame, jpeg: bytes = b"") -> bool:
        """Offer a picture; one that is not newer than the newest is dropped.

        Args:
            sequence: Counts up by one per picture sent.
            frame: Decoded; its time is on the clock of the sound.
            jpeg: As sent, kept for recording where given.

        Returns:
            Whether it was taken.
        """
        with self._lock:
            counts, skipped = self._counts, sequence - self._next_sequence
            late = self._newest is not None and frame.pts_seconds <= self._newest.pts_seconds
            if late or skipped < 0:
                self._counts = replace(counts, stale_frames=counts.stale_frames + 1)
                return False
            self._counts = replace(
                counts, frames=counts.frames + 1, missing_frames=counts.missing_frames + skipped
            )
            self._newest, self._next_sequence = frame, sequence + 1
            if jpeg:
                self._remember(SentFrame(sequence, frame.pts_seconds, jpeg))
            return True

    def excerpt(self, end_seconds: float, duration_seconds: float) -> AudioClip:
        """Sound that ends at ``end_seconds``; silence where none is held (any more, or yet)."""
        length = round(duration_seconds * self.sample_rate)
        last = round(end_seconds * self.sample_rate)
        samples = np.zeros(length, np.float32)
        with self._lock:
            low = max(last - length, self._next_sample - len(self._ring), 0)
            high = min(last, self._next_sample)
            if low < high:
                wanted = np.arange(low, high) % len(self._ring)
                samples[low - (last - length) : high - (last - length)] = self._ring[wanted]
        return AudioClip(samples, self.sample_rate, (last - length) / self.sample_rate)

    def sent_frames(self, since_seconds: float) -> list[SentFrame]:
        """The kept pictures from a time on, in order."""
        with self._lock:
            return [sent for sent in self._sent if sent.pts_seconds >= since_seconds]

    def _skip(self, num_samples: int) -> None:
        silent = min(num_samples, len(self._ring))
        self._next_sample += num_samples - silent
        self._append(np.zeros(silent, np.float32))

    def _append(self, samples: NDArray[np.float32]) -> None:
        kept = samples[-len(self._ring) :]
        first = self._next_sample + len(samples) - len(kept)
        at = first % len(self._ring)
        head = min(len(kept), len(self._ring) - at)
        self._ring[at : at + head] = kept[:head]
        self._ring[: len(kept) - head] = kept[head:]
        self._next_sample += len(samples)

    def _remember(self, sent: SentFrame) -> None:
        self._sent.append(sent)
        self._sent_bytes += len(sent.jpeg)
        oldest = sent.pts_seconds - self.history_seconds
        while self._sent and (
            self._sent_bytes > self._max_history_bytes or self._sent[0].pts_seconds < oldest
        ):
            self._sent_bytes -= len(self._sent.popleft().jpeg)
