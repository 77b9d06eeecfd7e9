"""Checkpoints of one's own making: a file put in the place of a download, and a smaller copy of ACL."""

import shutil
from dataclasses import replace
from pathlib import Path

import torch

from sslviz.catalog import CHECKPOINTS
from sslviz.checkpoints.download import FetchProgress
from sslviz.checkpoints.folder import load_network, read_config
from sslviz.checkpoints.foreign import convert_file
from sslviz.checkpoints.hub import fetch_companions
from sslviz.checkpoints.places import cache_folder
from sslviz.checkpoints.saving import copy_companions, write_checkpoint
from sslviz.errors import CheckpointError, CheckpointMissingError
from sslviz.models.acl import ACL
from sslviz.models.acl_weights import trim


def adopt(
    name: str, file: Path, allow_pickle: bool = False, progress: FetchProgress | None = None
) -> Path:
    """Convert a file that was got elsewhere, and keep it under the name of a catalog's checkpoint.

    For weights that no mirror hands out, such as those that lie on a drive for people. What else
    the network needs is fetched.

    Raises:
        CheckpointMissingError: No such checkpoint or file.
        CheckpointError: The file is unreadable or belongs to another network.
        HubError: The rest could not be fetched.
    """
    if name not in CHECKPOINTS:
        raise CheckpointMissingError(
            f"There is no checkpoint {name!r}; a file can stand for {', '.join(CHECKPOINTS)}."
        )
    if not file.is_file():
        raise CheckpointMissingError(f"There is no file {file}.")
    converted, target = (
        convert_file(file, name, allow_pickle),
        cache_folder() / "checkpoints" / name,
    )
    shutil.rmtree(target, ignore_errors=True)
    converted.rename(target)
    fetch_companions(name, target, progress)
    return target


def bundle(
    source: Path,
    target: Path,
    *,
    words: bool = True,
    confidence: bool = True,
    dtype: torch.dtype = torch.bfloat16,
) -> Path:
    """Write a trimmed copy of a fetched or trained ACL checkpoint in half precision.

    Args:
        source: Its checkpoint folder.
        target: The folder to make; ``checkpoints/acl`` beside the code is found by name.
        words: Keep CLIP's table of words and the tokenizer, for text queries.
        confidence: Keep the layers that only confidence, retrieval and training need.
        dtype: Precision of the stored weights.

    Raises:
        CheckpointError: It is another method's checkpoint, or was trimmed further than is asked.
    """
    network, config = load_network(source), read_config(source)
    if not isinstance(network, ACL):
        raise CheckpointError(f"{source} is a {config.method} checkpoint; only ACL is bundled.")
    if (words and not network.clip.words) or (confidence and not network.clip.last_layers):
        raise CheckpointError(
            f"{source} was trimmed already and lacks what is asked for; bundle the whole one."
        )
    state = trim(network.state_dict(), words, confidence)
    arguments = {**config.network, "words": words, "confidence": confidence}
    write_checkpoint(state, target, replace(config, network=arguments), network.scale, dtype)
    if words:
        copy_companions(ACL, source, target)
    return target
