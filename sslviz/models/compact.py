"""The bundled localizers: small pretrained encoders, real time on a CPU, trained here on categories.

`MarginNCECompact` scores cells by cosine and is trained with MarginNCE (arXiv 2211.01966) among
other terms; `JSACompact` lets the target slot of joint slot attention (arXiv 2504.15118) claim cells. Encoders are
MobileNetV2 (arXiv 1801.04381) and EfficientAT mn04 (arXiv 2211.04772). The heads, the supervision
by composites and the groups of classes are this project's own, not the papers'.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from sslviz.models.base import EmbeddingNetwork, Encoding, Scores
from sslviz.models.blocks.cell_head import CellHead, Cells
from sslviz.models.blocks.efficientat import EfficientAT
from sslviz.models.blocks.mel import SAMPLE_RATE, LogMel
from sslviz.models.blocks.mobilenet import MobileNetV2
from sslviz.models.blocks.object_prior import saliency
from sslviz.models.blocks.sound_head import SoundHead
from sslviz.types import Calibration, Frame, InputSpec, ScoreScale

NUM_LEARNED, NUM_GROUPS = 164, 90
VECTOR_SIZE = NUM_LEARNED + NUM_GROUPS + 2
"""Learned part, group part, what a cell lacks to length 1, and the sound's part without a place."""


class CompactNetwork(EmbeddingNetwork):
    """Encoders and heads that both bundled localizers have."""

    spec = InputSpec(image_size=320, sample_rate=SAMPLE_RATE, audio_seconds=5.0)
    default_calibration = Calibration(confidence_gate=0.5, score_low=0.1, score_high=0.6)

    def __init__(self, num_learned: int = NUM_LEARNED, num_groups: int = NUM_GROUPS) -> None:
        super().__init__()
        self.spectrogram = LogMel()
        self.image_encoder = MobileNetV2()
        self.audio_encoder = EfficientAT()
        self.cell_head = CellHead(num_learned, num_groups)
        self.sound_head = SoundHead(num_learned, num_groups)

    def cells(self, stride8: Tensor, stride16: Tensor) -> Cells:
        """Early trunk maps (B, 32, 2h, 2w), (B, 96, h, w) -> cells; what training starts from."""
        late = self.image_encoder.late(stride16)
        cells: Cells = self.cell_head(stride8, late.stride16, late.stride32)
        return cells

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
        lacking = (1 - known.square().sum(1, keepdim=True)).clamp(min=0).sqrt()
        return torch.cat((known, lacking, torch.zeros_like(lacking)), 1)

    def object_prior(self, frames: Sequence[Frame]) -> list[NDArray[np.float32]]:
        """Mean absolute stride-16 feature of the image encoder, whose early part never trains."""
        with torch.inference_mode():
            features = self.image_encoder.early(self._images(self.images_to_tensor(frames)))
            maps = saliency(self.image_encoder.expand(features.stride16))
        return [np.asarray(m.float().cpu().numpy(), np.float32) for m in maps]

    def _images(self, images: Tensor) -> Tensor:
        """RGB in [0, 1] -> [-1, 1], the range the trunk was trained with."""
        return images * 2 - 1


class MarginNCECompact(CompactNetwork):
    """A cell's score is its cosine with the sound."""

    method = "marginnce-compact"
    scale = ScoreScale.COSINE

    def __init__(self, num_learned: int = NUM_LEARNED, num_groups: int = NUM_GROUPS) -> None:
        super().__init__(num_learned, num_groups)
        self.agreement = nn.Linear(2, 1)

    def encode_images(self, images: Tensor) -> Encoding:
        """Cells of pictures: (B, L, h, w), (B, G, h, w), (B, 1, 2h, 2w)."""
        early = self.image_encoder.early(self._images(images))
        return tuple(self.cells(early.stride8, early.stride16))

    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        """Unit vectors (B, VECTOR_SIZE)."""
        return (self.sound_vector(self.audio_encoder(self.spectrogram(waveforms)).hidden),)

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """Cosine of each cell with the sound, (B, 2h, 2w)."""
        cells, sound = Cells(*images), sounds[0]
        # The same as cell_vectors(cells) times sound, without building the vectors at stride 8.
        known = torch.cat((cells.learned, cells.groups), 1)
        match = torch.einsum("bchw,bc->bhw", known, sound[:, : known.shape[1]]) * 2**-0.5
        size = cells.objectness.shape[-2:]
        match = interpolate(match[:, None], size, mode="bilinear", align_corners=False)
        cosine = (match * cells.objectness.sigmoid().sqrt())[:, 0].clamp(-1, 1)
        return Scores(cosine, self.confidence(cosine, sound))

    def confidence(self, cosine: Tensor, sound: Tensor) -> Tensor:
        """Probability that picture and sound agree: from the best cells and the sound's placeless part."""
        best = cosine.flatten(1).topk(cosine[0].numel() * 3 // 200, 1).values.mean(1)
        logit: Tensor = self.agreement(torch.stack((best * 6, sound[:, -1]), 1))
        return logit[:, 0].sigmoid()

    def image_vectors(self, images: Encoding) -> Tensor:
        """Mean of the cells, weighted by objectness, scaled to length 1."""
        return nn.functional.normalize(self.cell_vectors(Cells(*images)).mean((2, 3)), dim=1)

    def sound_vectors(self, sounds: Encoding) -> Tensor:
        """The sound vector itself."""
        return sounds[0]
