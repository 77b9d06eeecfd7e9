"""Clips that tell their own truth: each frame carries its number in its pixels, flashes and beeps
fall on whole seconds. Made by the system's ffmpeg, read back by it too, never by the code under test.

A picture has 8 x 6 cells: red in the top left corner, blue in the top right, 16 bits of the frame's
number in rows 1 and 2, rows 4 and 5 white when a whole second begins (flash), else dark.
"""

import json
import math
import shutil
import subprocess
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

COLUMNS, ROWS = 8, 6
BEEP_SECONDS = 0.06
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-pix_fmt", "yuv420p")
VARIABLE_RATE = "N/30 + 0.17*floor(N/7)"


@dataclass(frozen=True)
class Sound:
    """Beeps of 1 kHz at every whole second of the picture's time."""

    start_seconds: float = 0.0
    """When the sound track starts; beeps stay on the picture's whole seconds."""
    seconds: float | None = None
    """Length; as the picture where ``None``."""
    rate: int = 44100
    channels: int = 1
    codec: tuple[str, ...] = ("-c:a", "aac", "-b:a", "128k")
    level: float = 0.5


@dataclass(frozen=True)
class Recipe:
    """How a clip is made."""

    frames: int = 75
    times: str = "N/25"
    """Time of frame N, an expression that Python and ffmpeg both understand."""
    rate: Fraction | None = Fraction(25)
    """A constant rate, which wins over ``times``."""
    width: int = 160
    height: int = 120
    sound: Sound | None = Sound()
    video: tuple[str, ...] = H264
    after: tuple[str, ...] = ()
    """More output options."""

    def time_of(self, number: int) -> float:
        """True time of a frame."""
        if self.rate is not None:
            return float(number / self.rate)
        return float(eval(self.times, {"__builtins__": {}, "floor": math.floor, "N": number}))

    @property
    def seconds(self) -> float:
        """Time of the frame after the last."""
        return self.time_of(self.frames)


