"""A render that is killed, runs out of disk or loses its child leaves no half result, and the next one runs."""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sslviz.errors import MediaCrashError, MediaError, OutputError
from sslviz.export import save_track, write_captions, write_csv, write_poster, write_settings
from sslviz.options import Style
from sslviz.pipeline import analyse, iter_render, render, restyle
from sslviz.types import Frame
from tests.engine.clips import ffmpeg as make_clip
from tests.engine.clips import frame_times, moving_spot
from tests.hostile.rendering import Paced
from tests.hostile.small_disk import tmpfs

ROOT = Path(__file__).parents[2]
NEXT_SECONDS = 5.0
"""The promise: the next job runs within this time, on a machine that is not crowded."""


@pytest.fixture(scope="module")
def spot(tmp_path_factory) -> Path:
    return moving_spot(tmp_path_factory.mktemp("clips") / "spot.mp4", seconds=2)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory) -> Path:
    """A clip that does not compress: its rendering is larger than a megabyte."""
    path = tmp_path_factory.mktemp("clips") / "noisy.mp4"
    make_clip("-f", "lavfi", "-i", "nullsrc=s=320x240:r=25:d=2,noise=alls=100:allf=t",
              "-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-preset", "ultrafast",
              "-pix_fmt", "yuv420p", path)  # fmt: skip
    return path


def start(source: Path, target: Path, pace: float = 0.03, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.rendering", str(source), str(target), str(pace)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def children_of(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def assert_next_render_runs(source: Path, target: Path) -> None:
    begin = time.monotonic()
    render(source, target, Paced())
    assert time.monotonic() - begin < NEXT_SECONDS + 4 * os.getloadavg()[0]
    assert len(frame_times(target)) == 50
    assert not list(target.parent.glob("*.part"))


def kill_at(moment: float, source: Path, target: Path) -> list[int]:
    """Kill a render some seconds after it began; the children it had."""
    process = start(source, target)
    end = time.monotonic() + moment
    children: list[int] = []
    while time.monotonic() < end and process.poll() is None:
        children = children_of(process.pid) or children
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    return children


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.slow
def test_a_render_killed_at_any_moment_leaves_no_half_file_under_its_name(spot, tmp_path):
    chance, whole, target = random.Random(9), tmp_path / "whole.mp4", tmp_path / "out.mp4"
    begin = time.monotonic()
    undisturbed = start(spot, whole)
    undisturbed.communicate(timeout=120)
    assert undisturbed.returncode == 0
    usual = time.monotonic() - begin
    for _ in range(10):
        children = kill_at(chance.uniform(0.2, 1.1) * usual, spot, target)
        if target.exists():  # it was faster than the blow
            assert len(frame_times(target)) == 50
            target.unlink()
        deadline = time.monotonic() + 30
        while not all(is_gone(pid) for pid in children) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert all(is_gone(pid) for pid in children), "an orphan goes on"
    whole.unlink()
    assert_next_render_runs(spot, target)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    "blow", [signal.SIGKILL, pytest.param(signal.SIGSEGV, marks=pytest.mark.slow)]
)
def test_a_child_killed_while_it_encodes_is_an_error_and_leaves_nothing(spot, tmp_path, blow):
    before = set(children_of(os.getpid()))
    work = iter_render(spot, tmp_path / "out.mp4", Paced(0.05))
    while next(work).windows_done < 2:
        pass
    for pid in set(children_of(os.getpid())) - before:
        os.kill(pid, blow)
    with pytest.raises(MediaCrashError, match=blow.name):
        list(work)
    assert list(tmp_path.iterdir()) == []
    assert_next_render_runs(spot, tmp_path / "out.mp4")


def test_a_disk_that_fills_up_on_the_way_is_one_sentence_and_leaves_nothing(noisy, spot, tmp_path):
    with tmpfs(tmp_path / "small", "size=512k") as small:
        with pytest.raises(OutputError, match="No space left on device; check the folder"):
            render(noisy, small / "out.mp4", Paced())
        assert list(small.iterdir()) == []
        assert_next_render_runs(spot, small / "out.mp4")


def test_where_no_disk_can_be_filled_a_file_that_may_not_grow_is_the_same(noisy, tmp_path):
    limit = (100_000, 100_000)
    process = start(noisy, tmp_path / "out.mp4", 0.0,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))  # fmt: skip
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.startswith("OutputError: 'out.mp4' could not be written")
    assert list(tmp_path.iterdir()) == []


def test_results_beside_the_video_need_room_too_and_leave_no_half_file(spot, tmp_path):
    track, style = analyse(spot, Paced()), Style()
    picture = Frame(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8), 0.0)
    with tmpfs(tmp_path / "full", "size=64k") as full:
        (full / "ballast").write_bytes(bytes(65_536))
        writers = {
            "track.npz": lambda path: save_track(track, path),
            "table.csv": lambda path: write_csv(track, style, path),
            "settings.json": lambda path: write_settings(track, style, path),
            "captions.vtt": lambda path: write_captions(track, style, path),
            "poster.png": lambda path: write_poster(picture, path),
            "again.mp4": lambda path: restyle(spot, track, path),
        }
        for name, write in writers.items():
            with pytest.raises(
                OutputError, match=rf"{name}'? (cannot|could not) be .*No space left"
            ):
                write(full / name)
        assert [path.name for path in full.iterdir()] == ["ballast"]


def test_a_folder_that_may_not_be_written_to_is_one_sentence(spot, tmp_path):
    with tmpfs(tmp_path / "closed", "size=1m,ro") as closed:
        with pytest.raises(
            OutputError, match=r"'?out\.mp4'? could not be written: Read-only file system"
        ):
            render(spot, closed / "out.mp4", Paced())
        with pytest.raises(OutputError, match="Read-only file system"):
            save_track(analyse(spot, Paced()), closed / "track.npz")
        assert list(closed.iterdir()) == []


def test_a_source_that_shrinks_while_it_is_read_ends_early_or_is_refused(spot, tmp_path):
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    source.write_bytes(spot.read_bytes())
    work = iter_render(source, target, Paced(0.05))
    next(work)
    os.truncate(source, source.stat().st_size // 2)
    with contextlib.suppress(MediaError):
        list(work)
        assert len(frame_times(target)) <= 50
    assert {path.name for path in tmp_path.iterdir()} <= {"in.mp4", "out.mp4"}


class OutOfMemory(Paced):
    """A network that finds no memory."""

    def localize(self, windows):
        if windows[0].key_frame.pts_seconds > 0.5:
            raise MemoryError
        return super().localize(windows)


def test_a_network_without_memory_leaves_nothing_and_the_next_render_runs(spot, tmp_path):
    with pytest.raises(MemoryError):
        render(spot, tmp_path / "out.mp4", OutOfMemory())
    assert list(tmp_path.iterdir()) == []
    assert_next_render_runs(spot, tmp_path / "out.mp4")


@pytest.mark.slow
def test_a_command_that_is_asked_to_end_leaves_nothing_and_says_so(spot, tmp_path):
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    make_clip("-stream_loop", 19, "-i", spot, "-c", "copy", source)
    words = [
        "render",
        source,
        target,
        "--method",
        "marginnce",
        "--allow-untrained",
        "--device",
        "cpu",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "sslviz", *map(str, words)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143
    assert said.rstrip().endswith("sslviz: stopped; nothing half-written is left.")
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
