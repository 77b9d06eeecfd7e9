"""A network's weights as the authors of its three parts would have saved them."""

from typing import Any

import torch
from acl_tiny import TINY_BEATS

from sslviz.models import ACL
from sslviz.models.acl_weights import KEY_MAP, trained_part

CFG = {
    **TINY_BEATS,
    "layer_norm_first": False,
    "gru_rel_pos": True,
    "dropout": 0.1,
    "predictor_class": 527,
}


def published(network: ACL) -> dict[str, dict[str, Any]]:
    """The three files as their authors would have saved this network."""
    reference = KEY_MAP.export_state(network.state_dict())
    split: dict[str, dict[str, torch.Tensor]] = {"beats": {}, "clipseg": {}}
    for name, tensor in reference.items():
        part, _, rest = name.partition(".")
        if part in split:
            split[part][rest] = tensor.clone()
    beats = split["beats"]
    weight = beats.pop("encoder.pos_conv.0.weight")
    beats["encoder.pos_conv.0.weight_v"] = 3 * weight
    beats["encoder.pos_conv.0.weight_g"] = weight.norm(dim=(0, 1), keepdim=True)
    table = "encoder.layers.{}.self_attn.relative_attention_bias.weight"
    for layer in (1, 2):
        beats[table.format(layer)] = beats[table.format(0)].clone()
    beats["predictor.weight"] = torch.zeros(527, 32)
    split["clipseg"]["clip.vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    return {
        "acl": trained_part(network.state_dict()),
        "beats": {"cfg": CFG, "model": beats},
        "clipseg": split["clipseg"],
    }
