"""What the tests of batches on both engines share: clips, real blows, runs of the command line."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from media.clips import ffmpeg

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
"""A playlist that says it is a video, and asks for a file of the machine it is opened on."""
_CHILD = b"sslviz.media.child"


def make_clips(folder: Path, count: int, seconds: float = 1.0) -> None:
    """Short clips, each with a tone of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        ffmpeg(
            "-f", "lavfi", "-i", f"testsrc2=s=160x120:r=10:d={seconds}",
            "-f", "lavfi", "-i", f"sine=f={200 + 40 * index}:d={seconds}",
            "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
            "-shortest", str(folder / f"clip{index:03d}.mp4"),
        )  # fmt: skip


def command(*arguments: str) -> list[str]:
    """A quiet ``sslviz batch`` of two maps a second."""
    return [sys.executable, "-m", "sslviz", "batch", "--quiet", "--rate", "2", *arguments]


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Run it on the side."""
    return subprocess.Popen(
        command(*arguments), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def results(out: Path) -> dict[str, str]:
    """Hash of every file in a batch's folder but those that hold times of day or of the run."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith("report.")
    }


def markers(out: Path) -> dict[str, tuple[int, int]]:
    """Of every done-marker, what changes when it is written again."""
    stats = {path.name: path.stat() for path in out.glob("*.done.json")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


class Blows:
    """Strikes decoders: as soon as one has a certain file open, it gets a certain signal.

    That is what a file that crashes or hangs its decoder does, without waiting for a decoder with
    such a hole. A context manager.

    Args:
        blows: The signal for each file, struck once.
    """

    def __init__(self, blows: Mapping[Path, signal.Signals]) -> None:
        self.left = {os.fspath(path.resolve()): blow for path, blow in blows.items()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Blows":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while self.left and not self._over.wait(0.01):
            for pid in _decoders():
                for path in _open_files(pid) & self.left.keys():
                    os.kill(pid, self.left.pop(path))


def _decoders() -> Iterator[int]:
    """Children of our children: those that open media files."""
    ours = {int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _is_child(p)}
    for pid in ours:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) in ours:
            yield pid


def _is_child(process: Path) -> bool:
    try:
        return _CHILD in (process / "cmdline").read_bytes()
    except OSError:
        return False


def _open_files(pid: int) -> set[str]:
    found = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            found.add(os.fspath(link.readlink()))
    except OSError:
        pass
    return found


def kill_driver_after(
    driver: "subprocess.Popen[str]", out: Path, more: int, seconds: float
) -> bool:
    """``kill -9`` the driver when ``more`` markers have come and then ``seconds`` have passed.

    Returns:
        Whether it was still running.
    """
    had = len(markers(out))
    while driver.poll() is None and len(markers(out)) < had + more:
        time.sleep(0.02)
    time.sleep(seconds)
    running = driver.poll() is None
    driver.kill()
    driver.communicate()
    return running
