"""Where batches come from: a task, and an order of draws that depends on seed and step only."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import nn
from torch.utils.data import Dataset, Sampler


class Task(ABC):
    """An objective and its samples."""

    objective: nn.Module

    @abstractmethod
    def sample(self, rng: np.random.Generator, index: int) -> Any | None:
        """Sample number ``index`` of the run; ``None`` where it cannot be read."""

    @abstractmethod
    def collate(self, samples: Sequence[Any | None]) -> tuple[Any | None, int]:
        """A batch of what could be read (``None`` where nothing could), and how much could not."""

    def close(self) -> None:  # noqa: B027 - most tasks hold nothing
        """End what the task holds, such as a decoding child."""

    def groups(self) -> list[tuple[float, list[nn.Parameter]]]:
        """Parameters that learn, with the factor on their learning rate."""
        return [(1.0, [p for p in self.objective.parameters() if p.requires_grad])]


class Source(Dataset[Any]):
    """Sample number i of a task: its random numbers depend on the seed and i."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.seed = task, seed

    def __getitem__(self, index: int) -> Any | None:
        return self.task.sample(np.random.default_rng((self.seed, index)), index)


class Draws(Sampler[list[int]]):
    """Numbers of the samples of each micro-batch from ``first`` on, for one process of several."""

    def __init__(self, first: int, last: int, batch_size: int, rank: int, world: int) -> None:
        self.first, self.last, self.size, self.rank, self.world = (
            first,
            last,
            batch_size,
            rank,
            world,
        )

    def __iter__(self) -> Iterator[list[int]]:
        for micro in range(self.first, self.last):
            start = (micro * self.world + self.rank) * self.size
            yield list(range(start, start + self.size))

    def __len__(self) -> int:
        return self.last - self.first
