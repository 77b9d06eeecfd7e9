"""``sslviz batch`` and ``search`` as commands."""

import json
import shutil
from pathlib import Path

import pytest
from media.clips import ffmpeg

from sslviz.checkpoints import find_folder
from sslviz.cli import main


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """One clip, silent in its second half."""
    folder = tmp_path / "archive"
    folder.mkdir()
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=160x120:r=5:d=3",
        "-f", "lavfi", "-i", "aevalsrc=if(lt(t\\,1.5)\\,sin(2000*t)\\,0):d=3",
        "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", str(folder / "a.mkv"),
    )  # fmt: skip
    return folder


def test_a_checkpoint_folder_is_a_method_and_results_are_no_inputs(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundled = find_folder("marginnce-compact")
    assert bundled is not None
    mine = shutil.copytree(bundled, tmp_path / "mine")
    out = archive / "results"
    words = [
        "batch", str(archive), "--out", str(out), "--method", str(mine), "--rate", "1", "--device", "cpu",
        "--workers", "1", "--outputs", "video", "--quiet",
    ]  # fmt: skip
    assert main(words) == 0
    assert "1 done, 0 were done before, 0 failed" in capsys.readouterr().out
    assert (out / "a.mkv.npz").is_file()
    (out / "a.mkv.npz.99.part").write_bytes(b"of a worker that outlived its driver")
    assert main(words) == 0
    assert "0 done, 1 were done before, 0 failed" in capsys.readouterr().out
    assert not list(out.glob("*.part"))
    assert main(["search", str(out), "--by", "loud", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    finds = [json.loads(line, parse_constant=pytest.fail) for line in lines if line[0] == "{"]
    assert finds


def test_no_workers_are_a_usage_error(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["batch", str(archive), "--out", str(tmp_path / "out"), "--workers", "-1"]
    assert main(words) == 2
    assert "--workers is -1, it must be at least 1" in capsys.readouterr().err
