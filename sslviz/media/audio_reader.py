"""The sound of a file, mono, placed by its time stamps, read only as far as it is asked for.

It opens the file for itself, or shares it with the reader of its picture, so that sound ahead of the
picture can be read without holding frames.
"""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError

from sslviz.errors import MediaError
from sslviz.media.closing import Closing
from sslviz.media.demuxing import SoundTap
from sslviz.media.formats import Damage, audio_streams, decoded, frames_of, open_container
from sslviz.media.placing import Placer, Samples, mono
from sslviz.options import MediaLimits
from sslviz.types import AudioClip

_DEFAULT_LIMITS = MediaLimits()
_CHUNK_SECONDS = 0.5
_SEEK_FROM_SECONDS = 5.0
"""What lies nearer, beyond the history, is reached by reading on."""
_RATES = (1_000, 768_000)


class AudioReader(Closing):
    """Hands out excerpts of a file's sound; a context manager.

    All channels weigh the same (their mean, not their sum). Samples that are not finite become 0;
    the rest is clipped to [-1, 1]. Where there is no sound there is silence.

    Args:
        path: Any sound or video file.
        sample_rate: Hz, of what is handed out.
        origin_seconds: Time 0 on the file's own clock (:attr:`VideoReader.origin_seconds`);
            ``None`` for sound alone: time 0 is its first sample.
        track: Which sound track, from 0, or a tap on one that is shared (:attr:`VideoReader.shared`).
        history_seconds: How far an excerpt may start before the latest one.
        limits: ``max_bytes`` applies.
        beat: Called now and then while reading.

    Raises:
        MediaError: The file cannot be opened, or has no such track.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        origin_seconds: float | None,
        track: int | SoundTap = 0,
        history_seconds: float = 30.0,
        limits: MediaLimits = _DEFAULT_LIMITS,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.sample_rate = sample_rate
        self._path, self._limits, self._beat = path, limits, beat
        self._origin = origin_seconds
        self._tap = track if isinstance(track, SoundTap) else None
        self._track = track.track if isinstance(track, SoundTap) else track
        self._history = round(history_seconds * sample_rate)
        self._damage = Damage()
        self._chunks: deque[tuple[int, Samples]] = deque()
        self._read_up_to = 0
        self._finished = False
        self._placer: Placer | None = None
        self._silenced = 0
        self._container: InputContainer | None = None
        if self._tap is None:
            self._open()
        else:
            self._stream = self._tap.stream
            self._source = frames_of(self._tap.packets(self._damage), self._damage)

    @property
    def warnings(self) -> list[str]:
        """What the user should know about the sound, so far."""
        found = [f"{note.capitalize()} (sound)." for note in self._damage.notes]
        if self._damage.encrypted:
            found.append("The sound is encrypted and left out.")
        if self._damage.packets:
            found.append(f"{self._damage.packets} damaged sound packets were skipped.")
        if silenced := self._silenced + (self._placer.silenced if self._placer else 0):
            found.append(f"{silenced} sound samples that are no numbers were silenced.")
        return found

    def has_samples(self) -> bool:
        """Whether anything can be decoded; reads up to the first sound."""
        while not self._chunks and not self._finished:
            self._advance()
        return bool(self._chunks)

    def excerpt(self, start_seconds: float, duration_seconds: float) -> AudioClip:
        """Exactly the asked length, silent where there is no sound.

        Starts may fall by ``history_seconds`` at most; what was read earlier is forgotten.
        """
        length = round(duration_seconds * self.sample_rate)
        first = round(start_seconds * self.sample_rate)
        self._skip_to(first)
        while self._read_up_to < first + length and not self._finished:
            self._advance()
        self._forget_before(first - self._history)
        samples = np.zeros(length, np.float32)
        for begin, chunk in self._chunks:
            low, high = max(first, begin), min(first + length, begin + len(chunk))
            if low < high:
                samples[low - first : high - first] = chunk[low - begin : high - begin]
        return AudioClip(samples, self.sample_rate, start_seconds)

    def level_dbfs(self, centre_seconds: float, width_seconds: float = 0.25) -> float:
        """RMS around a moment in dB of full scale; ``-inf`` for digital silence."""
        clip = self.excerpt(centre_seconds - width_seconds / 2, width_seconds)
        power = float(np.mean(np.square(clip.samples, dtype=np.float64)))
        return 10 * float(np.log10(power)) if power > 0 else float("-inf")

    def rest(self) -> Iterator[tuple[int, Samples]]:
        """Everything from here on: (index of the first sample, samples) pairs, rising."""
        while True:
            while self._chunks:
                yield self._chunks.popleft()
            if self._finished:
                return
            self._advance()

    def close(self) -> None:
        """Close the file, and leave a shared one."""
        self._close_container()
        if self._tap is not None:
            self._tap.close()

    def _close_container(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> None:
        self._close_container()
        self._container = open_container(self._path, self._limits)
        streams = audio_streams(self._container)
        if not streams and self._track == 0:
            self._finished = True
            return
        if self._track >= len(streams):
            self.close()
            raise MediaError(
                f"{self._path.name!r} has {len(streams)} sound tracks; number {self._track} "
                "(counted from 0) is not among them."
            )
        self._stream = streams[self._track]
        self._source = decoded(self._container, self._stream, self._damage)

    def _skip_to(self, first: int) -> None:
        """Jump where the wanted sound and its history are far ahead; where that fails, read on."""
        first -= self._history
        ahead = first - self._read_up_to
        if self._finished or self._origin is None or ahead < _SEEK_FROM_SECONDS * self.sample_rate:
            return
        if self._container is None:  # what is shared is read on in
            return
        wanted = self._origin + first / self.sample_rate
        self._drop_run()  # wherever reading goes on, it is not where that ends
        try:
            self._container.seek(int((wanted - 1.0) / self._stream.time_base), stream=self._stream)
        except FFmpegError:
            self._open()
            return
        self._source = decoded(self._container, self._stream, self._damage)
        frame = next(self._source, None)
        if frame is None or frame.time is None or frame.time > wanted:
            self._open()
        else:
            self._take(frame)

    def _advance(self) -> None:
        """Decode about half a second more."""
        before = self._read_up_to
        while self._read_up_to < before + _CHUNK_SECONDS * self.sample_rate:
            frame = next(self._source, None)
            if frame is None:
                self._end_run()
                self._finished = True
                return
            self._take(frame)
            self._beat()

    def _take(self, frame: AudioFrame) -> None:
        if not _RATES[0] <= frame.sample_rate <= _RATES[1] or not frame.samples:
            self._damage.count(ValueError(f"sound of {frame.sample_rate} Hz"))
            return
        if self._placer is None or self._placer.rate_in != frame.sample_rate:
            self._end_run()
            self._placer = Placer(frame.sample_rate, self.sample_rate)
        time = frame.time
        if self._origin is None:
            self._origin = time or 0.0
        self._keep(self._placer.place(mono(frame), None if time is None else time - self._origin))

    def _end_run(self) -> None:
        if self._placer is not None:
            self._keep(self._placer.finish())
            self._drop_run()

    def _drop_run(self) -> None:
        if self._placer is not None:
            self._silenced += self._placer.silenced
            self._placer = None

    def _keep(self, pieces: Iterator[tuple[int, Samples]]) -> None:
        for begin, samples in pieces:
            if samples.size:
                self._chunks.append((begin, samples[0]))
                self._read_up_to = max(self._read_up_to, begin + samples.shape[1])

    def _forget_before(self, index: int) -> None:
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) < index:
            self._chunks.popleft()
