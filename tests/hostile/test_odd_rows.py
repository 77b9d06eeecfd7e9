"""The rows of the table of threats that no other test covers."""

import ast
from pathlib import Path

from sslviz.media.reader import VideoReader
from sslviz.ui import theme
from tests.media.clips import Recipe, ffmpeg, make

PACKAGE = Path(__file__).parents[2] / "sslviz"
WALL_CLOCK_ALLOWED = {"ui/store.py"}
"""Compares with the times of files, which have no other clock."""


def test_a_sound_track_that_holds_nothing_leaves_a_silent_video(tmp_path):
    path = tmp_path / "empty.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-f", "lavfi", "-i", "sine=d=1",
           "-af", "atrim=end_sample=0", "-c:v", "libx264", "-c:a", "pcm_s16le", path)  # fmt: skip
    with VideoReader(path) as reader:
        assert not reader.info.has_audio
        assert reader.warnings == ["The sound track holds no sound that can be decoded."]


def test_titles_that_are_no_text_do_not_cost_the_file(tmp_path):
    path = make(tmp_path / "x.mp4", Recipe(frames=10, after=("-metadata", "title=TITLE_TITLE")))
    path.write_bytes(path.read_bytes().replace(b"TITLE_TITLE", b"\xff\xfe\xfd" + b"\xc3(" * 4))
    with VideoReader(path) as reader:
        assert len(list(reader.frames())) == 10


def test_of_several_pictures_the_first_is_used_and_it_is_said(tmp_path):
    one, two = (
        make(tmp_path / f"{name}.mp4", Recipe(frames=10, sound=None, width=width))
        for name, width in (("one", 160), ("two", 320))
    )
    both = tmp_path / "both.mkv"
    ffmpeg("-i", one, "-i", two, "-map", "0", "-map", "1", "-c", "copy", both)
    with VideoReader(both) as reader:
        assert reader.info.width == 160
        assert reader.warnings == [
            "The file holds several pictures or angles; the first is used."
        ]  # fmt: skip


def calls_of(tree: ast.AST) -> list[str]:
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_a_jump_of_the_wall_clock_can_disturb_nothing():
    clocks = {"time.time", "datetime.now", "datetime.datetime.now"}
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if clocks & set(calls_of(ast.parse(path.read_text())))
    }
    assert users == WALL_CLOCK_ALLOWED


def test_no_component_of_the_page_takes_a_video_so_gradio_never_runs_ffmpeg_on_one():
    wanted = {"gr.Video", "gr.Audio", "gr.Image", "gr.ImageEditor", "gr.Model3D", "gr.FileExplorer"}
    for path in (Path(theme.__file__).parent).glob("*.py"):
        assert not wanted & set(calls_of(ast.parse(path.read_text()))), path.name
