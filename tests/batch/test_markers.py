import os
from pathlib import Path

import pytest

from sslviz.batch.markers import (
    Marker,
    is_done,
    marker_path,
    read_marker,
    remove_leftovers,
    write_marker,
)
from sslviz.media.hashing import sha256_of


@pytest.fixture
def done(tmp_path: Path) -> tuple[Path, Path]:
    """A source, and a folder in which its results and its marker stand."""
    source, folder = tmp_path / "a.mp4", tmp_path / "out"
    source.write_bytes(b"content")
    folder.mkdir()
    (folder / "a.mp4.npz").write_bytes(b"track")
    stat = source.stat()
    marker = Marker(
        sha256_of(source), "settings", stat.st_size, stat.st_mtime_ns, ("a.mp4.npz",), 3, 0.6, 1.0
    )
    write_marker(folder, "a.mp4", marker)
    assert read_marker(folder, "a.mp4") == marker
    return source, folder


def test_an_item_is_done_when_marker_results_content_and_settings_agree(
    done: tuple[Path, Path],
) -> None:
    source, folder = done
    assert is_done(folder, "a.mp4", source, "settings")


def test_other_settings_are_worked_on_anew(done: tuple[Path, Path]) -> None:
    source, folder = done
    assert not is_done(folder, "a.mp4", source, "other settings")


def test_changed_content_of_the_same_size_is_worked_on_anew(done: tuple[Path, Path]) -> None:
    source, folder = done
    source.write_bytes(b"CONTENT")
    os.utime(source, ns=(1, 1))
    assert not is_done(folder, "a.mp4", source, "settings")


def test_a_copy_with_a_new_time_but_the_same_content_is_still_done(done: tuple[Path, Path]) -> None:
    source, folder = done
    os.utime(source, ns=(1, 1))
    assert is_done(folder, "a.mp4", source, "settings")


def test_a_lost_result_is_made_anew(done: tuple[Path, Path]) -> None:
    source, folder = done
    (folder / "a.mp4.npz").unlink()
    assert not is_done(folder, "a.mp4", source, "settings")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"outputs": []}', '{"outputs": 3}'])
def test_a_damaged_marker_counts_as_none(done: tuple[Path, Path], content: str) -> None:
    source, folder = done
    marker_path(folder, "a.mp4").write_text(content)
    assert read_marker(folder, "a.mp4") is None
    assert not is_done(folder, "a.mp4", source, "settings")


def test_what_a_killed_run_was_still_writing_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    ours = ["deep/a.mp4.npz.123.part", "a.mp4.mp4.part", "a.mp4.done.json.7.part"]
    others = ["b.mp4.npz.123.part", "a.mp4.npz", "my notes.part"]
    for name in (*ours, *others):
        (tmp_path / name).write_bytes(b"x")
    remove_leftovers(tmp_path, {"a.mp4", "deep/a.mp4"}, [".npz", ".mp4", ".done.json"])
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == set(others)
