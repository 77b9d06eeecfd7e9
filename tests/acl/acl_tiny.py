"""The sizes of a network that runs in milliseconds."""

import torch

from sslviz.models.acl import ACL

TINY_BEATS = {
    "encoder_layers": 3,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 48,
    "encoder_attention_heads": 4,
    "conv_pos": 16,
    "conv_pos_groups": 4,
    "num_buckets": 32,
    "max_distance": 80,
    "embed_dim": 24,
}
TINY_CLIP = {
    "vision_size": 32,
    "vision_layers": 5,
    "vision_heads": 4,
    "vision_hidden": 48,
    "text_size": 32,
    "text_layers": 2,
    "text_heads": 4,
    "text_hidden": 48,
    "projection_size": 32,
    "reduce_size": 16,
    "decoder_hidden": 24,
    "extract_layers": [0, 1, 2],
}


def tiny_acl(seed: int = 0, **options: object) -> ACL:
    torch.manual_seed(seed)
    chosen = {"words": False, "image_size": 64, "map_size": 16, "audio_hop_seconds": 1.0, **options}
    network = ACL(beats=TINY_BEATS, clip=TINY_CLIP, **chosen)
    with torch.no_grad():  # so that maps depend visibly on the sound
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
    return network.eval()
