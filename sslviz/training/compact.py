"""Objectives of the two bundled localizers.

The papers' terms are marked; the rest (composites with masks, parts that must work alone, shares,
confidence) is this project's. Both start from features cached after the frozen early layers.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    adaptive_avg_pool2d,
    avg_pool2d,
    binary_cross_entropy_with_logits,
    normalize,
)

from sslviz.models.blocks.cell_head import Cells
from sslviz.models.blocks.slot_attention import TARGET, SlotDecoder, Slots, attention
from sslviz.models.compact import CompactNetwork, JSACompact, MarginNCECompact, claim_logits
from sslviz.training import losses, spatial
from sslviz.training.objectives import Losses
from sslviz.training.renaming import rename_groups
from sslviz.training.spatial import Targets

SMALLEST_COSINE = 1e-3
"""Below it the root is too steep to learn from."""


class CompactBatch(NamedTuple):
    """Composites after the early layers, and sounds; sound i was chosen for picture i."""

    stride8: Tensor
    """(B, 32, 2h, 2w)."""
    stride16: Tensor
    """(B, 96, h, w)."""
    labels: Tensor
    """(B, 4h, 4w) categories, with halos."""
    seen: Tensor
    """(B, G, h/2, w/2) group probabilities before training."""
    hidden: Tensor
    """(S, T + 1, 512) features of the sounds over time, and last of the whole; S >= B."""
    wanted: Tensor
    """(S, C) categories of the sounds."""
    doubt: Tensor
    """(S, C)."""
    kinds: Tensor
    """(S,) see ``spatial.share_loss``."""
    shuffle: Tensor
    """(G,) a renaming of the groups, or empty."""


@dataclass(frozen=True, slots=True)
class CompactOptions:
    """Weights of the terms."""

    tau: float = 0.07
    margin: float = -0.2
    """MarginNCE's margin."""
    part_weight: float = 0.3
    dice_weight: float = 0.7
    thing_weight: float = 0.5
    choose_weight: float = 0.4
    share_weight: float = 0.3
    kept_weight: float = 0.3
    """On what the classifier saw before training."""
    agreement_weight: float = 0.3
    slot_weight: float = 0.2
    matching_weight: float = 100.0
    divergence_weight: float = 0.1
    reconstruction_weight: float = 0.1
    image_query_weight: float = 0.2
    mask_ratio: float = 0.1
    """Share of tokens that are hidden."""


class CompactObjective(nn.Module):
    """A compact network in training."""

    network: CompactNetwork

    def __init__(self, options: CompactOptions = CompactOptions()) -> None:
        super().__init__()
        self.options = options

    @abstractmethod
    def forward(self, batch: CompactBatch) -> Losses:
        """Named losses, ``total`` among them."""

    def training_state(self) -> dict[str, Tensor]:
        """State of what only training needs."""
        return {n: t for n, t in self.state_dict().items() if not n.startswith("network.")}

    def freeze(self) -> None:
        """Only the heads and the late layers of the image encoder learn."""
        self.network.image_encoder.requires_grad_(False)
        self.network.audio_encoder.requires_grad_(False)
        self.network.cell_head.classifier.requires_grad_(False)
        for parameter in self.network.image_encoder.late_parameters():
            parameter.requires_grad_(True)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def cells(self, batch: CompactBatch) -> tuple[Cells, Tensor]:
        """Cells of the pictures, float32, and the loss of what the classifier no longer sees."""
        stride8, stride16 = (
            part.float().contiguous(memory_format=torch.channels_last)
            for part in (batch.stride8, batch.stride16)
        )
        head, late = self.network.cell_head, self.network.image_encoder.late(stride16)
        seen = head.seen(late.stride32)
        cells = head(stride8, late.stride16, late.stride32, seen)
        return Cells(*(part.float() for part in cells)), spatial.kept_loss(seen, batch.seen)


