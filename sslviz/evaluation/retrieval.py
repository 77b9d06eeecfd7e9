"""Cross-modal retrieval: find the picture of a sound and the sound of a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sslviz.abilities import Embedder
from sslviz.datasets.annotated import Benchmark
from sslviz.errors import MediaError, OptionError
from sslviz.evaluation.benchmark import read_window
from sslviz.evaluation.detection import Retrieval, recall_at
from sslviz.evaluation.library import MediaSource
from sslviz.types import Localizer


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """R@1, R@5, R@10 in both directions under both rules of what a hit is."""

    same_pair: Retrieval
    same_class: Retrieval | None
    """``None`` where the set names no classes."""
    num_pairs: int
    left_out: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Keys like ``r_at_1_sound_to_image_same_pair``; chance is 1 / n per rank for pairs."""
        values: dict[str, Any] = {"n_pairs": self.num_pairs, "left_out": list(self.left_out)}
        for rule, found in (("same_pair", self.same_pair), ("same_class", self.same_class)):
            if found is None:
                continue
            for k, share in found.sound_to_image.items():
                values[f"r_at_{k}_sound_to_image_{rule}"] = share
            for k, share in found.image_to_sound.items():
                values[f"r_at_{k}_image_to_sound_{rule}"] = share
        return values


def measure_retrieval(
    localizer: Localizer,
    benchmark: Benchmark,
    source: MediaSource,
    progress: Callable[[str, int, int], None] | None = None,
) -> RetrievalResult:
    """Embed every pair of a benchmark once and rank all against all.

    Raises:
        OptionError: The method has no common space of sounds and pictures, or fewer than two pairs are there.
    """
    if not isinstance(localizer, Embedder):
        raise OptionError(f"{localizer.identity.method} has no embeddings to retrieve with.")
    sounds, images, names, left_out = [], [], [], list(benchmark.missing)
    samples = [sample for sample in benchmark.samples if sample.sounding]
    for done, sample in enumerate(samples, start=1):
        try:
            window = read_window(source, sample, localizer.spec)
        except MediaError as error:
            left_out.append(f"{sample.name}: {error}")
            continue
        sounds.append(localizer.embed_sound(window.audio))
        images.append(localizer.embed_image(window.key_frame))
        names.append(sample.category)
        if progress is not None:
            progress("retrieval", done, len(samples))
    if len(names) < 2:
        raise OptionError(f"retrieval needs at least two pairs, {benchmark.name} has {len(names)}.")
    left, right = np.stack(sounds), np.stack(images)
    by_class = recall_at(left, right, names) if all(names) else None
    return RetrievalResult(recall_at(left, right), by_class, len(names), tuple(left_out))
