"""``sslviz evaluate`` from the command line to the files it writes, with a bundled network."""

import json
import subprocess
from pathlib import Path

import pytest
from known_answers import Maker

from sslviz.cli import main

NETWORK = ["--checkpoint", "marginnce-compact", "--allow-untrained", "--device", "cpu", "--quiet"]


def test_wrong_words_are_answered_with_the_allowed_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "nonsense"])
    assert "vggss-extended" in capsys.readouterr().err


def test_a_folder_without_the_benchmark_is_one_readable_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "vggss", "--data", str(tmp_path), *NETWORK]) == 1
    assert capsys.readouterr().err.startswith("sslviz: vggss.json is neither in")


@pytest.mark.slow
def test_a_benchmark_writes_results_tables_plots_and_a_gallery(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = []
    for index, color in enumerate(("red", "green", "blue", "red")):
        name = f"clip{index:07d}_{index:06d}"
        make.picture(f"frames/{name}.jpg", color, (0.2, 0.2, 0.8, 0.8))
        make.sound(f"audio/{name}.wav", color, 6)
        entries.append({"file": name, "class": color, "bbox": [[0.2, 0.2, 0.8, 0.8]]})
    make.text("vggss.json", json.dumps(entries))
    out = tmp_path / "out"
    words = ["evaluate", "vggss", "--data", str(make.root), "--out", str(out), *NETWORK]
    assert main([*words, "--protocol", "ezvsl", "--protocol", "jsa", "--retrieval"]) == 0
    said = capsys.readouterr().out
    assert "WARNING: this table holds figures taken under different protocols" in said
    assert "r_at_1_sound_to_image_same_class" in said
    (folder,) = (out / "vggss").iterdir()
    for name in ("ezvsl", "jsa"):
        values = json.loads((folder / name / "result.json").read_text())
        assert (values["num_measured"], values["protocol"]) == (4, name)
        assert "success_rate_0_5_object" in values
        for file in (
            "samples.jsonl",
            "samples.csv",
            "success_curve.png",
            "ciou.png",
            "gallery.html",
        ):
            assert (folder / name / file).stat().st_size > 100
    assert (folder / "table.md").read_text().strip() in said


@pytest.mark.slow
def test_paired_clip_and_swap_run_on_a_bundled_network(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make.picture("still.png", "green", (0.5, 0.5, 1, 1), 128)
    make.sound("tone.wav", "green", 3)
    video = make.root / "clip.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-loop", "1", "-i", "still.png", "-i", "tone.wav", "-t", "3", "-r", "10",
         "-pix_fmt", "yuv420p", str(video)], cwd=make.root, check=True,
    )  # fmt: skip
    boxes = make.text("b.json", json.dumps([{"t": 1.0, "boxes": [[0.5, 0.5, 1, 1]]}]))
    out = tmp_path / "clip.json"
    assert (
        main(["evaluate", "clip", str(video), "--boxes", str(boxes), "--json", str(out), *NETWORK])
        == 0
    )
    assert json.loads(out.read_text())["n"] == 1
    swap = tmp_path / "swap.json"
    words = [
        "evaluate",
        "swap",
        str(video),
        "--other",
        str(make.root / "tone.wav"),
        "--windows",
        "2",
    ]
    assert main([*words, "--json", str(swap), *NETWORK]) == 0
    report = json.loads(swap.read_text())
    assert report["verdict"] in capsys.readouterr().out
    assert set(report["sounds"]) == {"true", "silence", "noise", "other"}
    make.text("photo.csv", "path,class,split\nstill.png,dog,test\n")
    make.text("audio.csv", "path,class,split\ntone.wav,dog,test\n")
    paired = tmp_path / "paired.json"
    words = ["evaluate", "paired", "--data", str(make.root), "--split", "test", "--timed", "1"]
    assert main([*words, "--json", str(paired), *NETWORK]) == 0
    values = json.loads(paired.read_text())
    assert values["mosaic4_pointing"] is None
    assert values["window_ms_one_core_224"] > 0
    assert values["window_ms_one_core_shipped"] > 0
