from pathlib import Path

import pytest

from sslviz.batch.inputs import collect
from sslviz.errors import OptionError


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_folder_is_searched_through_for_videos_only(tmp_path: Path) -> None:
    _touch(tmp_path, "b.mp4", "deep/a.MKV", "notes.txt")
    assert [item.name for item in collect([str(tmp_path)])] == ["b.mp4", "deep/a.MKV"]


def test_a_file_named_twice_is_worked_on_once(tmp_path: Path) -> None:
    _touch(tmp_path, "a.mp4")
    named = str(tmp_path / "a.mp4")
    assert len(collect([named, named, str(tmp_path / "*.mp4")])) == 1


def test_files_of_the_same_name_from_two_folders_get_names_of_their_own(tmp_path: Path) -> None:
    _touch(tmp_path, "one/a.mp4", "two/a.mp4")
    items = collect([str(tmp_path / "one" / "a.mp4"), str(tmp_path / "two" / "a.mp4")])
    assert [item.name for item in items] == ["a.mp4", "a.mp4~2"]


def test_a_missing_file_stays_in_the_list_so_that_it_is_reported(tmp_path: Path) -> None:
    assert [item.name for item in collect([str(tmp_path / "gone.mp4")])] == ["gone.mp4"]


def test_a_list_file_allows_comments_and_paths_relative_to_itself(tmp_path: Path) -> None:
    _touch(tmp_path, "clips/a.mp4")
    (tmp_path / "list.txt").write_text("# mine\n\nclips/a.mp4\n")
    (item,) = collect([], tmp_path / "list.txt")
    assert item.path == (tmp_path / "clips" / "a.mp4").resolve()


def test_a_manifest_may_ask_for_parts(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(
        "path,start_seconds,end_seconds\na.mp4,1,2.5\na.mp4,3,\na.mp4,,\n"
    )
    part, rest, whole = collect([str(tmp_path / "m.csv")])
    assert (part.start_seconds, part.end_seconds, part.name) == (1.0, 2.5, "a.mp4@1-2.5")
    assert (rest.start_seconds, rest.end_seconds, rest.name) == (3.0, None, "a.mp4@3-")
    assert (whole.start_seconds, whole.end_seconds, whole.name) == (0.0, None, "a.mp4")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("file\na.mp4\n", "no column 'path'"),
        ("path,start_seconds\na.mp4,soon\n", "line 2"),
        ("start_seconds,path\n0\n", "line 2: the column 'path' is empty"),
        ("path\na\0.mp4\n", "zero byte"),
        ("path\n" + "a" * 200_000, "field limit"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "m.csv").write_text(content)
    with pytest.raises(OptionError, match=complaint):
        collect([str(tmp_path / "m.csv")])


def test_finding_nothing_is_an_error_that_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="give files, folders, glob patterns"):
        collect([str(tmp_path)])
