"""BEATs, the audio encoder of ACL, on ``scaled_dot_product_attention``.

S. Chen, Y. Wu, C. Wang, S. Liu, D. Tompkins, Z. Chen, F. Wei, "BEATs: Audio Pre-Training with Acoustic Tokenizers",
ICML 2023, arXiv:2212.09058. Kaldi filter bank, patch embedding, twelve post-norm layers with gated relative positions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sslviz.errors import CheckpointError
from sslviz.models.blocks.kaldi import filter_bank
from sslviz.models.blocks.staleness import identity_of

FBANK_MEAN, FBANK_DEVIATION = 15.41663, 6.55582
NUM_MELS = 128


@dataclass(frozen=True, slots=True)
class BEATsConfig:
    """The fields of a BEATs checkpoint's ``cfg`` that change what the network computes at inference."""

    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    conv_pos: int = 128
    """Width of the convolution that encodes positions, in tokens."""
    conv_pos_groups: int = 16
    num_buckets: int = 320
    max_distance: int = 800
    deep_norm: bool = True
    input_patch_size: int = 16
    embed_dim: int = 512

    @classmethod
    def from_cfg(cls, cfg: Mapping[str, Any]) -> "BEATsConfig":
        """Read the ``cfg`` of a published file; its training-only fields do not matter here.

        Raises:
            CheckpointError: The file wants an arithmetic that this class does not have.
        """
        needed = {
            "layer_norm_first": False,
            "conv_bias": False,
            "relative_position_embedding": True,
            "gru_rel_pos": True,
            "activation_fn": "gelu",
        }
        wrong = {k: cfg.get(k, v) for k, v in needed.items() if cfg.get(k, v) != v}
        if wrong:
            raise CheckpointError(
                f"This BEATs file was made with {wrong}; only {needed} is supported. Use the iter3+ "
                f"AS2M file that ACL was trained with."
            )
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in cfg.items() if k in known})

    @property
    def taps(self) -> tuple[int, int, int]:
        """Layers whose outputs ACL concatenates: the 4th, 8th and 12th of twelve."""
        last = self.encoder_layers
        return last // 3 - 1, 2 * last // 3 - 1, last - 1


def beats_fbank(waveforms: Tensor) -> Tensor:
    """Normalised Kaldi filter bank: (B, n) in [-1, 1] at 16 kHz -> (B, (n - 400) // 160 + 1, 128) float32.

    Always in float32: the power of 16-bit amplitudes lies far beyond what float16 can hold.
    """
    with torch.autocast(waveforms.device.type, enabled=False):
        banks = torch.stack([filter_bank(w.float() * 2.0**15, NUM_MELS) for w in waveforms])
    return (banks - FBANK_MEAN) / (2 * FBANK_DEVIATION)


def position_buckets(length: int, num_buckets: int, max_distance: int) -> Tensor:
    """Bucket of each offset j - i, (length, length): half of them for j > i, near offsets exact, far ones logarithmic."""
    position = torch.arange(length)
    offset = position[None, :] - position[:, None]
    half, exact = num_buckets // 2, num_buckets // 4
    distance = offset.abs()
    ratio = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (half - exact)).long()).clamp(max=half - 1)
    return (offset > 0).long() * half + torch.where(distance < exact, distance, far)


