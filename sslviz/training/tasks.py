"""From options to a task, and from a finished task to a checkpoint folder."""

import inspect
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sslviz.checkpoints import CheckpointConfig, load_network, read_config, save_checkpoint
from sslviz.checkpoints.folder import describe_difference, read_training_state
from sslviz.checkpoints.places import find_folder
from sslviz.checkpoints.priors import load_image_encoder
from sslviz.checkpoints.saving import copy_companions
from sslviz.errors import TrainingError
from sslviz.models import ACL, JSA, METHODS, MarginNCE, Network
from sslviz.models.compact import MarginNCECompact
from sslviz.training.acl_guided import GuidedACLObjective
from sslviz.training.acl_objective import ACLObjective
from sslviz.training.compact import CompactObjective, MarginNCECompactObjective
from sslviz.training.compact_slots import JSACompactObjective
from sslviz.training.compact_task import CompactTask, calibrate, make_compact_task
from sslviz.training.guidance_file import read_guidance
from sslviz.training.objectives import (
    JSAObjective,
    JSAOptions,
    MarginNCEObjective,
    MarginNCEOptions,
    Objective,
    SpectrogramMask,
)
from sslviz.training.options import TrainOptions
from sslviz.training.pairs import PairTask
from sslviz.training.sources import Task
from sslviz.training.tagger import TaggerTask, make_tagger_task, save_encoder
from sslviz.types import Calibration

SOUND_ENCODER = "sound-encoder"
"""What ``sslviz train`` calls the run of ``training.tagger``."""
ON_FROZEN = frozenset({"acl", "acl-guided"})
COMPACT = {"marginnce-compact": MarginNCECompactObjective, "jsa-compact": JSACompactObjective}


