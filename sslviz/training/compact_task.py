"""The bundled localizers on a folder of photos and sounds that share categories."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslviz.datasets.paired import read_paired
from sslviz.models.compact import CompactNetwork
from sslviz.training.class_groups import ClassGroups, read_class_groups
from sslviz.training.compact import CompactBatch, CompactObjective
from sslviz.training.compact_slots import JSACompactObjective
from sslviz.training.composites import HALO, Composer, CompositeOptions
from sslviz.training.cutouts import (
    Activations,
    Photo,
    SeedMaps,
    cut_out,
    photo_categories,
    read_photos,
)
from sslviz.training.decoding import FileReader
from sslviz.training.masks import SIZE, Cut, map_seeds
from sslviz.training.options import TrainOptions
from sslviz.training.picture_pool import Kept, PicturePool, build_pictures, is_built
from sslviz.training.pictures import Picture, fit_picture
from sslviz.training.sound_bank import SoundBank, build_sounds
from sslviz.training.sources import Task
from sslviz.training.spatial import SMALLEST_SHARE
from sslviz.training.tagger import load_encoder, load_tagger, read_sounds, read_weights
from sslviz.types import Calibration
from sslviz.whole_file import whole_file

RENAMING_SHARE = 0.25
"""Of batches in which JSA's slots see renamed groups."""
LATER_CUT = Cut(surely_ground=0.18, surely_object=0.8, rounds=2, min_agreement=0.45)
"""The localizer's own maps are better seeds than class activations."""


class Draw(NamedTuple):
    """A picture, the sound chosen for it, and another sound."""

    picture: Kept
    sounds: tuple[int, int]
    order: NDArray[np.int64]


class CompactTask(Task):
    """Composites and sounds by category."""

    objective: CompactObjective

    def __init__(
        self,
        objective: CompactObjective,
        pictures: PicturePool,
        sounds: SoundBank,
        unreadable: Sequence[str] = (),
    ) -> None:
        self.objective, self.pictures, self.sounds = objective, pictures, sounds
        self.unreadable = tuple(unreadable)
        num_categories = sounds.wanted.shape[1]
        self.by_category = [sounds.of_category(c) for c in range(num_categories)]
        self.heard = [c for c in range(1, num_categories) if len(self.by_category[c])]
        self.without = sounds.without_photo()

    def sample(self, rng: np.random.Generator, index: int = 0) -> Draw:
        """A picture, a sound of one of its categories (any other where it has none), one more."""
        picture = self.pictures[int(rng.integers(len(self.pictures)))]
        labels = picture.labels % HALO
        counts = np.bincount(labels.reshape(-1), minlength=len(self.by_category))
        shown = [c for c in self.heard if counts[c] > SMALLEST_SHARE * labels.size]
        own = self.by_category[shown[int(rng.integers(len(shown)))]] if shown else self.without
        other = self.without
        if rng.random() < 0.5 or not len(other):
            other = self.by_category[self.heard[int(rng.integers(len(self.heard)))]]
        chosen = int(own[int(rng.integers(len(own)))]), int(other[int(rng.integers(len(other)))])
        return Draw(picture, chosen, rng.permutation(self.objective.network.num_groups))

    def collate(self, samples: Sequence[Draw | None]) -> tuple[CompactBatch, int]:
        """A batch; the caches hold readable samples only."""
        draws = [sample for sample in samples if sample is not None]
        rng = np.random.default_rng(int(draws[0].order[0]) * 1000 + draws[0].sounds[0])
        index = [d.sounds[0] for d in draws] + [d.sounds[1] for d in draws]
        hidden = torch.stack([self.sounds.tokens(i) for i in index])
        loud = torch.from_numpy(rng.uniform(0.85, 1.15, (len(index), 1, 1))).float()
        noise = torch.from_numpy(rng.normal(0, 0.03, hidden.shape)).float()
        renamed = isinstance(self.objective, JSACompactObjective) and rng.random() < RENAMING_SHARE
        order = draws[0].order if renamed else draws[0].order[:0]
        pictures = Kept(*(np.stack(part) for part in zip(*(d.picture for d in draws), strict=True)))
        stride8, stride16, seen, labels = (torch.from_numpy(part) for part in pictures)
        return CompactBatch(
            stride8,
            stride16,
            seen,
            labels,
            hidden * loud + noise,
            torch.from_numpy(self.sounds.wanted[index]),
            torch.from_numpy(self.sounds.doubt[index]),
            torch.from_numpy(self.sounds.kinds[index]),
            torch.from_numpy(order),
        ), 0

    def groups(self) -> list[tuple[float, list[nn.Parameter]]]:
        """New parts at full rate, JSA's heads at a quarter (they start trained), the trunk slowly."""
        late = [
            p for p in self.objective.network.image_encoder.late_parameters() if p.requires_grad
        ]
        slow = {id(p) for p in late}
        rest = [p for p in self.objective.parameters() if p.requires_grad and id(p) not in slow]
        network = self.objective.network
        heads = [p for m in (network.cell_head, network.sound_head) for p in m.parameters()]
        trained = (
            {id(p) for p in heads} if isinstance(self.objective, JSACompactObjective) else set()
        )
        new = [p for p in rest if id(p) not in trained]
        old = [p for p in rest if id(p) in trained]
        return [(factor, ps) for factor, ps in ((1.0, new), (0.25, old), (0.08, late)) if ps]


