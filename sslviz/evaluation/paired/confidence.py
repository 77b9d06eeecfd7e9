"""Does the localizer know when nothing in the picture sounds?"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sslviz.evaluation.detection import auroc, bootstrap_of
from sslviz.evaluation.figures import Figure
from sslviz.evaluation.library import silence, still_window, white_noise
from sslviz.evaluation.paired.bench import Bench, pick
from sslviz.types import AudioClip, Window

PART = "auroc"
NEGATIVES = ("silence", "noise", "mismatch")


def measure_confidence(bench: Bench) -> list[Figure]:
    """AUROC of the confidence: matching sound against silence, white noise and a mismatched sound.

    The photo is the same on both sides, so that only the sound can make the difference; categories are
    drawn evenly.
    """
    total = bench.options.num_confidence
    if not total or len(bench.sounds) < 2 or not bench.shared:
        bench.notes.append(
            f"{PART}: skipped, it needs sounds of two categories, one of them with photos."
        )
        return []
    rows = [
        [score_map.confidence for score_map in scored.maps]
        for scored in bench.score(PART, _trials(bench, total), total, num_priors=0)
    ]
    confidence = np.array(rows, np.float64)
    noise = bench.rng(f"{PART} random").random(confidence.shape)
    return [
        separation(
            f"{PART}_{name}", confidence[:, [0, index]].tolist(), noise[:, [0, index]].tolist()
        )
        for index, name in enumerate(NEGATIVES, start=1)
    ]


def _trials(bench: Bench, total: int) -> Iterator[tuple[None, Sequence[Window]]]:
    rng, spec = bench.rng(PART), bench.localizer.spec
    for _ in range(total):
        category = pick(bench.shared, rng)
        image = bench.library.picture(pick(bench.photos[category], rng).path)
        other = pick([name for name in bench.sounds if name != category], rng)
        sounds: list[AudioClip] = [
            bench.library.excerpt(pick(bench.sounds[category], rng).path),
            silence(spec),
            white_noise(spec, rng),
            bench.library.excerpt(pick(bench.sounds[other], rng).path),
        ]
        yield None, [still_window(image, sound) for sound in sounds]


def separation(
    name: str, rows: Sequence[Sequence[float]], noise: Sequence[Sequence[float]]
) -> Figure:
    """AUROC of confidences, with its interval over rows and that of a random localizer.

    Args:
        name: Of the figure.
        rows: In each, first the confidence with the right sound, then those with wrong ones.
        noise: What a localizer that guesses has instead.
    """

    def value(rows: Sequence[Sequence[float]]) -> float:
        wrong = [confidence for row in rows for confidence in row[1:]]
        return auroc([row[0] for row in rows], wrong) if wrong else 0.5  # nothing to tell apart

    def resampled(index: NDArray[np.intp]) -> float:
        return value([rows[i] for i in index])

    spread = bootstrap_of(resampled, len(rows))
    return Figure(name, value(rows), len(rows), spread, {"random": value(noise)})
