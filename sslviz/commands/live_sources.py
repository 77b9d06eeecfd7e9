"""Where ``sslviz live`` gets its pictures and its sound: files at their own pace, or devices."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.errors import LiveError, MediaError
from sslviz.media.audio import read_sound
from sslviz.media.closing import Closing
from sslviz.media.reader import AudioReader, VideoReader
from sslviz.types import AudioClip, Frame


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture, and all sound up to it that was not handed out before."""

    frame: Frame
    first_sample: int
    samples: NDArray[np.float32]


class FileSource(Closing):
    """A video and its sound (or another's) as if they happened now.

    The file is the user's own and is decoded in this process.
    """

    def __init__(
        self, video: Path, audio: Path | None, sample_rate: int, realtime: bool = False
    ) -> None:
        """Open.

        Args:
            video: Whose pictures.
            audio: Whose sound; ``None``: the video's own, or silence where it has none.
            sample_rate: Hz.
            realtime: Hand pictures out when they are due, and leave out those that are late.

        Raises:
            MediaError: A file cannot be used.
        """
        self._reader = VideoReader(video)
        self._realtime = realtime
        self._rate = sample_rate
        self._own: AudioReader | None = None
        self._sound: AudioReader | AudioClip = AudioClip(np.zeros(0, np.float32), sample_rate)
        try:
            if audio is not None:
                self._sound = read_sound(audio, sample_rate)
            elif self._reader.info.has_audio:
                origin = self._reader.origin_seconds  # sound may begin before or after the picture
                self._sound = self._own = AudioReader(video, sample_rate, origin)
        except BaseException:
            self._reader.close()
            raise

    def close(self) -> None:
        """Close the files."""
        self._reader.close()
        if self._own is not None:
            self._own.close()

    def moments(self) -> Iterator[Moment]:
        """In order; sound past the end of the track is silence."""
        started, given = time.monotonic(), 0
        for decoded in self._reader.frames():
            due = started + decoded.pts_seconds
            late = time.monotonic() - due
            if self._realtime and late > decoded.duration_seconds:
                continue
            if self._realtime and late < 0:
                time.sleep(-late)
            end = round((decoded.pts_seconds + decoded.duration_seconds) * self._rate)
            span = self._sound.excerpt(given / self._rate, (end - given) / self._rate)
            yield Moment(Frame(decoded.rgb(), decoded.pts_seconds), given, span.samples)
            given = end


class DeviceSource(Closing):
    """A camera (OpenCV) and a microphone (the optional package ``sounddevice``) on one clock."""

    def __init__(self, camera: int, microphone: str | None, sample_rate: int) -> None:
        """Open both.

        Args:
            camera: Number of the camera, from 0.
            microphone: Part of a device's name; ``None``: the system's choice.
            sample_rate: Hz.

        Raises:
            LiveError: A device or ``sounddevice`` is missing.
        """
        self._rate = sample_rate
        self._lock = threading.Lock()
        self._pieces: list[NDArray[np.float32]] = []
        self._first = self._heard = 0
        self._start = float("inf")
        self._stream = self._open_microphone(microphone)
        self._camera = cv2.VideoCapture(camera)
        if not self._camera.isOpened():
            self._stream.close()
            raise LiveError(
                f"Camera {camera} cannot be opened; connect one, choose it by --camera, or use --video."
            )

    def _open_microphone(self, name: str | None) -> Any:
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise LiveError(
                "The microphone needs the package sounddevice: pip install 'sslviz[live]' "
                "(and PortAudio: apt install libportaudio2)."
            ) from error
        try:
            return sounddevice.InputStream(
                samplerate=self._rate, channels=1, dtype="float32", device=name, callback=self._hear
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            raise LiveError(
                f"No microphone can be opened: {error}; choose one by --microphone, or use --audio."
            ) from error

    def _hear(self, samples: NDArray[np.float32], frames: int, _time: Any, _status: Any) -> None:
        with self._lock:
            self._pieces.append(samples[:, 0].copy())
            self._heard += frames
            # Sample 0 cannot have come later than any piece says: the earliest is right.
            self._start = min(self._start, time.monotonic() - self._heard / self._rate)

    def __enter__(self) -> Self:
        self._stream.start()
        return self

    def close(self) -> None:
        """Let go of camera and microphone."""
        self._stream.close()
        self._camera.release()

    def moments(self) -> Iterator[Moment]:
        """Until the camera stops.

        Raises:
            MediaError: The camera was disconnected.
        """
        while True:
            taken, image = self._camera.read()
            now = time.monotonic()
            if not taken:
                raise MediaError("The camera gives no more pictures; connect it and start again.")
            with self._lock:
                pieces, first = self._pieces, self._first
                self._pieces, self._first = [], self._heard
                start = self._start
            if start == float("inf"):
                continue
            samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
            picture = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
            yield Moment(Frame(picture, max(now - start, 0.0)), first, samples)
