"""The sound of the original in the file that is written: copied where MP4 takes it, else as AAC."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from sslviz.media.demuxing import SoundTap
from sslviz.media.formats import Damage, audio_streams, decoded, open_container, packets
from sslviz.media.placing import Placer, Samples, planar
from sslviz.options import MediaLimits

COPIED_FOR_BROWSERS = frozenset({"aac", "mp3", "opus", "flac"})
"""What MP4 holds as it is and browsers play; AC-3, E-AC-3 and ALAC they do not."""
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_AAC_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
_MP3_LOWEST_RATE = 16000
_SILENCE_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class SoundSource:
    """Which sound goes into a written file."""

    path: Path
    origin_seconds: float
    """Time 0 of the picture on that file's clock (:attr:`VideoReader.origin_seconds`)."""
    start_seconds: float = 0.0
    """What is time 0 of the written file."""
    end_seconds: float | None = None
    track: int = 0
    copied: frozenset[str] = COPIED_FOR_BROWSERS
    """Codecs that are copied; everything else becomes AAC."""
    tap: SoundTap | None = None
    """The packets of that track where another reader has opened the file; from its start only."""


class Soundtrack(Protocol):
    """Sound that is muxed alongside the picture."""

    def write_up_to(self, seconds: float) -> None:
        """Mux what lies before a time of the written file."""

    def finish(self, seconds: float | None) -> None:
        """Mux the rest, up to a time where one is given, and close the source."""


def soundtrack(
    output: OutputContainer, source: SoundSource, limits: MediaLimits
) -> Soundtrack | None:
    """The sound of a source, set up in a file that has not been started; ``None`` where it has none."""
    tap = source.tap
    if tap is not None and _is_copied(tap.stream, source):
        return _Copied(output, _Shared(tap), source)
    if tap is not None:
        tap.close()
    container = open_container(source.path, limits)
    streams = audio_streams(container)
    if source.track >= len(streams):
        container.close()
        return None
    if source.start_seconds > 1.0 and not _jumped(container, streams[source.track], source):
        container.close()
        container = open_container(source.path, limits)
        streams = audio_streams(container)
    stream = streams[source.track]
    if _is_copied(stream, source):
        return _Copied(output, _Opened(container, stream), source)
    return _Encoded(output, container, stream, source)


def _jumped(container: InputContainer, stream: Any, source: SoundSource) -> bool:
    """Go to just before the start; ``False`` where the file has to be read from its beginning.

    Matroska refuses where the sound begins only later.
    """
    begin = source.origin_seconds + source.start_seconds - 1.0
    try:
        container.seek(int(begin / stream.time_base), stream=stream)
    except FFmpegError:
        return False
    return True


def _is_copied(stream: Any, source: SoundSource) -> bool:
    context = stream.codec_context
    name = context.codec.canonical_name
    too_slow = name == "mp3" and context.sample_rate < _MP3_LOWEST_RATE
    return name in source.copied and not too_slow


class _Opened:
    """Packets of a file opened for them alone."""

    def __init__(self, container: InputContainer, stream: Any) -> None:
        self.stream, self._container = stream, container
        self._packets = packets(container, stream, Damage())

    def take(self, last: bool) -> Any:
        """The next packet, ``None`` at the end."""
        return next(self._packets, None)

    def close(self) -> None:
        """Close the file."""
        self._container.close()


class _Shared:
    """Packets of a file that the picture is read from, as that comes to them."""

    def __init__(self, tap: SoundTap) -> None:
        self.stream, self._tap, self._damage = tap.stream, tap, Damage()

    def take(self, last: bool) -> Any:
        """The next packet; ``None`` at the end, and where the picture has not come to one yet."""
        return self._tap.take(self._damage, pull=last)

    def close(self) -> None:
        """Leave the file to the others."""
        self._tap.close()


