"""MarginNCE: Robust Sound Localization with a Negative Margin.

Park, Senocak and Chung, ICASSP 2023, arXiv 2211.01966. The network is EZ-VSL's (Mo and Morgado,
ECCV 2022, arXiv 2203.09324); the paper changes its loss, which is in ``sslviz.training``.
"""

from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from sslviz.models.base import EmbeddingNetwork, Encoding, Scores
from sslviz.models.blocks.resnet import ResNet18
from sslviz.models.blocks.spectrogram import LogDensitySpectrogram, Normalize
from sslviz.models.key_map import KeyMap
from sslviz.models.refinement import Upsampling
from sslviz.models.resizing import Resize
from sslviz.types import Calibration, InputSpec, ScoreScale


class MarginNCE(EmbeddingNetwork):
    """Two ResNet-18 towers; a cell's score is its cosine with the sound."""

    method = "marginnce"
    scale = ScoreScale.COSINE
    spec = InputSpec(image_size=224, sample_rate=16_000, audio_seconds=3.0)
    # The gate is EZ-VSL's universal threshold, a cosine of 0.276, of Juanola et al., ICASSP 2025.
    default_calibration = Calibration(confidence_gate=0.638, score_low=0.276, score_high=0.8)
    resize = Resize.BICUBIC
    telltale = ("img_proj.weight", "aud_proj.weight")
    sized_by = MappingProxyType(
        {"dim": "image_projection.weight", "width": "image_encoder.conv1.weight"}
    )
    upsampling = Upsampling("bilinear", align_corners=True)
    key_map = KeyMap(
        (
            ("imgnet.", "image_encoder."),
            ("audnet.", "audio_encoder."),
            ("img_proj.", "image_projection."),
            ("aud_proj.", "audio_projection."),
        )
    )

    def __init__(self, dim: int = 512, width: int = 64) -> None:
        """Build it; ``dim`` channels of embeddings, ``width`` of the towers' first stage."""
        super().__init__()
        self.normalize = Normalize()
        self.spectrogram = LogDensitySpectrogram(self.spec.sample_rate)
        self.image_encoder = ResNet18(3, width)
        self.audio_encoder = ResNet18(1, width)
        self.image_projection = nn.Conv2d(8 * width, dim, 1)
        self.audio_projection = nn.Linear(8 * width, dim)

    def embed_cells(self, images: Tensor) -> Tensor:
        """Normalised pictures (B, 3, H, W) -> unit vectors (B, dim, H / 32, W / 32)."""
        return normalize(self.image_projection(self.image_encoder(images)), dim=1)

    def embed_spectrograms(self, spectrograms: Tensor) -> Tensor:
        """Spectrograms (B, 1, F, T) -> unit vectors (B, dim)."""
        pooled = self.audio_encoder(spectrograms).amax((2, 3))
        return normalize(self.audio_projection(pooled), dim=1)

    def encode_images(self, images: Tensor) -> Encoding:
        """Cell embeddings, (B, dim, 7, 7)."""
        return (self.embed_cells(self.normalize(images)),)

    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        """Sound embeddings, (B, dim)."""
        return (self.embed_spectrograms(self.spectrogram(waveforms)),)

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """Cosine of each cell with the sound; confidence is the best one, mapped to [0, 1]."""
        cosine = torch.einsum("bchw,bc->bhw", images[0], sounds[0]).clamp(-1, 1)
        return Scores(cosine, confidence=(cosine.amax((1, 2)) + 1) / 2)

    def image_vectors(self, images: Encoding) -> Tensor:
        """Mean of the cells, scaled to length 1."""
        return normalize(images[0].mean((2, 3)), dim=1)

    def sound_vectors(self, sounds: Encoding) -> Tensor:
        """The sound embedding itself."""
        return sounds[0]
