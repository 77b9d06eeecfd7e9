"""Two who write to one name at once: neither touches the unfinished file of the other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sslviz.media.reader import VideoReader
from sslviz.media.writer import VideoWriter
from sslviz.whole_file import remove_orphans


def write_and_fail(source: Path, target: Path) -> None:
    with VideoReader(source) as reader, VideoWriter(target, reader.format) as writer:
        writer.write(next(reader.frames()).yuv420p(), 0.0)
        assert len(list(target.parent.glob("out.mp4.*.part"))) == 2
        raise KeyError("the painter failed")


def test_a_failure_leaves_what_another_writes_to_the_same_name(clip, tmp_path):
    source, target = clip("plain.mp4"), tmp_path / "out.mp4"
    with VideoReader(source) as reader, VideoWriter(target, reader.format) as writer:
        writer.write(next(reader.frames()).yuv420p(), 0.0)
        with pytest.raises(KeyError):
            write_and_fail(source, target)
        writer.finish()
    assert list(tmp_path.iterdir()) == [target]
    with VideoReader(target) as reader:
        assert len(list(reader.frames())) == 1


def test_only_what_nobody_writes_any_more_is_cleared(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    running, theirs = os.getpid() << 32 | 7, gone.pid << 32 | 7
    kept = {"out.mp4", "out.mp4.notes.part", f"out.mp4.{running}.part", f"other.mp4.{theirs}.part"}
    for name in {*kept, f"out.mp4.{theirs}.part"}:
        (tmp_path / name).write_bytes(b"")
    remove_orphans(tmp_path / "out.mp4")
    assert {path.name for path in tmp_path.iterdir()} == kept
