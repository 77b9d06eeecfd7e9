"""The checkpoint folder: ``config.json`` says what ``model.safetensors`` is; nothing is executed."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sslviz.checkpoints.places import CONFIG, WEIGHTS
from sslviz.errors import CheckpointError, CheckpointMissingError
from sslviz.media.hashing import sha256_of
from sslviz.models import METHODS, Network
from sslviz.types import Calibration, Identity, InputSpec, ScoreScale

FORMAT_VERSION = 1
TRAINING_PREFIX = "objective."
"""Entries that only training needs, such as JSA's decoders; the network itself ignores them."""
MAX_ARGUMENT = 100_000
"""No size in a network's arguments comes near; more is a mistake or an attack on memory."""
RANDOM_INITIALISERS = {
    "kaiming_normal_",
    "kaiming_uniform_",
    "xavier_uniform_",
    "trunc_normal_",
    "normal_",
    "uniform_",
}
MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """What ``config.json`` holds."""

    method: str
    """Key in ``models.METHODS``."""
    name: str
    input: InputSpec
    calibration: Calibration
    network: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the network's class."""
    scale: ScoreScale | None = None
    """What its numbers mean; written for readers, the network itself decides."""
    sha256: str = ""
    """Of ``model.safetensors``; filled in when it is saved."""
    trained: bool = True
    licence: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)


def read_config(folder: Path) -> CheckpointConfig:
    """Read and check ``config.json``.

    Raises:
        CheckpointMissingError: There is none.
        CheckpointError: It is damaged, of a newer format, or names an unknown method.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointMissingError(
            f"{folder} is no checkpoint folder: it has no {CONFIG}. Give a folder with {CONFIG} "
            f"and {WEIGHTS}, or a name that `sslviz models` lists."
        )
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise CheckpointError(f"{path} is larger than a configuration can be.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return _parse_config(values)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {type(error).__name__}: {error}.") from error


def _parse_config(values: dict[str, Any]) -> CheckpointConfig:
    if values["format_version"] != FORMAT_VERSION:
        raise CheckpointError(
            f"format version {values['format_version']} is not the {FORMAT_VERSION} that this "
            "sslviz reads; update sslviz."
        )
    if values["method"] not in METHODS:
        raise CheckpointError(
            f"unknown method {values['method']!r}; known are {', '.join(sorted(METHODS))}."
        )
    arguments = dict(values.get("network", {}))
    check_arguments(METHODS[values["method"]], arguments)
    return CheckpointConfig(
        method=values["method"],
        name=str(values["name"]),
        input=InputSpec(**values["input"]),
        calibration=Calibration(**values["calibration"]),
        network=arguments,
        scale=ScoreScale(values["scale"]) if values.get("scale") else None,
        sha256=str(values.get("sha256", "")),
        trained=bool(values.get("trained", True)),
        licence=str(values.get("licence", "")),
        training=dict(values.get("training", {})),
        metrics=dict(values.get("metrics", {})),
    )


def check_arguments(network: type[Network], arguments: Mapping[str, Any]) -> None:
    """Raise ``CheckpointError`` for arguments that the class does not know or that are absurd."""
    known = set(inspect.signature(network).parameters)
    if unknown := sorted(set(arguments) - known):
        raise CheckpointError(
            f"{network.__name__} takes no argument {', '.join(unknown)}; it takes "
            f"{', '.join(sorted(known)) or 'none'}."
        )
    for name, value in arguments.items():
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(n, int | float) and not abs(n) <= MAX_ARGUMENT for n in numbers):
            raise CheckpointError(f"{name} is {value}, allowed is up to {MAX_ARGUMENT}.")


def read_weights(folder: Path, config: CheckpointConfig) -> tuple[dict[str, Tensor], str]:
    """Tensors of ``model.safetensors`` and its hash, after the hash was checked.

    Raises:
        CheckpointMissingError: There is none.
        CheckpointError: It is damaged.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise CheckpointMissingError(f"{folder} holds no {WEIGHTS}; fetch the checkpoint again.")
    sha256 = sha256_of(path)
    if config.sha256 and sha256 != config.sha256:
        raise CheckpointError(
            f"{path} is damaged or was exchanged: its sha256 is {sha256[:12]}..., "
            f"{CONFIG} says {config.sha256[:12]}...; fetch the checkpoint again."
        )
    return read_safetensors(path), sha256


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file.

    Raises:
        CheckpointError: It is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is no readable safetensors file: {error}.") from error


def load_network(folder: Path, name: str | None = None) -> Network:
    """The network of a checkpoint folder on the CPU, float32, as it was trained: nothing folded.

    Args:
        folder: Holds ``config.json`` and ``model.safetensors``.
        name: What to call it in ``identity``; by default what ``config.json`` says.

    Raises:
        CheckpointMissingError: The folder lacks a file.
        CheckpointError: A file is damaged, or weights and network do not fit.
    """
    config = read_config(folder)
    state, sha256 = read_weights(folder, config)
    network = build_network(config, state)
    network.identity = Identity(
        config.method, name or config.name, sha256, config.calibration, config.trained
    )
    network.read_companions(folder)
    return network


def build_network(config: CheckpointConfig, state: Mapping[str, Tensor]) -> Network:
    """A network with weights in it, names and shapes checked first.

    Raises:
        CheckpointError: Names or shapes differ; the text lists how.
    """
    network_class = METHODS[config.method]
    state = {n: t for n, t in state.items() if not n.startswith(TRAINING_PREFIX)}
    try:
        with _NoRandomInit():
            network = network_class(**config.network)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{config.name} cannot be built: the arguments of {network_class.__name__} in {CONFIG} "
            f"are unusable: {error}."
        ) from error
    if difference := describe_difference(network.state_dict(), state):
        raise CheckpointError(f"These weights are not a {config.method} network: {difference}.")
    network.load_state_dict(state)
    network.spec = config.input
    return network.eval()


class _NoRandomInit(TorchFunctionMode):
    """Leaves weights as allocated: drawing them costs time, and all are overwritten.

    Memory that is only allocated is not taken either, so absurd sizes fail the check of shapes
    before they cost anything.
    """

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func.__name__ in RANDOM_INITIALISERS:
            return args[0] if args else (kwargs or {})["tensor"]
        if func in (torch.randn, torch.rand):
            func = torch.empty
        return func(*args, **(kwargs or {}))


def describe_difference(expected: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> str:
    """How two state dicts differ in names and shapes, for a person; empty where they do not."""
    shapes = [
        f"{name} is {tuple(got[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected
        if name in got and got[name].shape != expected[name].shape
    ]
    findings = (
        ("missing", [name for name in expected if name not in got]),
        ("unexpected", [name for name in got if name not in expected]),
        ("of another shape", shapes),
    )
    return "; ".join(f"{len(names)} {what} ({_listed(names)})" for what, names in findings if names)


def _listed(names: list[str], most: int = 4) -> str:
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def read_training_state(folder: Path) -> dict[str, Tensor]:
    """What ``save_checkpoint`` was given as ``training_state``.

    Raises:
        CheckpointError: The weights cannot be read.
    """
    stored = read_safetensors(folder / WEIGHTS)
    return {
        name.removeprefix(TRAINING_PREFIX): tensor
        for name, tensor in stored.items()
        if name.startswith(TRAINING_PREFIX)
    }
