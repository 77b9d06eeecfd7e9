"""From the published files to ACL's state dict: three parts, names, shapes, and a smaller copy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from sslviz.errors import CheckpointError
from sslviz.models.blocks.beats import BEATsConfig
from sslviz.models.clipseg import PROMPT_IDS, ClipSizes
from sslviz.models.key_map import KeyMap, unwrap_state

PARTS = ("acl", "beats", "clipseg")
"""What a file may be: the trained part, the audio encoder, CLIP with its decoder."""
_BEATS = {
    "patch_embedding.": "patch_embedding.",
    "layer_norm.": "patch_norm.",
    "post_extract_proj.": "patch_proj.",
    "encoder.pos_conv.0.": "position_conv.",
    "encoder.layer_norm.": "encoder_norm.",
    "encoder.layers.0.self_attn.relative_attention_bias.": "position_bias.",
}
_BEATS_LAYER = {
    "self_attn.q_proj.": "attention.q_proj.",
    "self_attn.k_proj.": "attention.k_proj.",
    "self_attn.v_proj.": "attention.v_proj.",
    "self_attn.out_proj.": "attention.out_proj.",
    "self_attn.grep_linear.": "attention.gate.",
    "self_attn.grep_a": "attention.gate_scale",
    "self_attn_layer_norm.": "attention_norm.",
    "fc1.": "fc1.",
    "fc2.": "fc2.",
    "final_layer_norm.": "final_norm.",
}
_PROJECTOR = {
    "fc1.": "fc1.",
    "fc2.": "fc2.",
    "fga.un_models.0.embed.": "pool.unary_hidden.",
    "fga.un_models.0.feature_reduce.": "pool.unary.",
    "fga.pp_models.0.embed_X.": "pool.left.",
    "fga.pp_models.0.embed_Y.": "pool.right.",
    "fga.reduce_potentials.0.": "pool.mix.",
}
_MAX_LAYERS = 24

KEY_MAP = KeyMap(
    (
        *((f"beats.{old}", f"audio_encoder.{new}") for old, new in _BEATS.items()),
        *(
            (f"beats.encoder.layers.{i}.{old}", f"audio_encoder.layers.{i}.{new}")
            for i in range(_MAX_LAYERS)
            for old, new in _BEATS_LAYER.items()
        ),
        ("clipseg.", "clip.clipseg."),
        *((f"audio_proj.{old}", f"projector.{new}") for old, new in _PROJECTOR.items()),
        ("masker_i.w", "masker.scale"),
        ("masker_i.b", "masker.shift"),
    )
)
"""Reference names (each published file under its own prefix) to ours and back."""


def convert_parts(
    parts: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Arguments and state dict of ``ACL`` from what the three published files hold.

    Args:
        parts: ``acl`` (``audio_proj`` and ``masker_i``), ``beats`` (``cfg`` and ``model``),
            ``clipseg`` (a bare state dict).

    Raises:
        CheckpointError: A part is missing or has another layout.
    """
    if missing := [part for part in PARTS if part not in parts]:
        raise CheckpointError(
            f"ACL needs three files, and {', '.join(missing)} is missing; run `sslviz fetch acl`, "
            "which brings CLIPSeg and BEATs to the trained part."
        )
    trained = parts["acl"]
    if not {"audio_proj", "masker_i"} <= set(trained):
        raise CheckpointError(
            "The trained part of ACL (Param_best.pth) holds audio_proj and masker_i, this file "
            f"holds {', '.join(map(str, list(trained)[:5]))}."
        )
    arguments = {**_beats_arguments(parts["beats"]), **_clip_arguments(parts["clipseg"])}
    reference = {
        **_prefixed("beats.", _beats_state(parts["beats"])),
        **_prefixed("clipseg.", _clipseg_state(parts["clipseg"])),
        **_prefixed("audio_proj.", trained["audio_proj"]),
        **_prefixed("masker_i.", trained["masker_i"]),
    }
    return arguments, _squeeze(KEY_MAP.import_state(reference))


def _prefixed(prefix: str, state: Mapping[str, Any]) -> dict[str, Tensor]:
    if foreign := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise CheckpointError(f"{prefix}{foreign[0]} is no tensor; this is another kind of file.")
    return {prefix + name: tensor for name, tensor in state.items()}


