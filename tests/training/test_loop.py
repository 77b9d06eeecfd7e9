"""The trainer on a task small enough to reason about."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sslviz.errors import CheckpointError, TrainingError
from sslviz.training.loop import Place, Trainer
from sslviz.training.options import Schedule, TrainOptions
from sslviz.training.sources import Draws, Task

CPU = Place(torch.device("cpu"))


class Points(NamedTuple):
    inputs: Tensor
    targets: Tensor


class Line(nn.Module):
    """Learns y = 3 x, with a random drop-out so that random numbers matter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.weight = nn.Linear(1, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, batch: Points) -> dict[str, Tensor]:
        error = self.dropout(self.weight(batch.inputs)) - batch.targets
        return {"squared": error.square().mean(), "total": error.square().mean()}


class LineTask(Task):
    def __init__(self, unreadable: float = 0.0, broken: bool = False) -> None:
        self.objective = Line()
        self.unreadable, self.broken = unreadable, broken

    def sample(self, rng: np.random.Generator, index: int) -> float | None:
        value = float(rng.uniform(-1, 1))
        return None if rng.random() < self.unreadable else value

    def collate(self, samples: Sequence[float | None]) -> tuple[Points | None, int]:
        good = [s for s in samples if s is not None]
        if not good:
            return None, len(samples)
        inputs = torch.tensor(good)[:, None]
        target = inputs * (float("nan") if self.broken else 3)
        return Points(inputs, target), len(samples) - len(good)


def options(folder: Path, **changes: object) -> TrainOptions:
    values: dict[str, object] = {
        "method": "line", "data": folder, "output": folder / "run", "steps": 40, "batch_size": 16,
        "learning_rate": 0.1, "save_every": 10, "half": False, "warmup_steps": 2,
    }  # fmt: skip
    return TrainOptions(**{**values, **changes})  # type: ignore[arg-type]


def weights(trainer: Trainer) -> list[float]:
    return [float(p.detach()) for p in trainer.objective.parameters()]


def test_the_loss_falls_and_the_log_says_so(tmp_path: Path) -> None:
    steps = list(Trainer(LineTask(), options(tmp_path, steps=80), CPU))
    assert steps[-1].losses["total"] < 0.3 * steps[0].losses["total"]
    assert steps[-1].step == 80
    assert (tmp_path / "run" / "loss.png").stat().st_size > 1000
    assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) == 81


def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = Trainer(LineTask(), options(tmp_path, output=tmp_path / "whole"), CPU)
    list(whole)
    killed = iter(Trainer(LineTask(), options(tmp_path), CPU))
    for _ in range(25):
        next(killed)
    resumed = Trainer(LineTask(), options(tmp_path), CPU)
    assert resumed.state.step == 20, "the last saved state, not the last step"
    list(resumed)
    assert weights(resumed) == weights(whole)
    logs = [(tmp_path / name / "log.csv").read_text() for name in ("whole", "run")]
    assert logs[0] == logs[1]


def test_loader_processes_change_nothing(tmp_path: Path) -> None:
    runs = []
    for workers in (0, 2):
        changes = {"num_workers": workers, "output": tmp_path / str(workers), "steps": 6}
        trainer = Trainer(LineTask(), options(tmp_path, **changes), CPU)
        list(trainer)
        runs.append(weights(trainer))
    assert runs[0] == runs[1]


def test_micro_batches_add_up_to_one_step(tmp_path: Path) -> None:
    runs = []
    for size, parts in ((48, 1), (16, 3)):
        task, folder = LineTask(), tmp_path / str(parts)
        task.objective.dropout.p = 0.0
        changes = {"batch_size": size, "accumulate": parts, "steps": 5, "output": folder}
        trainer = Trainer(task, options(tmp_path, **changes), CPU)
        assert len(list(trainer)) == 5
        runs.append(weights(trainer))
    assert runs[0] == pytest.approx(runs[1], abs=1e-6)


def test_unreadable_samples_are_counted_not_replaced(tmp_path: Path) -> None:
    steps = list(Trainer(LineTask(unreadable=0.25), options(tmp_path, steps=20), CPU))
    assert 40 < steps[-1].unreadable < 120, "about a quarter of 320"


def test_nothing_readable_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="check the data folder"):
        list(Trainer(LineTask(unreadable=1.0), options(tmp_path), CPU))


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not finite"):
        list(Trainer(LineTask(broken=True), options(tmp_path), CPU))


def test_another_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    list(Trainer(LineTask(), options(tmp_path, steps=10), CPU))
    with pytest.raises(CheckpointError, match="other options"):
        Trainer(LineTask(), options(tmp_path, steps=10, learning_rate=0.2), CPU)


def test_a_checkpoint_from_elsewhere_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").write_bytes(b"mine")
    with pytest.raises(CheckpointError, match="holds a checkpoint already"):
        Trainer(LineTask(), options(tmp_path), CPU)


def test_it_stops_early_when_nothing_improves(tmp_path: Path) -> None:
    changes = {"learning_rate": 1e-9, "patience": 1, "steps": 200, "schedule": Schedule.CONSTANT}
    steps = list(Trainer(LineTask(), options(tmp_path, **changes), CPU))
    assert steps[-1].step < 200
    assert "stopped early" in steps[-1].message


def test_processes_share_the_samples_without_overlap() -> None:
    drawn = [list(Draws(3, 5, 4, rank, 2)) for rank in (0, 1)]
    flat = sorted(number for rank in drawn for batch in rank for number in batch)
    assert flat == list(range(24, 40))


def test_the_schedule_warms_up_holds_and_comes_down(tmp_path: Path) -> None:
    plan = options(tmp_path, steps=300, warmup_steps=10)
    rates = [plan.rate_at(step) for step in (0, 9, 50, 99, 200, 299)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[1] == rates[2] == rates[3] == 1.0
    assert 0.4 < rates[4] < 0.6
    assert rates[5] == pytest.approx(0.02, abs=0.01)
