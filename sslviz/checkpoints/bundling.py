"""A smaller copy of ACL that loads without a network: what the maps do not need is left out."""

import shutil
from dataclasses import replace
from pathlib import Path

import torch

from sslviz.checkpoints.folder import load_network, read_config, write_checkpoint
from sslviz.errors import CheckpointError
from sslviz.models.acl import ACL
from sslviz.models.acl_weights import trim
from sslviz.models.clipseg import TOKENIZER_FILES


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
    for name in TOKENIZER_FILES:
        if words and (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    return target
