"""Objective of ``jsa-compact``: the papers' terms on slots, and where the target slot should look."""

import torch
from torch import Tensor
from torch.nn.functional import (
    adaptive_avg_pool2d,
    avg_pool2d,
    binary_cross_entropy_with_logits,
    normalize,
)

from sslviz.models.blocks.cell_head import Cells
from sslviz.models.blocks.slot_attention import TARGET, SlotDecoder, Slots, attention
from sslviz.models.compact import JSACompact, claim_logits
from sslviz.training import losses, spatial
from sslviz.training.compact import (
    DEFAULT_WEIGHTS,
    CompactBatch,
    CompactObjective,
    CompactOptions,
)
from sslviz.training.objectives import Losses
from sslviz.training.renaming import rename_groups
from sslviz.training.spatial import Targets


class JSACompactObjective(CompactObjective):
    """The target slot of the sound claims the cells of its source; JSA's terms on the slots."""

    network: JSACompact

    def __init__(self, network: JSACompact, options: CompactOptions = DEFAULT_WEIGHTS) -> None:
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
            return self.with_kept(self._of_tokens(cells, vectors, tokens, keys, batch), kept)

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
