"""Smoke trainings end to end: data folder in, checkpoint that localizes out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sslviz.checkpoints import load_network
from sslviz.errors import DatasetError, TrainingError
from sslviz.evaluation.library import still_window
from sslviz.training.loop import train
from sslviz.training.options import TrainOptions
from sslviz.training.pairs import ids_of_test_set, read_pairs
from sslviz.training.sounds import SoundPlan
from sslviz.training.tasks import stages
from sslviz.types import AudioClip
from tests.training.conftest import drawing

PLAN = SoundPlan(
    per_category=3, mixtures_per_category=1, noises=3, silences=2, stand_ins=2, more_stand_ins=1,
    voices=2, other_classes=0,
)  # fmt: skip


def compact(method: str, data: Path, output: Path) -> TrainOptions:
    return TrainOptions(
        method, data, output, steps=2, batch_size=4, initial="marginnce-compact", composites=8,
        sounds=PLAN,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["marginnce-compact", "jsa-compact"])
def test_a_compact_localizer_trains_and_its_checkpoint_localizes(
    method: str, paired_folder: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    steps = list(train(compact(method, paired_folder, tmp_path / "out")))
    assert np.isfinite(list(steps[-1].losses.values())).all()
    network = load_network(tmp_path / "out").prepare_for_inference()
    sound = AudioClip(np.zeros(network.spec.num_samples, np.float32), network.spec.sample_rate)
    (found,) = network.localize([still_window(drawing("dog", 0), sound)])
    assert found.values.shape == (40, 40)
    assert network.identity.method == method


def test_what_was_trained_differs_from_what_it_started_from(
    paired_folder: Path, tmp_path: Path
) -> None:
    from sslviz.checkpoints.places import find_folder

    bundled = find_folder("marginnce-compact")
    assert bundled is not None
    start = load_network(bundled).state_dict()
    list(train(compact("marginnce-compact", paired_folder, tmp_path)))
    end = load_network(tmp_path).state_dict()
    moved = {n.split(".")[0] for n in end if not torch.equal(start[n].half(), end[n].half())}
    assert {"cell_head", "sound_head"} <= moved
    assert "audio_encoder" not in moved


def test_marginnce_trains_on_clips_and_leaves_out_the_test_set(
    clip_folder: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    options = TrainOptions(
        "marginnce", clip_folder, tmp_path / "out", steps=2, batch_size=4, half=False
    )
    steps = list(train(options))
    assert steps[-1].unreadable >= 1, "one of the five frames is no picture"
    assert load_network(tmp_path / "out").identity.method == "marginnce"
    names = [pair.name for pair in read_pairs(clip_folder, "train", ids_of_test_set(clip_folder))]
    assert len(names) == 5


@pytest.mark.slow
def test_jsa_trains_on_clips(clip_folder: Path, tmp_path: Path) -> None:
    options = TrainOptions("jsa", clip_folder, tmp_path / "out", steps=1, batch_size=6, half=False)
    list(train(options))
    assert load_network(tmp_path / "out").identity.method == "jsa"


def test_a_bundled_checkpoint_is_remade_in_rounds(tmp_path: Path) -> None:
    options = TrainOptions("jsa-compact", tmp_path, tmp_path / "out")
    runs = stages(options)
    assert [run.method for run in runs] == ["marginnce-compact"] * 2 + ["jsa-compact"]
    assert [run.initial for run in runs[1:]] == [str(run.output) for run in runs[:2]]
    assert stages(replace(options, initial="x")) == [replace(options, initial="x")]


def test_unknown_methods_and_missing_data_are_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="known are"):
        list(train(TrainOptions("nonsense", tmp_path, tmp_path)))
    with pytest.raises(DatasetError, match=r"train\.csv"):
        list(train(TrainOptions("marginnce", tmp_path, tmp_path / "out")))
