"""The media child of one job: demux, decode, blend, encode and mux in one streaming pass.

It knows no network. Key frames at the network's size and excerpts of sound go out, heat comes back;
frames wait for their heat in a queue that is bounded by bytes, so that memory is flat at any length.
"""

import ctypes
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from sslviz.media.audio_reader import AudioReader
from sslviz.media.child import Link
from sslviz.media.demuxing import SoundTap
from sslviz.media.reader import DecodedFrame, VideoReader
from sslviz.pipeline.heatline import LONGEST_FADE_SECONDS, HeatLine
from sslviz.pipeline.job import (
    Done,
    Found,
    Heard,
    Heats,
    Job,
    NeedHeat,
    Paint,
    Status,
    Stop,
)  # fmt: skip
from sslviz.pipeline.screen import Screen
from sslviz.windows import LEVEL_SECONDS, WindowGrid, excerpt_start

WAITING_BYTES, WAITING_FRAMES = 64 * 2**20, 9
"""What may wait for its heat: so much, and where frames are huge at least so many."""
_SIGN_EVERY_SECONDS = 0.4
_GIVE_BACK_EVERY_SECONDS = 10.0
_LONGEST_FINISH_SECONDS = 900.0


@dataclass(slots=True)
class _Waiting:
    frame: DecodedFrame
    key_seconds: float
    """Of its window."""
    hold: bool
    """Do not wait for the next key frame."""


def work(link: Link, job: Job) -> Done:
    """Run one job; the child's entry."""
    return _Worker(link, job).run()