class GatedAttention(nn.Module):
    """Self-attention whose relative-position bias is gated by the query (BEATs' ``gru_rel_pos``)."""

    def __init__(self, size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj, self.k_proj = nn.Linear(size, size), nn.Linear(size, size)
        self.v_proj, self.out_proj = nn.Linear(size, size), nn.Linear(size, size)
        self.gate = nn.Linear(size // num_heads, 8)
        self.gate_scale = nn.Parameter(torch.ones(1, num_heads, 1, 1))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """(B, T, C) with the bias table (heads, T, T) -> (B, T, C)."""
        batch, length, _ = x.shape
        q, k, v = (
            proj(x).view(batch, length, self.num_heads, -1).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )  # (B, heads, T, C / heads)
        # The gate reads the query before it is divided by the root of its size.
        gates = self.gate(q).unflatten(-1, (2, 4)).sum(-1).sigmoid()  # (B, heads, T, 2)
        update, reset = gates[..., :1], gates[..., 1:]
        gate = 2.0 + update * (reset * self.gate_scale - 1.0)  # (B, heads, T, 1)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=gate * bias)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(batch, length, -1))
        return out


class BEATsLayer(nn.Module):
    """One post-norm transformer layer; DeepNorm scales the residual."""

    def __init__(self, config: BEATsConfig) -> None:
        super().__init__()
        size = config.encoder_embed_dim
        self.residual_scale = (2 * config.encoder_layers) ** 0.25 if config.deep_norm else 1.0
        self.attention = GatedAttention(size, config.encoder_attention_heads)
        self.attention_norm = nn.LayerNorm(size)
        self.fc1 = nn.Linear(size, config.encoder_ffn_embed_dim)
        self.fc2 = nn.Linear(config.encoder_ffn_embed_dim, size)
        self.final_norm = nn.LayerNorm(size)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        x = self.attention_norm(x * self.residual_scale + self.attention(x, bias))
        out: Tensor = self.final_norm(
            x * self.residual_scale + self.fc2(functional.gelu(self.fc1(x)))
        )
        return out


class BEATs(nn.Module):
    """The encoder without its classifier; positions' weight norm is folded when a file is converted."""

    def __init__(self, config: BEATsConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or BEATsConfig()
        size, patch = config.encoder_embed_dim, config.input_patch_size
        self.patch_embedding = nn.Conv2d(1, config.embed_dim, patch, patch, bias=False)
        self.patch_norm = nn.LayerNorm(config.embed_dim)
        self.patch_proj = nn.Linear(config.embed_dim, size)
        self.position_conv = nn.Conv1d(
            size, size, config.conv_pos, padding=config.conv_pos // 2, groups=config.conv_pos_groups
        )
        self.encoder_norm = nn.LayerNorm(size)
        self.layers = nn.ModuleList(BEATsLayer(config) for _ in range(config.encoder_layers))
        self.position_bias = nn.Embedding(config.num_buckets, config.encoder_attention_heads)
        self._bias: tuple[object, Tensor] | None = None

    @property
    def output_size(self) -> int:
        """Channels of what ``forward`` returns: three layers side by side."""
        return 3 * self.config.encoder_embed_dim

    def _bias_table(self, length: int) -> Tensor:
        weight = self.position_bias.weight
        key = (length, *identity_of(weight))
        if self._bias is None or self._bias[0] != key:
            buckets = position_buckets(length, self.config.num_buckets, self.config.max_distance)
            with torch.inference_mode(False), torch.no_grad():
                table = self.position_bias(buckets.to(weight.device)).permute(2, 0, 1).contiguous()
            self._bias = key, table
        return self._bias[1]

    def forward(self, waveforms: Tensor) -> Tensor:
        """Hidden layers 4, 8 and 12 side by side: (B, n) at 16 kHz -> (B, T, 2304), 8 tokens per 0.16 s."""
        banks = beats_fbank(waveforms).to(self.patch_proj.weight.dtype)
        x = self.patch_embedding(banks.unsqueeze(1))  # (B, 512, frames // 16, 8)
        x = self.patch_proj(self.patch_norm(x.flatten(2).transpose(1, 2)))  # (B, T, 768)
        positions = self.position_conv(x.transpose(1, 2))[..., : x.shape[1]]
        x = self.encoder_norm(x + functional.gelu(positions).transpose(1, 2))
        bias = self._bias_table(x.shape[1])
        hidden = []
        for index, layer in enumerate(self.layers):
            x = layer(x, bias)
            if index in self.config.taps:
                hidden.append(x)
        return torch.cat(hidden, dim=-1)