def make_compact_task(objective: CompactObjective, options: TrainOptions) -> CompactTask:
    """Read photos and sounds, build the caches (kept in the output folder), and join them.

    Args:
        objective: Of a compact network.
        options: Where the data is, and how many composites. Without a checkpoint to start from, the
            pretrained encoders are loaded, and masks come from class activations instead of the
            network's own maps.

    Raises:
        DatasetError: Photos, sounds or pretrained weights are missing.
    """
    network = objective.network
    weights = options.weights or options.data / "weights"
    groups = read_class_groups(weights)
    if options.initial is None:
        load_pretrained(network, weights, groups)
        if options.sound_encoder is not None:
            load_encoder(network, options.sound_encoder)
    folder = options.cache or options.output / "cache"
    data = read_paired(options.data).of_split(options.split)
    with closing(FileReader()) as reader:
        photos, lost = read_photos(data.photos, reader.picture)
        options.claim(options.output)
        if not (folder / "sounds.pt").is_file():
            sounds, unread = read_sounds(data.sounds, reader, network.spec.sample_rate)
            lost += unread
            bank = build_sounds(network, sounds, photo_categories(photos), groups, options.sounds)
            save_bank(bank, folder)
    bank = load_bank(folder)
    if not is_built(folder):
        _compose(network, photos, bank, options, folder)
    return CompactTask(objective, PicturePool(folder), bank, lost)


def load_pretrained(network: CompactNetwork, weights: Path, groups: ClassGroups) -> None:
    """Encoders, classifiers and the class map into a new network.

    Raises:
        DatasetError: A file is missing.
    """
    load_tagger(network, weights)
    trunk = read_weights(weights / "mobilenet_v2_imagenet_dequant_f16.pt")
    network.image_encoder.load_folded(trunk)
    head = network.cell_head
    with torch.no_grad():
        head.classifier.weight.copy_(trunk["w52"].float().reshape(head.classifier.weight.shape))
        if head.classifier.bias is not None:
            head.classifier.bias.copy_(trunk["b52"].float())
        head.group_of.copy_(groups.seen)
        network.sound_head.group_of.copy_(groups.heard)


def _compose(
    network: CompactNetwork,
    photos: Sequence[Photo],
    bank: SoundBank,
    options: TrainOptions,
    folder: Path,
) -> None:
    seeds: SeedMaps
    if options.initial is None:
        activations = Activations(network.image_encoder)
        activations.fit(photos)
        seeds, cut = activations.seeds, Cut()
    else:
        seeds, cut = own_maps(network, photos, bank), LATER_CUT
    cutouts, backgrounds = cut_out(photos, seeds, cut, folder)
    size = network.spec.image_size
    composer = Composer(cutouts, backgrounds, CompositeOptions(size=size))
    for _ in build_pictures(network, composer, options.composites, folder, options.seed):
        pass


