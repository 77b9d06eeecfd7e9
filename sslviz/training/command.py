"""``sslviz train``: train a method on a folder, and go on with a run that was stopped."""

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from sslviz.training.options import Schedule, TrainOptions

_LAZY_DEFAULTS = {f.name: f.default for f in fields(TrainOptions)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the sub-parser."""
    parser.add_argument("method", help="one of those `sslviz models` lists, or sound-encoder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for checkpoint, log and state"
    )
    helps = {
        "steps": "optimizer steps",
        "batch_size": "pictures per process and micro-batch",
        "accumulate": "micro-batches per step",
        "warmup_steps": "steps of rising learning rate",
        "seed": "of every random number",
        "num_workers": "loader processes",
        "save_every": "steps between saved states",
        "patience": "stop after this many saves without a lower loss; 0: never",
        "composites": "training pictures composed (compact methods)",
        "image_size": "side of those pictures",
        "tagger_steps": "steps that fine-tune the sound encoder first (fresh compact methods)",
    }
    for name, text in helps.items():
        parser.add_argument(_flag(name), type=int, default=_LAZY_DEFAULTS[name], help=text)
    numbers = {
        "learning_rate": "of new parts",
        "weight_decay": "of AdamW",
        "margin": "of marginnce; the paper's value could not be read, 0 is EZ-VSL's loss",
        "tau": "temperature of jsa and marginnce",
    }
    for name, text in numbers.items():
        parser.add_argument(_flag(name), type=float, default=_LAZY_DEFAULTS[name], help=text)
    parser.add_argument("--schedule", choices=[s.value for s in Schedule], default="cosine")
    parser.add_argument("--initial", help="checkpoint to start from: name or folder")
    parser.add_argument(
        "--anew", action="store_true", help="ACL: only the frozen encoders of --initial are taken"
    )
    parser.add_argument("--guidance", type=Path, help="guidance.jsonl (acl-guided)")
    parser.add_argument("--weights", type=Path, help="pretrained encoders (default: DATA/weights)")
    parser.add_argument(
        "--image-encoder", type=Path, help="resnet18-f37072fd.pth to start from (jsa, marginnce)"
    )
    parser.add_argument("--sound-encoder", type=Path, help="folder of a finished sound-encoder run")
    parser.add_argument("--split", default="train", help="name of the split or list")
    parser.add_argument("--full-precision", action="store_true", help="no mixed precision")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0: as many as it has")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def options_of(arguments: argparse.Namespace) -> TrainOptions:
    """The options that the flags say.

    Raises:
        OptionError: One is out of range.
    """
    names = {f.name for f in fields(TrainOptions)} - {"half", "sounds", "schedule", "cache"}
    values: dict[str, Any] = {n: getattr(arguments, n) for n in names}
    schedule = Schedule(arguments.schedule)
    return TrainOptions(**values, schedule=schedule, half=not arguments.full_precision)


def run(arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Train to the end; what was saved before an interruption is gone on with.

    Raises:
        TrainingError: It cannot be trained.
        DatasetError: The data cannot be used.
        CheckpointError: The output folder holds another run.
    """
    import torch

    from sslviz.training.loop import Place, train

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    options, place, shown = options_of(arguments), Place.from_environment(), 0
    for progress in train(options):
        if place.rank:
            continue  # one of several processes speaks for all
        if progress.message:
            say(progress.message)
        elif progress.step >= shown + 10 or progress.step < shown:
            shown = progress.step
            losses = " ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
            left = f"{(progress.seconds_left or 0) / 60:.0f} min left"
            lost = f", {progress.unreadable} unreadable" if progress.unreadable else ""
            say(f"step {progress.step}/{progress.total}, {left}{lost}: {losses}")
    return 0
