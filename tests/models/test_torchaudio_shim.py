"""torchaudio imports whether or not its compiled part loads, and site-packages stays as it is."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(code: str, first_on_path: Path | None = None) -> str:
    """Run in a fresh interpreter that treats every warning as an error."""
    blocks = ROOT / "sslviz" / "models" / "blocks"  # the module alone, without torch: quick
    paths = [str(p) for p in (first_on_path, ROOT, blocks) if p]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def fake_torchaudio(folder: Path, extension: str) -> Path:
    """A stand-in wheel whose compiled part does what ``extension`` says."""
    package = folder / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text("from torchaudio import _extension\n")
    (package / "_extension.py").write_text(extension)
    return folder


def test_what_the_networks_use_works_here_and_site_packages_is_not_touched() -> None:
    found = importlib.util.find_spec("torchaudio")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent

    def state() -> dict[Path, int]:
        files = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc")
        return {p: p.stat().st_mtime_ns for p in files}

    code = """
import torch
from torchaudio_shim import import_torchaudio, resample
torchaudio = import_torchaudio()
import torchaudio.compliance.kaldi as kaldi
assert resample(torch.zeros(1, 44_100), 44_100, 16_000).shape == (1, 16_000)
assert kaldi.fbank(torch.zeros(1, 16_000), num_mel_bins=128).shape == (98, 128)
assert kaldi.get_mel_banks(128, 512, 16_000.0, 20.0, 0.0, 100.0, -500.0, 1.0)[0].shape == (128, 256)
print("works")
"""
    before = state()
    assert run(code) == "works"
    assert state() == before


def test_a_compiled_part_that_loads_is_used(tmp_path: Path) -> None:
    path = fake_torchaudio(tmp_path, "_IS_TORCHAUDIO_EXT_AVAILABLE = True\n")
    code = """
from torchaudio_shim import has_compiled_part, import_torchaudio
print(import_torchaudio().__file__, has_compiled_part())
"""
    assert run(code, path) == f"{path}/torchaudio/__init__.py True"


@pytest.mark.parametrize(
    "failure",
    ["OSError('libc10_cuda.so: cannot open')", "RuntimeError('compiled with CUDA 13.0')"],
)
def test_a_compiled_part_that_does_not_load_is_replaced(tmp_path: Path, failure: str) -> None:
    path = fake_torchaudio(tmp_path, f"raise {failure}\n")
    code = """
from torchaudio_shim import has_compiled_part, import_torchaudio
first = import_torchaudio()
assert not has_compiled_part()
assert import_torchaudio() is first
align = first._extension.fail_if_no_align(print)
try:
    align(1)
except RuntimeError as error:
    print(error)
"""
    reason = failure.split("'")[1]
    assert run(code, path) == f"torchaudio's compiled part does not load here: {reason}"


def test_importing_the_module_itself_changes_nothing() -> None:
    code = """
import sys
import torchaudio_shim
assert not [name for name in sys.modules if name.split(".")[0] == "torchaudio"]
"""
    run(code)
