"""The trainer: any objective on any source of batches, resumable to the same result.

A batch is a function of seed and step, and so is every random number of a step; a run that was
killed goes on from its last saved state and ends with the same weights as one that was not.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from sslviz.errors import TrainingError
from sslviz.models.precision import keep_freed_memory
from sslviz.training.logs import TrainLog
from sslviz.training.options import TrainOptions
from sslviz.training.sources import Draws, Source, Task

STATE, MODEL = "state.pt", "training.safetensors"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    step: int
    total: int
    losses: Mapping[str, float]
    """Smoothed over about 20 steps."""
    seconds_left: float | None
    unreadable: int = 0
    """Samples that could not be read so far; none was replaced by another."""
    message: str = ""


@dataclass(slots=True)
class _State:
    step: int = 0
    best: float = float("inf")
    saves_without_gain: int = 0
    smoothed: dict[str, float] = field(default_factory=dict)
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """The device, and which of how many processes this is (under ``torchrun``)."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @classmethod
    def from_environment(cls) -> "Place":
        """CUDA where there is one; joins the process group where ``torchrun`` started several."""
        rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        cuda = torch.cuda.is_available()
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if world > 1 and not torch.distributed.is_initialized():
            if cuda:
                torch.cuda.set_device(local)
            kind, patience = "nccl" if cuda else "gloo", timedelta(hours=12)
            torch.distributed.init_process_group(kind, timeout=patience)
        return cls(torch.device("cuda", local) if cuda else torch.device("cpu"), rank, world)

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            torch.distributed.barrier()


