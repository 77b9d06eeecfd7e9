"""A clip seen along time: waveform, mel spectrogram, score curve, and the spans without a source.

Arrays for those who draw themselves; matplotlib figures, light and dark, for those who do not.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sslviz.options import Style
from sslviz.scaling import Verdict, clip_range, to_heat, verdicts
from sslviz.types import AudioClip, ScoreTrack

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLOOR_DB = -80.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything to draw, on one clock."""

    duration_seconds: float
    waveform: NDArray[np.float32]
    """(columns, 2): lowest and highest sample of each column, in [-1, 1]."""
    spectrogram: NDArray[np.float32]
    """(mels, columns): dB below the loudest cell, from ``FLOOR_DB`` to 0."""
    mel_hz: NDArray[np.float32]
    """(mels,) centre frequencies."""
    times: NDArray[np.float64]
    """(T,) seconds of the windows."""
    score: NDArray[np.float32]
    """(T,) peak raw score."""
    heat: NDArray[np.float32]
    """(T,) peak heat in [0, 1] as painted, 0 where a gate is closed."""
    confidence: NDArray[np.float32]
    """(T,)."""
    level_dbfs: NDArray[np.float32]
    """(T,)."""
    silent: tuple[tuple[float, float], ...]
    """Spans in seconds."""
    unsure: tuple[tuple[float, float], ...]
    """Spans with sound but "no confident source"."""


def waveform(sound: AudioClip, num_columns: int) -> NDArray[np.float32]:
    """Lowest and highest sample of each column, (num_columns, 2)."""
    edges = np.linspace(0, len(sound.samples), num_columns + 1).astype(int)
    out = np.zeros((num_columns, 2), np.float32)
    for column, (low, high) in enumerate(pairwise(edges)):
        if high > low:
            part = sound.samples[low:high]
            out[column] = part.min(), part.max()
    return out


def mel_bank(sample_rate: int, num_bins: int, num_mels: int) -> NDArray[np.float32]:
    """Triangles on the mel scale (2595 log10(1 + f / 700)), (num_mels, num_bins)."""
    edges = _mel_edges(sample_rate, num_mels)
    bins = np.linspace(0, sample_rate / 2, num_bins)
    up = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    bank: NDArray[np.float32] = np.maximum(0, np.minimum(up, down)).astype(np.float32)
    return bank


def _mel_edges(sample_rate: int, num_mels: int) -> NDArray[np.float64]:
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    edges: NDArray[np.float64] = 700 * (10 ** (np.linspace(0, top, num_mels + 2) / 2595) - 1)
    return edges


def mel_centres(sample_rate: int, num_mels: int) -> NDArray[np.float32]:
    """Centre frequency of each band, Hz, (num_mels,)."""
    return _mel_edges(sample_rate, num_mels)[1:-1].astype(np.float32)


