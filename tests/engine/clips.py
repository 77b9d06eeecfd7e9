"""Small clips made with ffmpeg, and what is measured in them with plain PyAV."""

import subprocess
from pathlib import Path

import av
import numpy as np

PIP = "lt(mod({t},1),0.2)*gte({t},1)"
"""True for 0.2 s from every whole second on, but for the first."""


def ffmpeg(*arguments: object) -> None:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=900)


def picture(size: str = "160x120", rate: float = 25, seconds: float = 4) -> list[str]:
    flash = PIP.format(t="T")
    source = f"color=black:s={size}:r={rate}:d={seconds},geq=lum='16+200*{flash}':cb=128:cr=128"
    return ["-f", "lavfi", "-i", source]


def beeps(seconds: float = 4, offset: float = 0.0) -> list[str]:
    t = f"(t+{offset})"
    source = f"aevalsrc='0.5*sin(2*PI*1000*t)*{PIP.format(t=t)}':s=48000:d={seconds - offset}"
    return ["-f", "lavfi", "-i", source]


H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]


def flash_and_beep(path: Path, kind: str) -> Path:
    """Flashes and beeps together on every whole second, in a container with one difficulty."""
    if kind == "cfr":
        ffmpeg(*picture(), *beeps(), *H264, path)
    elif kind == "vfr":
        uneven = "select='not(mod(n,3))+lt(mod(n,20),7)+gte(mod(t,1),0.9)+lt(mod(t,1),0.1)'"
        ffmpeg(*picture(rate=30), *beeps(), "-vf", uneven, "-fps_mode", "vfr", *H264, path)
    elif kind == "rotated":
        upright = path.with_name("upright.mp4")
        ffmpeg(*picture(), *beeps(), *H264, upright)
        ffmpeg("-i", upright, "-c", "copy", "-metadata:s:v", "rotate=90", path)
    elif kind == "late audio":
        ffmpeg(*picture(), "-itsoffset", "0.7", *beeps(offset=0.7), *H264, path)
    elif kind == "no duration":
        path = path.with_suffix(".webm")
        codecs = ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"]
        ffmpeg(*picture(), *beeps(), *codecs, "-f", "webm", "-live", "1", path)
    elif kind == "29.97":
        ffmpeg(*picture(rate=30_000 / 1001), *beeps(), *H264, path)
    elif kind == "silent":
        ffmpeg(*picture(seconds=2), *H264, path)
    else:
        raise ValueError(kind)
    return path


def moving_spot(path: Path, seconds: float = 3, size: str = "320x240", rate: float = 25) -> Path:
    """A bright square that goes from left to right, humming."""
    box = "drawbox=x=0:y=0:w=1:h=1:c=black"
    width, height = size.split("x")
    source = f"color=gray@1:s={size}:r={rate}:d={seconds},{box},geq=lum='30+200*lt(abs(X-(T/{seconds})*{width}),24)*lt(abs(Y-{height}/2),24)':cb=128:cr=128"
    hum = f"sine=frequency=300:sample_rate=48000:duration={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, "-f", "lavfi", "-i", hum, *H264, path)
    return path


def frame_times(path: Path) -> np.ndarray:
    """Presentation times as the file has them, seconds."""
    with av.open(str(path)) as file:
        return np.array([float(frame.time) for frame in file.decode(video=0)])


def onsets(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """When flashes and beeps begin, on the file's own clock."""
    with av.open(str(path)) as file:
        shown = [(float(f.time), f.to_ndarray(format="gray").mean()) for f in file.decode(video=0)]
    times, bright = np.array([t for t, _ in shown]), np.array([b > 60 for _, b in shown])
    flashes = times[1:][bright[1:] & ~bright[:-1]]
    with av.open(str(path)) as file:
        parts = []
        for frame in file.decode(audio=0):
            samples = frame.to_ndarray()
            samples = (
                samples.reshape(-1, len(frame.layout.channels)).mean(1)
                if samples.shape[0] == 1 and len(frame.layout.channels) > 1
                else samples.mean(0)
            )
            parts.append((float(frame.time), samples.astype(np.float32), frame.sample_rate))
    heard = np.concatenate([t + np.arange(len(s)) / r for t, s, r in parts])
    loud = np.abs(np.concatenate([s for _, s, _ in parts])) > 0.1
    starts = heard[loud]
    return flashes, starts[np.diff(starts, prepend=-10) > 0.3]
