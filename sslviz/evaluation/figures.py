"""A measured figure with everything that must stand beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.evaluation.detection import Interval, bootstrap


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, over how many samples, how sure, and what maps that hear nothing reach."""

    name: str
    value: float
    num: int
    interval: Interval | None
    baselines: Mapping[str, float] = field(default_factory=dict)
    """``centre``, ``object``, ``random``, ``wrong_sound``: the same figure without the sound's help."""

    def to_json(self) -> dict[str, float | int]:
        """Flat keys: ``name``, ``n_name``, ``name_low``, ``name_high``, ``name_centre`` ..."""
        values: dict[str, float | int] = {self.name: self.value, f"n_{self.name}": self.num}
        if self.interval is not None:
            values |= {
                f"{self.name}_low": self.interval.low,
                f"{self.name}_high": self.interval.high,
            }
        return values | {f"{self.name}_{key}": value for key, value in self.baselines.items()}


def mean_figure(
    name: str,
    values: Sequence[float] | NDArray[Any],
    baselines: Mapping[str, Sequence[float] | NDArray[Any]],
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> Figure:
    """Figure that is a mean over samples; baselines without samples are left out."""
    array = np.asarray(values, np.float64)
    return Figure(
        name,
        float(array.mean()),
        len(array),
        bootstrap(array, groups, seed=seed),
        {key: float(np.mean(other)) for key, other in baselines.items() if len(other)},
    )


@dataclass(slots=True)
class Tally:
    """Per-sample values under a name and its baselines, in the order they come."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, key: str, value: float) -> None:
        """Append one value."""
        self.values.setdefault(key, []).append(float(value))

    def figure(
        self, name: str, prefix: str = "", groups: Sequence[str] | None = None, seed: int = 0
    ) -> Figure:
        """The figure whose values were added as ``prefix`` and baselines as ``prefix|baseline``."""
        key = prefix or name
        others = {
            other.split("|", 1)[1]: values
            for other, values in self.values.items()
            if other.startswith(f"{key}|")
        }
        return mean_figure(name, self.values[key], others, groups, seed)