class _Copied:
    """Packets as they are, moved in time.

    One packet before time 0 is kept: decoders need it to start, players do not play it (its time is
    negative, which MP4 notes in its edit list).
    """

    def __init__(
        self, output: OutputContainer, packets_in: _Opened | _Shared, source: SoundSource
    ) -> None:
        self._output, self._in = output, packets_in
        stream = packets_in.stream
        self._base = stream.time_base
        self._shift = round((source.origin_seconds + source.start_seconds) / self._base)
        self._length = (
            None if source.end_seconds is None else source.end_seconds - source.start_seconds
        )
        self._stream = output.add_stream_from_template(stream, opaque=True)
        self._stream.metadata.update(_language(stream))
        self._next: tuple[float, int, Any] | None = None
        self._last_tick: int | None = None
        self._over = False

    def write_up_to(self, seconds: float) -> None:
        """As :class:`Soundtrack`."""
        self._write_up_to(seconds, last=False)

    def finish(self, seconds: float | None) -> None:
        """As :class:`Soundtrack`."""
        self._write_up_to(float("inf") if seconds is None else seconds, last=True)
        self._next, self._over = None, True
        self._in.close()

    def _write_up_to(self, seconds: float, last: bool) -> None:
        while self._fetch(last) and self._next is not None and self._next[0] < seconds:
            self._mux(self._next[1], self._next[2])
            self._next = None

    def _fetch(self, last: bool) -> bool:
        """Whether a packet is at hand that belongs into the file."""
        while self._next is None and not self._over:
            packet = self._in.take(last)
            if packet is None:
                return False
            self._place(packet)
        return not self._over

    def _place(self, packet: Any) -> None:
        """Make it the next one, where it is one."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.size == 0 or packet.is_corrupt:
            return
        tick = stamp - self._shift
        time = float(tick * self._base)
        if time + 2 * float((packet.duration or 0) * self._base) <= 0:
            return
        if self._length is not None and time >= self._length:
            self._over = True
        elif self._last_tick is None or tick > self._last_tick:
            self._last_tick = tick
            self._next = time, tick, packet

    def _mux(self, tick: int, packet: Any) -> None:
        """Writing changes a packet; a decoder may still want it as it was."""
        before = packet.stream, packet.time_base, packet.pts, packet.dts, packet.duration
        packet.pts = packet.dts = tick
        packet.stream = self._stream
        self._output.mux_one(packet)
        packet.stream, packet.time_base, packet.pts, packet.dts, packet.duration = before


class _Encoded:
    """Decoded sound, placed by its stamps with silence in its gaps, as AAC."""

    def __init__(
        self, output: OutputContainer, container: InputContainer, stream: Any, source: SoundSource
    ) -> None:
        self._output, self._container, self._source = output, container, source
        context = stream.codec_context
        self._rate = context.sample_rate if context.sample_rate in _AAC_RATES else 48_000
        channels = context.channels
        self._layout = _AAC_LAYOUTS.get(channels, "mono")
        self._stream: Any = output.add_stream(
            "aac", rate=self._rate, layout=self._layout, bit_rate=64_000 * min(max(channels, 2), 6)
        )
        self._stream.metadata.update(_language(stream))
        self._samples = self._placed(container, stream, channels)
        self._written = 0
        self._length = (
            None
            if source.end_seconds is None
            else round((source.end_seconds - source.start_seconds) * self._rate)
        )

    def write_up_to(self, seconds: float) -> None:
        """As :class:`Soundtrack`."""
        while self._written < seconds * self._rate:
            piece = next(self._samples, None)
            if piece is None:
                return
            self._write(piece)

    def finish(self, seconds: float | None) -> None:
        """As :class:`Soundtrack`."""
        if seconds is not None:
            self._length = min(self._length or round(1e15), round(seconds * self._rate))
        self.write_up_to(float("inf"))
        self._output.mux(self._stream.encode(None))
        self._container.close()

    def _write(self, samples: Samples) -> None:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._written
        self._written += samples.shape[1]
        self._output.mux(self._stream.encode(frame))

    def _placed(self, container: InputContainer, stream: Any, channels: int) -> Iterator[Samples]:
        """Blocks that follow one another without a gap, from time 0 of the written file on."""
        position = 0
        for begin, samples in self._pieces(container, stream, channels):
            while position < begin and self._left(position):
                silence = min(_SILENCE_BLOCK, begin - position, self._left(position))
                yield np.zeros((samples.shape[0], silence), np.float32)
                position += silence
            cut = samples[:, max(0, position - begin) :][:, : self._left(position)]
            if not self._left(position):
                return
            if cut.size:
                position += cut.shape[1]
                yield cut

    def _left(self, position: int) -> int:
        return (1 << 40) if self._length is None else max(0, self._length - position)

    def _pieces(
        self, container: InputContainer, stream: Any, channels: int
    ) -> Iterator[tuple[int, Samples]]:
        begin = self._source.origin_seconds + self._source.start_seconds
        placer: Placer | None = None
        for frame in decoded(container, stream, Damage()):
            if placer is None or placer.rate_in != frame.sample_rate:
                yield from placer.finish() if placer else ()
                placer = Placer(frame.sample_rate, self._rate, self._layout)
            samples = planar(frame)
            if samples.shape[0] != channels or self._layout == "mono":
                samples = np.repeat(samples.mean(0, keepdims=True), self._num_channels(), 0)
            time = None if frame.time is None else frame.time - begin
            yield from placer.place(samples, time)
        yield from placer.finish() if placer else ()

    def _num_channels(self) -> int:
        return next((n for n, name in _AAC_LAYOUTS.items() if name == self._layout), 1)


def _language(stream: Any) -> dict[str, str]:
    return {key: stream.metadata[key] for key in ("language", "title") if key in stream.metadata}
