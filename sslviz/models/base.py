"""What every network in this package has in common."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslviz.errors import DeviceError, OptionError
from sslviz.models.batching import first_vector, is_out_of_memory, join, take, to_device, unique
from sslviz.models.blocks.folding import fold_batch_norms
from sslviz.models.key_map import KeyMap, unwrap_state
from sslviz.models.precision import keep_freed_memory
from sslviz.models.resizing import Resize, resize_image
from sslviz.types import (
    AudioClip,
    Calibration,
    Frame,
    Identity,
    InputSpec,
    ScoreMap,
    ScoreScale,
    Window,
)

Encoding = tuple[Tensor, ...]
"""What an encoder hands to ``score``: tensors whose first axis is the batch."""


class Scores(NamedTuple):
    """What a network returns for a batch."""

    cells: Tensor
    """(B, h, w), in the unit that ``scale`` names."""
    confidence: Tensor
    """(B,), in [0, 1]."""


class Network(nn.Module, ABC):
    """A ``Localizer`` with weights.

    A subclass names its ``method``, ``scale``, ``spec`` and ``default_calibration``, and writes
    two encoders and ``score``. Normalisation, spectrograms and prompts are the network's own
    business, so that nobody else can get them wrong. It knows no loss.
    """

    method: str
    """Key in ``catalog.METHODS``."""
    scale: ScoreScale
    spec: InputSpec
    """What it wants to be given; the class holds the paper's, a checkpoint may set another."""
    default_calibration: ClassVar[Calibration]
    """For weights without a measured one."""
    resize: Resize = Resize.AREA
    key_map: ClassVar[KeyMap | None] = None
    """To the state dict of the authors' code, where there is one."""
    telltale: ClassVar[tuple[str, ...]] = ()
    """Entries by which a file of the authors' is known."""
    sized_by: ClassVar[Mapping[str, str]] = {}
    """Arguments that a file of the authors' implies: the first axis of these entries of ours."""
    companions: ClassVar[tuple[str, ...]] = ()
    """Files that may lie beside the weights, such as a tokenizer's."""
    file_part: ClassVar[str] = "model"
    """The part, in the catalog's words, that a user's own file is."""
    stored_dtype: ClassVar[torch.dtype | None] = None
    """Precision in which converted files are kept; ``None``: as they come."""
    image_sizes: tuple[int, ...] = ()
    """Sides that ``at_image_size`` takes, rising; none where weights and size belong together."""
    cpu_batch: ClassVar[int] = 64
    """Pictures, and sounds, that a processor encodes at once; small networks are fastest while all of a layer fits into its cache."""
    autocast_dtype: torch.dtype | None = None
    """Run in this precision; ``None``: as the weights are. The loader chooses."""
    _identity: Identity | None = None

    @abstractmethod
    def encode_images(self, images: Tensor) -> Encoding:
        """All that scoring needs of a picture.

        Args:
            images: RGB in [0, 1], (B, 3, image_size, image_size).
        """

    @abstractmethod
    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        """All that scoring needs of a sound.

        Args:
            waveforms: Mono in [-1, 1], (B, audio_seconds * sample_rate).
        """

    @abstractmethod
    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        """Score each cell of picture i by sound i; both encodings have the same batch size."""

    def forward(self, images: Tensor, waveforms: Tensor) -> Scores:
        """Score each cell: pictures (B, 3, S, S) in [0, 1], waveforms (B, n) in [-1, 1]."""
        return self.score(self.encode_images(images), self.encode_sounds(waveforms))

    @classmethod
    def convert(
        cls, parts: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Arguments and state dict of a network from the authors' files.

        Args:
            parts: What each file held, by its part in the catalog; one file is called ``model``.

        Raises:
            CheckpointError: The files are of another layout.
        """
        state = unwrap_state(parts["model"])
        ours = state if cls.key_map is None else cls.key_map.import_state(state)
        return cls.sizes_of(ours), ours

    @classmethod
    def sizes_of(cls, state: Mapping[str, Tensor]) -> dict[str, int]:
        """Arguments that follow from the shapes of a state dict under our names."""
        shapes = {name: tensor.shape for name, tensor in state.items()}
        return {
            argument: shapes[name][0]
            for argument, name in cls.sized_by.items()
            if name in shapes and len(shapes[name])
        }

    @property
    def identity(self) -> Identity:
        """Which method and weights it is; says "not trained" until a loader says otherwise."""
        if self._identity is not None:
            return self._identity
        return Identity(self.method, "untrained", "", self.default_calibration, trained=False)

    @identity.setter
    def identity(self, identity: Identity) -> None:
        self._identity = identity

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def prepare_for_inference(self) -> Self:
        """Make it fast, not trainable: evaluation mode, batch norms folded, channels last.

        The state dict changes; save a checkpoint before, not after.
        """
        self.eval().requires_grad_(False)
        fold_batch_norms(self)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def adapt_to_device(self) -> None:
        """Half precision where the device that the network is on is faster with it."""
        if self.device.type == "cuda":
            self.autocast_dtype = torch.float16
        elif self.device.type == "cpu":
            keep_freed_memory()

    def at_image_size(self, image_size: int) -> Self:
        """The same network, weights shared, at another picture size.

        Raises:
            OptionError: It does not take this size.
        """
        if image_size not in self.image_sizes:
            sizes = ", ".join(map(str, self.image_sizes)) or "no other than its own"
            raise OptionError(f"{self.method} takes pictures of {sizes}; got {image_size}.")
        other = copy.copy(self)
        other.spec = replace(self.spec, image_size=image_size)
        return other

    def read_companions(self, folder: Path) -> None:
        """Read what lies beside the weights, such as a tokenizer; most networks need nothing."""

    @torch.inference_mode()
    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        """Score a batch; one map per window, in order.

        Windows with the same key frame share its encoding, those with the same excerpt share the
        encoding of the sound. A batch that does not fit into memory is halved.

        Raises:
            OptionError: The sound of a window does not fit ``spec``, or the network still trains.
            DeviceError: A single window does not fit into memory.
        """
        if not windows:
            return []
        self._check(windows)
        cells, confidence = self._score_or_halve(windows)
        return [
            ScoreMap(c, self.scale, float(p), w.key_frame.pts_seconds)
            for c, p, w in zip(cells, confidence, windows, strict=True)
        ]

    def images_to_tensor(self, frames: Sequence[Frame]) -> Tensor:
        """RGB in [0, 1], (B, 3, S, S), channels last, on the network's device."""
        pictures = [resize_image(f.image, self.spec.image_size, self.resize) for f in frames]
        return to_device(np.stack(pictures), self.device).permute(0, 3, 1, 2).float().div_(255)

    def sounds_to_tensor(self, clips: Sequence[AudioClip]) -> Tensor:
        """Waveforms (B, n) on the network's device."""
        return to_device(np.stack([clip.samples for clip in clips]), self.device)

    def _check(self, windows: Sequence[Window]) -> None:
        if self.training:
            raise OptionError("The network is in training mode; call eval() before localizing.")
        for window in windows:
            audio = window.audio
            came = (len(audio.samples), audio.sample_rate)
            if came != (self.spec.num_samples, self.spec.sample_rate):
                raise OptionError(
                    f"{self.method} wants {self.spec.num_samples} samples at "
                    f"{self.spec.sample_rate} Hz per window, got {came[0]} at {came[1]} Hz; cut "
                    "the windows with this localizer's spec."
                )

    def _score_or_halve(
        self, windows: Sequence[Window]
    ) -> tuple[list[NDArray[np.float32]], list[float]]:
        try:
            return self._score(windows)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if len(windows) == 1:
                raise DeviceError(
                    f"One window of {self.method} does not fit into the memory of {self.device}; "
                    "close other programs or use the device cpu."
                ) from error
        # Outside the handler, so that the failed batch's tensors are free before the next try.
        half = len(windows) // 2
        first, second = self._score_or_halve(windows[:half]), self._score_or_halve(windows[half:])
        return first[0] + second[0], first[1] + second[1]

    def _score(self, windows: Sequence[Window]) -> tuple[list[NDArray[np.float32]], list[float]]:
        frames, frame_of = unique([w.key_frame.image for w in windows])
        clips, clip_of = unique([w.audio.samples for w in windows])
        images = self.images_to_tensor([windows[i].key_frame for i in frames])
        waveforms = self.sounds_to_tensor([windows[i].audio for i in clips])
        with torch.autocast(
            self.device.type, self.autocast_dtype, enabled=self.autocast_dtype is not None
        ):
            scores = self.score(
                take(self._in_turn(self.encode_images, images), frame_of),
                take(self._in_turn(self.encode_sounds, waveforms), clip_of),
            )
        cells = scores.cells.float().cpu().numpy()
        return list(cells), scores.confidence.float().clamp(0, 1).tolist()

    def _in_turn(self, encode: Callable[[Tensor], Encoding], batch: Tensor) -> Encoding:
        """Encode a batch; in parts of ``cpu_batch`` where that is faster."""
        if batch.device.type != "cpu" or len(batch) <= self.cpu_batch:
            return encode(batch)
        return join(encode(part) for part in torch.split(batch, self.cpu_batch))


class EmbeddingNetwork(Network):
    """A network that maps sounds and pictures to one space: an ``Embedder``."""

    @abstractmethod
    def image_vectors(self, images: Encoding) -> Tensor:
        """Unit vectors (B, C) of encoded pictures."""

    @abstractmethod
    def sound_vectors(self, sounds: Encoding) -> Tensor:
        """Unit vectors (B, C) of encoded sounds."""

    @torch.inference_mode()
    def embed_image(self, frame: Frame) -> NDArray[np.float32]:
        """Unit vector, (C,)."""
        encoding = self.encode_images(self.images_to_tensor([frame]))
        return first_vector(self.image_vectors(encoding))

    @torch.inference_mode()
    def embed_sound(self, audio: AudioClip) -> NDArray[np.float32]:
        """Unit vector, (C,)."""
        encoding = self.encode_sounds(self.sounds_to_tensor([audio]))
        return first_vector(self.sound_vectors(encoding))
