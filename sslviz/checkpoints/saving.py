"""Writing a checkpoint folder: ``config.json`` and ``model.safetensors``, each whole or not at all."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from sslviz.checkpoints.folder import FORMAT_VERSION, TRAINING_PREFIX, CheckpointConfig
from sslviz.checkpoints.places import CONFIG, WEIGHTS
from sslviz.errors import CheckpointError
from sslviz.media.hashing import sha256_of
from sslviz.models import Network
from sslviz.types import ScoreScale
from sslviz.whole_file import whole_file


def save_checkpoint(
    network: Network,
    folder: Path,
    config: CheckpointConfig,
    dtype: torch.dtype | None = None,
    training_state: Mapping[str, Tensor] | None = None,
) -> CheckpointConfig:
    """Write a checkpoint folder; returns the configuration with hash and scale filled in.

    Args:
        network: Unfolded, as trained.
        folder: Made where it is missing; files of an earlier checkpoint are replaced.
        config: Its ``input`` and ``method`` must be the network's.
        dtype: Store floating-point weights in this precision; ``None``: as they are.
        training_state: Entries that only training needs, stored under ``objective.``.

    Raises:
        CheckpointError: A weight is not finite (in ``dtype``), or the method differs.
    """
    if config.method != network.method:
        raise CheckpointError(f"a {network.method} network cannot be saved as {config.method}.")
    extra = {TRAINING_PREFIX + name: t for name, t in (training_state or {}).items()}
    return write_checkpoint({**network.state_dict(), **extra}, folder, config, network.scale, dtype)


def write_checkpoint(
    state: Mapping[str, Tensor],
    folder: Path,
    config: CheckpointConfig,
    scale: ScoreScale,
    dtype: torch.dtype | None = None,
) -> CheckpointConfig:
    """Write weights that are at hand as a state dict; see ``save_checkpoint``."""
    stored = {name: _storable(name, tensor, dtype) for name, tensor in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / CONFIG) as told, whole_file(folder / WEIGHTS) as part:
        save_file(stored, part)
        config = replace(config, sha256=sha256_of(part), scale=scale)
        values = {"format_version": FORMAT_VERSION, **asdict(config)}
        told.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return config


def copy_companions(network: type[Network], source: Path, target: Path) -> None:
    """Bring along what lies beside the weights of a network, such as a tokenizer; absent files are no error."""
    for name in network.companions:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def _storable(name: str, tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        if tensor.ndim:  # a scalar, such as a threshold, keeps its precision: it costs no space
            tensor = tensor.to(dtype or tensor.dtype)
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"{name} holds NaN, infinity or more than {tensor.dtype} can.")
    return tensor.clone(memory_format=torch.contiguous_format)
