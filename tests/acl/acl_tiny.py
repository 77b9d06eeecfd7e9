"""A network that runs in milliseconds, and a tokenizer of five words."""

import json
from pathlib import Path

import torch

from sslviz.checkpoints import CheckpointConfig, save_checkpoint
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

WORDS = {"a": 320, "photo": 1125, "of": 539, "dog": 1929, "guitar": 5084}


def tiny_acl(seed: int = 0, **options: object) -> ACL:
    torch.manual_seed(seed)
    chosen = {"words": False, "image_size": 64, "map_size": 16, "audio_hop_seconds": 1.0, **options}
    network = ACL(beats=TINY_BEATS, clip=TINY_CLIP, **chosen)
    with torch.no_grad():  # so that maps depend visibly on the sound
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
    return network.eval()


def tokenizer_files() -> dict[str, bytes]:
    """CLIP's vocabulary, cut down to a few words with their true numbers."""
    vocabulary = {"<|startoftext|>": 49406, "<|endoftext|>": 49407}
    merges: list[str] = []
    for word, number in WORDS.items():
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            merge = f"{pieces[0]} {pieces[1]}"
            if merge not in merges:
                merges.append(merge)
            pieces[:2] = [pieces[0] + pieces[1]]
            if len(pieces) > 1:
                vocabulary.setdefault(pieces[0], 40_000 + len(vocabulary))
        vocabulary[pieces[0]] = number
        for letter in word:
            for token in (letter, f"{letter}</w>"):
                vocabulary.setdefault(token, 40_000 + len(vocabulary))
    text = "\n".join(["#version: 0.2", *merges])
    return {"vocab.json": json.dumps(vocabulary).encode(), "merges.txt": text.encode()}


def save_tiny_acl(folder: Path) -> Path:
    """A checkpoint folder of it, with its words and its tokenizer."""
    arguments = {
        "beats": TINY_BEATS, "clip": TINY_CLIP, "words": True, "image_size": 64, "map_size": 16,
        "audio_hop_seconds": 1.0,
    }  # fmt: skip
    network = tiny_acl(words=True)
    config = CheckpointConfig(
        method="acl", name=folder.name, input=network.spec, network=arguments,
        calibration=ACL.default_calibration,
    )  # fmt: skip
    save_checkpoint(network, folder, config)
    for name, content in tokenizer_files().items():
        (folder / name).write_bytes(content)
    return folder
