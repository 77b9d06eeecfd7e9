"""Sounds after the tagger, computed once, with what each may be paired with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import hardswish

from sslviz.models.compact import CompactNetwork
from sslviz.training.class_groups import ClassGroups
from sslviz.training.pseudo_sounds import HEARD_AS, NO_VERDICT, STAND_INS, move
from sslviz.training.sounds import PLACELESS, Samples, SoundMixer, SoundPlan

DOUBT = 0.7
"""Of weak negatives."""
PERSON = "person"
DEFAULT_PLAN = SoundPlan()


@dataclass(frozen=True, slots=True)
class SoundBank:
    """Sounds after the tagger, with what they may be paired with."""

    hidden: Tensor
    """(N, T + 1, 512) of real excerpts over time, and last of the whole; float16."""
    base: NDArray[np.int64]
    """(M,) the real excerpt of each sound; the first N are the real ones."""
    step: Tensor
    """(M, 512) how its features are moved; 0 for real ones. Float16."""
    wanted: NDArray[np.float32]
    """(M, C) photo categories, 0 unused."""
    doubt: NDArray[np.float32]
    """(M, C) 1 where a category is no negative."""
    kinds: NDArray[np.int64]
    """(M,) see ``spatial.share_loss``."""

    def tokens(self, index: int) -> Tensor:
        """Features over time and of the whole, (T + 1, 512), float32."""
        moved = self.hidden[int(self.base[index])].float() + self.step[index].float()
        return moved.clamp(min=-0.375)  # Hardswish is never lower

    def of_category(self, category: int) -> NDArray[np.intp]:
        """Sounds of a photo category."""
        return np.flatnonzero(self.wanted[:, category])

    def without_photo(self) -> NDArray[np.intp]:
        """Sounds of no photo category."""
        return np.flatnonzero(self.wanted.sum(1) == 0)


@dataclass(frozen=True, slots=True)
class SoundLabels:
    """Names of what is heard, and of what photos show."""

    heard: Sequence[str]
    shown: Sequence[str]

    def wanted(self, categories: Sequence[str]) -> NDArray[np.float32]:
        """Photo categories of a mixture of sound categories, (C,)."""
        row = np.zeros(len(self.shown) + 1, np.float32)
        for name in categories:
            shown = HEARD_AS.get(name, name)
            if shown in self.shown:
                row[1 + self.shown.index(shown)] = 1
        return row

    def doubt(self, categories: Sequence[str]) -> NDArray[np.float32]:
        """Categories that are weak negatives of a mixture, (C,)."""
        row = np.zeros(len(self.shown) + 1, np.float32)
        alike = [c for name in categories for c in NO_VERDICT.get(name, ())]
        if PERSON in (HEARD_AS.get(name, name) for name in categories):
            alike = list(self.shown)  # people play the instruments of many photos
        for name in alike:
            if name in self.shown:
                row[1 + self.shown.index(name)] = DOUBT
        return np.where(self.wanted(categories) > 0, np.float32(0), row)


def build_sounds(
    network: CompactNetwork,
    sounds: Mapping[str, Sequence[Samples]],
    shown: Sequence[str],
    groups: ClassGroups,
    plan: SoundPlan = DEFAULT_PLAN,
    seed: int = 0,
) -> SoundBank:
    """Draw excerpts, run the tagger, and add pseudo-sounds for what has none."""
    rng = np.random.default_rng(seed)
    mixer = SoundMixer(sounds, network.spec.num_samples, network.spec.sample_rate)
    labels = SoundLabels(mixer.categories, shown)
    heard = list(_plan(rng, mixer, plan))
    hidden = torch.cat([_hidden(network, part) for part in _drawn(rng, mixer, heard)])
    wanted, doubt = [labels.wanted(c) for c in heard], [labels.doubt(c) for c in heard]
    kinds = [_kind(categories, row) for categories, row in zip(heard, wanted, strict=True)]
    base, steps = list(range(len(heard))), [torch.zeros(hidden.shape[-1]) for _ in heard]
    means = hidden[:, -1].float()
    classifier = network.audio_encoder.classifier
    vectors = classifier.weight.detach(), classifier.bias.detach()
    for category, classes in _stand_ins(mixer.categories, shown, groups, plan):
        row = int(rng.integers(len(means)))
        base.append(row)
        steps.append(move(rng, means[row], vectors, classes))
        names = [category] if category else []
        wanted.append(labels.wanted(names))
        doubt.append(labels.doubt(names) if category else np.full(len(shown) + 1, 0.6, np.float32))
        kinds.append(0 if category else 1)
    return SoundBank(
        hidden,
        np.array(base),
        torch.stack(steps).half(),
        np.stack(wanted),
        np.stack(doubt),
        np.array(kinds),
    )


def _plan(rng: np.random.Generator, mixer: SoundMixer, plan: SoundPlan) -> Iterator[list[str]]:
    """Categories of every excerpt; no category means noise, and then silence."""
    for category in mixer.categories:
        yield from ([category] for _ in range(plan.per_category))
        for _ in range(plan.mixtures_per_category):
            yield [category, mixer.categories[rng.integers(len(mixer.categories))]]
    yield from ([] for _ in range(plan.noises))
    yield from (["silence"] for _ in range(plan.silences))


def _drawn(
    rng: np.random.Generator, mixer: SoundMixer, heard: Sequence[Sequence[str]]
) -> Iterator[NDArray[np.float32]]:
    draw: dict[int, Callable[..., Samples]] = {1: mixer.single, 2: mixer.mixture, 0: mixer.noise}
    for first in range(0, len(heard), 16):
        part = heard[first : first + 16]
        yield np.stack(
            [mixer.silence(rng) if c == ["silence"] else draw[len(c)](rng, *c) for c in part]
        )


@torch.inference_mode()
def _hidden(network: CompactNetwork, waveforms: NDArray[np.float32]) -> Tensor:
    features = network.audio_encoder(network.spectrogram(torch.from_numpy(waveforms)))
    steps = hardswish(network.audio_encoder.hidden(features.tokens.transpose(1, 2)))
    return torch.cat((steps, features.hidden[:, None]), 1).half()


def _kind(categories: Sequence[str], wanted: NDArray[np.float32]) -> int:
    if wanted.any():
        return 0
    return 2 if set(categories) <= PLACELESS | {"silence"} else 1


def _stand_ins(
    heard: Sequence[str], shown: Sequence[str], groups: ClassGroups, plan: SoundPlan
) -> Iterator[tuple[str, tuple[list[int], list[int]]]]:
    """Category ("" for none) and AudioSet classes of every pseudo-sound."""
    used = {"Animal", "Music", "Vehicle", "Musical instrument", "Dog", "Drum", "Percussion"}
    for category in shown:
        main, along = STAND_INS.get(category, ((), ()))
        used |= {*main, *along}
        count = plan.more_stand_ins if category in heard else plan.stand_ins
        count = plan.voices if category == PERSON else count
        classes = (
            [groups.audioset.index(name) for name in main],
            [groups.audioset.index(name) for name in along],
        )
        yield from ((category, classes) for _ in range(count if main else 0))
    for index in torch.nonzero(groups.heard.sum(0)).flatten().tolist():
        if groups.audioset[index] not in used:
            yield from (("", ([index], [])) for _ in range(plan.other_classes))
