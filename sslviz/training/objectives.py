"""One objective per paper: it joins a network with its losses and returns them by name."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sslviz.errors import OptionError
from sslviz.models.base import Network
from sslviz.models.blocks.slot_attention import TARGET, SlotDecoder, attention
from sslviz.models.jsa import JSA
from sslviz.models.marginnce import MarginNCE
from sslviz.training import losses

Losses = dict[str, Tensor]
"""Scalars by name; ``total`` is the one to minimise."""


class Batch(NamedTuple):
    """Pictures with their own sounds."""

    images: Tensor
    """RGB in [0, 1], (B, 3, S, S)."""
    waveforms: Tensor
    """Mono in [-1, 1], (B, n)."""
    categories: Tensor | None = None
    """(B,) integers, where there are labels: pairs of one category are no negatives."""
    ids: tuple[str, ...] | None = None
    """Names of the clips, where the data set has them: guidance is looked up by them."""


class Objective(nn.Module, ABC):
    """A network in training. Parameters outside ``network`` serve training only.

    ``training_state()`` goes into the checkpoint beside the network's weights.
    """

    network: Network

    @abstractmethod
    def forward(self, batch: Batch) -> Losses:
        """Losses of a batch, with gradient."""

    def training_state(self) -> dict[str, Tensor]:
        """State of what only training needs."""
        return {n: t for n, t in self.state_dict().items() if not n.startswith("network.")}

    def load_training_state(self, state: dict[str, Tensor]) -> None:
        """Put back what ``training_state`` gave.

        Raises:
            RuntimeError: Names or shapes differ.
        """
        network = {n: t for n, t in self.state_dict().items() if n.startswith("network.")}
        self.load_state_dict({**network, **state})


@dataclass(frozen=True, slots=True)
class SpectrogramMask:
    """SpecAugment as JSA uses it: one band of frequencies and one of times set to 0.

    The authors' code draws a band's start from the other axis' length, which makes it mostly
    idle; here the whole axis can be hit.
    """

    max_width: int = 9

    def __call__(self, spectrograms: Tensor) -> Tensor:
        """Log spectrograms before scaling or after, (B, 1, F, T): 0 stays 0."""
        masked = spectrograms.clone()
        for item in masked:
            for axis in (1, 2):
                width = int(torch.randint(0, self.max_width + 1, ()))
                start = int(torch.randint(0, max(item.shape[axis] - width, 1), ()))
                item.narrow(axis, start, min(width, item.shape[axis])).zero_()
        return masked


@dataclass(frozen=True, slots=True)
class MarginNCEOptions:
    """Temperature and margin; the paper's own values could not be read, these are EZ-VSL's."""

    tau: float = 0.03
    margin: float = 0.0
    """Subtracted from the positives; the paper's point is that it should be negative."""

    def __post_init__(self) -> None:
        if self.tau <= 0:
            raise OptionError(f"tau is {self.tau}, it must be positive.")
        if not -2 <= self.margin <= 2:
            raise OptionError(f"margin is {self.margin}, allowed is -2 to 2, as cosines differ.")


class MarginNCEObjective(Objective):
    """MarginNCE on the best cell of each pair; margin 0 is EZ-VSL's own loss."""

    network: MarginNCE

    def __init__(
        self,
        network: MarginNCE,
        options: MarginNCEOptions = MarginNCEOptions(),
    ) -> None:
        super().__init__()
        self.network, self.options = network, options

    def forward(self, batch: Batch) -> Losses:
        """Front ends, then the loss."""
        spectrograms = self.network.spectrogram(batch.waveforms)
        return self.of_inputs(self.network.normalize(batch.images), spectrograms, batch.categories)

    def of_inputs(
        self, images: Tensor, spectrograms: Tensor, categories: Tensor | None = None
    ) -> Losses:
        """Losses after the front ends: normalised pictures and spectrograms."""
        cells = self.network.embed_cells(images)
        sounds = self.network.embed_spectrograms(spectrograms)
        keep = None if categories is None else losses.different_categories(categories)
        similarity = losses.max_similarities(cells, sounds)
        loss = losses.margin_nce(similarity, self.options.tau, self.options.margin, keep)
        return {"contrastive": loss, "total": loss}


