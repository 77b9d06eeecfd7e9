"""What parent and media child tell each other, and what the caller gets to see."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.options import AnalysisOptions, MediaLimits, Style
from sslviz.overlay import Artwork
from sslviz.overlay.strip import StripData
from sslviz.types import Frame, InputSpec, ScoreMap, ScoreTrack, VideoInfo
from sslviz.whole_file import part_number, part_path

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the work stands; a new one about twice a second."""

    stage: str
    """``analyse``, ``render`` or ``restyle``."""
    done_seconds: float
    """Of the video."""
    total_seconds: float | None
    """``None`` where the file does not say how long it is."""
    windows_done: int
    windows_total: int | None
    windows_per_second: float
    """Of the clock on the wall."""
    eta_seconds: float | None
    preview: Frame | None = None
    """The newest painted frame, at most 640 pixels wide."""
    score_map: ScoreMap | None = None
    """The newest map."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RenderResult:
    """A finished video."""

    path: Path
    track: ScoreTrack
    info: VideoInfo
    """Of the source."""
    warnings: tuple[str, ...]
    partial: bool
    """Stopped early: the file is playable and holds what was done."""


@dataclass(frozen=True, slots=True)
class Job:
    """All the child needs to know at its start."""

    source: Path
    target: Path | None
    """``None``: analysis only."""
    spec: InputSpec | None
    """Of the localizer; ``None``: restyle, heat comes from a track."""
    options: AnalysisOptions
    limits: MediaLimits
    style: Style = field(default_factory=Style)
    number: int = field(default_factory=part_number)
    """Of the unfinished file: two jobs that write to one target do not touch each other's."""

    @property
    def part(self) -> Path | None:
        """The unfinished file."""
        return part_path(self.target, self.number) if self.target else None


@dataclass(frozen=True, slots=True)
class Found:
    """The child's first message: what the file is."""

    info: VideoInfo
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """A window: the key frame at the network's size, and its excerpt."""

    image: Bytes
    """RGB, (image_size, image_size, 3)."""
    samples: NDArray[np.float32]
    pts_seconds: float
    end_seconds: float
    level_dbfs: float


@dataclass(frozen=True, slots=True)
class Status:
    """A sign of life, twice a second."""

    done_seconds: float
    num_frames: int
    preview: Frame | None = None


@dataclass(frozen=True, slots=True)
class NeedHeat:
    """A restyling child has used up its heat."""


@dataclass(frozen=True, slots=True)
class Done:
    """The child's last word."""

    end_seconds: float
    """Where the last frame ends."""
    num_frames: int
    """Decoded."""
    num_painted: int
    warnings: tuple[str, ...]
    partial: bool


@dataclass(frozen=True, slots=True)
class Paint:
    """To the child: the drawings for this video."""

    artwork: Artwork
    strip: StripData | None = None


@dataclass(frozen=True, slots=True)
class Heat:
    """To the child: what to paint at one moment."""

    pts_seconds: float
    values: Bytes
    """(h, w), 0 to 255."""
    badge: str = ""
    """Verdict that closed the gate; empty for a source."""


@dataclass(frozen=True, slots=True)
class Heats:
    """To the child: answer to windows, or to `NeedHeat`."""

    answered: int
    """How many windows (or requests) this answers."""
    heats: tuple[Heat, ...]
    """In order; empty when nothing is painted."""
    last: bool = False
    """No more will come."""


@dataclass(frozen=True, slots=True)
class Stop:
    """To the child: finish the file with what there is."""