def mel_power(sound: AudioClip, num_columns: int, num_mels: int = 64) -> NDArray[np.float32]:
    """Power in mel bands, averaged over up to eight frames of 64 ms per column.

    Returns:
        (num_mels, num_columns), linear. Use `to_decibel` for drawing.
    """
    size = 1 << int(np.log2(sound.sample_rate * 0.064))
    padded = np.pad(sound.samples, (size // 2, size))
    bank = mel_bank(sound.sample_rate, size // 2 + 1, num_mels)
    taper = np.hanning(size).astype(np.float32)
    out = np.zeros((num_mels, num_columns), np.float32)
    edges = np.linspace(0, len(sound.samples), num_columns + 1)
    for column in range(num_columns):
        span = edges[column + 1] - edges[column]
        count = int(np.clip(span / (size / 2), 1, 8))
        starts = edges[column] + span * (np.arange(count) + 0.5) / count
        frames = np.stack([padded[int(s) : int(s) + size] for s in starts]) * taper
        out[:, column] = (bank @ (np.abs(np.fft.rfft(frames)) ** 2).T).mean(axis=1)
    return out


def to_decibel(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power in dB below its largest value, floored at ``FLOOR_DB``."""
    loudest = float(power.max()) if power.size else 0.0
    if loudest <= 0:
        return np.full_like(power, FLOOR_DB)
    decibel = 10 * np.log10(np.maximum(power / loudest, 10 ** (FLOOR_DB / 10)))
    return np.asarray(decibel, np.float32)


def peak_heat(track: ScoreTrack, style: Style, name: int = 0) -> NDArray[np.float32]:
    """Strongest heat of each window as the style scales it; 0 where a gate is closed. (T,)."""
    own = clip_range(track, style, name)
    out = np.zeros(len(track), np.float32)
    for index, verdict in enumerate(verdicts(track, style, name)):
        if verdict is Verdict.SOURCE:
            heat = to_heat(
                track.values[index, name],
                track.identity.calibration,
                track.scale,
                style.color_scale,
                own,
                float(track.confidence[index, name]),
            )
            out[index] = heat.max()
    return out


def spans(
    track: ScoreTrack, style: Style, kinds: tuple[Verdict, ...], name: int = 0
) -> tuple[tuple[float, float], ...]:
    """Stretches of windows with one of these verdicts, in seconds."""
    marked = [verdict in kinds for verdict in verdicts(track, style, name)]
    ends = [*track.times[1:].tolist(), max(track.duration_seconds, *track.times[-1:].tolist(), 0.0)]
    found: list[tuple[float, float]] = []
    for mark, start, end in zip(marked, track.times.tolist(), ends, strict=True):
        if mark and found and found[-1][1] == start:
            found[-1] = found[-1][0], end
        elif mark:
            found.append((start, end))
    return tuple(found)


def make_timeline(
    track: ScoreTrack,
    style: Style,
    wave: NDArray[np.float32],
    power: NDArray[np.float32],
    sample_rate: int,
) -> Timeline:
    """Put a track and the overview of its sound on one clock.

    Args:
        track: Of the clip.
        style: Its gates and its scale.
        wave: From `waveform`, over the whole clip.
        power: From `mel_power`, over the whole clip.
        sample_rate: Of the sound that ``power`` was made from.
    """
    score = track.values[:, 0].reshape(len(track), -1)
    silent = (Verdict.SILENT, Verdict.NO_SOUND_TRACK)
    return Timeline(
        duration_seconds=track.duration_seconds,
        waveform=wave,
        spectrogram=to_decibel(power),
        mel_hz=mel_centres(sample_rate, len(power)),
        times=track.times,
        score=score.max(axis=1) if len(track) else np.zeros(0, np.float32),
        heat=peak_heat(track, style),
        confidence=track.confidence[:, 0],
        level_dbfs=track.level_dbfs,
        silent=spans(track, style, silent),
        unsure=spans(track, style, (Verdict.NO_CONFIDENT_SOURCE,)),
    )


def figure(timeline: Timeline, dark: bool = False, width_inches: float = 10.0) -> "Figure":
    """Waveform, spectrogram and score curve above each other, silent and unsure spans shaded."""
    from matplotlib.figure import Figure as NewFigure

    ink, back, shade = (
        ("#e6e6ea", "#16161a", "#ffffff") if dark else ("#1c1c22", "#ffffff", "#000000")
    )
    drawn = NewFigure(
        figsize=(width_inches, width_inches * 0.36), facecolor=back, layout="constrained"
    )
    axes = drawn.subplots(3, 1, sharex=True, height_ratios=(1, 1.4, 1))
    length = timeline.duration_seconds
    columns = np.linspace(0, length, len(timeline.waveform), endpoint=False)
    axes[0].fill_between(columns, timeline.waveform[:, 0], timeline.waveform[:, 1], color="#6a8fc0")
    axes[0].set(ylim=(-1, 1), ylabel="wave", yticks=[])
    top = float(timeline.mel_hz[-1]) / 1000 if len(timeline.mel_hz) else 1.0
    axes[1].imshow(
        timeline.spectrogram, aspect="auto", origin="lower", extent=(0, length, 0, len(timeline.mel_hz)),
        cmap="magma", vmin=FLOOR_DB, vmax=0,
    )  # fmt: skip
    axes[1].set(ylabel=f"mel, to {top:.0f} kHz", yticks=[])
    axes[2].plot(timeline.times, timeline.heat, color="#e8912d")
    axes[2].set(ylim=(0, 1.02), ylabel="heat", xlabel="seconds", xlim=(0, length))
    for axis in axes:
        axis.set_facecolor(back)
        axis.tick_params(colors=ink, labelsize=8)
        axis.yaxis.label.set(color=ink, fontsize=8)
        axis.xaxis.label.set(color=ink, fontsize=8)
        for side in axis.spines.values():
            side.set_color(ink)
        for kind, alpha in ((timeline.silent, 0.22), (timeline.unsure, 0.1)):
            for start, end in kind:
                axis.axvspan(start, end, color=shade, alpha=alpha, linewidth=0)
    return drawn
