"""Both engines on real clips: files that crash, hang or lie, and drivers that are killed."""

import importlib.util
import json
import signal
from pathlib import Path

import pytest
from batch_helpers import HOSTILE, Blows, kill_driver_after, make_clips, markers, results, start

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="Ray is not installed: pip install 'sslviz[ray]'",
)
ENGINES = ["local", pytest.param("ray", marks=needs_ray)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    make_clips(folder, 5, seconds=3.0)
    return folder


@pytest.fixture(scope="module")
def undisturbed(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the local engine makes of the clips."""
    out = tmp_path_factory.mktemp("undisturbed")
    driver = start(str(clips), "--out", str(out), "--workers", "1", "--outputs", "csv")
    said, _ = driver.communicate()
    assert driver.returncode == 0, said
    return results(out)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_crash_a_hang_and_a_hostile_file_cost_three_results(
    clips: Path, undisturbed: dict[str, str], tmp_path: Path, engine: str
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    make_clips(source, 3, seconds=4.0)
    (source / "clip000.mp4").rename(source / "crash.mp4")
    (source / "clip001.mp4").rename(source / "hang.mp4")
    (source / "clip002.mp4").unlink()
    (source / "hostile.mp4").write_text(HOSTILE)
    blows = {source / "crash.mp4": signal.SIGSEGV, source / "hang.mp4": signal.SIGSTOP}
    with Blows(blows) as struck:
        driver = start(
            str(source), str(clips), "--out", str(out), "--engine", engine, "--workers", "2",
            "--outputs", "csv", "--stall", "8",
        )  # fmt: skip
        said, _ = driver.communicate()
    assert not struck.left
    assert driver.returncode == 3, said
    rows = map(json.loads, (out / "failures.jsonl").read_text().splitlines())
    assert {row["name"]: row["kind"] for row in rows} == {
        "crash.mp4": "MediaCrashError", "hang.mp4": "MediaTimeoutError", "hostile.mp4": "MediaError",
    }  # fmt: skip
    made = results(out)
    assert {**made, "failures.jsonl": undisturbed["failures.jsonl"]} == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_driver_loses_nothing_and_the_rerun_makes_the_same_bytes(
    clips: Path, undisturbed: dict[str, str], tmp_path: Path, engine: str
) -> None:
    arguments = [str(clips), "--out", str(tmp_path), "--engine", engine, "--workers", "1"]
    arguments += ["--outputs", "csv"]
    assert kill_driver_after(start(*arguments), tmp_path, more=2, seconds=0.1)
    done = markers(tmp_path)
    assert 2 <= len(done) < 5
    driver = start(*arguments)
    said, _ = driver.communicate()
    assert driver.returncode == 0, said
    assert markers(tmp_path).items() >= done.items(), "a file was done again after its marker"
    assert results(tmp_path) == undisturbed