@dataclass(frozen=True, slots=True)
class JSAOptions:
    """The authors' released values."""

    tau: float = 0.03
    num_neighbours: int = 20
    """k of the false-negative mask; needs at least as large a batch."""
    mask_ratio: float = 0.1
    """Share of tokens that are hidden."""
    weight_reconstruction: float = 0.1
    weight_divergence: float = 0.1
    weight_matching: float = 100.0

    def __post_init__(self) -> None:
        if self.tau <= 0 or self.num_neighbours < 1:
            raise OptionError(f"tau and num_neighbours must be positive, got {self}.")
        if not 0 <= self.mask_ratio < 1:
            raise OptionError(f"mask_ratio is {self.mask_ratio}, allowed is 0 to below 1.")


class JSAObjective(Objective):
    """Joint slot attention's four losses, with the decoders that only training needs."""

    network: JSA

    def __init__(
        self,
        network: JSA,
        options: JSAOptions = JSAOptions(),
        mask: SpectrogramMask | None = None,
    ) -> None:
        super().__init__()
        self.network, self.options, self.mask = network, options, mask
        dim = network.slot_attention.slots.shape[-1]
        self.image_decoder = SlotDecoder(dim, 7, 7)
        self.audio_decoder = SlotDecoder(dim, 1, 16)

    def forward(self, batch: Batch) -> Losses:
        """Front ends, then the losses."""
        spectrograms = self.network.spectrogram(batch.waveforms)
        if self.mask is not None:
            spectrograms = self.mask(spectrograms)
        return self.of_inputs(self.network.normalize(batch.images), spectrograms, batch.categories)

    def of_inputs(
        self, images: Tensor, spectrograms: Tensor, categories: Tensor | None = None
    ) -> Losses:
        """Losses after the front ends: normalised pictures and spectrograms."""
        return self.of_tokens(
            self.network.image_tokens(images), self.network.audio_tokens(spectrograms), categories
        )

    def of_tokens(
        self, image_tokens: Tensor, audio_tokens: Tensor, categories: Tensor | None = None
    ) -> Losses:
        """Losses of tokens (B, 49, C) and (B, 16, C); targets are the tokens before masking."""
        slot_attention, ratio = self.network.slot_attention, self.options.mask_ratio
        image = slot_attention.attend_image(slot_attention.image.mask(image_tokens, ratio))
        audio = slot_attention.attend_audio(slot_attention.audio.mask(audio_tokens, ratio))
        keep = losses.not_reciprocal(
            image.slots[:, TARGET], audio.slots[:, TARGET], self.options.num_neighbours
        )
        if categories is not None:
            keep &= losses.different_categories(categories)
        similarity = losses.cosines(image.slots[:, TARGET], audio.slots[:, TARGET])
        named = {
            "contrastive": losses.contrastive(similarity, self.options.tau, keep),
            "reconstruction": losses.reconstruction(self.image_decoder(image.slots), image_tokens)
            + losses.reconstruction(self.audio_decoder(audio.slots), audio_tokens),
            "divergence": losses.slot_divergence(image.slots) + losses.slot_divergence(audio.slots),
            "matching": _match(audio.queries, image.queries, image.keys)
            + _match(image.queries, audio.queries, audio.keys),
        }
        return {**named, "total": self._total(named)}

    def _total(self, named: Losses) -> Tensor:
        o = self.options
        return (
            named["contrastive"]
            + o.weight_reconstruction * named["reconstruction"]
            + o.weight_divergence * named["divergence"]
            + o.weight_matching * named["matching"]
        )


def _match(crossed_queries: Tensor, own_queries: Tensor, keys: Tensor) -> Tensor:
    crossed = attention(crossed_queries, keys)[:, TARGET]
    return losses.attention_matching(crossed, attention(own_queries, keys)[:, TARGET])
