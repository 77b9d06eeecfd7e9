"""Training sounds: excerpts with noise, mixtures, and sounds that nobody should be blamed for.

Ours. Silence, noise, rain, sea and fire are the negatives that make a confidence mean something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
PLACELESS = frozenset({"rain", "sea", "fire"})
"""Categories that have no object to point at."""


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """How many training excerpts are drawn."""

    per_category: int = 300
    mixtures_per_category: int = 60
    noises: int = 1200
    silences: int = 300
    stand_ins: int = 150
    """Pseudo-sounds of each photo category that has no sounds."""
    more_stand_ins: int = 40
    """Pseudo-sounds of each photo category that has some."""
    voices: int = 400
    """Pseudo-sounds of people."""
    other_classes: int = 6
    """Pseudo-sounds of each other AudioSet class of the class map."""


class SoundMixer:
    """Draws excerpts of a fixed length from whole sounds, by category."""

    def __init__(
        self, sounds: Mapping[str, Sequence[Samples]], num_samples: int, sample_rate: int
    ) -> None:
        self.sounds, self.num_samples, self.rate = dict(sounds), num_samples, sample_rate
        self.categories = sorted(self.sounds)

    def single(self, rng: np.random.Generator, category: str) -> Samples:
        """One sound at a random level, often with noise or weather below it."""
        samples, chance = self._levelled(rng, category), rng.random()
        weather = sorted(PLACELESS & set(self.categories))
        if chance < 0.35:
            samples = add_below(samples, self.noise(rng), rng.uniform(6, 30))
        elif chance < 0.5 and weather:
            below = self._excerpt(rng, weather[rng.integers(len(weather))])
            samples = add_below(samples, below, rng.uniform(8, 25))
        elif chance < 0.6:
            samples = self._tilted(samples, rng.uniform(-0.5, 0.5))
        elif chance < 0.75:
            samples = in_a_room(rng, samples, self.rate)
        return np.clip(samples, -1, 1).astype(np.float32)

    def mixture(self, rng: np.random.Generator, first: str, second: str) -> Samples:
        """Two sounds within 6 dB of each other."""
        one, other = self._levelled(rng, first), self._levelled(rng, second)
        return np.clip(add_below(one, other, rng.uniform(-6, 6)), -1, 1).astype(np.float32)

    def noise(self, rng: np.random.Generator) -> Samples:
        """White, pink or brown noise, or hum, between -60 and -8 dB of full scale."""
        samples = rng.standard_normal(self.num_samples)
        kind = int(rng.integers(4))
        if kind:
            spectrum = np.fft.rfft(samples)
            slope = np.maximum(np.arange(len(spectrum)), 20.0) ** (-0.5 * min(kind, 2))
            samples = np.fft.irfft(spectrum * slope, self.num_samples)
        if kind == 3:
            times = np.arange(self.num_samples) / self.rate
            tones = [
                np.sin(2 * np.pi * hz * times) for hz in rng.choice([50, 60, 100, 120, 180, 240], 3)
            ]
            samples = 0.3 * samples / samples.std() + np.sum(tones, axis=0)
        level = 10 ** (rng.uniform(-60, -8) / 20)
        return np.asarray(np.clip(samples / (samples.std() + 1e-9) * level, -1, 1), np.float32)

    def silence(self, rng: np.random.Generator) -> Samples:
        """Digital silence, or noise below -65 dB of full scale."""
        if rng.random() < 0.5:
            return np.zeros(self.num_samples, np.float32)
        level = 10 ** (rng.uniform(-110, -65) / 20)
        return (rng.standard_normal(self.num_samples) * level).astype(np.float32)

    def _excerpt(self, rng: np.random.Generator, category: str) -> Samples:
        """A stretch of a sound; a shorter sound is repeated or lies somewhere in silence."""
        group = self.sounds[category]
        samples, length = group[int(rng.integers(len(group)))], self.num_samples
        if len(samples) >= length:
            first = int(rng.integers(len(samples) - length + 1))
            return np.asarray(samples[first : first + length], np.float32)
        if rng.random() < 0.4:
            return np.tile(samples, length // len(samples) + 1)[:length]
        placed = np.zeros(length, np.float32)
        first = int(rng.integers(length - len(samples) + 1)) if rng.random() < 0.67 else 0
        placed[first : first + len(samples)] = samples
        return placed

    def _levelled(self, rng: np.random.Generator, category: str) -> Samples:
        samples = self._excerpt(rng, category)
        gain = 10 ** (rng.uniform(-32, -12) / 20) / loudness(samples)
        return np.asarray(samples * gain, np.float32)

    def _tilted(self, samples: Samples, slope: float) -> Samples:
        spectrum = np.fft.rfft(samples)
        gain = (np.maximum(np.arange(len(spectrum)), 100) / 5000.0) ** slope
        return np.asarray(np.fft.irfft(spectrum * gain, self.num_samples), np.float32)


def in_a_room(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """With the echoes of a room: noise that fades by 60 dB within 0.2 to 0.9 s, as loud as the sound or less."""
    fade_seconds, wet = rng.uniform(0.2, 0.9), rng.uniform(0.2, 1.0)
    times = np.arange(int(fade_seconds * sample_rate)) / sample_rate
    echoes = rng.standard_normal(len(times)) * 10 ** (-3 * times / fade_seconds)
    size = 1 << (len(samples) + len(echoes)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(echoes, size)
    heard = np.asarray(np.fft.irfft(spectrum, size)[: len(samples)], np.float32)
    return add_below(samples, heard, -20 * float(np.log10(wet))) if heard.any() else samples


def loudness(samples: Samples) -> float:
    """RMS of the loud parts: the 90th percentile over stretches of 1,600 samples."""
    whole = samples[: len(samples) // 1600 * 1600].reshape(-1, 1600).astype(np.float64)
    return max(float(np.percentile(np.sqrt(np.mean(whole**2, axis=1)), 90)), 1e-5)


def add_below(samples: Samples, other: Samples, decibels: float) -> Samples:
    """Add another sound so many dB below."""
    gain = loudness(samples) / loudness(other) * 10 ** (-decibels / 20)
    return np.asarray(samples + other * gain, np.float32)
