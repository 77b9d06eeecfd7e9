"""Fine-tuning of the sound encoder on sound categories, before its features are cached.

Ours. AudioSet's tagger confuses what it never had to tell apart (a flute and a clarinet, a lion and
a dog); a head for the categories teaches it. What it knew is kept by distillation: on every
training sound, the frozen AudioSet classifier must still say what it said before.
"""

import copy
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, dropout

from sslviz.datasets.paired import Item, read_paired
from sslviz.errors import DatasetError, MediaError
from sslviz.models.blocks.efficientat import HIDDEN_SIZE, EfficientAT
from sslviz.models.blocks.mel import LogMel
from sslviz.models.compact import CompactNetwork
from sslviz.training.decoding import FileReader
from sslviz.training.objectives import Losses, SpectrogramMask
from sslviz.training.options import TrainOptions
from sslviz.training.sounds import Samples, SoundMixer
from sslviz.training.sources import Task
from sslviz.whole_file import whole_file

ENCODER = "model.safetensors"
NUM_FROZEN = 6
"""Blocks after the stem that stay as they are: they hear textures, and cost most."""
MIXTURE_SHARE, NOTHING_SHARE = 0.3, 0.06
MAX_STRETCH = 0.12
"""Of speed and with it pitch, either way."""


class TaggerBatch(NamedTuple):
    """Sounds and what is heard in them."""

    waveforms: Tensor
    """(B, n)."""
    heard: Tensor
    """(B, C), 0 or 1."""


class TaggerObjective(nn.Module):
    """Categories by a head of its own; AudioSet's classes as the pretrained encoder had them.

    Args:
        network: Its sound encoder learns, in place.
        num_categories: Of sounds.
        keep_weight: On the distillation.
    """

    def __init__(
        self, network: CompactNetwork, num_categories: int, keep_weight: float = 20.0
    ) -> None:
        super().__init__()
        self.encoder: EfficientAT = network.audio_encoder
        self.teacher = copy.deepcopy(self.encoder).requires_grad_(False).eval()
        self.spectrogram = LogMel()
        self.mask = SpectrogramMask()
        self.head = nn.Linear(HIDDEN_SIZE, num_categories)
        self.keep_weight = keep_weight
        self.encoder.requires_grad_(True)
        frozen = (self.encoder.stem, *self.encoder.blocks[:NUM_FROZEN], self.encoder.classifier)
        for part in frozen:
            part.requires_grad_(False)

    def forward(self, batch: TaggerBatch) -> Losses:
        """Named losses, ``total`` among them."""
        with torch.autocast(batch.waveforms.device.type, enabled=False):
            spectrogram = self.mask(self.spectrogram(batch.waveforms))
            hidden = self.encoder(spectrogram).hidden
            with torch.no_grad():
                before = self.teacher.classifier(self.teacher(spectrogram).hidden).sigmoid()
            logits = self.head(dropout(hidden, 0.2, self.training))
            category = binary_cross_entropy_with_logits(logits, batch.heard) * logits.shape[1]
            kept = binary_cross_entropy_with_logits(self.encoder.classifier(hidden), before)
        return {"category": category, "kept": kept, "total": category + self.keep_weight * kept}