class MarginNCECompactObjective(CompactObjective):
    """MarginNCE on the best cells, and where they should be."""

    network: MarginNCECompact

    def __init__(
        self, network: MarginNCECompact, options: CompactOptions = CompactOptions()
    ) -> None:
        super().__init__(options)
        self.network = network
        # Scale and threshold of the logistic terms: of the whole, and of each part alone.
        self.scales = nn.Parameter(torch.full((3,), 10.0))
        self.thresholds = nn.Parameter(torch.tensor([0.4, 0.4, 0.3]))
        self.freeze()

    def forward(self, batch: CompactBatch) -> Losses:
        """Losses of a batch; what follows the cells is computed in full precision."""
        cells, kept = self.cells(batch)
        with torch.autocast(cells.learned.device.type, enabled=False):
            return self._of_cells(cells, kept, batch)

    def _of_cells(self, cells: Cells, kept: Tensor, batch: CompactBatch) -> Losses:
        options, network = self.options, self.network
        hidden = batch.hidden[:, -1].float()
        sounds = network.sound_head(hidden, network.audio_encoder.classifier(hidden))
        targets = spatial.make_targets(batch.labels, batch.wanted, batch.doubt)
        named, coarse = self._where(cells, sounds, targets)
        named |= {"thing": spatial.thing_loss(cells.objectness, targets.things), "kept": kept}
        own = torch.eye(*coarse.shape[:2], device=coarse.device)
        best = coarse.flatten(2).topk(3, 2).values.mean(2)
        named["margin_nce"] = spatial.choose_loss(
            (best - options.margin * own) / options.tau, targets
        )
        named["share"] = spatial.share_loss(network.sound_head.shares(hidden), batch.kinds)
        peaks = coarse.flatten(2).topk(6, 2).values.mean(2) * 6
        evidence = torch.stack((peaks, sounds[2].expand_as(peaks)), -1)
        named["agreement"] = spatial.agreement_loss(network.agreement(evidence)[..., 0], targets)
        total = (
            named["where"]
            + options.dice_weight * named["dice"]
            + options.thing_weight * named["thing"]
            + options.choose_weight * named["margin_nce"]
            + options.share_weight * named["share"]
            + options.kept_weight * named["kept"]
            + options.agreement_weight * named["agreement"]
        )
        return {**named, "total": total}

    def _where(
        self, cells: Cells, sounds: tuple[Tensor, Tensor, Tensor], targets: Targets
    ) -> tuple[Losses, Tensor]:
        """Logistic terms of all pairs, and their cosines at stride 16, (B, S, h, w)."""
        gate = cells.objectness.sigmoid().clamp(1e-6).sqrt()
        learned = torch.einsum("blhw,sl->bshw", cells.learned, sounds[0])
        groups = torch.einsum("bghw,sg->bshw", cells.groups, sounds[1])
        lengths = [part.norm(dim=1)[None, :, None, None] + 1e-4 for part in sounds[:2]]
        variants = ((learned + groups) * 2**-0.5, learned / lengths[0], groups / lengths[1])
        pictures, heard = torch.where(targets.positive)
        masks = targets.pair_masks(pictures, heard)
        named_sounds = targets.wanted.sum(1) > 0
        where = torch.zeros((), device=masks.device)
        fine, coarse = masks, masks
        for index, match in enumerate(variants):
            positive = spatial.double(match[pictures, heard]) * gate[pictures, 0]
            negative = match * avg_pool2d(gate, 2)
            if index == 0:
                fine, coarse = positive, negative
            chosen = ~targets.positive & (named_sounds if index == 2 else True)
            scale, threshold = self.scales[index], self.thresholds[index]
            away = (scale * (negative - threshold)).flatten(2)[chosen]
            loss = spatial.on_object(scale * (positive - threshold), masks)
            loss = loss + spatial.nowhere(away, targets.weight[chosen])
            where = where + (1.0 if index == 0 else self.options.part_weight) * loss
        shown = fine.clamp(min=SMALLEST_COSINE).sqrt()  # as the network hands it out
        return {"where": where, "dice": spatial.rule_dice(shown, masks)}, coarse