def picture(number: int, flash: bool, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """The frame of a number, RGB (height, width, 3)."""
    cells = np.full((ROWS, COLUMNS, 3), 60, np.uint8)
    cells[0, 0], cells[0, -1] = (230, 20, 20), (20, 20, 230)
    bits = [(number >> k) & 1 for k in range(16)]
    cells[1:3] = np.where(np.reshape(bits, (2, 8, 1)), 235, 16)
    cells[4:6] = 235 if flash else 16
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return np.ascontiguousarray(cells[rows][:, columns])


def _cell(image: NDArray[np.uint8], row: int, column: int) -> NDArray[np.float64]:
    height, width = image.shape[:2]
    y, x = (row + 0.5) * height / ROWS, (column + 0.5) * width / COLUMNS
    dy, dx = max(1, height // ROWS // 4), max(1, width // COLUMNS // 4)
    patch = image[int(y) - dy : int(y) + dy, int(x) - dx : int(x) + dx]
    return patch.reshape(-1, image.shape[2]).mean(0)


def number_in(image: NDArray[np.uint8]) -> int:
    """The number that an upright RGB picture carries, at any size.

    Raises:
        ValueError: Its corners are not where an upright picture has them.
    """
    red, blue = _cell(image, 0, 0), _cell(image, 0, COLUMNS - 1)
    if not (red[0] - red[2] > 60 and blue[2] - blue[0] > 60):
        raise ValueError(f"not an upright clip picture: corners are {red.round()}, {blue.round()}")
    cells = [_cell(image, 1 + k // 8, k % 8).mean() > 126 for k in range(16)]
    return sum(int(bit) << k for k, bit in enumerate(cells))


def has_flash(image: NDArray[np.uint8]) -> bool:
    """Whether the lower third is white."""
    return bool(_cell(image, 4, 3).mean() > 126)


def flashes(recipe: Recipe) -> list[bool]:
    """Which frames flash: the first of each whole second."""
    times = [recipe.time_of(i) for i in range(recipe.frames)]
    seconds = [math.floor(t + 1e-6) for t in times]
    return [i == 0 or seconds[i] > seconds[i - 1] for i in range(recipe.frames)]


def beeps(sound: Sound, seconds: float) -> NDArray[np.float32]:
    """The samples, (n, channels) in [-1, 1]."""
    length = sound.seconds if sound.seconds is not None else seconds - sound.start_seconds
    time = sound.start_seconds + np.arange(round(length * sound.rate)) / sound.rate
    on = (time % 1.0 < BEEP_SECONDS) & (time >= 0)
    mono = (sound.level * np.sin(2 * np.pi * 1000 * (time % 1.0)) * on).astype(np.float32)
    return np.repeat(mono[:, None], sound.channels, 1)


def write_wave(path: Path, samples: NDArray[np.float32], rate: int) -> Path:
    """A 16-bit wav."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).round().astype("<i2").tobytes())
    return path


def ffmpeg(*arguments: object, stdin: bytes | None = None) -> bytes:
    """Run the system's ffmpeg; its standard output."""
    command = ["ffmpeg", "-v", "error", "-nostdin" if stdin is None else "-y", "-y"]
    done = subprocess.run(
        [*command, *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"ffmpeg {' '.join(map(str, arguments))}: {done.stderr.decode()}")
    return done.stdout


def make(path: Path, recipe: Recipe = Recipe()) -> Path:
    """Write the clip that a recipe describes."""
    on = flashes(recipe)
    raw = b"".join(
        picture(i, on[i], recipe.width, recipe.height).tobytes() for i in range(recipe.frames)
    )
    size = f"{recipe.width}x{recipe.height}"
    source = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        size,
        "-r",
        recipe.rate or 1000,
        "-i",
        "-",
    ]
    sound: Sequence[object] = ()
    if recipe.sound is not None:
        wav = write_wave(
            path.with_suffix(".sound.wav"), beeps(recipe.sound, recipe.seconds), recipe.sound.rate
        )
        offset = ("-itsoffset", recipe.sound.start_seconds) if recipe.sound.start_seconds else ()
        source += [*offset, "-i", wav]
        sound = ("-map", "0:v", "-map", "1:a", *recipe.sound.codec)
    timing: Sequence[object] = ()
    if recipe.rate is None:
        timing = (
            "-vf", f"settb=1/90000,setpts=({recipe.times})/TB",
            "-fps_mode", "passthrough", "-enc_time_base", "-1",
        )  # fmt: skip
    ffmpeg(*source, *sound, *timing, *recipe.video, *recipe.after, path, stdin=raw)
    if recipe.sound is not None:
        wav.unlink()
    return path


# What a player must do with the stored picture, and the filter that undoes it beforehand.
TURNS = {
    "90": (90.0, False, False, "transpose=clock"),
    "180": (180.0, False, False, "hflip,vflip"),
    "270": (-90.0, False, False, "transpose=cclock"),
    "hflip": (0.0, True, False, "hflip"),
    "vflip": (0.0, False, True, "vflip"),
    "transpose": (90.0, True, False, "transpose=clock_flip"),
}


def turn(source: Path, target: Path, name: str) -> Path:
    """The same clip stored turned, with a display matrix (one of ``TURNS``) that sets it upright."""
    degrees, hflip, vflip, undo = TURNS[name]
    stored = target.with_suffix(".stored.mp4")
    ffmpeg("-i", source, "-vf", undo, *H264, "-c:a", "copy", stored)
    with av.open(str(stored)) as before, av.open(str(target), "w") as after:
        streams = {s.index: after.add_stream_from_template(s) for s in before.streams}
        for stream in streams.values():
            if isinstance(stream, av.VideoStream):
                stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)
        for packet in before.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                after.mux(packet)
    stored.unlink()
    return target


def ffprobe(*arguments: object) -> str:
    """What ffprobe says; tests that ask it are skipped where there is none."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not on this machine")
    command = ["ffprobe", "-v", "error", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def truth(path: Path) -> list[tuple[float, int, bool]]:
    """(time, number, flash) of every frame as the system's ffmpeg shows them, in absolute time."""
    entries = "frame=pts_time,best_effort_timestamp_time"
    probed = ffprobe("-select_streams", "v:0", "-show_entries", entries, "-of", "json", path)
    frames = json.loads(probed)["frames"]
    times = [float(f.get("pts_time", f.get("best_effort_timestamp_time"))) for f in frames]
    raw = ffmpeg("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough",
                 "-vf", "scale=160:120", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")  # fmt: skip
    images = np.frombuffer(raw, np.uint8).reshape(-1, 120, 160, 3)
    return [(t, number_in(im), has_flash(im)) for t, im in zip(times, images, strict=True)]


def sound_of(path: Path, rate: int = 48000) -> NDArray[np.float32]:
    """The sound as the system's ffmpeg places it on the file's own clock, mono, from time 0."""
    raw = ffmpeg("-copyts", "-i", path, "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0",
                 "-ac", 1, "-ar", rate, "-f", "f32le", "-")  # fmt: skip
    return np.frombuffer(raw, np.float32)


def beep_times(samples: NDArray[np.float32], rate: int, threshold: float = 0.1) -> list[float]:
    """When beeps begin."""
    loud = np.flatnonzero(np.abs(samples) > threshold)
    if not len(loud):
        return []
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-rate) > rate * 0.3)]
    return [float(s / rate) for s in starts]


def flash_times(frames: Iterable[tuple[float, int, bool]]) -> list[float]:
    """When flashing frames are shown."""
    return [time for time, _, flash in frames if flash]