class TaggerTask(Task):
    """Sounds by category, evenly; some mixed, a few with nothing in them."""

    objective: TaggerObjective

    def __init__(
        self, objective: TaggerObjective, mixer: SoundMixer, unreadable: Sequence[str] = ()
    ) -> None:
        self.objective, self.mixer = objective, mixer
        self.unreadable = tuple(unreadable)

    def sample(
        self, rng: np.random.Generator, index: int = 0
    ) -> tuple[Samples, NDArray[np.float32]]:
        """An excerpt and the categories heard in it."""
        categories, chance = self.mixer.categories, rng.random()
        heard = np.zeros(len(categories), np.float32)
        if chance < NOTHING_SHARE:
            return self.mixer.noise(rng), heard
        chosen = [int(i) for i in rng.integers(len(categories), size=2)]
        if chance < NOTHING_SHARE + MIXTURE_SHARE:
            heard[chosen] = 1
            return self.mixer.mixture(rng, categories[chosen[0]], categories[chosen[1]]), heard
        heard[chosen[0]] = 1
        return stretched(rng, self.mixer.single(rng, categories[chosen[0]])), heard

    def collate(
        self, samples: Sequence[tuple[Samples, NDArray[np.float32]] | None]
    ) -> tuple[TaggerBatch, int]:
        """A batch."""
        drawn = [s for s in samples if s is not None]
        waveforms, heard = (np.stack([s[part] for s in drawn]) for part in (0, 1))
        return TaggerBatch(torch.from_numpy(waveforms), torch.from_numpy(heard)), 0

    def groups(self) -> list[tuple[float, list[nn.Parameter]]]:
        """The head at full rate, the encoder at a fifth of it."""
        encoder = [p for p in self.objective.encoder.parameters() if p.requires_grad]
        return [(1.0, list(self.objective.head.parameters())), (0.2, encoder)]


def stretched(rng: np.random.Generator, samples: Samples) -> Samples:
    """The sound played faster or slower, cut or filled up to its length."""
    speed = float(rng.uniform(1 - MAX_STRETCH, 1 + MAX_STRETCH))
    places = np.arange(len(samples)) * speed
    played = np.interp(places, np.arange(len(samples)), samples, right=0.0)
    return np.asarray(played, np.float32)


def make_tagger_task(network: CompactNetwork, options: TrainOptions) -> TaggerTask:
    """The pretrained sound encoder in ``network``, and the sounds that it is to tell apart.

    Raises:
        DatasetError: Sounds or pretrained weights are missing.
    """
    load_tagger(network, options.weights or options.data / "weights")
    spec, items = network.spec, read_paired(options.data).of_split(options.split).sounds
    with closing(FileReader()) as reader:
        sounds, lost = read_sounds(items, reader, spec.sample_rate)
    mixer = SoundMixer(sounds, spec.num_samples, spec.sample_rate)
    return TaggerTask(TaggerObjective(network, len(mixer.categories)), mixer, lost)


def read_sounds(
    items: Sequence[Item], reader: FileReader, sample_rate: int
) -> tuple[dict[str, list[Samples]], list[str]]:
    """Whole sounds by category; second, why some could not be read.

    Raises:
        DatasetError: None can be read.
    """
    sounds: dict[str, list[Samples]] = {}
    lost: list[str] = []
    for item in items:
        try:
            found = reader.sound(item.path, sample_rate)
            sounds.setdefault(item.category, []).append(found)
        except MediaError as error:
            lost.append(str(error))
    if not sounds:
        raise DatasetError("none of the training sounds can be read.")
    return sounds, lost


def load_tagger(network: CompactNetwork, weights: Path) -> None:
    """AudioSet's pretrained tagger into a new network.

    Raises:
        DatasetError: Its file is missing.
    """
    network.audio_encoder.load_released(read_weights(weights / "mn04_as_mAP_432.pt"))


def read_weights(path: Path) -> dict[str, Tensor]:
    """A file of pretrained weights; no code in it is run.

    Raises:
        DatasetError: It is missing.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing: the encoders start from pretrained weights.")
    found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def save_encoder(task: TaggerTask, folder: Path) -> None:
    """Write the fine-tuned encoder, whole or not at all."""
    state = {n: t.detach().cpu() for n, t in task.objective.encoder.state_dict().items()}
    with whole_file(folder / ENCODER) as part:
        save_file(state, part)


def load_encoder(network: CompactNetwork, folder: Path) -> None:
    """A fine-tuned encoder into a network.

    Raises:
        DatasetError: The folder holds none.
    """
    path = folder / ENCODER
    if not path.is_file():
        raise DatasetError(f"{folder} holds no {ENCODER}; give the folder of a sound-encoder run.")
    network.audio_encoder.load_state_dict(load_file(path))
