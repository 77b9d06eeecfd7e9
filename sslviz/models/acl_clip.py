"""CLIP's two towers and CLIPSeg's decoder, asked the way ACL asks them.

T. Lüddecke, A. Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022, arXiv:2112.10003 (CLIPSeg rd64
refined). What ACL needs of them, arXiv:2311.04066 section 3.1: a sentence with one word given as a vector, hidden states
of the picture, a decoder that is told what to look for, and per-cell features in the space of text (MaskCLIP's path).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sslviz.models.blocks.staleness import identity_of
from sslviz.models.clipseg import PROMPT_IDS, ClipSizes, build_clipseg

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
KeyValue = tuple[Tensor, Tensor]


class ImageCode(NamedTuple):
    """What scoring needs of a picture; T = 1 + (image_size / patch_size)² tokens."""

    reduced: Tensor
    """(B, 3, T, 64): the decoder's view of three hidden layers, the deepest first."""
    dense: Tensor | None
    """(B, 512, h, w): each cell in the space of text; absent where no confidence is wanted."""
    vector: Tensor | None
    """(B, 512): the whole picture in that space."""


class Clip(nn.Module):
    """Frozen CLIP and CLIPSeg decoder.

    Args:
        sizes: Sizes that differ from CLIPSeg rd64 refined.
        words: Keep the whole table of words, for text queries; else only the five of the prompt.
        last_layers: Keep the layers after the last one that the decoder reads: they serve the
            confidence, retrieval and training, and no map.
    """

    def __init__(
        self, sizes: Mapping[str, Any] | None = None, words: bool = True, last_layers: bool = True
    ) -> None:
        super().__init__()
        self.sizes = ClipSizes(**(sizes or {}))
        self.words, self.last_layers = words, last_layers
        vocabulary_size = max(PROMPT_IDS) + 1 if words else len(PROMPT_IDS)
        self.clipseg = build_clipseg(self.sizes, vocabulary_size)
        if not last_layers:
            encoder = self.clipseg.clip.vision_model.encoder
            encoder.layers = encoder.layers[: self.sizes.extract_layers[-1] + 1]
            del self.clipseg.clip.vision_model.post_layernorm
            del self.clipseg.clip.visual_projection
        self.requires_grad_(False)
        self._positions: tuple[object, Tensor] | None = None
        self._prefix: tuple[object, list[KeyValue]] | None = None

    # --- picture

    def encode_images(self, images: Tensor, whole: bool = False) -> ImageCode:
        """RGB in [0, 1], (B, 3, S, S) -> what scoring needs; S is a multiple of the patch size.

        Args:
            images: Pictures.
            whole: The vector of the whole picture is all that is needed (the image-level loss).
        """
        tower = self.clipseg.clip.vision_model
        extracted = self.sizes.extract_layers
        x = tower.pre_layrnorm(self._patch_tokens(images))
        taps = []
        for index, layer in enumerate(tower.encoder.layers[: -1 if self.last_layers else None]):
            x = layer(x, None)
            if index in extracted:
                taps.append(x)
        if whole:
            return ImageCode(x[:, :0], None, self._picture_vector(x))
        reduces = self.clipseg.decoder.reduces
        reduced = [reduce(tap) for reduce, tap in zip(reduces, reversed(taps), strict=True)]
        if not self.last_layers:
            return ImageCode(torch.stack(reduced, dim=1), None, None)
        return ImageCode(torch.stack(reduced, dim=1), self._dense(x), self._picture_vector(x))

    def _patch_tokens(self, images: Tensor) -> Tensor:
        embeddings = self.clipseg.clip.vision_model.embeddings
        weight = embeddings.patch_embedding.weight
        mean, deviation = (images.new_tensor(c).view(3, 1, 1) for c in (CLIP_MEAN, CLIP_DEVIATION))
        patches = embeddings.patch_embedding(((images - mean) / deviation).to(weight.dtype))
        patches = patches.flatten(2).transpose(1, 2)  # (B, h * w, C)
        first = embeddings.class_embedding.expand(len(images), 1, -1)
        tokens: Tensor = torch.cat([first, patches], dim=1) + self._position_table(images)
        return tokens

    def _position_table(self, images: Tensor) -> Tensor:
        """(1, T, C), stretched bicubically from the 14 x 14 cells CLIP was trained on; made once."""
        embeddings = self.clipseg.clip.vision_model.embeddings
        weight: Tensor = embeddings.position_embedding.weight
        key = (images.shape[-2:], *identity_of(weight))
        if self._positions is None or self._positions[0] != key:
            height, width = images.shape[-2:]
            size = embeddings.patch_size
            with torch.inference_mode(False), torch.no_grad():
                cells = weight[1:].float().T.reshape(1, weight.shape[1], -1)
                side = round(cells.shape[-1] ** 0.5)
                cells = functional.interpolate(
                    cells.reshape(1, -1, side, side),
                    (height // size, width // size),
                    mode="bicubic",
                )
                table = torch.cat([weight[:1].float(), cells[0].flatten(1).T]).to(weight.dtype)
            self._positions = key, table.unsqueeze(0)
        return self._positions[1]

    def _dense(self, x: Tensor) -> Tensor:
        """MaskCLIP's path: the last layer without its attention weights, (B, T, C) -> (B, 512, h, w)."""
        tower = self.clipseg.clip.vision_model
        layer = tower.encoder.layers[-1]
        y = x + layer.self_attn.out_proj(layer.self_attn.v_proj(layer.layer_norm1(x)))
        y = y + layer.mlp(layer.layer_norm2(y))
        cells = self.clipseg.clip.visual_projection(tower.post_layernorm(y))[:, 1:]
        side = round(cells.shape[1] ** 0.5)
        dense: Tensor = cells.transpose(1, 2).unflatten(-1, (side, side))
        return dense

    def _picture_vector(self, x: Tensor) -> Tensor:
        """CLIP's embedding of the whole picture; only the class token asks in the last layer."""
        tower = self.clipseg.clip.vision_model
        layer = tower.encoder.layers[-1]
        attention = layer.self_attn
        normed = layer.layer_norm1(x)
        q, k, v = (
            _split_heads(t, attention.num_heads)
            for t in (
                attention.q_proj(normed[:, :1]),
                attention.k_proj(normed),
                attention.v_proj(normed),
            )
        )
        mixed = functional.scaled_dot_product_attention(q, k, v)
        y = x[:, :1] + attention.out_proj(_merge_heads(mixed))
        y = y + layer.mlp(layer.layer_norm2(y))
        vector: Tensor = self.clipseg.clip.visual_projection(tower.post_layernorm(y[:, 0]))
        return vector

    # --- sentence

    def embed_word(self, vectors: Tensor) -> Tensor:
        """The sentence "A photo of <vector>" in the space of text: (B, text_size) -> (B, 512), not normalised.

        The causal mask makes the words before the vector independent of it, so that their keys and
        values are computed once and only two tokens run per call.
        """
        text = self.clipseg.clip.text_model
        table = text.embeddings.position_embedding.weight
        start = len(PROMPT_IDS) - 1
        end = self._word_vectors(PROMPT_IDS[-1:]).expand(len(vectors), 1, -1)
        tail = torch.cat([vectors.to(table.dtype).unsqueeze(1), end], dim=1)
        x, _ = self._read(tail + table[start : start + 2], self._prompt_prefix())
        return self._sentence_vector(x[:, -1])

    def embed_tokens(self, ids: Sequence[int]) -> Tensor:
        """A whole sentence of CLIP token ids, <start> and <end> included -> (1, 512)."""
        x = self._word_vectors(ids)
        x = x + self.clipseg.clip.text_model.embeddings.position_embedding.weight[: x.shape[1]]
        return self._sentence_vector(self._read(x, None)[0][:, -1])

    def _word_vectors(self, ids: Sequence[int]) -> Tensor:
        """(1, len(ids), text_size)."""
        table = self.clipseg.clip.text_model.embeddings.token_embedding.weight
        rows = list(ids) if self.words else [PROMPT_IDS.index(i) for i in ids]
        vectors: Tensor = table[torch.tensor(rows, device=table.device)].unsqueeze(0)
        return vectors

    def _prompt_prefix(self) -> list[KeyValue]:
        text = self.clipseg.clip.text_model
        weight = text.embeddings.position_embedding.weight
        key = (*identity_of(weight), *identity_of(text.embeddings.token_embedding.weight))
        if self._prefix is None or self._prefix[0] != key:
            with torch.inference_mode(False), torch.no_grad():
                words = self._word_vectors(PROMPT_IDS[:-1])
                self._prefix = key, self._read(words + weight[: words.shape[1]], None)[1]
        return self._prefix[1]

    def _read(self, x: Tensor, past: list[KeyValue] | None) -> tuple[Tensor, list[KeyValue]]:
        """Run the text layers with an explicit causal mask; returns (B, T, C) and keys and values.

        The mask is made here because the layers of transformers 5 take unknown keywords silently:
        asked by the old name they attend in both directions, and nothing complains.
        """
        num_past = past[0][0].shape[2] if past else 0
        mask = causal_mask(x.shape[1], num_past, x)
        keys_values = []
        for index, layer in enumerate(self.clipseg.clip.text_model.encoder.layers):
            attention, normed = layer.self_attn, layer.layer_norm1(x)
            q, k, v = (
                _split_heads(proj(normed), attention.num_heads)
                for proj in (attention.q_proj, attention.k_proj, attention.v_proj)
            )
            if past:
                k, v = (
                    torch.cat([old.expand(len(x), -1, -1, -1), new], dim=2)
                    for old, new in zip(past[index], (k, v), strict=True)
                )
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = x + attention.out_proj(_merge_heads(mixed))
            x = x + layer.mlp(layer.layer_norm2(x))
            keys_values.append((k, v))
        return x, keys_values

    def _sentence_vector(self, last: Tensor) -> Tensor:
        text = self.clipseg.clip.text_model
        vector: Tensor = self.clipseg.clip.text_projection(text.final_layer_norm(last))
        return vector

    # --- decoder

    def decode(self, reduced: Tensor, queries: Tensor) -> Tensor:
        """Logits of each pixel: (B, 3, T, 64) and what to look for (B, 512) -> (B, S, S)."""
        decoder = self.clipseg.decoder
        queries = queries.to(reduced.dtype)
        x = reduced[:, 0]
        x = decoder.film_mul(queries).unsqueeze(1) * x + decoder.film_add(queries).unsqueeze(1)
        x = decoder.layers[0](x, None)
        for index in (1, 2):
            x = decoder.layers[index](x + reduced[:, index], None)
        cells = x[:, 1:].transpose(1, 2)  # (B, 64, h * w)
        side = round(cells.shape[-1] ** 0.5)
        logits: Tensor = decoder.transposed_convolution(cells.unflatten(-1, (side, side)))
        return logits.squeeze(1)


def causal_mask(num_new: int, num_past: int, like: Tensor) -> Tensor:
    """Additive mask (1, 1, num_new, num_past + num_new): no token sees a later one."""
    hidden = torch.full((num_new, num_past + num_new), -torch.inf, device=like.device)
    return hidden.triu(num_past + 1).to(like.dtype)[None, None]


def _split_heads(x: Tensor, num_heads: int) -> Tensor:
    return x.reshape(*x.shape[:-1], num_heads, -1).transpose(1, 2)


def _merge_heads(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)
