"""The audio-swap test: does a map follow the sound, or only the picture?

The same pictures are heard with their true sound, with silence, with white noise and with another sound.
A map that stays where it was, with a confidence that stays high, has not listened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.evaluation.library import silence, white_noise
from sslviz.evaluation.metrics import iou
from sslviz.types import AudioClip, Localizer, ScoreMap, Window

TRUE = "true"
_TOP_SHARE = 0.25
_SAME_PLACE = 0.6
"""Overlap of the strongest quarters from which on two maps count as the same place."""
_SURE_DROP = 0.5
"""The confidence must at least halve to count as a reaction."""


@dataclass(frozen=True, slots=True)
class Swap:
    """How the maps look with one kind of sound, averaged over windows."""

    sound: str
    """``true``, ``silence``, ``noise`` or ``other``."""
    confidence: float
    overlap: float
    """IoU of the strongest quarter of the map with that of the true sound; 1 is the same place."""
    correlation: float
    """Pearson's, of the cells with those under the true sound; 0 where a map is constant."""
    peak_moved: float
    """Distance of the peaks as a share of the picture's diagonal."""
    level: float
    """Mean over windows of the map's maximum in its own unit; without meaning for attention."""


@dataclass(frozen=True, slots=True)
class SwapReport:
    """The test's outcome."""

    swaps: tuple[Swap, ...]
    """``true`` first."""
    verdict: str
    """One sentence for a person."""
    num_windows: int
    maps: dict[str, tuple[ScoreMap, ...]]
    """By sound, in the order of the windows: for drawing."""

    def to_json(self) -> dict[str, Any]:
        """Without the maps."""
        swaps = {swap.sound: asdict(swap) for swap in self.swaps}
        return {"verdict": self.verdict, "num_windows": self.num_windows, "sounds": swaps}


def audio_swap(
    localizer: Localizer,
    windows: Sequence[Window],
    other: AudioClip | None = None,
    *,
    batch_size: int = 8,
    seed: int = 0,
) -> SwapReport:
    """Run the test on some windows of one video (ten or so suffice).

    Args:
        localizer: What to test.
        windows: With their true sound, cut by the localizer's ``spec``.
        other: Another clip's sound at the spec's rate; its stretches are laid under the windows in turn.
            ``None`` leaves that part out.
        batch_size: Windows per model call.
        seed: Of the noise.

    Raises:
        ValueError: There is no window.
    """
    if not windows:
        raise ValueError("the audio-swap test needs at least one window")
    rng = np.random.default_rng(seed)
    spec = localizer.spec
    sounds: dict[str, list[AudioClip]] = {
        TRUE: [window.audio for window in windows],
        "silence": [silence(spec)] * len(windows),
        "noise": [white_noise(spec, rng) for _ in windows],
    }
    if other is not None:
        sounds["other"] = list(_stretches(other, spec.num_samples, len(windows)))
    maps = {name: _score(localizer, windows, clips, batch_size) for name, clips in sounds.items()}
    swaps = tuple(_compare(name, found, maps[TRUE]) for name, found in maps.items())
    return SwapReport(swaps, judge(swaps), len(windows), maps)


def judge(swaps: Sequence[Swap]) -> str:
    """One sentence: whether the maps followed the sound, and what the confidence did."""
    by_sound = {swap.sound: swap for swap in swaps}
    true, quiet = by_sound[TRUE], by_sound["silence"]
    listens = quiet.confidence <= _SURE_DROP * true.confidence
    confidence = (
        f"in silence its confidence falls from {true.confidence:.2f} to {quiet.confidence:.2f}"
        if listens
        else f"in silence its confidence stays ({true.confidence:.2f} to {quiet.confidence:.2f})"
    )
    if "other" not in by_sound:
        tail = "so it notices silence" if listens else "so this map may follow the picture alone"
        return f"With these pictures, {confidence}, {tail}."
    other = by_sound["other"]
    stays = other.overlap >= _SAME_PLACE
    doubts = other.confidence <= _SURE_DROP * true.confidence
    place = (
        f"another sound leaves {100 * other.overlap:.0f} % of the marked place where it was"
        if stays
        else f"another sound moves the map ({100 * other.overlap:.0f} % of the place remains)"
    )
    if stays and not doubts and not listens:
        return f"This map follows the picture, not the sound: {place}, and {confidence}."
    if stays and (doubts or listens):
        return f"The place comes from the picture, only the confidence hears: {place}, and {confidence}."
    return f"This map follows the sound: {place}, and {confidence}."


def _score(
    localizer: Localizer, windows: Sequence[Window], clips: Sequence[AudioClip], batch_size: int
) -> tuple[ScoreMap, ...]:
    heard = [
        replace(window, audio=replace(clip, start_seconds=window.audio.start_seconds))
        for window, clip in zip(windows, clips, strict=True)
    ]
    maps: list[ScoreMap] = []
    for start in range(0, len(heard), batch_size):
        maps += localizer.localize(heard[start : start + batch_size])
    return tuple(maps)


def _stretches(other: AudioClip, length: int, count: int) -> Iterator[AudioClip]:
    samples = other.samples if len(other.samples) >= length else np.resize(other.samples, length)
    spare = len(samples) - length
    for index in range(count):
        first = spare * index // max(count - 1, 1)
        yield AudioClip(samples[first : first + length].copy(), other.sample_rate)


def _compare(name: str, maps: Sequence[ScoreMap], true: Sequence[ScoreMap]) -> Swap:
    rows = [_pair(a.values, b.values) for a, b in zip(maps, true, strict=True)]
    overlap, correlation, moved = (float(np.mean(column)) for column in zip(*rows, strict=True))
    confidence = float(np.mean([score_map.confidence for score_map in maps]))
    level = float(np.mean([score_map.values.max() for score_map in maps]))
    return Swap(name, confidence, overlap, correlation, moved, level)


def _pair(values: NDArray[np.float32], true: NDArray[np.float32]) -> tuple[float, float, float]:
    overlap = iou(_strongest(values), _strongest(true))
    constant = values.std() == 0 or true.std() == 0
    correlation = 0.0 if constant else float(np.corrcoef(values.ravel(), true.ravel())[0, 1])
    here, there = (np.unravel_index(int(v.argmax()), v.shape) for v in (values, true))
    steps = [(a - b) / n for a, b, n in zip(here, there, true.shape, strict=True)]
    return overlap, correlation, float(np.hypot(*steps) / np.sqrt(2))


def _strongest(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The strongest quarter of the cells; none of a constant map."""
    marked = np.zeros(values.size, np.bool_)
    if values.std() > 0:
        marked[
            np.argsort(-values.ravel(), kind="stable")[: max(1, int(values.size * _TOP_SHARE))]
        ] = True
    return marked
