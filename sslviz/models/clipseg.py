"""CLIPSeg of transformers, built and sized; the only file that imports transformers, and only when asked.

T. Lüddecke, A. Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022, arXiv:2112.10003.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from sslviz.models.blocks.torchaudio_shim import import_torchaudio

PROMPT_IDS = (49406, 320, 1125, 539, 49407)
"""CLIP's ids of "<start> a photo of <end>"; the sound's vector goes before <end>."""
TOKENIZER_FILES = ("vocab.json", "merges.txt")


class ClipSizes(NamedTuple):
    """Sizes of the network; the defaults are CLIPSeg rd64 refined on CLIP ViT-B/16."""

    vision_size: int = 768
    vision_layers: int = 12
    vision_heads: int = 12
    vision_hidden: int = 3072
    patch_size: int = 16
    text_size: int = 512
    text_layers: int = 12
    text_heads: int = 8
    text_hidden: int = 2048
    projection_size: int = 512
    reduce_size: int = 64
    decoder_hidden: int = 2048
    extract_layers: tuple[int, int, int] = (3, 6, 9)


def build_clipseg(sizes: ClipSizes, vocabulary_size: int) -> Any:
    """A ``CLIPSegForImageSegmentation`` with random weights."""
    import_torchaudio()  # transformers imports it too, and would stumble over its compiled part
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    vision = {
        "hidden_size": sizes.vision_size,
        "num_hidden_layers": sizes.vision_layers,
        "num_attention_heads": sizes.vision_heads,
        "intermediate_size": sizes.vision_hidden,
        "patch_size": sizes.patch_size,
    }
    text = {
        "hidden_size": sizes.text_size,
        "num_hidden_layers": sizes.text_layers,
        "num_attention_heads": sizes.text_heads,
        "intermediate_size": sizes.text_hidden,
        "vocab_size": vocabulary_size,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    config = CLIPSegConfig(
        text_config=text,
        vision_config=vision,
        projection_dim=sizes.projection_size,
        reduce_dim=sizes.reduce_size,
        decoder_intermediate_size=sizes.decoder_hidden,
        extract_layers=list(sizes.extract_layers),
        use_complex_transposed_convolution=True,
    )
    return CLIPSegForImageSegmentation(config)


class Tokenizer:
    """CLIP's words as numbers, from the two files of its vocabulary; read when first asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _tokenizer(self) -> Any:
        import_torchaudio()
        from transformers import CLIPTokenizer

        return CLIPTokenizer.from_pretrained(str(self._folder))

    def __call__(self, sentence: str) -> Sequence[int]:
        """Ids with <start> and <end>, 77 at most."""
        ids: list[int] = self._tokenizer(sentence, truncation=True, max_length=77)["input_ids"]
        return ids
