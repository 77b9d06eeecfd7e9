"""The log of a run: a table, a summary and a picture of the losses."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

TABLE, SUMMARY, PLOT = "log.csv", "log.json", "loss.png"


class TrainLog:
    """Losses by step, in ``log.csv``, ``log.json`` and ``loss.png``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, float]] = []

    def add(self, step: int, rate: float, losses: Mapping[str, float]) -> None:
        """Note one step."""
        self.rows.append({"step": float(step), "learning_rate": rate, **losses})

    def resume(self, step: int) -> None:
        """Read back the rows up to a step; later ones will be made again."""
        if (self.folder / TABLE).is_file():
            with (self.folder / TABLE).open(newline="", encoding="utf-8") as file:
                rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["step"] <= step]

    def write(self) -> None:
        """Write all three files."""
        names = sorted({name for row in self.rows for name in row} - {"step", "learning_rate"})
        with (self.folder / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["step", "learning_rate", *names])
            writer.writeheader()
            writer.writerows(self.rows)
        recent = self.rows[-20:]
        means = {n: float(np.mean([row.get(n, 0.0) for row in recent])) for n in names}
        summary = {"steps": len(self.rows), "mean_of_last_20": means}
        (self.folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        self._plot(names)

    def _plot(self, names: list[str]) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        for name in names:
            points = [(row["step"], row[name]) for row in self.rows if name in row]
            axes.plot(*zip(*points, strict=True), label=name, linewidth=0.8)
        axes.set(xlabel="step", ylabel="loss", yscale="log")
        axes.legend(fontsize="small", ncols=2)
        figure.savefig(self.folder / PLOT, dpi=110)