class Trainer:
    """One run; iterate over it to train."""

    def __init__(self, task: Task, options: TrainOptions, place: Place | None = None) -> None:
        self.task, self.options = task, options
        self.place = place or Place.from_environment()
        self.objective = task.objective.to(self.place.device)
        groups = [{"params": p, "lr": options.learning_rate * f} for f, p in task.groups()]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=options.weight_decay)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.state, self.log = _State(), TrainLog(options.output)
        self.scaler = torch.amp.GradScaler(
            enabled=options.half and self.place.device.type == "cuda"
        )
        if self.place.rank == 0:
            options.claim(options.output)
        self._resume()
        self.module: nn.Module = self.objective
        if self.place.world > 1:
            self.module = nn.parallel.DistributedDataParallel(
                self.objective, find_unused_parameters=True
            )

    def __iter__(self) -> Iterator[Progress]:
        """Train to the end, one ``Progress`` per step.

        Raises:
            TrainingError: A loss is not finite, or no sample can be read.
        """
        options, started, first = self.options, time.monotonic(), self.state.step
        batches = iter(self._loader())
        self.objective.train()
        while self.state.step < options.steps:
            losses = self._step(batches)
            self._smooth(losses)
            self.state.step += 1
            done = self.state.step - first
            left = (time.monotonic() - started) / done * (options.steps - self.state.step)
            if self.place.rank == 0:
                self.log.add(self.state.step, self.optimizer.param_groups[0]["lr"], losses)
            progress = Progress(
                self.state.step,
                options.steps,
                dict(self.state.smoothed),
                left,
                self.state.unreadable,
            )
            yield progress
            if self._saves() and self._ran_dry():
                yield replace(progress, message="stopped early: the loss no longer falls")
                break
        self.save()

    def _saves(self) -> bool:
        if self.state.step % self.options.save_every:
            return False
        total = self.state.smoothed["total"]
        better = total < self.state.best
        self.state.best = min(total, self.state.best)
        self.state.saves_without_gain = 0 if better else self.state.saves_without_gain + 1
        self.save()
        return True

    def _ran_dry(self) -> bool:
        return 0 < self.options.patience <= self.state.saves_without_gain

    def _loader(self) -> DataLoader[Any]:
        options, place = self.options, self.place
        micro = self.state.step * options.accumulate
        draws = Draws(
            micro, options.steps * options.accumulate, options.batch_size, place.rank, place.world
        )
        return DataLoader(
            Source(self.task, options.seed),
            batch_sampler=draws,
            num_workers=options.num_workers,
            collate_fn=self.task.collate,
            persistent_workers=False,
            pin_memory=place.device.type == "cuda",
        )

    def _step(self, batches: Iterator[Any]) -> dict[str, float]:
        options, step = self.options, self.state.step
        torch.manual_seed((options.seed * 1_000_003 + step) * self.place.world + self.place.rank)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * options.rate_at(step)
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, float] = {}
        for micro in range(options.accumulate):
            losses = self._backward(next(batches), last=micro == options.accumulate - 1)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value / options.accumulate
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.objective.parameters(), 2.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return sums

    def _backward(self, loaded: tuple[Any, int], last: bool) -> dict[str, float]:
        batch, lost = loaded
        self.state.unreadable += lost
        if batch is None:
            raise TrainingError("No sample of a whole batch can be read; check the data folder.")
        batch = type(batch)(*(_to(part, self.place.device) for part in batch))
        kind = self.place.device.type
        dtype = torch.float16 if kind == "cuda" else torch.bfloat16
        waits = not last and self.place.world > 1
        quiet = self.module.no_sync() if waits else contextlib.nullcontext()  # type: ignore[operator]
        with quiet:
            with torch.autocast(kind, dtype, enabled=self.options.half):
                losses = self.module(batch)
            total = losses["total"]
            if not bool(torch.isfinite(total)):
                raise TrainingError(
                    f"The loss of step {self.state.step} is not finite; lower the rate."
                )
            self.scaler.scale(total / self.options.accumulate).backward()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _smooth(self, losses: Mapping[str, float]) -> None:
        smoothed = self.state.smoothed
        for name, value in losses.items():
            smoothed[name] = 0.95 * smoothed.get(name, value) + 0.05 * value

    def save(self) -> None:
        """Write weights, optimizer and log; each file appears whole or not at all."""
        if self.place.rank:
            return
        folder = self.options.output
        state = {n: t.detach().cpu().contiguous() for n, t in self.objective.state_dict().items()}
        save_file(state, folder / f"{MODEL}.part")
        kept = {
            "run": asdict(self.state),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        torch.save(kept, folder / f"{STATE}.part")
        for name in (MODEL, STATE):
            (folder / f"{name}.part").replace(folder / name)
        self.log.write()

    def _resume(self) -> None:
        folder = self.options.output
        if not (folder / STATE).is_file():
            return
        kept = torch.load(folder / STATE, map_location="cpu", weights_only=True)
        self.objective.load_state_dict(load_file(folder / MODEL))
        self.optimizer.load_state_dict(kept["optimizer"])
        self.scaler.load_state_dict(kept["scaler"])
        self.state = _State(**kept["run"])
        self.log.resume(self.state.step)


def _to(part: Any, device: torch.device) -> Any:
    return part.to(device, non_blocking=True) if isinstance(part, Tensor) else part


def train(options: TrainOptions) -> Iterator[Progress]:
    """Train a method to the end and write its checkpoint folder to ``options.output``.

    Raises:
        TrainingError: It cannot be trained.
        DatasetError: The data cannot be used.
        CheckpointError: ``options.output`` holds another run.
    """
    from sslviz.training.tasks import stages

    place = Place.from_environment()
    if place.device.type == "cpu":
        keep_freed_memory(all_of_it=True)
    for stage in stages(options):
        if not (stage.output / "model.safetensors").is_file():
            yield from _run(stage, place)
        elif place.rank == 0:
            stage.claim(stage.output)
            yield Progress(stage.steps, stage.steps, {}, 0.0, message=f"{stage.output} is done")
        place.wait()  # the next stage starts from what rank 0 has written


def _run(options: TrainOptions, place: Place) -> Iterator[Progress]:
    """One stage, from its task to its checkpoint."""
    from sslviz.training.tasks import finish, make_task

    if place.rank:
        place.wait()
    else:
        message = f"{options.output}: preparing the data of {options.method}"
        yield Progress(0, options.steps, {}, None, message=message)
    task = make_task(options)  # rank 0 builds caches, the others find them
    if not place.rank:
        place.wait()
    with contextlib.closing(task):
        trainer = Trainer(task, options, place)
        yield from trainer
        if place.rank == 0:
            folder, state = finish(task, options, trainer.state.smoothed), trainer.state
            message = f"saved {folder}"
            yield Progress(state.step, state.step, state.smoothed, 0.0, state.unreadable, message)
