"""ACL and ACL guided: a sound becomes a word in CLIP's sentence, CLIPSeg looks for it.

S. Park, A. Senocak, J. S. Chung, "Can CLIP Help Sound Source Localization?", WACV 2024, arXiv:2311.04066, and
"Hearing and Seeing Through CLIP", arXiv:2505.05343 (same network, trained with guidance). 10 s of sound and a picture of
352 x 352 give the absolute probability of each pixel.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sslviz.errors import OptionError
from sslviz.models.acl_clip import Clip
from sslviz.models.acl_memo import Memo, picture_signature, sound_signature
from sslviz.models.acl_weights import KEY_MAP, convert_parts
from sslviz.models.base import EmbeddingNetwork, Encoding, Scores
from sslviz.models.blocks.audio_token import AudioProjector
from sslviz.models.blocks.beats import BEATs, BEATsConfig
from sslviz.models.blocks.masks import ImageMasker, feature_mask, pool_features
from sslviz.models.blocks.staleness import identity_of
from sslviz.models.clipseg import TOKENIZER_FILES, Tokenizer
from sslviz.models.precision import cpu_is_fast_in_bfloat16
from sslviz.models.resizing import Resize
from sslviz.types import (
    AudioClip,
    Calibration,
    Frame,
    InputSpec,
    ScoreMap,
    ScoreScale,
    Window,
)

TRAINED_SECONDS = 10.0
HOP_SECONDS = 2.0
SAMPLE_RATE = 16_000
AUDIBLE_RMS = 1e-3
"""-60 dBFS over the excerpt: below it no sound is claimed, since ACL never saw silence in training."""
FRAMES_REMEMBERED, SOUNDS_REMEMBERED = 8, 8


class ACL(EmbeddingNetwork):
    """BEATs, a projector, and frozen CLIP and CLIPSeg (section 3 of the WACV paper).

    Args:
        audio_hop_seconds: The 10 s that are heard start on a grid of this step, so that
            neighbouring windows hear the same and share its encoding; the sound is then off centre
            by at most half a step. ``spec`` asks for one step more than is heard. 0: each window
            hears the 10 s around its own key frame.
        map_size: Side of the score map. 88 is the decoder's last grid of features (each cell
            becomes 4 x 4 pixels by one fixed pattern) and keeps ten minutes at 5 maps per second at
            93 MB; 352 is every pixel, at 1.5 GB.
        frame_tolerance: A picture whose every patch lies within so many grey levels (of 255) of
            one that was encoded lately takes over its encoding. 0: only equal pictures do.
        confidence: Keep CLIP's last layers, which the maps do not need: without them confidence
            is the map's own peak, and there is no retrieval.
        words: Keep CLIP's table of words, for text queries.
        image_size: Side of the picture in pixels, a multiple of 16.
        beats: Fields of ``BEATsConfig`` that differ from the published file.
        clip: Fields of ``ClipSizes`` that differ from CLIPSeg rd64 refined.
    """

    method = "acl"
    scale = ScoreScale.PROBABILITY
    key_map = KEY_MAP
    telltale: ClassVar[tuple[str, ...]] = ("audio_proj", "masker_i")
    file_part = "acl"
    companions = TOKENIZER_FILES
    trained_parts: ClassVar[tuple[str, ...]] = ("projector.", "masker.")
    """Prefixes of what training changes; the rest is frozen."""
    resize = Resize.BICUBIC
    spec = InputSpec(352, SAMPLE_RATE, TRAINED_SECONDS + HOP_SECONDS)
    default_calibration = Calibration(confidence_gate=0.01, score_low=0.0, score_high=1.0)

    def __init__(  # noqa: PLR0913
        self,
        *,
        audio_hop_seconds: float = HOP_SECONDS,
        map_size: int = 88,
        frame_tolerance: float = 0.0,
        confidence: bool = True,
        words: bool = True,
        image_size: int = 352,
        beats: Mapping[str, Any] | None = None,
        clip: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= audio_hop_seconds <= TRAINED_SECONDS:
            raise OptionError(
                f"audio_hop_seconds is {audio_hop_seconds}, allowed is 0 to {TRAINED_SECONDS}."
            )
        self.audio_hop_seconds, self.map_size = audio_hop_seconds, map_size
        self.frame_tolerance = frame_tolerance
        self.spec = InputSpec(image_size, SAMPLE_RATE, TRAINED_SECONDS + audio_hop_seconds)
        self.clip = Clip(clip, words=words, last_layers=confidence)
        self.audio_encoder = BEATs(BEATsConfig(**(beats or {}))).requires_grad_(False)
        self.projector = AudioProjector(self.audio_encoder.output_size, self.clip.sizes.text_size)
        self.masker = ImageMasker()
        self.tokenizer: Callable[[str], Sequence[int]] | None = None
        self._frames, self._sounds = Memo(FRAMES_REMEMBERED), Memo(SOUNDS_REMEMBERED)

    @classmethod
    def convert(
        cls, parts: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Arguments and state dict from the files ``acl``, ``beats`` and ``clipseg``; see ``acl_weights``."""
        return convert_parts(parts)

    def adapt_to_device(self) -> None:
        """bfloat16 where the device is fast in it: by autocast on CUDA (else float16), as weights on a CPU."""
        super().adapt_to_device()
        if self.device.type == "cuda":
            if torch.cuda.is_bf16_supported(including_emulation=False):
                self.autocast_dtype = torch.bfloat16
        elif self.device.type == "cpu" and cpu_is_fast_in_bfloat16():
            self.use_precision(torch.bfloat16)

    def use_precision(self, dtype: torch.dtype) -> None:
        """Cast the weights; the masker's two numbers stay in float32, where they set the scale."""
        for part in (self.clip, self.audio_encoder, self.projector):
            part.to(dtype)

    # --- encoders

    def encode_images(self, images: Tensor) -> Encoding:
        """(B, 3, S, S) in [0, 1] -> reduced (B, 3, T, 64) and, with confidence, dense and whole features."""
        code = self.clip.encode_images(images)
        return tuple(part for part in code if part is not None)

    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        """(B, n) -> what the decoder looks for (B, 512), and 1 where anything can be heard (B,)."""
        if waveforms.shape[1] == self.spec.num_samples:
            spare = self.spec.num_samples - round(TRAINED_SECONDS * SAMPLE_RATE)
            waveforms = waveforms[:, spare // 2 : waveforms.shape[1] - (spare - spare // 2)]
        audible = (waveforms.float().square().mean(dim=1).sqrt() >= AUDIBLE_RMS).float()
        return self.clip.embed_word(self.audio_token(waveforms)), audible

    def audio_token(self, waveforms: Tensor) -> Tensor:
        """The sound as a word: (B, n) -> (B, 512)."""
        with torch.no_grad():
            features = self.audio_encoder(waveforms)
        token: Tensor = self.projector(features)
        return token

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """Probability of each cell (B, map_size, map_size); confidence: likeness of sound and masked feature."""
        logits = self.clip.decode(images[0], sounds[0])  # (B, S, S)
        heat = self.masker.heat(logits)
        cells = functional.adaptive_avg_pool2d(heat.unsqueeze(1), self.map_size).squeeze(1)
        if len(images) == 1:
            return Scores(cells, cells.amax(dim=(1, 2)) * sounds[1])
        found = pool_features(images[1], feature_mask(logits).unsqueeze(1)).squeeze(1)
        likeness = functional.cosine_similarity(found, sounds[0].float(), dim=1)
        return Scores(cells, likeness.clamp(0, 1) * sounds[1])

    # --- reuse

    def train(self, mode: bool = True) -> "ACL":
        """As of ``nn.Module``; what was encoded before is forgotten."""
        self._frames.clear()
        self._sounds.clear()
        return super().train(mode)

    def _score(self, windows: Sequence[Window]) -> tuple[list[NDArray[np.float32]], list[float]]:
        with self._precision():
            scores = self.score(
                self._encode_frames([w.key_frame for w in windows]),
                self._encode_clips([w.audio for w in windows]),
            )
        return list(scores.cells.float().cpu().numpy()), scores.confidence.float().tolist()

    def _precision(self) -> torch.autocast:
        dtype = self.autocast_dtype
        return torch.autocast(self.device.type, dtype, enabled=dtype is not None)

    def _encode_frames(self, frames: Sequence[Frame]) -> Encoding:
        tolerance = self.frame_tolerance

        def encode(indices: list[int]) -> Encoding:
            # On a CPU a batch costs as much as its pictures one by one, and holds more memory.
            step = 1 if self.device.type == "cpu" else len(indices)
            parts = [
                self.encode_images(
                    self.images_to_tensor([frames[i] for i in indices[at : at + step]])
                )
                for at in range(0, len(indices), step)
            ]
            return tuple(torch.cat(part) for part in zip(*parts, strict=True))

        signatures = [picture_signature(f.image, tolerance > 0) for f in frames]
        return self._frames.remember(signatures, encode, tolerance)

    def _encode_clips(self, clips: Sequence[AudioClip]) -> Encoding:
        heard = [self.heard(clip) for clip in clips]
        version = str([identity_of(p)[-1] for p in self.projector.parameters()])
        signatures = [sound_signature(clip.samples, version) for clip in heard]
        return self._sounds.remember(
            signatures,
            lambda indices: self.encode_sounds(
                super(ACL, self).sounds_to_tensor([heard[i] for i in indices])
            ),
        )

    def sounds_to_tensor(self, clips: Sequence[AudioClip]) -> Tensor:
        """The 10 s of each clip that are heard, (B, 160000), on the network's device."""
        return super().sounds_to_tensor([self.heard(clip) for clip in clips])

    def heard(self, clip: AudioClip) -> AudioClip:
        """Of an excerpt one step longer, the 10 s that start on the grid; any other length comes back as it is."""
        hop = self.audio_hop_seconds
        if not hop or len(clip.samples) != self.spec.num_samples:
            return clip
        start = math.ceil(clip.start_seconds / hop - 1e-6) * hop
        length = round(TRAINED_SECONDS * SAMPLE_RATE)
        first = round(start * SAMPLE_RATE) - round(clip.start_seconds * SAMPLE_RATE)
        first = min(max(first, 0), len(clip.samples) - length)
        return AudioClip(clip.samples[first : first + length], clip.sample_rate, start)

    # --- one space of pictures, sounds and words

    def image_vectors(self, images: Encoding) -> Tensor:
        """Unit vectors (B, 512) of whole pictures."""
        if len(images) == 1:
            raise OptionError("This ACL was made without CLIP's last layers; use confidence=True.")
        return functional.normalize(images[2].float(), dim=1)

    def sound_vectors(self, sounds: Encoding) -> Tensor:
        """Unit vectors (B, 512) of sounds."""
        return functional.normalize(sounds[0].float(), dim=1)

    def read_companions(self, folder: Path) -> None:
        """CLIP's ``vocab.json`` and ``merges.txt``, for text queries, where they lie beside the weights."""
        if all((folder / name).is_file() for name in TOKENIZER_FILES):
            self.tokenizer = Tokenizer(folder)

    def embed_text(self, phrases: Sequence[str]) -> Tensor:
        """The sentence "A photo of <phrase>" as the decoder is asked for it, (N, 512), not normalised.

        Raises:
            OptionError: This checkpoint was made without words, or its tokenizer is missing.
        """
        if self.tokenizer is None or not self.clip.words:
            raise OptionError(
                "This checkpoint answers sounds only: it has no table of words or no tokenizer "
                "files. Fetch ACL again without trimming the words to ask it for text."
            )
        sentences = [self.tokenizer(f"A photo of {phrase}") for phrase in phrases]
        return torch.cat([self.clip.embed_tokens(sentence) for sentence in sentences])

    @torch.inference_mode()
    def localize_text(self, frames: Sequence[Frame], phrase: str) -> list[ScoreMap]:
        """Where each picture shows what these words say: one map per picture, by the same decoder."""
        if not frames:
            return []
        with self._precision():
            queries = self.embed_text([phrase]).expand(len(frames), -1)
            scores = self.score(
                self._encode_frames(frames), (queries, torch.ones(len(frames), device=self.device))
            )
        return [
            ScoreMap(c, self.scale, p, f.pts_seconds)
            for c, p, f in zip(
                scores.cells.float().cpu().numpy(), scores.confidence.tolist(), frames, strict=True
            )
        ]


class GuidedACL(ACL):
    """ACL's network, trained with guidance (this project's reconstruction, see ``training/acl_guided.py``)."""

    method = "acl-guided"
    telltale: ClassVar[
        tuple[str, ...]
    ] = ()  # a file of the authors cannot be told from ACL's, and there is none
