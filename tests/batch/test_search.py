"""Searching an archive: made of tracks and embeddings whose best moments are known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sslviz.batch.embedding import EMBEDDINGS_SUFFIX, Embeddings
from sslviz.batch.search import Order, search
from sslviz.batch.vector_index import names_near
from sslviz.errors import OptionError
from sslviz.export import save_track
from sslviz.types import Calibration, Identity, ScoreScale, ScoreTrack

SIZE = 32
needs_faiss = pytest.mark.skipif(
    importlib.util.find_spec("faiss") is None,
    reason="FAISS is not installed: pip install 'sslviz[search]'",
)


def _archive(folder: Path, files: int, windows: int = 20) -> np.ndarray:
    """Tracks with random unit embeddings; returns the sounds, (files, windows, SIZE)."""
    chance = np.random.default_rng(0)
    sounds = chance.normal(size=(files, windows, SIZE)).astype(np.float32)
    sounds /= np.linalg.norm(sounds, axis=-1, keepdims=True)
    times = np.arange(windows) / 5
    identity = Identity("m", "c", "0" * 64, Calibration(0.5, 0.0, 1.0), trained=True)
    for index in range(files):
        values = np.zeros((windows, 1, 3, 4), np.float32)
        values[:, 0, 2, 3] = 1  # the strongest cell: bottom right
        track = ScoreTrack(
            values=values,
            times=times,
            confidence=np.full((windows, 1), index / files, np.float32),
            level_dbfs=np.linspace(-60, -20 - index, windows).astype(np.float32),
            scale=ScoreScale.PROBABILITY,
            identity=identity,
            names=("sound",),
            video_sha256="0" * 64,
            duration_seconds=4.0,
            settings={},
        )
        folder.mkdir(exist_ok=True)
        save_track(track, folder / f"{index:03d}.mp4.npz")
        kept = Embeddings(
            times, sounds[index].astype(np.float16), -sounds[index].astype(np.float16)
        )
        kept.save(folder / f"{index:03d}.mp4{EMBEDDINGS_SUFFIX}")
    return sounds


def test_the_most_confident_and_the_loudest_moments_come_first(tmp_path: Path) -> None:
    _archive(tmp_path, 4)
    (first, *_), problems = search(tmp_path, Order.CONFIDENT, top=3)
    assert (first.name, first.score, problems) == ("003.mp4", 0.75, [])
    assert (first.peak_x, first.peak_y) == (3.5 / 4, 2.5 / 3)
    (loudest, *_), _ = search(tmp_path, Order.LOUD, top=3)
    assert (loudest.name, loudest.score) == ("000.mp4", -20)
    assert loudest.time_seconds == pytest.approx(3.8)


def test_a_moment_is_found_by_its_own_sound_and_not_by_its_picture(tmp_path: Path) -> None:
    sounds = _archive(tmp_path, 6)
    heard, _ = search(tmp_path, Order.SOUND_LIKE, sounds[4, 7], top=1)
    assert (heard[0].name, heard[0].time_seconds) == ("004.mp4", pytest.approx(1.4))
    assert heard[0].score == pytest.approx(1.0, abs=2e-3)
    shown, _ = search(tmp_path, Order.SHOWS, -sounds[2, 3], top=1)
    assert shown[0].name == "002.mp4"


def test_finds_in_one_file_keep_apart(tmp_path: Path) -> None:
    _archive(tmp_path, 1)
    moments, _ = search(tmp_path, Order.LOUD, top=9, apart_seconds=1.0)
    times = sorted(moment.time_seconds for moment in moments)
    assert len(times) == 4
    assert min(np.diff(times)) >= 1.0


def test_a_damaged_track_is_named_and_the_others_are_searched(tmp_path: Path) -> None:
    _archive(tmp_path, 3)
    (tmp_path / "001.mp4.npz").write_bytes(b"no track")
    moments, (problem,) = search(tmp_path, Order.CONFIDENT, top=9)
    assert {moment.name for moment in moments} == {"000.mp4", "002.mp4"}
    assert problem.startswith("001.mp4: ")


def test_a_search_by_sound_without_a_sound_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--sound"):
        search(tmp_path, Order.SHOWS)


@needs_faiss
def test_the_index_finds_the_same_best_moment_and_follows_new_results(tmp_path: Path) -> None:
    sounds = _archive(tmp_path, 60)
    for file, window in ((3, 5), (51, 19), (0, 0)):
        query = sounds[file, window]
        names = names_near(tmp_path, "sounds", query, 10)
        assert len(names) <= 10
        exact, indexed = (
            search(tmp_path, Order.SOUND_LIKE, query, 1, names=some)[0] for some in (None, names)
        )
        assert exact == indexed
    built = (tmp_path / "sounds.faiss").stat().st_mtime_ns
    names_near(tmp_path, "sounds", sounds[1, 1], 5)
    assert (tmp_path / "sounds.faiss").stat().st_mtime_ns == built
    (tmp_path / f"051.mp4{EMBEDDINGS_SUFFIX}").unlink()
    assert "051.mp4" not in names_near(tmp_path, "sounds", sounds[51, 19], 40)


@needs_faiss
@pytest.mark.slow
def test_a_quantised_index_of_a_larger_archive_still_names_the_right_file(tmp_path: Path) -> None:
    sounds = _archive(tmp_path, 150, windows=140)
    found = 0
    for file in range(0, 150, 5):
        names = names_near(tmp_path, "sounds", sounds[file, 90], 100)
        assert len(names) <= 100
        found += f"{file:03d}.mp4" in names
    assert (tmp_path / "sounds.faiss").stat().st_size < sounds.nbytes / 4
    assert found >= 28  # of 30; random vectors are the hardest to quantise


@needs_faiss
def test_an_index_of_another_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    _archive(tmp_path, 2)
    with pytest.raises(OptionError, match="No 64-d embeddings here"):
        names_near(tmp_path, "sounds", np.ones(64, np.float32), 5)
