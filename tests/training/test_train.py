"""Smoke trainings end to end: data folder in, checkpoint that localizes out."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sslviz.checkpoints import load_network
from sslviz.checkpoints.folder import read_training_state
from sslviz.checkpoints.places import find_folder
from sslviz.datasets.categories import canonical
from sslviz.errors import CheckpointError, DatasetError, TrainingError
from sslviz.evaluation.library import still_window
from sslviz.models import JSA, MarginNCE
from sslviz.models.blocks.resnet import ResNet18
from sslviz.models.compact import MarginNCECompact
from sslviz.training.loop import Trainer, train
from sslviz.training.objectives import MarginNCEObjective, MarginNCEOptions
from sslviz.training.options import TrainOptions
from sslviz.training.pairs import PairTask, Recipe, ids_of_test_set, read_pairs
from sslviz.training.pseudo_sounds import HEARD_AS, NO_VERDICT, STAND_INS
from sslviz.training.sound_bank import PERSON
from sslviz.training.sounds import SoundMixer, SoundPlan
from sslviz.training.tagger import TaggerObjective, TaggerTask, load_encoder, save_encoder
from sslviz.training.tasks import initial_network, make_task, stages
from sslviz.types import AudioClip, InputSpec
from tests.training.conftest import drawing, tone

PLAN = SoundPlan(
    per_category=3, mixtures_per_category=1, noises=3, silences=2, stand_ins=2, more_stand_ins=1,
    voices=2, other_classes=0,
)  # fmt: skip


def bundled() -> Path:
    found = find_folder("marginnce-compact")
    assert found is not None
    return found


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
    assert found.values.shape == (48, 48)
    assert network.identity.method == method


def test_what_was_trained_differs_from_what_it_started_from(
    paired_folder: Path, tmp_path: Path
) -> None:
    start = load_network(bundled()).state_dict()
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
def test_jsa_trains_on_clips_and_goes_on_with_its_decoders(
    clip_folder: Path, tmp_path: Path
) -> None:
    options = TrainOptions("jsa", clip_folder, tmp_path / "out", steps=1, batch_size=6)
    assert np.isfinite(list(list(train(options))[-1].losses.values())).all()
    assert load_network(tmp_path / "out").identity.method == "jsa"
    kept = read_training_state(tmp_path / "out")
    again = make_task(replace(options, initial=str(tmp_path / "out")))
    with closing(again):
        state = again.objective.state_dict()
    assert any(name.startswith("image_decoder") for name in kept)
    assert all(torch.equal(state[name], tensor) for name, tensor in kept.items())


def test_margin_and_temperature_reach_the_loss(clip_folder: Path, tmp_path: Path) -> None:
    options = TrainOptions("marginnce", clip_folder, tmp_path, margin=-0.35, tau=0.05)
    with closing(make_task(options)) as task:
        assert isinstance(task.objective, MarginNCEObjective)
        assert task.objective.options == MarginNCEOptions(tau=0.05, margin=-0.35)


def test_image_towers_start_from_the_file_that_is_named(clip_folder: Path, tmp_path: Path) -> None:
    trained = ResNet18()
    file = tmp_path / "resnet18.pth"
    torch.save({**trained.state_dict(), "fc.weight": torch.zeros(1000, 512)}, file)
    options = TrainOptions("marginnce", clip_folder, tmp_path / "out", image_encoder=file)
    own = initial_network(options).state_dict()
    for name, tensor in trained.state_dict().items():
        assert torch.equal(own[f"image_encoder.{name}"], tensor)
    with pytest.raises(TrainingError, match="jsa and marginnce"):
        initial_network(replace(options, method="marginnce-compact"))


def test_a_finished_run_is_not_taken_for_another(clip_folder: Path, tmp_path: Path) -> None:
    options = TrainOptions("marginnce", clip_folder, tmp_path / "out", steps=1, batch_size=4)
    list(train(options))
    (only,) = train(options)
    assert only.message.endswith("is done")
    with pytest.raises(CheckpointError, match="other options"):
        list(train(replace(options, learning_rate=0.01)))


def test_caches_of_another_run_are_refused(paired_folder: Path, tmp_path: Path) -> None:
    """A run that was killed before its first saved state leaves only caches."""
    options = compact("marginnce-compact", paired_folder, tmp_path / "out")
    steps = train(options)
    assert "preparing the data of marginnce-compact" in next(steps).message
    assert next(steps).losses
    assert not (tmp_path / "out" / "state.pt").is_file()
    with pytest.raises(CheckpointError, match="other options"):
        list(train(replace(options, image_size=224)))


def test_every_clip_comes_once_before_any_comes_again(clip_folder: Path, tmp_path: Path) -> None:
    with closing(make_task(TrainOptions("marginnce", clip_folder, tmp_path))) as task:
        assert isinstance(task, PairTask)
        count = len(task.pairs)
        names = [task.pair(index).name for index in range(2 * count)]
    listed = sorted(pair.name for pair in task.pairs)
    assert sorted(names[:count]) == sorted(names[count:]) == listed


def test_each_paper_prepares_clips_its_own_way() -> None:
    rng, wide = np.random.default_rng(0), np.zeros((60, 240, 3), np.uint8)
    wide[:, 120:] = 255
    assert Recipe.of(JSA()) == Recipe(colour=True)
    assert Recipe.of(MarginNCE()) == Recipe()
    squeezed = Recipe(square=True).picture(rng, wide, 64)
    assert squeezed.shape == (64, 64, 3)
    assert (
        squeezed[:, 0].max() < squeezed[:, -1].min() or squeezed[:, -1].max() < squeezed[:, 0].min()
    )
    spec, ramp = InputSpec(64, 100, 12.0), np.arange(1300, dtype=np.float32)
    recipe = Recipe(first_seconds=10.0)
    assert np.array_equal(recipe.sound(ramp, spec), ramp[:1000])
    short = recipe.sound(ramp[:300], spec)
    assert np.array_equal(short[:300], ramp[:300])
    assert not short[300:].any()
    assert np.array_equal(Recipe().sound(ramp, spec), ramp[50:1250])


def test_a_bundled_checkpoint_is_remade_in_rounds(tmp_path: Path) -> None:
    options = TrainOptions("jsa-compact", tmp_path, tmp_path / "out")
    runs = stages(options)
    assert [run.method for run in runs] == [
        "sound-encoder",
        "marginnce-compact",
        "marginnce-compact",
        "jsa-compact",
    ]
    assert runs[1].sound_encoder == runs[0].output
    assert [run.initial for run in runs[2:]] == [str(run.output) for run in runs[1:3]]
    assert runs[3].cache == runs[2].output / "cache", "slots learn from the same pictures"
    assert runs[3].steps == options.steps // 2
    assert stages(replace(options, initial="x")) == [replace(options, initial="x")]


def test_unknown_methods_and_missing_data_are_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="known are"):
        list(train(TrainOptions("nonsense", tmp_path, tmp_path)))
    with pytest.raises(DatasetError, match=r"train\.csv"):
        list(train(TrainOptions("marginnce", tmp_path, tmp_path / "out")))


def test_the_sound_encoder_learns_categories_and_compact_networks_start_from_it(
    paired_folder: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = load_network(bundled())
    assert isinstance(network, MarginNCECompact)
    sounds = {"dog": [tone(300).samples], "cat": [tone(900).samples]}
    mixer = SoundMixer(sounds, network.spec.num_samples, network.spec.sample_rate)
    before = {n: t.clone() for n, t in network.audio_encoder.state_dict().items()}
    task = TaggerTask(TaggerObjective(network, 2), mixer)
    options = TrainOptions(
        "sound-encoder", paired_folder, tmp_path, steps=12, batch_size=4, half=False,
        learning_rate=2e-3, warmup_steps=0,
    )  # fmt: skip
    losses = [dict(p.losses)["category"] for p in Trainer(task, options)]
    assert losses[-1] < losses[0]
    save_encoder(task, tmp_path)
    fresh = MarginNCECompact()
    load_encoder(fresh, tmp_path)
    after = fresh.audio_encoder.state_dict()
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert "final.weight" in moved
    assert "hidden.weight" in moved
    assert not any(name.startswith(("stem", "blocks.0.", "classifier")) for name in moved)


def test_categories_of_the_class_map_are_spelt_as_data_sets_are_read() -> None:
    """Tables in another spelling would be passed over without a word."""
    spelt = {*STAND_INS, *HEARD_AS, *HEARD_AS.values(), *NO_VERDICT}
    spelt |= {name for names in NO_VERDICT.values() for name in names} | {PERSON}
    assert {canonical(name) for name in spelt} == spelt


@pytest.mark.nightly
@pytest.mark.parametrize("method", ["marginnce", "marginnce-compact"])
def test_two_processes_train_one_checkpoint(
    method: str, clip_folder: Path, paired_folder: Path, tmp_path: Path
) -> None:
    out, compact = tmp_path / "out", method == "marginnce-compact"
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "sslviz", "train",
        method, "--data", str(paired_folder if compact else clip_folder), "--output", str(out),
        "--steps", "2", "--batch-size", "6", "--warmup-steps", "0", "--composites", "12",
        *(["--initial", "marginnce-compact", "--image-size", "224"] if compact else []),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len((out / "log.csv").read_text().splitlines()) == 3, (
        "one line per step, not per process"
    )
    assert load_network(out).identity.method == method