def _beats_arguments(part: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(part.get("cfg"), Mapping) or "model" not in part:
        raise CheckpointError(
            "A BEATs file holds cfg and model, this one holds "
            f"{', '.join(map(str, list(part)[:5]))}."
        )
    read, default = asdict(BEATsConfig.from_cfg(part["cfg"])), asdict(BEATsConfig())
    differing = {name: value for name, value in read.items() if value != default[name]}
    return {"beats": differing} if differing else {}


def _clip_arguments(part: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes by the shapes; CLIP's attention heads are 64 wide in both towers."""
    state, default = _clipseg_state(part), ClipSizes()
    try:
        vision, text = (f"clip.{tower}_model.encoder.layers." for tower in ("vision", "text"))
        vision_hidden, vision_size = state[f"{vision}0.mlp.fc1.weight"].shape
        text_hidden, text_size = state[f"{text}0.mlp.fc1.weight"].shape
        read = ClipSizes(
            vision_size=vision_size,
            vision_layers=_count_layers(state, vision),
            vision_heads=vision_size // 64,
            vision_hidden=vision_hidden,
            patch_size=state["clip.vision_model.embeddings.patch_embedding.weight"].shape[-1],
            text_size=text_size,
            text_layers=_count_layers(state, text),
            text_heads=text_size // 64,
            text_hidden=text_hidden,
            projection_size=len(state["clip.text_projection.weight"]),
            reduce_size=len(state["decoder.film_mul.weight"]),
            decoder_hidden=len(state["decoder.layers.0.mlp.fc1.weight"]),
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(
            f"This is no CLIPSeg file: {error} is missing or misshapen."
        ) from error
    differing = {
        name: value
        for name, value, usual in zip(read._fields, read, default, strict=True)
        if value != usual
    }
    return {"clip": differing} if differing else {}


def _count_layers(state: Mapping[str, Tensor], prefix: str) -> int:
    names = (n.removeprefix(prefix).split(".")[0] for n in state if n.startswith(prefix))
    return len(set(names))


def _beats_state(part: Mapping[str, Any]) -> dict[str, Tensor]:
    """Without the classifier; one table of relative positions, and the weight norm folded."""
    state = dict(unwrap_state({"model": part.get("model", {})}))
    state = {name: t for name, t in state.items() if not name.startswith("predictor.")}
    tables = [n for n in state if n.endswith("relative_attention_bias.weight")]
    kept = "encoder.layers.0.self_attn.relative_attention_bias.weight"
    for name in tables:
        if name != kept and not torch.equal(state.pop(name), state[kept]):
            raise CheckpointError(
                f"{name} differs from layer 0's; BEATs has one table of relative positions."
            )
    prefix = "encoder.pos_conv.0."
    if f"{prefix}weight_g" in state:
        gain, direction = state.pop(f"{prefix}weight_g"), state.pop(f"{prefix}weight_v")
        norm = direction.float().norm(dim=(0, 1), keepdim=True)
        state[f"{prefix}weight"] = direction.float() * (gain.float() / norm)
    return state


def _clipseg_state(part: Mapping[str, Any]) -> dict[str, Tensor]:
    """Without the index buffers that older versions of transformers stored."""
    return {name: t for name, t in unwrap_state(part).items() if not name.endswith("position_ids")}


def _squeeze(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The pooling's 1 x 1 convolutions as the linear layers that they are."""
    for name, tensor in state.items():
        if name.startswith("projector.pool.") and tensor.ndim == 3:
            state[name] = tensor.squeeze(-1)
    return state


def trained_part(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The part that ACL trains, under the authors' names and shapes: what their code would load."""
    theirs: dict[str, dict[str, Tensor]] = {"audio_proj": {}, "masker_i": {}}
    for name, tensor in KEY_MAP.export_state(state).items():
        part, _, rest = name.partition(".")
        if part in theirs:
            is_convolution = rest.startswith("fga.") and tensor.ndim == 2
            theirs[part][rest] = tensor.unsqueeze(-1) if is_convolution else tensor
    return theirs


def trim(state: Mapping[str, Tensor], words: bool, last_layers: bool) -> dict[str, Tensor]:
    """What ``ACL(words=..., confidence=last_layers)`` holds of a whole state dict; the maps stay equal."""
    tower = "clip.clipseg.clip.vision_model."
    unused = (f"{tower}post_layernorm.", "clip.clipseg.clip.visual_projection.")
    kept = {}
    for name, tensor in state.items():
        layer = name.removeprefix(f"{tower}encoder.layers.").split(".")[0]
        is_last = name.startswith(unused) or (layer.isdigit() and int(layer) > 9)
        if last_layers or not is_last:
            kept[name] = tensor
    table = "clip.clipseg.clip.text_model.embeddings.token_embedding.weight"
    if not words and len(kept[table]) > len(PROMPT_IDS):
        kept[table] = kept[table][list(PROMPT_IDS)]
    return kept
