"""The command line, and the public names."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import ffmpeg, moving_spot

import sslviz
from sslviz.checkpoints import find_folder
from sslviz.cli import COMMANDS, build_parser, main
from sslviz.commands.arguments import analysis_from, seconds, style_from
from sslviz.commands.doctor import checks
from sslviz.options import ColorScale, Style

ROOT = Path(__file__).parent.parent.parent
WEIGHTS = ["--method", "marginnce", "--allow-untrained", "--device", "cpu"]
"""Random weights: they show that the way is open, and every picture says that they are random."""


@pytest.fixture(scope="module")
def spot(tmp_path_factory) -> Path:
    return moving_spot(tmp_path_factory.mktemp("clips") / "spot.mp4", seconds=1)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sslviz", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_help_lists_the_commands_and_needs_no_torch_and_little_time():
    code = (
        "import sys, time; start = time.process_time()\n"
        "from sslviz.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'numpy', 'cv2', 'av', 'matplotlib', 'gradio'} & set(sys.modules)\n"
        "print('cpu', time.process_time() - start)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert all(f"    {name}" in done.stdout for name in COMMANDS)
    assert float(done.stdout.split("cpu")[-1]) < 0.4


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_flags_and_its_body(name):
    from importlib import import_module

    command = COMMANDS[name]
    assert name in build_parser(name).format_help()
    assert callable(getattr(import_module(f"sslviz.{command.module}"), command.run))


def test_render_restyle_and_every_export(spot, tmp_path, capsys):
    out = {kind: tmp_path / f"x.{kind}" for kind in ("npz", "csv", "json", "png", "vtt", "mp4")}
    exports = ["--save-track", out["npz"], "--csv", out["csv"], "--settings", out["json"]]
    exports += ["--poster", out["png"], "--captions", out["vtt"], "--timeline", tmp_path / "t.png"]
    words = ["render", spot, out["mp4"], *WEIGHTS, *exports, "--scale", "frame", "--contours"]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr()
    assert "UNTRAINED" in said.out
    assert "maps/s" in said.err
    assert json.loads(out["json"].read_text())["style"]["color_scale"] == "frame"
    assert len(out["csv"].read_text().splitlines()) == 6
    assert out["vtt"].read_text().startswith("WEBVTT")
    assert cv2.imread(str(out["png"])).shape == (240, 320, 3)
    assert cv2.imread(str(tmp_path / "t.png")) is not None
    again = ["restyle", spot, out["npz"], tmp_path / "again.mp4", "--style", out["json"], "--quiet"]
    assert main([str(word) for word in again]) == 0
    assert capsys.readouterr().err == ""
    assert (tmp_path / "again.mp4").stat().st_size > 1000


def test_a_part_counts_from_its_own_beginning_in_bar_and_captions(tmp_path, capsys):
    clip = moving_spot(tmp_path / "spot.mp4", seconds=3)
    part = ["--start", "2", "--captions"]
    words = ["render", clip, tmp_path / "part.mp4", *WEIGHTS, *part, tmp_path / "part.vtt"]
    assert main([str(word) for word in words]) == 0
    assert "1.0/1.0 s of video" in capsys.readouterr().err
    assert "00:00:00.000 --> " in (tmp_path / "part.vtt").read_text()
    words = ["analyse", clip, tmp_path / "part.npz", *WEIGHTS, *part, tmp_path / "source.vtt"]
    assert main([str(word) for word in words]) == 0
    assert "1.0/1.0 s of video" in capsys.readouterr().err
    assert "00:00:02.000 --> " in (tmp_path / "source.vtt").read_text()
    words = ["restyle", clip, tmp_path / "part.npz", tmp_path / "again.mp4"]
    assert main([str(word) for word in words]) == 0
    assert "1.0/1.0 s of video" in capsys.readouterr().err


def test_analyse_saves_a_track(spot, tmp_path, capsys):
    words = ["analyse", spot, tmp_path / "t.npz", *WEIGHTS, "--maps-per-second", "2", "--quiet"]
    assert main([str(word) for word in words]) == 0
    assert len(sslviz.load_track(tmp_path / "t.npz")) == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["render", "no.mp4", "out.mp4"], 1, "There is no file no.mp4"),
        (["render", "{spot}", "{spot}"], 1, "source itself"),
        (["render", "{spot}", "out.mp4", "--opacity", "3"], 2, "opacity is 3.0, allowed is 0 to 1"),
        (["render", "{spot}", "out.mp4", "--method", "nope"], 1, "no checkpoint 'nope'"),
        (["render", "{spot}", "out.mp4", "--from-file", "gone.pth"], 2, "gone.pth"),
        (["render", "{spot}", "out.mp4", "--color-map", "mud"], 2, "color_map is 'mud'"),
        (["render", "{spot}", "out.mp4", "--csv", "gone/x.csv"], 1, "There is no folder gone"),
        (["analyse", "{spot}", "t.npz", "--poster", "{spot}"], 1, "source itself"),
        (["render", "{spot}", "out.mp4", "--save-track", "/"], 1, "/ is a folder"),
        (["render", "{spot}", "/proc/out.mp4"], 1, "could not be written"),
        (
            ["restyle", "{spot}", "{spot}", "out.mp4", "--captions", "/proc/x"],
            1,
            "could not be written",
        ),
        (["restyle", "{spot}", "{spot}", "out.mp4"], 1, "not a score track"),
        (["fetch", "nope"], 1, "no checkpoint 'nope'"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    spot, words, status, said, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main([word.format(spot=spot) for word in words]) == status
    error = capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert said in error
    assert error.startswith("sslviz: ")
    assert error.count("\n") == 1


def test_what_the_machine_refuses_is_one_line_too(spot, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    words = [
        "batch",
        str(spot),
        "--out",
        str(tmp_path / "file" / "out"),
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("sslviz: Not a directory")
    assert error.count("\n") == 1


def test_wrong_flags_are_a_usage_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["render", "--nonsense"])
    with pytest.raises(SystemExit, match="2"):
        main(["dance"])
    with pytest.raises(SystemExit, match="2"):
        main(["render", "in.mp4", "out.mp4", "--scale", "x"])
    said = capsys.readouterr().err
    assert "'fixed', 'clip', 'frame'" in said
    assert "ColorScale" not in said


def test_ctrl_c_leaves_nothing_and_says_so(tmp_path):
    unit, source = moving_spot(tmp_path / "unit.mp4", seconds=2), tmp_path / "long.mp4"
    ffmpeg("-stream_loop", 19, "-i", unit, "-c", "copy", source)
    unit.unlink()
    words = ["render", source, tmp_path / "out.mp4", *WEIGHTS]
    process = subprocess.Popen(
        [sys.executable, "-m", "sslviz", *map(str, words)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background are started with Ctrl-C ignored, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 600
    while not list(tmp_path.glob("out.mp4.*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(2)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "stopped" in error
    assert [p.name for p in tmp_path.iterdir()] == ["long.mp4"]


def test_models_tells_what_is_here(capsys):
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert "marginnce-compact" in said
    assert "2504.15118" in said
    assert main(["models", "--json"]) == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out)} >= {"jsa", "acl"}


def test_the_doctor_finds_what_a_render_needs():
    found = {check.name: check for check in checks()}
    for name in ("Python", "video codecs", "decoding child", "torch", "torchaudio"):
        assert found[name].works, found[name]
    assert found["checkpoint marginnce-compact"].works == (
        find_folder("marginnce-compact") is not None
    )
    assert all(check.advice for check in found.values() if check.needed and not check.works)


def parsed(*words: str):
    return build_parser("render").parse_args(["render", "a", "b", *words])


def test_flags_are_views_of_the_options(tmp_path):
    assert style_from(parsed()) == Style()
    style = style_from(parsed("--no-fill", "--contours", "--scale", "clip", "--persistence", "0"))
    assert style == Style(fill=False, contours=True, color_scale=ColorScale.CLIP, half_life_ms=0)
    options = analysis_from(parsed("--start", "1:02.5", "--end", "1:10", "--maps-per-second", "2"))
    assert (options.start_seconds, options.end_seconds, options.maps_per_second) == (62.5, 70, 2)


@pytest.mark.parametrize(("text", "value"), [("83.5", 83.5), ("1:23.5", 83.5), ("1:02:03", 3723)])
def test_times_are_read_as_people_write_them(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-3", "nan", "inf"])
def test_other_times_are_refused(text):
    import argparse

    with pytest.raises(argparse.ArgumentTypeError, match="no time"):
        seconds(text)


def test_every_public_name_is_there_and_importing_loads_nothing_heavy():
    for name in sslviz.__all__:
        assert getattr(sslviz, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = sslviz.nothing_such
    code = "import sys, sslviz; assert not {'numpy', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.skipif(find_folder("marginnce-compact") is None, reason="no bundled checkpoint yet")
def test_five_lines_of_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moving_spot(tmp_path / "clip.mp4", seconds=1)
    lines = [line for line in sslviz.__doc__.splitlines() if line.startswith("    ")]
    assert len(lines) == 5
    exec("\n".join(line.strip() for line in lines), {})
    for name in ("located.mp4", "contours.mp4"):
        picture = cv2.VideoCapture(str(tmp_path / name)).read()[1]
        assert np.asarray(picture).shape == (240, 320, 3)


@pytest.mark.parametrize(("given", "expected"), [(None, max(1, os.cpu_count() // 2)), ("2", 2)])
def test_commands_leave_cores_to_others_unless_told_otherwise(
    given: str | None, expected: int
) -> None:
    code = "from sslviz.cli import main; main(['models']); import torch; print(torch.get_num_threads())"
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    env |= {"OMP_NUM_THREADS": given} if given else {}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.split()[-1] == str(expected)
