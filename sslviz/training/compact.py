"""What the objectives of the two bundled localizers share, and that of ``marginnce-compact``.

The papers' terms are marked; the rest (composites with masks, parts that must work alone, shares,
confidence) is this project's. Both start from features cached after the frozen early layers.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from sslviz.models.blocks.cell_head import Cells
from sslviz.models.compact import CompactNetwork, MarginNCECompact
from sslviz.training import spatial
from sslviz.training.objectives import Losses
from sslviz.training.spatial import Targets

SMALLEST_COSINE = 1e-3
"""Below it the root is too steep to learn from."""


class CompactBatch(NamedTuple):
    """Composites after the early layers, and sounds; sound i was chosen for picture i."""

    stride8: Tensor
    """(B, 32, 2h, 2w)."""
    stride16: Tensor
    """(B, 96, h, w)."""
    seen: Tensor
    """(B, G, h/2, w/2) group probabilities before training."""
    labels: Tensor
    """(B, 4h, 4w) categories, with halos."""
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
    kept_weight: float = 1.0
    """On what the classifier saw before training."""
    agreement_weight: float = 0.3
    slot_weight: float = 0.2
    matching_weight: float = 100.0
    divergence_weight: float = 0.1
    reconstruction_weight: float = 0.1
    image_query_weight: float = 0.2
    mask_ratio: float = 0.1
    """Share of tokens that are hidden."""


DEFAULT_WEIGHTS = CompactOptions()


class CompactObjective(nn.Module):
    """A compact network in training."""

    network: CompactNetwork

    def __init__(self, options: CompactOptions = DEFAULT_WEIGHTS) -> None:
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

    def with_kept(self, named: Losses, kept: Tensor) -> Losses:
        """Losses with that of ``cells`` added."""
        total = named["total"] + self.options.kept_weight * kept
        return {**named, "kept": kept, "total": total}


class MarginNCECompactObjective(CompactObjective):
    """MarginNCE on the best cells, and where they should be."""

    network: MarginNCECompact

    def __init__(
        self, network: MarginNCECompact, options: CompactOptions = DEFAULT_WEIGHTS
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
            return self.with_kept(self._of_cells(cells, batch), kept)

    def _of_cells(self, cells: Cells, batch: CompactBatch) -> Losses:
        options, network = self.options, self.network
        hidden = batch.hidden[:, -1].float()
        sounds = network.sound_head(hidden, network.audio_encoder.classifier(hidden))
        targets = spatial.make_targets(batch.labels, batch.wanted, batch.doubt)
        named, coarse = self._where(cells, sounds, targets)
        named["thing"] = spatial.thing_loss(cells.objectness, targets.things)
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
