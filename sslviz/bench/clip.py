"""A realistic input made on the spot: zooming detail, moving edges, grain, and a sweep of sound."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "360p": (640, 360)}


def ffmpeg() -> str:
    """The ffmpeg that comes with imageio-ffmpeg: the floor is the same on every machine."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def make_clip(path: Path, size: str, seconds: int, fps: int = 30) -> Path:
    """Write an H.264 + AAC clip of one of ``SIZES``."""
    width, height = SIZES[size]
    picture = (
        f"mandelbrot=s={width}x{height}:r={fps}:end_pts=9000[m];"
        f"testsrc2=s={width // 4 * 2}x{height // 4 * 2}:r={fps}[t];"
        f"[m][t]overlay=x='(W-w)/2*(1+sin(t))':y='(H-h)/2*(1+cos(t))',noise=alls=8:allf=t[v]"
    )
    sound = f"aevalsrc='0.3*sin(2*PI*(200+300*t)*t)':s=44100:d={seconds}"
    run_ffmpeg(
        "-filter_complex", picture, "-f", "lavfi", "-i", sound, "-map", "[v]", "-map", "0:a",
        "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-b:v", "5M",
        "-pix_fmt", "yuv420p", "-c:a", "aac", str(path),
    )  # fmt: skip
    return path


def transcode(source: Path, target: Path) -> None:
    """The floor of "video in, video out": a plain decode and encode, sound copied."""
    run_ffmpeg(
        "-i", str(source), "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
        "-c:a", "copy", str(target),
    )  # fmt: skip


def decode(source: Path) -> None:
    """The floor of reading: every frame decoded and dropped."""
    run_ffmpeg("-i", str(source), "-map", "0:v:0", "-f", "null", "-")


def run_ffmpeg(*arguments: str) -> None:
    """Run it quietly; its complaint becomes the error."""
    command = [ffmpeg(), "-nostdin", "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True, capture_output=True)
