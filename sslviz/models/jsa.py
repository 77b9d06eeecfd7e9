"""JSA: Improving Sound Source Localization with Joint Slot Attention on Image and Audio.

Kim, Song, Park, Kim and Kwak, CVPR 2025, arXiv 2504.15118. Slots split picture and sound into a
target and the rest; the picture's cells that the sound's target slot claims are the map.
"""

import math
from types import MappingProxyType

from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, normalize

from sslviz.models.base import EmbeddingNetwork, Encoding, Scores
from sslviz.models.blocks.resnet import ResNet18
from sslviz.models.blocks.slot_attention import TARGET, JointSlotAttention, Slots, attention
from sslviz.models.blocks.spectrogram import LogPowerSpectrogram, Normalize
from sslviz.models.key_map import KeyMap
from sslviz.models.refinement import IQR_ALPHA, Prior, Upsampling
from sslviz.models.resizing import Resize
from sslviz.types import Calibration, InputSpec, ScoreScale

_SLOT_PARTS = (
    ("to_q.", "to_q."),
    ("to_k.", "to_k."),
    ("to_v.", "to_v."),
    ("gru.", "gru."),
    ("mlp.", "mlp."),
    ("norm_input.", "norm_tokens."),
    ("norm_slots.", "norm_slots."),
    ("norm_pre_ff.", "norm_mlp."),
)


def _decoder_pairs(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"{theirs}.pos_emb.row_embed.", f"objective.{ours}.row_embedding."),
        (f"{theirs}.pos_emb.col_embed.", f"objective.{ours}.column_embedding."),
        (f"{theirs}.mlp.0.", f"objective.{ours}.layers.0."),
        (f"{theirs}.mlp.2.", f"objective.{ours}.layers.1."),
        (f"{theirs}.mlp.4.", f"objective.{ours}.layers.2."),
        (f"{theirs}.mlp.6.", f"objective.{ours}.head."),
    )


class JSA(EmbeddingNetwork):
    """Two ResNet-18 towers and joint slot attention; maps compare within a picture only."""

    method = "jsa"
    scale = ScoreScale.ATTENTION
    spec = InputSpec(image_size=224, sample_rate=16_000, audio_seconds=5.0)
    # Gate: target slots that point the same way at all. Attention of 49 cells averages 1 / 49.
    default_calibration = Calibration(confidence_gate=0.5, score_low=0.0, score_high=2 / 49)
    resize = Resize.BICUBIC
    telltale = ("slot_attn.slots",)
    sized_by = MappingProxyType(
        {"dim": "image_projection.weight", "width": "image_encoder.conv1.weight"}
    )
    upsampling = Upsampling("bicubic", align_corners=False)
    key_map = KeyMap(
        (
            ("imgnet.", "image_encoder."),
            ("imgnet.proj.", "image_projection."),
            ("audnet.", "audio_encoder."),
            ("audnet.conv1_1.", "audio_encoder.conv1."),
            ("audnet.proj.0.", "audio_projection."),
            ("slot_attn.slots", "slot_attention.slots"),
            ("slot_attn.mask_token_img", "slot_attention.image.mask_token"),
            ("slot_attn.mask_token_aud", "slot_attention.audio.mask_token"),
            *(
                (f"slot_attn.{short}_{theirs}", f"slot_attention.{long}.{ours}")
                for short, long in (("img", "image"), ("aud", "audio"))
                for theirs, ours in _SLOT_PARTS
            ),
            *_decoder_pairs("img_decoder", "image_decoder"),
            *_decoder_pairs("aud_decoder", "audio_decoder"),
        )
    )

    def __init__(
        self,
        dim: int = 512,
        num_slots: int = 2,
        num_iterations: int = 5,
        sharpness: float = 0.1,
        width: int = 64,
    ) -> None:
        """Build it.

        Args:
            dim: Channels of tokens and slots.
            num_slots: The first is the target.
            num_iterations: Updates of the slots.
            sharpness: Factor on the logits of the map (the authors' ``infer_sharpening``). It
                changes no ranking of cells, only how far the best ones stand out.
            width: Channels of the towers' first stage.
        """
        super().__init__()
        self.sharpness = sharpness
        self.normalize = Normalize()
        self.spectrogram = LogPowerSpectrogram()
        self.image_encoder = ResNet18(3, width)
        self.audio_encoder = ResNet18(1, width)
        self.image_projection = nn.Conv2d(8 * width, dim, 1)
        self.audio_projection = nn.Conv2d(8 * width, dim, 1)
        self.slot_attention = JointSlotAttention(dim, num_slots, num_iterations)

    def image_tokens(self, images: Tensor) -> Tensor:
        """Normalised pictures (B, 3, 224, 224) -> (B, 49, dim), row by row."""
        cells: Tensor = self.image_projection(self.image_encoder(images))
        return cells.flatten(2).transpose(1, 2)

    def audio_tokens(self, spectrograms: Tensor) -> Tensor:
        """Spectrograms (B, 1, 257, 501) -> (B, 16, dim): the maximum over frequency."""
        cells: Tensor = self.audio_projection(self.audio_encoder(spectrograms))
        return cells.amax(2).transpose(1, 2)

    def encode_images(self, images: Tensor) -> Encoding:
        """Slots and queries (B, K, C) and keys (B, 49, C) of pictures."""
        slots: Slots = self.slot_attention.attend_image(self.image_tokens(self.normalize(images)))
        return tuple(slots)

    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        """Slots and queries (B, K, C) and keys (B, 16, C) of sounds."""
        tokens = self.audio_tokens(self.spectrogram(waveforms))
        return tuple(self.slot_attention.attend_audio(tokens))

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """What the sound's target slot claims of the picture; confidence: target slots agree."""
        image, sound = Slots(*images), Slots(*sounds)
        cells = target_map(sound.queries, image.keys, self.sharpness)
        agreement = cosine_similarity(image.slots[:, TARGET], sound.slots[:, TARGET])
        return Scores(cells, confidence=(agreement + 1) / 2)

    def image_vectors(self, images: Encoding) -> Tensor:
        """The picture's target slot, scaled to length 1."""
        return normalize(Slots(*images).slots[:, TARGET], dim=1)

    def sound_vectors(self, sounds: Encoding) -> Tensor:
        """The sound's target slot, scaled to length 1."""
        return normalize(Slots(*sounds).slots[:, TARGET], dim=1)


def target_map(queries: Tensor, keys: Tensor, sharpness: float) -> Tensor:
    """What the target slot of queries (B, K, C) claims of square keys (B, hw, C): (B, h, w)."""
    side = math.isqrt(keys.shape[1])
    return attention(queries, keys, sharpness)[:, TARGET].reshape(-1, side, side)


class ImageQueryPrior(Prior):
    """What the image query claims of its own picture: image-query refinement."""

    title = "image-query refinement"
    alpha = IQR_ALPHA

    def __init__(self, sharpness: float = 1.0) -> None:
        """For networks whose encoding of pictures is ``Slots``; ``sharpness`` as theirs."""
        super().__init__()
        self.sharpness = sharpness

    def forward(self, images: Tensor, encoding: Encoding) -> Tensor:
        """Only the encoding is used; -> (B, h, w)."""
        image = Slots(*encoding)
        return target_map(image.queries, image.keys, self.sharpness)
