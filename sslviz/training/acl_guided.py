"""Guided ACL: this project's reconstruction of training ACL with an LLM's knowledge.

"Hearing and Seeing Through CLIP" (S. Park, A. Senocak, J. S. Chung, arXiv:2505.05343) distils object-aware audio-visual
scene understanding into ACL while it trains, and leaves the network as it was. Its text was not at hand, and neither code,
prompts nor weights are published, so **this is not a reimplementation of that paper**: the three losses here are ours. They
need ``guidance.jsonl`` (see ``guidance_file``): what is visible and sounds, and what is visible but silent. Frozen CLIP reads
the phrases, frozen CLIPSeg draws their masks, and both teach the sound.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sslviz.errors import OptionError
from sslviz.models.acl import ACL
from sslviz.training import acl_losses
from sslviz.training.acl_objective import ACLObjective, ACLOptions, Pairs
from sslviz.training.guidance_file import Guidance
from sslviz.training.objectives import Batch, Losses


@dataclass(frozen=True, slots=True)
class GuidedOptions:
    """Ours; none of these values is from the paper."""

    tau: float = 0.07
    weight: float = 0.5
    """Of the three guidance losses together, once the ramp is over."""
    ramp_steps: int = 2000
    """The weight rises linearly from 0 over so many steps."""
    smallest_teacher: float = 0.01
    largest_teacher: float = 0.9
    """Shares of the picture between which a teacher's mask is believed."""

    def __post_init__(self) -> None:
        if self.tau <= 0 or self.ramp_steps < 0:
            raise OptionError(f"tau must be positive and ramp_steps at least 0, got {self}.")
        if not 0 <= self.smallest_teacher < self.largest_teacher <= 1:
            raise OptionError(f"teacher areas must lie in order within 0 to 1, got {self}.")


class GuidedACLObjective(ACLObjective):
    """ACL's losses, and guidance for the clips of a batch that have some.

    Args:
        network: With its table of words and its tokenizer.
        guidance: By clip id.
        options: Of ACL.
        guided: Of the guidance.

    Raises:
        OptionError: The network cannot read phrases.
    """

    step: Tensor

    def __init__(
        self,
        network: ACL,
        guidance: Mapping[str, Guidance],
        options: ACLOptions | None = None,
        guided: GuidedOptions = GuidedOptions(),
    ) -> None:
        super().__init__(network, options or ACLOptions())
        self.guidance, self.guided = guidance, guided
        self.register_buffer("step", torch.zeros((), dtype=torch.long))
        self._phrases: dict[str, Tensor] = {}
        network.embed_text(["a sound"])  # raises here, not in the first batch

    def forward(self, batch: Batch) -> Losses:
        """ACL's losses and, for clips whose id the guidance knows, alignment, distillation and silence."""
        if batch.ids is None:
            raise OptionError(
                "Guided training needs the ids of its clips; the data set gives none."
            )
        pairs = self.pairs(batch)
        named = self.of_pairs(batch, pairs)
        known = [i for i, name in enumerate(batch.ids) if name in self.guidance]
        records = [self.guidance[batch.ids[i]] for i in known]
        named |= self.of_guidance(pairs, known, records)
        ramp = min(float(self.step) / max(self.guided.ramp_steps, 1), 1.0)
        if self.training:
            self.step += 1
        guided = named["alignment"] + named["distillation"] + named["silence"]
        return {**named, "total": named["total"] + self.guided.weight * ramp * guided}

    def of_guidance(self, pairs: Pairs, rows: list[int], records: list[Guidance]) -> Losses:
        """The three guidance losses over the rows of a batch that have a record."""
        heard = [
            (row, record) for row, record in zip(rows, records, strict=True) if record.sounding
        ]
        nothing = pairs.logits.sum() * 0.0
        named = {"alignment": nothing, "distillation": nothing, "silence": nothing}
        masker = self.network.masker
        own = pairs.logits.diagonal().permute(2, 0, 1).float()  # (B, S, S)
        own = masker.scale * own + masker.shift
        sounding = torch.zeros_like(own)
        if heard:
            index = [row for row, _ in heard]
            words = torch.cat([self._mean_of(record.sounding) for _, record in heard])
            sounding[index] = self._teach(pairs.reduced[index], words)
            share = sounding[index].mean(dim=(1, 2))
            used = (share >= self.guided.smallest_teacher) & (share <= self.guided.largest_teacher)
            named["distillation"] = acl_losses.mask_distillation(own[index], sounding[index], used)
            if len(heard) > 1:
                same = _share_a_phrase([record for _, record in heard]).to(own.device)
                named["alignment"] = acl_losses.token_alignment(
                    pairs.sounds[index], words, same, self.guided.tau
                )
        silent = self._silent(pairs, rows, records) * (1 - sounding)
        named["silence"] = acl_losses.silent_area(own.sigmoid(), silent)
        return named

    @torch.no_grad()
    def _teach(self, reduced: Tensor, words: Tensor) -> Tensor:
        """Frozen CLIPSeg's probabilities of phrases (N, C) in pictures (N, 3, T, R), (N, S, S)."""
        masker = self.network.masker
        logits = self.network.clip.decode(reduced, words).float()
        return torch.sigmoid(masker.scale * logits + masker.shift)

    def _silent(self, pairs: Pairs, rows: list[int], records: list[Guidance]) -> Tensor:
        """Where any silent phrase is seen, (B, S, S); 0 for clips without one."""
        silent = torch.zeros_like(pairs.logits[:, 0], dtype=torch.float32)
        for row, record in zip(rows, records, strict=True):
            for phrase in record.silent:
                seen = self._teach(pairs.reduced[row : row + 1], self._read(phrase))[0]
                if float(seen.mean()) <= self.guided.largest_teacher:
                    silent[row] = torch.maximum(silent[row], seen)
        return silent

    def _mean_of(self, phrases: tuple[str, ...]) -> Tensor:
        return torch.cat([self._read(phrase) for phrase in phrases]).mean(dim=0, keepdim=True)

    @torch.no_grad()
    def _read(self, phrase: str) -> Tensor:
        """Text embedding (1, C), computed once per phrase."""
        if phrase not in self._phrases:
            self._phrases[phrase] = self.network.embed_text([phrase])
        return self._phrases[phrase]


def _share_a_phrase(records: list[Guidance]) -> Tensor:
    """(N, N) bool: two clips of the same thing are no negatives of each other."""
    sets = [set(record.sounding) for record in records]
    return torch.tensor([[bool(a & b) for b in sets] for a in sets])
