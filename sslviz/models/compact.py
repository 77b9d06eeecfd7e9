"""The bundled localizers: small pretrained encoders, real time on a CPU, trained here on categories.

`MarginNCECompact` scores cells by cosine and is trained with MarginNCE (arXiv 2211.01966) among
other terms; `JSACompact` lets the target slot of joint slot attention (arXiv 2504.15118) claim cells. Encoders are
MobileNetV2 (arXiv 1801.04381) and EfficientAT mn04 (arXiv 2211.04772). The heads, the supervision
by composites and the groups of classes are this project's own, not the papers'.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import (
    avg_pool2d,
    cosine_similarity,
    hardswish,
    interpolate,
    normalize,
)

from sslviz.models.base import EmbeddingNetwork, Encoding, Scores
from sslviz.models.blocks.cell_head import CellHead, Cells
from sslviz.models.blocks.efficientat import EfficientAT, SoundFeatures
from sslviz.models.blocks.mel import SAMPLE_RATE, LogMel
from sslviz.models.blocks.mobilenet import MobileNetV2
from sslviz.models.blocks.object_prior import saliency
from sslviz.models.blocks.slot_attention import TARGET, JointSlotAttention, Slots, attention
from sslviz.models.blocks.sound_head import SoundHead
from sslviz.models.openvino_runtime import openvino
from sslviz.models.precision import cpu_is_fast_in_bfloat16
from sslviz.types import Calibration, Frame, InputSpec, ScoreScale

if TYPE_CHECKING:
    from sslviz.models.graphs import CompactGraphs

NUM_LEARNED, NUM_GROUPS = 164, 90
VECTOR_SIZE = NUM_LEARNED + NUM_GROUPS + 2
"""Learned part, group part, what a cell lacks to length 1, and the sound's part without a place."""


class CompactNetwork(EmbeddingNetwork):
    """Encoders and heads that both bundled localizers have."""

    spec = InputSpec(image_size=384, sample_rate=SAMPLE_RATE, audio_seconds=5.0)
    default_calibration = Calibration(confidence_gate=0.5, score_low=0.1, score_high=0.6)
    image_sizes = (224, 256, 320, 384)
    cpu_batch = 1
    head_dtype: torch.dtype | None = None
    """Of the picture's head on a processor that is fast in it; the trunk's 40 layers would lose too much."""
    graphs: "CompactGraphs | None" = None
    """The encoders as OpenVINO graphs, for inference on a processor."""

    def __init__(self, num_learned: int = NUM_LEARNED, num_groups: int = NUM_GROUPS) -> None:
        super().__init__()
        self.num_learned, self.num_groups = num_learned, num_groups
        self.spectrogram = LogMel()
        self.image_encoder = MobileNetV2()
        self.audio_encoder = EfficientAT()
        self.cell_head = CellHead(num_learned, num_groups)
        self.sound_head = SoundHead(num_learned, num_groups)

    def cells(self, stride8: Tensor, stride16: Tensor) -> Cells:
        """Early trunk maps (B, 32, 2h, 2w), (B, 96, h, w) -> cells; what training starts from."""
        late = self.image_encoder.late(stride16)
        if self.head_dtype is None:
            cells: Cells = self.cell_head(stride8, late.stride16, late.stride32)
            return cells
        with torch.autocast(stride16.device.type, self.head_dtype):
            cells = self.cell_head(stride8, late.stride16, late.stride32)
        return Cells(*(part.float() for part in cells))

    def adapt_to_device(self) -> None:
        """As every network; a processor runs graphs, and the picture's head in bfloat16 if it is fast in it."""
        half = self.device.type == "cpu" and cpu_is_fast_in_bfloat16()
        if self.device.type == "cpu" and openvino() is not None:
            self.use_graphs(half)  # they keep their memory themselves
            return
        super().adapt_to_device()
        if half:
            self.use_half_head()

    def use_graphs(self, half_head: bool) -> None:
        """Run the encoders as OpenVINO graphs."""
        from sslviz.models.graphs import CompactGraphs  # needs OpenVINO

        encoders = self.image_encoder, self.cell_head, self.audio_encoder
        self.graphs = CompactGraphs(*encoders, half_head)

    def use_half_head(self) -> None:
        """Run the picture's head in bfloat16."""
        self.head_dtype = torch.bfloat16
        self.cell_head.to(self.head_dtype)

    @abstractmethod
    def encode_cells(self, cells: Cells) -> Encoding:
        """Encoding of pictures from their cells."""

    @abstractmethod
    def encode_hidden(self, over_time: Tensor, whole: Tensor) -> Encoding:
        """Encoding of sounds after the tagger: its hidden features (B, T, 512) and (B, 512)."""

    def encode_early(self, stride8: Tensor, stride16: Tensor) -> Encoding:
        """Encoding of pictures after the early trunk, (B, 32, 2h, 2w) and (B, 96, h, w)."""
        return self.encode_cells(self.cells(stride8, stride16))

    def encode_images(self, images: Tensor) -> Encoding:
        """RGB in [0, 1], (B, 3, S, S) -> what ``encode_cells`` says."""
        if self.graphs is not None:
            return self.encode_cells(self.graphs.cells(images))
        return self.encode_early(*self.image_encoder.early(images * 2 - 1))

    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        """(B, n) -> what ``encode_hidden`` says."""
        tagger = self.audio_encoder if self.graphs is None else self.graphs.sound_features
        features: SoundFeatures = tagger(self.spectrogram(waveforms))
        over_time = hardswish(self.audio_encoder.hidden(features.tokens.transpose(1, 2)))
        return self.encode_hidden(over_time, features.hidden)

    def sound_vector(self, hidden: Tensor) -> Tensor:
        """Hidden features of the tagger (B, 512) -> unit vectors (B, VECTOR_SIZE)."""
        learned, groups, nowhere = self.sound_head(hidden, self.audio_encoder.classifier(hidden))
        return torch.cat((learned, groups, torch.zeros_like(nowhere)[:, None], nowhere[:, None]), 1)

    def cell_vectors(self, cells: Cells) -> Tensor:
        """Unit vectors at stride 8, (B, VECTOR_SIZE, 2h, 2w)."""
        size = cells.objectness.shape[-2:]
        known = torch.cat((cells.learned, cells.groups), 1) * 2**-0.5
        known = interpolate(known, size, mode="bilinear", align_corners=False)
        known = known * cells.objectness.sigmoid().sqrt()
        lacking = (1 - known.square().sum(1, keepdim=True)).clamp(min=1e-6).sqrt()  # finite slope
        return torch.cat((known, lacking, torch.zeros_like(lacking)), 1)

    def object_prior(self, frames: Sequence[Frame]) -> list[NDArray[np.float32]]:
        """Mean absolute stride-16 feature of the image encoder, whose early part never trains."""
        with torch.inference_mode():
            features = self.image_encoder.early(self.images_to_tensor(frames) * 2 - 1)
            maps = saliency(self.image_encoder.expand(features.stride16))
        return [np.asarray(m.float().cpu().numpy(), np.float32) for m in maps]