def give_back_memory() -> None:
    """Hand freed memory to the system (Linux).

    Opening a long file builds its index twice over, and tables that grow for an hour leave holes.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


class _Worker:
    def __init__(self, link: Link, job: Job) -> None:
        self.link, self.job = link, job
        self.inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.line = HeatLine()
        self.grid = WindowGrid(job.options.maps_per_second)
        self.waiting: deque[_Waiting] = deque()
        self.key_seconds = 0.0
        self.window_frames = 0
        self.outstanding = 0
        self.stopped = False
        self.end_seconds = self.shown_until = job.options.start_seconds
        self.num_frames = 0
        self.screen: Screen | None = None
        self.open_screen: Callable[[Paint], Screen]
        self.sound: AudioReader | None = None
        self.frame_bytes, self.waiting_bytes = 1, WAITING_BYTES
        self.last_sign = self.last_given_back = time.monotonic()
        slow = 1 / job.options.maps_per_second > LONGEST_FADE_SECONDS
        self.hold_always = slow and job.spec is not None

    def run(self) -> Done:
        """All of it."""
        job = self.job
        threading.Thread(target=self.read_inbox, daemon=True).start()
        with ExitStack() as stack:
            track = job.options.audio_track if not job.options.start_seconds else None
            video = stack.enter_context(
                VideoReader(job.source, job.limits, beat=self.sign, share_track=track)
            )
            self.frame_bytes = video.format.width * video.format.height * 3 // 2
            self.waiting_bytes = max(WAITING_BYTES, WAITING_FRAMES * self.frame_bytes)
            if video.info.has_audio and job.spec:
                self.sound = stack.enter_context(
                    AudioReader(
                        job.source, job.spec.sample_rate, video.origin_seconds,
                        self.track_to_hear(video), limits=job.limits, beat=self.sign,
                    )
                )  # fmt: skip
            self.close_unused_taps(video)
            give_back_memory()
            self.link.send(Found(video.info, video.info.has_audio))
            self.open_screen = lambda paint: stack.enter_context(Screen(job, video, paint))
            self.play(video)
            warnings = [*video.warnings, *(self.sound.warnings if self.sound else ())]
            if self.screen is not None and self.screen.num_shown:
                with self.signs_of_life():
                    self.screen.finish(partial=self.stopped)
        shown = self.screen.num_shown if self.screen else 0
        end = self.shown_until if self.stopped and job.target else self.end_seconds
        return Done(end, self.num_frames, shown, tuple(warnings), self.stopped)

    def track_to_hear(self, video: VideoReader) -> int | SoundTap:
        """The sound in the file that the picture has opened, where it is read from the start."""
        return video.shared.heard if video.shared else self.job.options.audio_track

    def close_unused_taps(self, video: VideoReader) -> None:
        """Packets that nobody will ask for need not wait."""
        if video.shared is not None and self.sound is None:
            video.shared.heard.close()
        if video.shared is not None and not (self.job.target and video.info.has_audio):
            video.shared.copied.close()

    def play(self, video: VideoReader) -> None:
        """Every frame: listen at key frames, paint what has its heat."""
        options = self.job.options
        for frame in video.frames(options.start_seconds, options.end_seconds):
            if self.job.spec is not None:
                self.listen(frame)
            if self.job.target is not None:
                self.queue(frame)
            self.num_frames += 1
            self.end_seconds = frame.pts_seconds + frame.duration_seconds
            self.sign()
            self.take_messages()
            self.flush()
            if self.stopped:
                return
        self.drain()

    def listen(self, frame: DecodedFrame) -> None:
        """Send the window of a key frame."""
        spec, when = self.job.spec, frame.pts_seconds
        if spec is None or not self.grid.starts_window(when):
            return
        while self.outstanding > self.job.options.batch_size + 3 and not self.stopped:
            self.wait()
        start, length = excerpt_start(when, spec), spec.audio_seconds
        if self.sound is not None:
            samples = self.sound.excerpt(start, length).samples
            level = self.sound.level_dbfs(when, LEVEL_SECONDS)
        else:
            samples, level = np.zeros(0, np.float32), float("-inf")
        end = max(self.grid.end_of(when), when)
        self.link.send(Heard(frame.rgb(spec.image_size), samples, when, end, level))
        self.outstanding += 1
        self.key_seconds, self.window_frames = when, 0

    def queue(self, frame: DecodedFrame) -> None:
        """Let a frame wait; where one window alone would fill the queue, its heat is held."""
        self.window_frames += 1
        self.waiting.append(_Waiting(frame, self.key_seconds, self.hold_always))
        fills_queue = self.window_frames * self.frame_bytes > self.waiting_bytes * 3 // 4
        if fills_queue and self.job.spec is not None:
            for waiting in list(self.waiting)[-self.window_frames :]:
                waiting.hold = True
        self.take_messages()
        self.flush()
        while len(self.waiting) * self.frame_bytes > self.waiting_bytes and not self.stopped:
            self.ask()
            self.wait()
            self.flush()

    def flush(self) -> None:
        """Paint and encode every frame whose heat is known."""
        while self.waiting and not self.stopped:
            first = self.waiting[0]
            enough = first.key_seconds if first.hold else None
            if self.screen is None or not self.line.ready(first.frame.pts_seconds, enough):
                self.ask()
                return
            self.waiting.popleft()
            heat, badge = self.line.at(first.frame.pts_seconds, first.hold)
            self.screen.show(first.frame, heat, badge)
            self.shown_until = first.frame.pts_seconds + first.frame.duration_seconds
            self.sign()
            self.take_messages()

    def ask(self) -> None:
        """When restyling: have the next stretch of the track sent."""
        if self.job.spec is None and not self.line.ended and not self.outstanding:
            self.outstanding = 1
            self.link.send(NeedHeat())

    def drain(self) -> None:
        """After the last frame: wait for the rest of the heat."""
        if self.job.target is None:
            return
        if self.job.spec is not None:
            while self.outstanding and not self.stopped:
                self.wait()
                self.flush()
            self.line.ended = True
        while self.waiting and not self.stopped:
            self.flush()
            if self.waiting:
                self.wait()

    def wait(self) -> None:
        """Wait for the parent; say meanwhile that we live."""
        message = None
        while message is None:
            try:
                message = self.inbox.get(timeout=_SIGN_EVERY_SECONDS)
            except queue.Empty:
                self.sign()
        self.take(message)
        self.take_messages()

    def take_messages(self) -> None:
        """Everything that the parent has sent so far."""
        with suppress(queue.Empty):
            while True:
                self.take(self.inbox.get_nowait())

    def take(self, message: object) -> None:
        """Do what the parent says."""
        if isinstance(message, Stop):
            self.stopped = True
        elif isinstance(message, Paint):
            self.screen = self.open_screen(message)
            give_back_memory()
        elif isinstance(message, Heats):
            self.outstanding -= message.answered
            self.line.extend(message.heats)
            self.line.ended |= message.last

    def read_inbox(self) -> None:
        """In a thread of its own, so that both ends may send at once without waiting for each other."""
        with suppress(OSError, EOFError):
            while True:
                self.inbox.put(self.link.receive())

    def sign(self) -> None:
        """Tell the parent how far we are, at most about twice a second."""
        now = time.monotonic()
        if now - self.last_sign < _SIGN_EVERY_SECONDS:
            return
        self.last_sign = now
        if now - self.last_given_back > _GIVE_BACK_EVERY_SECONDS:
            self.last_given_back = now
            give_back_memory()
        preview = self.screen.take_preview() if self.screen else None
        self.link.send(Status(self.end_seconds, self.num_frames, preview))

    @contextmanager
    def signs_of_life(self) -> Iterator[None]:
        """Moving the index of a large file to its front takes a while without a frame."""
        ended = threading.Event()

        def tell() -> None:
            until = time.monotonic() + _LONGEST_FINISH_SECONDS
            while not ended.wait(_SIGN_EVERY_SECONDS) and time.monotonic() < until:
                self.link.send(Status(self.end_seconds, self.num_frames))

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()
