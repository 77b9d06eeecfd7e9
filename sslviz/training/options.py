"""Every choice of a training run, as frozen data."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import cos, pi
from pathlib import Path

from sslviz.errors import CheckpointError, OptionError
from sslviz.training.sounds import SoundPlan
from sslviz.whole_file import whole_file


class Schedule(StrEnum):
    """How the learning rate moves after the warm-up."""

    CONSTANT = "constant"
    """As the papers have it."""
    COSINE = "cosine"
    """Full for a third of the run, then down to nothing along a cosine."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """A training run; the defaults suit the bundled checkpoints."""

    method: str
    """Key in ``models.METHODS``."""
    data: Path
    """Folder of the data set."""
    output: Path
    """Folder for checkpoints, log and state; an interrupted run there is gone on with."""
    steps: int = 6000
    """Optimizer steps."""
    batch_size: int = 24
    """Pictures per process and micro-batch."""
    accumulate: int = 1
    """Micro-batches per optimizer step."""
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 60
    schedule: Schedule = Schedule.COSINE
    seed: int = 0
    num_workers: int = 0
    """Loader processes; 0 loads in the training process."""
    half: bool = True
    """Mixed precision: float16 on CUDA, bfloat16 on the CPU."""
    save_every: int = 200
    """Steps between saved states."""
    patience: int = 0
    """Stop after this many saves without a lower smoothed loss; 0: never."""
    initial: str | None = None
    """Checkpoint name or folder to start from."""
    anew: bool = False
    """ACL: start the projector and the masker afresh, with the frozen encoders of ``initial``."""
    guidance: Path | None = None
    """``guidance.jsonl`` of ``acl-guided``."""
    weights: Path | None = None
    """Pretrained encoders of the compact methods; by default ``weights`` in ``data``."""
    split: str = "train"
    composites: int = 16_000
    """Training pictures composed for the compact methods; each takes about 0.3 MB of disk at 384 px."""
    cache: Path | None = None
    """Folder of another run's composites and sounds, to learn from instead of making them."""
    image_size: int = 384
    """Of the composites, and of what a compact network that starts fresh wants to be given."""
    tagger_steps: int = 1600
    """Steps of 16 sounds that fine-tune the sound encoder of a compact network that starts fresh."""
    image_encoder: Path | None = None
    """torchvision's ResNet-18, from which the image towers of JSA and MarginNCE start; by default random."""
    margin: float = -0.2
    """MarginNCE's: negative is the paper's point, the value is ours; 0 is EZ-VSL's loss."""
    tau: float = 0.03
    """Temperature of JSA and MarginNCE (EZ-VSL's), as their authors' code has it."""
    sound_encoder: Path | None = None
    """Folder of such a run, for a compact network that starts fresh; by default AudioSet's alone."""
    sounds: SoundPlan = field(default_factory=SoundPlan)
    """Training excerpts drawn for the compact methods."""

    def __post_init__(self) -> None:
        counts = (self.steps, self.batch_size, self.accumulate, self.save_every)
        if min(counts) < 1 or min(self.warmup_steps, self.num_workers, self.patience) < 0:
            raise OptionError(f"steps, batch_size, accumulate and save_every start at 1: {self}.")
        if self.image_size < 64 or self.image_size % 32 or self.tagger_steps < 0:
            raise OptionError(
                f"image_size is {self.image_size}, allowed are multiples of 32 from 64 on; "
                f"tagger_steps is {self.tagger_steps}, allowed is 0 and more."
            )
        if not 0 < self.learning_rate < 10 or self.weight_decay < 0:
            raise OptionError(f"learning_rate is {self.learning_rate}, allowed is up to 10.")

    def fingerprint(self) -> str:
        """The options on which the result depends, as text."""
        values = asdict(self)
        for name in ("output", "num_workers", "save_every"):
            del values[name]
        return json.dumps(values, default=str, sort_keys=True)

    def claim(self, folder: Path) -> None:
        """Mark a folder as of a run with these options; work of another is never mistaken for one's own.

        Raises:
            CheckpointError: It is marked by a run with other options, or holds a checkpoint from elsewhere.
        """
        mark, own = folder / "options.json", self.fingerprint()
        if not mark.is_file():
            if (folder / "model.safetensors").is_file():
                raise CheckpointError(f"{folder} holds a checkpoint already; give another folder.")
            folder.mkdir(parents=True, exist_ok=True)
            with whole_file(mark) as part:
                part.write_text(own, encoding="utf-8")
        elif mark.read_text(encoding="utf-8") != own:
            raise CheckpointError(
                f"{folder} holds a run with other options; give another folder or the same options."
            )

    def rate_at(self, step: int) -> float:
        """Factor on the learning rate of a step, counted from 0."""
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        done = step / self.steps
        if self.schedule is Schedule.CONSTANT or done < 1 / 3:
            return warm
        return warm * max(0.02, 0.5 * (1 + cos(pi * (done - 1 / 3) / (2 / 3))))