class MarginNCECompact(CompactNetwork):
    """A cell's score is its cosine with the sound, on a square-root scale."""

    method = "marginnce-compact"
    scale = ScoreScale.COSINE

    def __init__(self, num_learned: int = NUM_LEARNED, num_groups: int = NUM_GROUPS) -> None:
        super().__init__(num_learned, num_groups)
        self.agreement = nn.Linear(2, 1)

    def encode_cells(self, cells: Cells) -> Encoding:
        """The cells themselves: (B, L, h, w), (B, G, h, w), (B, 1, 2h, 2w)."""
        return tuple(cells)

    def encode_hidden(self, over_time: Tensor, whole: Tensor) -> Encoding:
        """Unit vectors (B, VECTOR_SIZE)."""
        del over_time
        return (self.sound_vector(whole),)

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """Signed square root of each cell's cosine with the sound, (B, 2h, 2w).

        The cosine is a product, outline times match; its root is their geometric mean, which falls
        off less within an object of which only a part is typical. The order of cells is the same.
        """
        cells, sound = Cells(*images), sounds[0]
        # The same as cell_vectors(cells) times sound, without building the vectors at stride 8.
        known = torch.cat((cells.learned, cells.groups), 1)
        match = torch.einsum("bchw,bc->bhw", known, sound[:, : known.shape[1]]) * 2**-0.5
        size = cells.objectness.shape[-2:]
        match = interpolate(match[:, None], size, mode="bilinear", align_corners=False)
        cosine = (match * cells.objectness.sigmoid().sqrt())[:, 0].clamp(-1, 1)
        return Scores(cosine.sign() * cosine.abs().sqrt(), self.confidence(cosine, sound))

    def confidence(self, cosine: Tensor, sound: Tensor) -> Tensor:
        """Probability that picture and sound agree: from the best cells and the sound's placeless part."""
        best = cosine.flatten(1).topk(cosine[0].numel() * 3 // 200, 1).values.mean(1)
        logit: Tensor = self.agreement(torch.stack((best * 6, sound[:, -1]), 1))
        return logit[:, 0].sigmoid()

    def image_vectors(self, images: Encoding) -> Tensor:
        """Mean of the cells, weighted by objectness, scaled to length 1."""
        return normalize(self.cell_vectors(Cells(*images)).mean((2, 3)), dim=1)

    def sound_vectors(self, sounds: Encoding) -> Tensor:
        """The sound vector itself."""
        return sounds[0]


class JSACompact(CompactNetwork):
    """Cells that the sound's target slot claims; maps compare within a picture only.

    Tokens of picture and sound are the vectors that ``MarginNCECompact`` compares by cosine. A
    picture's slots see them at stride 16; the map reads keys at stride 8.
    """

    method = "jsa-compact"
    scale = ScoreScale.ATTENTION
    default_calibration = Calibration(confidence_gate=0.5, score_low=0.0, score_high=2 / 1600)

    def __init__(
        self,
        num_learned: int = NUM_LEARNED,
        num_groups: int = NUM_GROUPS,
        num_slots: int = 2,
        num_iterations: int = 5,
    ) -> None:
        super().__init__(num_learned, num_groups)
        dim = num_learned + num_groups + 2
        self.slot_attention = JointSlotAttention(dim, num_slots, num_iterations)
        for half in (self.slot_attention.image, self.slot_attention.audio):
            for linear in (half.to_q, half.to_k, half.to_v):
                nn.init.eye_(linear.weight)  # tokens of both already lie in one space
                nn.init.zeros_(linear.bias)
        self.agreement = nn.Linear(3, 1)

    def image_tokens(self, vectors: Tensor) -> Tensor:
        """Cell vectors (B, C, 2h, 2w) -> tokens at stride 16, (B, hw, C)."""
        return _as_tokens(avg_pool2d(vectors, 2))

    def fine_keys(self, vectors: Tensor) -> Tensor:
        """Cell vectors (B, C, 2h, 2w) -> keys at stride 8, (B, 4hw, C)."""
        half = self.slot_attention.image
        keys: Tensor = half.to_k(half.norm_tokens(_as_tokens(vectors)))
        return keys

    def sound_tokens(self, hidden: Tensor) -> Tensor:
        """Hidden features over time (B, T, 512) -> tokens (B, T, C)."""
        vectors = self.sound_vector(hidden.flatten(0, 1)) * VECTOR_SIZE**0.5
        tokens: Tensor = vectors.view(len(hidden), -1, VECTOR_SIZE)
        return tokens

    def encode_cells(self, cells: Cells) -> Encoding:
        """Slots and queries (B, K, C) and keys (B, 4hw, C) of pictures."""
        vectors = self.cell_vectors(cells)
        slots = self.slot_attention.attend_image(self.image_tokens(vectors))
        return slots.slots, slots.queries, self.fine_keys(vectors)

    def encode_hidden(self, over_time: Tensor, whole: Tensor) -> Encoding:
        """Slots and queries (B, K, C) and keys (B, T, C) of sounds."""
        del whole
        return tuple(self.slot_attention.attend_audio(self.sound_tokens(over_time)))

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """What the sound's target slot claims of the picture, (B, 2h, 2w); each map sums to 1.

        On a square-root scale, as in ``MarginNCECompact``: the order of cells is the paper's.
        """
        image, sound = Slots(*images), Slots(*sounds)
        side = math.isqrt(image.keys.shape[1])
        claimed = attention(sound.queries, image.keys)[:, TARGET].sqrt()
        claimed = claimed / claimed.sum(1, keepdim=True)
        confidence = self.confidence(claim_logits(sound.queries, image.keys), image, sound)
        return Scores(claimed.reshape(-1, side, side), confidence)

    def confidence(self, claims: Tensor, image: Slots, sound: Slots) -> Tensor:
        """Probability that picture and sound agree: from the best claims and the target slots."""
        best = claims.topk(claims.shape[1] * 3 // 200, 1).values.mean(1)
        agreement = cosine_similarity(image.slots[:, TARGET], sound.slots[:, TARGET])
        logit: Tensor = self.agreement(torch.stack((best / 4, agreement, claims.mean(1) / 4), 1))
        return logit[:, 0].sigmoid()

    def image_vectors(self, images: Encoding) -> Tensor:
        """The picture's target slot, scaled to length 1."""
        return normalize(Slots(*images).slots[:, TARGET], dim=1)

    def sound_vectors(self, sounds: Encoding) -> Tensor:
        """The sound's target slot, scaled to length 1."""
        return normalize(Slots(*sounds).slots[:, TARGET], dim=1)


def _as_tokens(vectors: Tensor) -> Tensor:
    """(B, C, h, w) unit vectors -> (B, hw, C), of length sqrt(C)."""
    tokens: Tensor = vectors.flatten(2).transpose(1, 2) * vectors.shape[1] ** 0.5
    return tokens


def claim_logits(queries: Tensor, keys: Tensor) -> Tensor:
    """Log odds of the target slot against the others, (B, K, C) and (B, N, C) -> (B, N)."""
    logits = queries @ keys.transpose(1, 2) * queries.shape[-1] ** -0.5
    others = [slot for slot in range(logits.shape[1]) if slot != TARGET]
    odds: Tensor = logits[:, TARGET] - logits[:, others].logsumexp(1)
    return odds
