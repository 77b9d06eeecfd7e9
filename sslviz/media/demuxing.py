"""One open file for its picture and its sound: every index of a long file is held once.

Picture and sound are asked for at different paces, so what the other side has not asked for yet
waits in a queue. The queues are bounded. The picture never loses a packet; a reader of the sound for
which they would grow too long goes on with a file of its own, where it stopped, and notices nothing.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import av
from av.container import InputContainer

from sslviz.media.formats import Damage, audio_streams, events

QUEUE_BYTES = 32 * 2**20
"""What may wait for each reader."""
_PACKET_BYTES = 512
"""What a packet takes beside its data, about."""


class _Queue:
    def __init__(self) -> None:
        self._events: deque[Any] = deque()
        self.num_bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Any) -> None:
        self._events.append(event)
        self.num_bytes += _bytes_of(event)

    def take(self) -> Any:
        event = self._events.popleft()
        self.num_bytes -= _bytes_of(event)
        return event

    def clear(self) -> None:
        self._events.clear()
        self.num_bytes = 0


class Demuxer:
    """Hands out the packets of one picture and, twice, of one sound track.

    Args:
        container: Nothing has been read from it; closed by :meth:`close`.
        picture: One of its streams.
        track: Which of its :func:`audio_streams`.
        reopen: Opens the same file again.
        beat: Called now and then while packets are passed over.
        queue_bytes: What may wait for each reader.

    Attributes:
        heard: For whoever decodes the sound.
        copied: For whoever copies it.
    """

    def __init__(
        self,
        container: InputContainer,
        picture: Any,
        track: int,
        reopen: Callable[[], InputContainer],
        beat: Callable[[], None] = lambda: None,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self._container, self._picture = container, picture
        self.track, self.reopen, self.beat, self.queue_bytes = track, reopen, beat, queue_bytes
        self.sound = audio_streams(container)[track]
        self._events = events(container, picture, self.sound)
        self._queue = _Queue()
        self.heard, self.copied = SoundTap(self), SoundTap(self)

    def pictures(self, damage: Damage) -> Iterator[Any]:
        """Packets of the picture, as :func:`sslviz.media.formats.packets`."""
        while self._queue or self.read():
            while self._queue:
                event = self._queue.take()
                if not damage.meet(event):
                    yield event

    def read(self) -> bool:
        """Put the next packet where it belongs; ``False`` at the end."""
        event = next(self._events, None)
        if event is None:
            return False
        # The index in a packet itself is not set in the empty ones at the end.
        owner = event.stream.index if isinstance(event, av.Packet) else None
        if owner != self.sound.index:
            self._queue.put(event)
        if owner != self._picture.index:
            self.heard.put(event)
            self.copied.put(event)
        return True

    @property
    def is_full(self) -> bool:
        """As much of the picture waits as may."""
        return self._queue.num_bytes >= self.queue_bytes

    @property
    def num_bytes(self) -> int:
        """What waits for all readers."""
        return sum(queue.num_bytes for queue in (self._queue, self.heard, self.copied))

    def retire(self) -> None:
        """The container is sought in, or left: each reader of the sound goes on by itself."""
        self.heard.leave()
        self.copied.leave()

    def close(self) -> None:
        """Close the file, for all."""
        self.heard.close()
        self.copied.close()
        self._queue.clear()
        self._container.close()


class SoundTap:
    """The packets of a shared sound track, for one reader.

    Packets may be shared with another reader: leave them as they were.

    Attributes:
        stream: In the shared file.
        track: Which sound track it is, from 0.
    """

    def __init__(self, demuxer: Demuxer) -> None:
        self.stream: Any = demuxer.sound
        self.track = demuxer.track
        self._demuxer = demuxer
        self._queue = _Queue()
        self._num_taken = 0
        self._left = self._closed = False
        self._own: InputContainer | None = None
        self._own_events: Iterator[Any] = iter(())

    @property
    def num_bytes(self) -> int:
        """What waits."""
        return self._queue.num_bytes

    @property
    def is_shared(self) -> bool:
        """No file of its own was needed so far."""
        return not self._left

    def packets(self, damage: Damage) -> Iterator[Any]:
        """All that are left, as :func:`sslviz.media.formats.packets`."""
        while (packet := self.take(damage)) is not None:
            yield packet

    def take(self, damage: Damage, pull: bool = True) -> Any:
        """The next packet; ``None`` at the end.

        Args:
            damage: What lies in its way is counted there.
            pull: Read on in the file for it; else ``None`` comes where none waits, too.

        Raises:
            MediaError: A file of its own is needed and cannot be opened.
            ValueError: It is closed.
        """
        if self._closed:
            raise ValueError("the video that shares its sound is closed")
        while (event := self._next(pull)) is not None:
            self._num_taken += 1
            if not damage.meet(event):
                return event
        return None

    def put(self, event: Any) -> None:
        """One more waits; where it would be too much, nothing waits any longer."""
        if self._left or self._closed:
            return
        self._queue.put(event)
        if self._queue.num_bytes > self._demuxer.queue_bytes:
            self.leave()

    def leave(self) -> None:
        """Go on with a file of its own."""
        self._left = True
        self._queue.clear()

    def close(self) -> None:
        """No packet is wanted any longer."""
        self._closed = True
        self._queue.clear()
        if self._own is not None:
            self._own.close()

    def _next(self, pull: bool) -> Any:
        while not self._left:
            if self._queue:
                return self._queue.take()
            if not pull or not self._demuxer.read():
                return None
            if self._demuxer.is_full and not self._queue:
                self.leave()
        if self._own is None:
            self._open()
        event = next(self._own_events, None)
        if isinstance(event, av.Packet):
            event.stream = self.stream  # the decoder that has come this far
        return event

    def _open(self) -> None:
        """Pass over what was taken: the same file gives the same packets, in the same order."""
        self._own = self._demuxer.reopen()
        self._own_events = events(self._own, audio_streams(self._own)[self.track])
        for _ in islice(self._own_events, self._num_taken):
            self._demuxer.beat()


def _bytes_of(event: Any) -> int:
    return _PACKET_BYTES + (event.size if isinstance(event, av.Packet) else 0)