def own_maps(network: CompactNetwork, photos: Sequence[Photo], bank: SoundBank) -> SeedMaps:
    """The network's own map of a photo under the mean of its category's sounds."""
    names, size = photo_categories(photos), network.spec.image_size
    vectors: dict[str, Tensor] = {}
    with torch.no_grad():
        for number, name in enumerate(names, start=1):
            chosen = [i for i in bank.of_category(number) if bank.wanted[i].sum() == 1][:400]
            if not chosen:
                continue  # neither a sound nor a stand-in: nothing says where it is
            hidden = torch.stack([bank.tokens(int(i)) for i in chosen])
            vectors[name] = nn.functional.normalize(
                network.sound_vector(hidden[:, -1]).mean(0), dim=0
            )

    @torch.no_grad()
    def seeds(image: Picture, category: str) -> NDArray[np.float32]:
        if category not in vectors:
            return np.ones((SIZE, SIZE), np.float32)  # no usable mask, no background
        pixels = torch.from_numpy(fit_picture(image, size, size)).permute(2, 0, 1)[None]
        early = network.image_encoder.early(pixels.float() / 127.5 - 1)
        cells = network.cell_vectors(network.cells(*early))[0]
        return map_seeds(torch.einsum("chw,c->hw", cells, vectors[category]).numpy())

    return seeds


def save_bank(bank: SoundBank, folder: Path) -> None:
    """Write the sounds of a cache."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        name: torch.as_tensor(getattr(bank, name))
        for name in ("hidden", "base", "step", "wanted", "doubt", "kinds")
    }
    with whole_file(folder / "sounds.pt") as part:
        torch.save(parts, part)


def load_bank(folder: Path) -> SoundBank:
    """Read the sounds of a cache."""
    parts = torch.load(folder / "sounds.pt", weights_only=True)
    arrays = {n: parts[n].numpy() for n in ("base", "wanted", "doubt", "kinds")}
    return SoundBank(hidden=parts["hidden"], step=parts["step"], **arrays)


def calibrate(task: CompactTask, count: int = 400, seed: int = 0) -> Calibration:
    """Confidence gate at equal errors, and the fixed range of colours, on training data.

    Each of ``count`` pictures is scored with a sound of what it shows and with one that nothing in
    it makes (half of those silence, noise or weather). Colours start at the median of the wrong maps'
    peaks and are full at that of the right maps'.
    """
    network = task.objective.network.cpu().eval()
    right: tuple[list[float], list[float]] = ([], [])
    wrong: tuple[list[float], list[float]] = ([], [])
    rng, bank = np.random.default_rng(seed), task.sounds
    with torch.no_grad():
        for _ in range(min(count, len(task.pictures))):
            draw = task.sample(rng)
            shown = np.unique(draw.picture.labels % HALO)
            own, other = draw.sounds[0], _absent(rng, task, shown)
            for index, (confidences, peaks) in ((own, right), (other, wrong)):
                confidence, peak = _score(network, draw.picture, bank.tokens(index))
                confidences.append(confidence)
                peaks.append(peak)
    gate = equal_error_gate(np.array(right[0]), np.array(wrong[0]))
    low, high = float(np.quantile(wrong[1], 0.5)), float(np.median(right[1]))
    return Calibration(gate, low, max(high, low + 1e-4))


def equal_error_gate(right: NDArray[np.float64], wrong: NDArray[np.float64]) -> float:
    """The confidence below which as large a share of right ones lies as of wrong ones above it."""
    candidates = np.unique(np.concatenate((right, wrong)))
    missed = (right < candidates[:, None]).mean(1)
    passed = (wrong >= candidates[:, None]).mean(1)
    return float(candidates[np.abs(missed - passed).argmin()])


def _absent(rng: np.random.Generator, task: CompactTask, shown: NDArray[np.generic]) -> int:
    """A sound of nothing in the picture."""
    nothing = np.flatnonzero(task.sounds.kinds == 2)
    if rng.random() < 0.5 and len(nothing):
        return int(nothing[int(rng.integers(len(nothing)))])
    while True:
        index = int(rng.integers(len(task.sounds.kinds)))
        wanted, doubt = task.sounds.wanted[index], task.sounds.doubt[index]
        if not wanted[shown].any() and not (doubt[shown] > 0).any():
            return index


def _score(network: CompactNetwork, picture: Kept, hidden: Tensor) -> tuple[float, float]:
    """Confidence, and the mean of the best 3 % of cells."""
    stride8, stride16 = (torch.from_numpy(part)[None].float() for part in picture[:2])
    images = network.encode_early(stride8, stride16)
    scores = network.score(images, network.encode_hidden(hidden[None, :-1], hidden[None, -1]))
    cells = scores.cells.flatten()
    return float(scores.confidence[0]), float(
        cells.topk(max(1, cells.numel() * 3 // 100)).values.mean()
    )