class JSACompactObjective(CompactObjective):
    """The target slot of the sound claims the cells of its source; JSA's terms on the slots."""

    network: JSACompact

    def __init__(self, network: JSACompact, options: CompactOptions = CompactOptions()) -> None:
        super().__init__(options)
        self.network = network
        dim = network.slot_attention.slots.shape[-1]
        self.image_decoder, self.audio_decoder = SlotDecoder(dim, 10, 10), SlotDecoder(dim, 1, 16)
        self.freeze()

    def forward(self, batch: CompactBatch) -> Losses:
        """Losses of a batch; what follows the cells and keys is computed in full precision."""
        network, device = self.network, batch.hidden.device.type
        cells, kept = self.cells(batch)
        vectors = network.cell_vectors(cells)
        with torch.autocast(device, enabled=False):
            tokens = network.sound_tokens(batch.hidden[:, :-1].float())
        if batch.shuffle.numel():
            vectors, tokens = rename_groups(network, vectors, tokens, batch.shuffle)
        keys = network.fine_keys(vectors).float()
        with torch.autocast(device, enabled=False):
            named = self._of_tokens(cells, vectors, tokens, keys, batch)
        total = named["total"] + self.options.kept_weight * kept
        return {**named, "kept": kept, "total": total}

    def _of_tokens(
        self, cells: Cells, vectors: Tensor, tokens: Tensor, keys: Tensor, batch: CompactBatch
    ) -> Losses:
        options, network = self.options, self.network
        attend, ratio = network.slot_attention, options.mask_ratio
        pictures = attend.image.mask(network.image_tokens(vectors), ratio)
        image = attend.attend_image(pictures)._replace(keys=keys)
        sound = attend.attend_audio(attend.audio.mask(tokens, ratio))
        targets = spatial.make_targets(batch.labels, batch.wanted, batch.doubt)
        named, coarse = self._where(image, sound, targets)
        named["thing"] = spatial.thing_loss(cells.objectness, targets.things)
        named["choose"] = spatial.choose_loss(coarse.topk(3, 2).values.mean(2) / 2, targets)
        named |= self._papers(image, sound, targets, vectors, tokens)
        named["image_query"] = self._image_query(image, targets)
        total = (
            named["where"]
            + options.dice_weight * named["dice"]
            + options.thing_weight * named["thing"]
            + options.choose_weight * named["choose"]
            + options.slot_weight * named["contrastive"]
            + options.matching_weight * named["matching"]
            + options.divergence_weight * named["divergence"]
            + options.reconstruction_weight * named["reconstruction"]
            + options.image_query_weight * named["image_query"]
        )
        if not batch.shuffle.numel():
            named["agreement"] = self._agreement(image, sound, coarse, targets)
            hidden = batch.hidden[:, -1].float()
            named["share"] = spatial.share_loss(network.sound_head.shares(hidden), batch.kinds)
            total = total + options.agreement_weight * named["agreement"] + 0.15 * named["share"]
        return {**named, "total": total}

    def _where(self, image: Slots, sound: Slots, targets: Targets) -> tuple[Losses, Tensor]:
        """Logistic terms of the claims, and the claims of all pairs at stride 16, (B, S, hw)."""
        side = round(image.keys.shape[1] ** 0.5)
        pictures, heard = torch.where(targets.positive)
        masks = targets.pair_masks(pictures, heard)
        # With two slots the log odds are linear in the keys: one product for all pairs.
        query = (sound.queries[:, TARGET] - sound.queries[:, 1]) * image.keys.shape[2] ** -0.5
        claims = (image.keys @ query.T).transpose(1, 2).unflatten(2, (side, side))  # (B, S, 2h, 2w)
        fine, coarse = claims[pictures, heard], avg_pool2d(claims, 2).flatten(2)
        away = ~targets.positive
        where = spatial.on_object(fine, masks)
        where = where + spatial.nowhere(coarse[away], targets.weight[away])
        shown = fine.sigmoid().sqrt()  # as the network hands it out
        return {"where": where, "dice": spatial.rule_dice(shown, masks)}, coarse

    def _papers(
        self, image: Slots, sound: Slots, targets: Targets, vectors: Tensor, tokens: Tensor
    ) -> Losses:
        """JSA's terms: contrastive on target slots, matching, divergence, reconstruction."""
        batch = len(vectors)
        agreement = self._slot_agreement(image, sound)
        # Matching says that both queries look at one thing: only where there is one thing.
        single = (targets.present.sum(1) == 1) & targets.positive[range(batch), range(batch)]
        own = Slots(*(part[:batch] for part in sound))
        pooled = adaptive_avg_pool2d(vectors, 10)
        rebuilt = pooled.flatten(2).transpose(1, 2) * vectors.shape[1] ** 0.5
        return {
            "contrastive": spatial.choose_loss(agreement / self.options.tau, targets),
            "matching": _match(own.queries[single], image.queries[single], image.keys[single])
            + _match(image.queries[single], own.queries[single], own.keys[single]),
            "divergence": losses.slot_divergence(image.slots) + losses.slot_divergence(sound.slots),
            "reconstruction": losses.reconstruction(self.image_decoder(image.slots), rebuilt)
            + losses.reconstruction(self.audio_decoder(sound.slots), tokens),
        }

    def _slot_agreement(self, image: Slots, sound: Slots) -> Tensor:
        pictures, sounds = (normalize(s.slots[:, TARGET], dim=1) for s in (image, sound))
        return pictures @ sounds.T

    def _image_query(self, image: Slots, targets: Targets) -> Tensor:
        """The picture's own target slot claims things, whatever they are."""
        claims = claim_logits(image.queries, image.keys)
        things = targets.things.flatten(1)
        return binary_cross_entropy_with_logits(claims, things, weight=1 + things)

    def _agreement(self, image: Slots, sound: Slots, coarse: Tensor, targets: Targets) -> Tensor:
        best = coarse.topk(6, 2).values.mean(2) / 4
        evidence = torch.stack((best, self._slot_agreement(image, sound), coarse.mean(2) / 4), -1)
        return spatial.agreement_loss(self.network.agreement(evidence)[..., 0], targets)


def _match(crossed_queries: Tensor, own_queries: Tensor, keys: Tensor) -> Tensor:
    if not len(keys):
        return keys.sum() * 0
    # Maps sum to 1: scaled as if they had the 49 tokens of the paper, whose weight is used.
    scale = keys.shape[1] / 49
    crossed, own = (attention(q, keys)[:, TARGET] * scale for q in (crossed_queries, own_queries))
    return losses.attention_matching(crossed, own)
