"""The numbered scripts of ``examples/`` run as they stand, and stay short."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "examples").glob("[0-9]_*.py"))
WRITTEN = {
    "1_render": ["talking_man_located.mp4", "talking_man_contours.mp4"],
    "2_compare": ["talking_man_compared.mp4"],
    "3_live_from_files": [],
    "4_evaluate_your_clip": ["dog_boxes.json"],
    "5_train_a_tiny_one": ["tiny_jsa/model.safetensors"],
    "6_batch": ["batch_results/report.html"],
}
"""What each leaves in the folder where it runs."""


def test_every_script_is_known_here_and_shorter_than_40_lines() -> None:
    assert [script.stem for script in SCRIPTS] == list(WRITTEN)
    assert all(len(script.read_text().splitlines()) < 40 for script in SCRIPTS)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_runs_and_leaves_its_results(script: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    clip = shutil.copy(ROOT / "examples" / "talking_man.mp4", tmp_path / "clips")
    given = {"1_render": [clip], "2_compare": [clip], "6_batch": [str(tmp_path / "clips")]}
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, script, *given.get(script.stem, [])],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    for name in WRITTEN[script.stem]:
        assert (tmp_path / name).stat().st_size > 50
