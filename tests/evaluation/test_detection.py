"""Confidence, negatives, retrieval and intervals, against values worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sslviz.evaluation import detection


def sample() -> detection.Detections:
    return detection.Detections(
        ciou=np.array([0.9, 0.2, 0.7, 0.0, 0.0]),
        confidence=np.array([0.9, 0.8, 0.4, 0.6, 0.1]),
        positive=np.array([True, True, True, False, False]),
    )


def test_precision_and_recall_count_a_wrong_place_as_a_false_alarm() -> None:
    assert sample().precision_recall(0.5) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert sample().precision_recall(0.0) == (pytest.approx(2 / 5), pytest.approx(1))
    assert sample().precision_recall(2.0) == (1, 0)


def test_average_precision_by_hand() -> None:
    # Falling thresholds 0.8, 0.6, 0.4, 0.1: precision 1/2, 1/3, 1/2, 2/5; recall 1/2, 1/2, 1, 1.
    assert sample().average_precision() == pytest.approx(0.5 * 0 + 0.5 * 0.5 + 0.5 * 0)


def test_max_f1_and_precision_at_50() -> None:
    # The best of all thresholds is 0.4: precision 2/4, recall 2/2.
    assert sample().max_f1() == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert sample().precision_at_50() == pytest.approx(2 / 3)


def test_a_confident_and_right_localizer_gets_nearly_full_ap() -> None:
    count = 400
    positive = np.arange(count) < count // 2
    confidence = np.where(positive, 0.9, 0.1) + np.linspace(0, 0.05, count)
    found = detection.Detections(np.where(positive, 1.0, 0.0), confidence, positive)
    assert found.average_precision() > 0.98
    assert found.max_f1() > 0.9


def test_dark_negatives_score_full_and_bright_ones_nothing() -> None:
    assert detection.negative_auc([0.0, 0.0]) == pytest.approx(1)
    assert detection.negative_auc([1.0, 1.0]) == pytest.approx(0.025)
    assert detection.highlighted_share(np.array([[0.1, 0.9], [0.9, 0.2]]), 0.5) == 0.5
    assert detection.f_loc(0.4, 0.2) == pytest.approx(2 * 0.4 * 0.8 / 1.2)
    assert detection.harmonic(0, 0) == 0
    assert detection.universal_threshold([0, 1, 2, 3, 4]) == 3


def test_auroc_with_ties() -> None:
    assert detection.auroc([2, 3], [0, 1]) == 1
    assert detection.auroc([0, 1], [2, 3]) == 0
    assert detection.auroc([1, 1], [1, 1]) == 0.5
    assert detection.auroc([1, 3], [1, 2]) == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    with pytest.raises(ValueError, match="positives and negatives"):
        detection.auroc([], [1])


def test_retrieval_by_pair_and_by_class() -> None:
    images = np.eye(4, dtype=np.float32)
    sounds = images[[1, 0, 2, 3]]
    pairs = detection.recall_at(sounds, images, ks=(1, 2, 4))
    assert pairs.sound_to_image == {1: 0.5, 2: 0.5, 4: 1.0}
    classes = detection.recall_at(sounds, images, ["dog", "dog", "cat", "cow"], ks=(1,))
    assert classes.sound_to_image == classes.image_to_sound == {1: 1.0}


def test_a_constant_embedding_retrieves_nothing() -> None:
    same = np.ones((20, 3), np.float32) / np.sqrt(3).astype(np.float32)
    assert detection.recall_at(same, same, ks=(1, 10)).image_to_sound == {1: 0.0, 10: 0.0}


def test_the_interval_holds_the_mean_and_widens_when_frames_hang_together() -> None:
    values = np.repeat([0.0, 1.0, 1.0, 0.0, 1.0], 20)
    alone = detection.bootstrap(values)
    together = detection.bootstrap(values, [f"clip {index // 20}" for index in range(100)])
    assert alone.low < 0.6 < alone.high
    assert together.low < alone.low
    assert together.high > alone.high
    assert detection.bootstrap(values) == alone


def test_the_interval_of_a_statistic_resamples_indices() -> None:
    values = np.arange(50.0)
    found = detection.bootstrap_of(lambda index: float(np.median(values[index])), 50)
    assert found.low < 24.5 < found.high


def test_resampled_groups_stay_whole_and_every_one_is_drawn() -> None:
    groups = ["b", "a", "b", "c", "a", "b"]
    members = {"a": [1, 4], "b": [0, 2, 5], "c": [3]}
    drawn: set[tuple[int, ...]] = set()

    def look(index: NDArray[np.intp]) -> float:
        left = list(index)
        for _ in range(3):
            mine = members[groups[left[0]]]
            assert left[: len(mine)] == mine
            drawn.add(tuple(mine))
            left = left[len(mine) :]
        assert not left, "three of three groups"
        return float(len(index))

    found = detection.bootstrap_of(look, 6, groups)
    assert (found.low, found.high) == (3, 9)
    assert len(drawn) == 3