def stages(options: TrainOptions) -> list[TrainOptions]:
    """The runs that make a checkpoint, in order; each starts from the one before.

    The compact methods need a sound encoder that tells the categories apart, and masks: a first
    short round learns from class activations, the second from its own maps, and JSA's slots start
    from the second round's cells.
    """
    if options.method not in COMPACT or options.initial is not None:
        return [options]
    slots = options.method == "jsa-compact"
    base = replace(options, method="marginnce-compact")
    rounds: list[TrainOptions] = []
    if options.sound_encoder is None and options.tagger_steps:
        rounds = [sound_encoder_run(options)]
        base = replace(base, sound_encoder=rounds[0].output)
    first = replace(
        base,
        output=options.output / "round1",
        steps=max(1, options.steps // 5),
        composites=max(1, options.composites // 4),
    )
    target = options.output / "round2" if slots else options.output
    second = replace(base, output=target, initial=str(first.output))
    rounds += [first, second]
    if slots:  # heads start trained, so that half of the steps do
        half = max(1, options.steps // 2)
        rounds.append(replace(options, initial=str(target), cache=target / "cache", steps=half))
    return rounds


def sound_encoder_run(options: TrainOptions) -> TrainOptions:
    """The run that fine-tunes the sound encoder for a compact network."""
    return replace(
        options,
        method=SOUND_ENCODER,
        output=options.output / SOUND_ENCODER,
        steps=options.tagger_steps,
        batch_size=16,
        learning_rate=1.5e-3,
        half=False,
    )


def make_task(options: TrainOptions) -> Task:
    """The task of a method.

    Raises:
        TrainingError: The method cannot be trained with this command.
        DatasetError: The data cannot be used.
    """
    if options.method == SOUND_ENCODER:
        return make_tagger_task(MarginNCECompact(), options)
    if options.method not in METHODS:
        known = ", ".join(sorted([*METHODS, SOUND_ENCODER]))
        raise TrainingError(f"There is no method {options.method!r}; known are {known}.")
    network = initial_network(options)
    if options.method in COMPACT:
        objective: CompactObjective = COMPACT[options.method](network)
        return make_compact_task(objective, options)
    objective_of_paper = _paper_objective(network, options)
    if options.initial is not None and not options.anew:
        _take_over(objective_of_paper, read_training_state(_start(options.initial)))
    return PairTask(objective_of_paper, options)


def initial_network(options: TrainOptions) -> Network:
    """A new network, or one that starts from a checkpoint; what fits of another method is taken over.

    Raises:
        CheckpointError: The checkpoint cannot be read.
        TrainingError: There is none of that name, or the method needs one.
    """
    network: Network = METHODS[options.method](**_arguments(options))
    if options.initial is None:
        if options.method in ON_FROZEN:
            raise TrainingError(
                f"{options.method} learns on top of frozen CLIPSeg and BEATs: give a checkpoint that "
                "has them, such as --initial acl after `sslviz fetch acl` (with --anew, its trained "
                "parts start afresh)."
            )
        if options.method in COMPACT:
            network.spec = replace(network.spec, image_size=options.image_size)
        if options.image_encoder is not None:
            _start_tower(network, options.image_encoder)
        return network
    found = _start(options.initial)
    start = load_network(found)
    network.spec = start.spec
    if options.method in COMPACT:
        network.spec = replace(start.spec, image_size=options.image_size)
    own, given = network.state_dict(), start.state_dict()
    taken = {n: t for n, t in given.items() if n in own and own[n].shape == t.shape}
    if options.anew:
        taken = {n: t for n, t in taken.items() if not n.startswith(ACL.trained_parts)}
    if not taken:
        raise TrainingError(f"Nothing of {options.initial} fits a {options.method} network.")
    network.load_state_dict({**own, **taken})
    network.read_companions(found)
    return network


def _start_tower(network: Network, file: Path) -> None:
    if not isinstance(network, JSA | MarginNCE):
        raise TrainingError("--image-encoder is for jsa and marginnce; the others bring their own.")
    given = load_image_encoder(file, allow_pickle=True).state_dict()
    if difference := describe_difference(network.image_encoder.state_dict(), given):
        raise TrainingError(f"{file} does not fit the image tower: {difference}.")
    network.image_encoder.load_state_dict(given)


def _take_over(objective: Objective, state: Mapping[str, Tensor]) -> None:
    """Decoders and counters of the run that a checkpoint came from, where the objective has the same."""
    own = objective.training_state()
    if state and not describe_difference(own, state):
        objective.load_training_state(dict(state))


def _start(name: str) -> Path:
    return find_folder(name) or Path(name)


def _arguments(options: TrainOptions) -> dict[str, Any]:
    """Sizes of the network: those of the checkpoint that it starts from, where it knows them."""
    if options.initial is None:
        return {}
    known = inspect.signature(METHODS[options.method]).parameters
    given = read_config(_start(options.initial)).network
    return {name: value for name, value in given.items() if name in known}


def _paper_objective(network: Network, options: TrainOptions) -> Objective:
    if isinstance(network, MarginNCE):
        return MarginNCEObjective(network, MarginNCEOptions(options.tau, options.margin))
    if isinstance(network, JSA):
        return JSAObjective(network, JSAOptions(options.tau), SpectrogramMask())
    assert isinstance(network, ACL)
    if options.method == "acl":
        return ACLObjective(network)
    if options.guidance is None:
        raise TrainingError(
            "acl-guided needs --guidance FILE, what each clip shows; `sslviz guidance` makes one."
        )
    return GuidedACLObjective(network, read_guidance(options.guidance))


def finish(task: Task, options: TrainOptions, losses: Mapping[str, float]) -> Path:
    """Write ``config.json`` and ``model.safetensors`` into the output folder (an encoder has no config)."""
    if isinstance(task, TaggerTask):
        save_encoder(task, options.output)
        return options.output
    if isinstance(task, CompactTask):
        network: Network = task.objective.network
        calibration, state = calibrate(task), None
        dtype: torch.dtype | None = torch.float16
    else:
        objective = task.objective
        if not isinstance(objective, Objective):
            raise TypeError(f"expected an Objective, got {type(objective).__name__}")
        network, dtype = objective.network, None
        calibration, state = type(network).default_calibration, objective.training_state()
    config = CheckpointConfig(
        method=network.method,
        name=options.output.name,
        input=network.spec,
        network=_arguments(options),
        calibration=Calibration(**asdict(calibration)),
        training={
            "options": {k: str(v) for k, v in asdict(options).items()},
            "losses": dict(losses),
        },
    )
    save_checkpoint(network.cpu(), options.output, config, dtype, state)
    if options.initial is not None:
        copy_companions(type(network), _start(options.initial), options.output)
    return options.output
