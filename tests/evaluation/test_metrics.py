"""Golden values of the metrics, and the floors and ceilings of the VGG-SS protocol."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sslviz.evaluation import metrics
from sslviz.evaluation.priors import centre_prior
from sslviz.evaluation.protocols import PROTOCOLS, Kernel, upsample
from sslviz.types import ScoreMap, ScoreScale

DATA = Path(__file__).parent / "data"
REFERENCE = np.load(DATA / "metrics_reference.npz")


@pytest.fixture(scope="module")
def vggss_truths() -> NDArray[np.bool_]:
    """Union of boxes per item, (5158, 224, 224)."""
    stored = np.load(DATA / "vggss_boxes_224px.npz")
    truths = np.zeros((len(stored["counts"]), 224, 224), np.bool_)
    owners = np.repeat(np.arange(len(truths)), stored["counts"])
    for item, (x0, y0, x1, y1) in zip(owners, stored["boxes"], strict=True):
        truths[item, y0:y1, x0:x1] = True
    return truths


def figures(predictions: NDArray[np.bool_], truths: NDArray[np.bool_]) -> tuple[float, float]:
    values = [
        metrics.ciou(p, t.astype(np.float32)) for p, t in zip(predictions, truths, strict=True)
    ]
    return 100 * metrics.success_rate(values), 100 * metrics.auc(values)


def test_ciou_agrees_with_the_published_evaluator() -> None:
    values = []
    for index, box in enumerate(REFERENCE["boxes_xyxy"]):
        x0, y0, x1, y1 = box.astype(int)
        truth = np.zeros((224, 224), np.float32)
        truth[y0:y1, x0:x1] = 1
        prediction = REFERENCE["maps"][index] >= REFERENCE["thresholds"][index]
        values.append(metrics.ciou(prediction, truth))
    assert values == pytest.approx(REFERENCE["ciou"].tolist(), abs=1e-6)
    assert metrics.auc(values) == pytest.approx(float(REFERENCE["auc"]), abs=1e-6)
    assert metrics.success_rate(values) == pytest.approx(float(REFERENCE["ap50"]), abs=1e-6)


def test_golden_success_rate_and_auc() -> None:
    values = [0, 0.2, 0.5, 0.75, 1]
    assert metrics.success_rate(values) == pytest.approx(0.6)
    assert metrics.auc(values) == pytest.approx(0.51)


def test_a_ciou_of_exactly_six_tenths_misses_that_step_of_the_curve() -> None:
    curve = metrics.success_curve([0.6])
    assert curve[11] == 1
    assert curve[12] == 0


def test_a_rate_over_no_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        metrics.success_rate([])


def test_ciou_of_consensus_weighs_pixels_by_annotators() -> None:
    truth = np.array([[1.0, 0.5], [0.0, 0.0]], np.float32)
    prediction = np.array([[False, True], [True, False]])
    assert metrics.ciou(prediction, truth) == pytest.approx(0.5 / (1.5 + 1))


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="truth is"):
        metrics.ciou(np.zeros((2, 2), bool), np.zeros((2, 3)))


def test_the_statistics_of_vggss_annotations(vggss_truths: NDArray[np.bool_]) -> None:
    areas = vggss_truths.mean(axis=(1, 2))
    assert len(areas) == 5158
    assert 100 * areas.mean() == pytest.approx(31.24, abs=0.005)
    assert 100 * float(np.median(areas)) == pytest.approx(25.32, abs=0.005)
    assert int((areas == 0).sum()) == 2


def test_a_centre_prior_under_the_median_rule_reaches_34_02_and_37_44(
    vggss_truths: NDArray[np.bool_],
) -> None:
    prior = centre_prior(224)
    mask = prior >= metrics.median_threshold(prior)
    rate, area = figures(np.broadcast_to(mask, vggss_truths.shape), vggss_truths)
    assert (rate, area) == (pytest.approx(34.02, abs=0.005), pytest.approx(37.44, abs=0.005))


@pytest.mark.parametrize(
    ("threshold", "rate", "area"), [(0.5, 27.94, 36.51), (0.6, 14.68, 32.45), (-1.0, 21.95, 31.25)]
)
def test_a_centre_prior_under_fixed_thresholds(
    vggss_truths: NDArray[np.bool_], threshold: float, rate: float, area: float
) -> None:
    mask = centre_prior(224) >= threshold
    found = figures(np.broadcast_to(mask, vggss_truths.shape), vggss_truths)
    assert found == (pytest.approx(rate, abs=0.005), pytest.approx(area, abs=0.005))


@pytest.mark.slow
def test_an_adaptive_threshold_lifts_the_centre_prior_to_43_66(
    vggss_truths: NDArray[np.bool_],
) -> None:
    prior = centre_prior(224)
    masks = np.stack([metrics.adaptive_mask(prior, truth) for truth in vggss_truths])
    found = figures(masks, vggss_truths)
    assert found == (pytest.approx(43.66, abs=0.005), pytest.approx(42.92, abs=0.005))


def test_a_perfect_ranking_under_the_median_rule_stops_at_50_54_and_49_47(
    vggss_truths: NDArray[np.bool_],
) -> None:
    rng = np.random.default_rng(0)
    noise = rng.random((224, 224)) * 0.5
    masks = np.empty_like(vggss_truths)
    for index, truth in enumerate(vggss_truths):
        ranking = truth + noise
        masks[index] = ranking >= metrics.median_threshold(ranking)
    rate, area = figures(masks, vggss_truths)
    assert (rate, area) == (pytest.approx(50.54, abs=0.005), pytest.approx(49.47, abs=0.005))


def test_adaptive_mask_marks_as_many_pixels_as_the_truth_has() -> None:
    rng = np.random.default_rng(1)
    truth = np.zeros((20, 20), np.float32)
    truth[3:8, 4:9] = 0.5
    assert metrics.adaptive_mask(rng.random((20, 20)), truth).sum() == 24
    assert metrics.adaptive_mask(rng.random((20, 20)), np.zeros((20, 20))).sum() == 199


def test_interactive_figures_ask_for_every_sound_of_a_picture() -> None:
    smallest = metrics.smallest_per_picture([0.9, 0.1, 0.6, 0.9, 1.0], ["a", "b", "a", "b", "c"])
    assert smallest.tolist() == [0.6, 0.1], "c has a single sound"
    assert metrics.success_rate(smallest) == 0.5


def test_pointing_follows_the_strongest_pixel() -> None:
    values = np.array([[0.0, 2.0], [1.0, 0.0]])
    assert metrics.pointing(values, np.array([[0, 1], [0, 0]]))
    assert not metrics.pointing(values, np.array([[1, 0], [1, 1]]))


def test_segmentation_iou_rewards_darkness_where_nothing_sounds() -> None:
    empty = np.zeros((4, 4), bool)
    prediction = empty.copy()
    prediction[0] = True
    assert metrics.segmentation_iou(prediction, empty) == pytest.approx(0.75)
    assert metrics.segmentation_iou(prediction, prediction) == pytest.approx(1, abs=1e-6)


def naive_f_curve(values: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    curve = []
    for threshold in np.linspace(0, 1 - 1e-10, 255):
        prediction = values >= threshold
        hits = (prediction & truth).sum()
        precision, recall = hits / (prediction.sum() + 1e-20), hits / (truth.sum() + 1e-20)
        total = 0.3 * precision + recall
        curve.append(1.3 * precision * recall / total if total > 0 else 0.0)
    return np.array(curve)


def test_f_curve_agrees_with_the_formula_at_every_threshold() -> None:
    rng = np.random.default_rng(2)
    values = np.round(rng.random((30, 30)), 2)
    values[0, :3] = (0, 1, 0.5)
    truth = rng.random((30, 30)) > 0.7
    assert metrics.f_curve(values, truth) == pytest.approx(naive_f_curve(values, truth))


def test_f_is_the_maximum_of_the_mean_curve_and_the_batch_variant_differs() -> None:
    rng = np.random.default_rng(3)
    frames = [(rng.random((16, 16)) ** (1 + k), rng.random((16, 16)) > 0.6) for k in range(4)]
    whole, batches = metrics.FMeasure(), metrics.FMeasure(batch_size=2)
    for values, truth in frames:
        whole.add(values, truth)
        batches.add(values, truth)
    curves = np.array([naive_f_curve(values, truth) for values, truth in frames])
    assert whole.result() == pytest.approx(curves.mean(axis=0).max())
    expected = np.mean([curves[:2].mean(axis=0).max(), curves[2:].mean(axis=0).max()])
    assert batches.result() == pytest.approx(expected)
    assert batches.result() > whole.result()


def test_frames_without_truth_do_not_count_in_f() -> None:
    measure = metrics.FMeasure()
    measure.add(np.ones((4, 4)), np.zeros((4, 4), bool))
    assert measure.result() == 0
    measure.add(np.ones((4, 4)), np.ones((4, 4), bool))
    assert measure.result() == pytest.approx(1)


@pytest.mark.parametrize("kernel", list(Kernel))
@pytest.mark.parametrize("align_corners", [True, False])
def test_upsampling_is_that_of_torch(kernel: Kernel, align_corners: bool) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(4).normal(size=(7, 9)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None],
        (224, 224),
        mode=kernel.value,
        align_corners=align_corners,
    )[0, 0].numpy()
    assert upsample(values, 224, kernel, align_corners) == pytest.approx(expected, abs=1e-5)


def test_every_protocol_marks_what_its_rule_says() -> None:
    values = np.linspace(-1, 1, 49, dtype=np.float32).reshape(7, 7)
    score_map = ScoreMap(values, ScoreScale.COSINE, 0.5, 0.0)
    truth = np.zeros((224, 224), np.float32)
    truth[150:] = 1
    shares = {}
    for name, protocol in PROTOCOLS.items():
        found = protocol.predictions(protocol.upsample(score_map), truth, score_map.scale)
        shares[name] = [float(mask.mean()) for mask in found]
    for name in ("lvs", "ezvsl", "slavc", "sslalign"):
        assert shares[name] == [pytest.approx(0.5, abs=0.01)]
    assert shares["adaptive"] == [pytest.approx(float(truth.mean()), abs=0.001)]
    assert len(shares["acl"]) == 19
    assert shares["acl"] == sorted(shares["acl"], reverse=True)
    assert 0.3 < shares["jsa"][0] < 0.45


def test_slavc_confidence_is_the_mean_of_the_strongest_quarter() -> None:
    values = np.full((4, 4), -1, np.float32)
    values[0] = 1
    score_map = ScoreMap(values, ScoreScale.COSINE, 0.3, 0.0)
    flat = np.sort((PROTOCOLS["slavc"].upsample(score_map).reshape(-1) + 1) / 2)
    assert PROTOCOLS["slavc"].confidence(score_map) == pytest.approx(flat[-224 * 56 :].mean())
    assert PROTOCOLS["jsa"].confidence(score_map) == 0.3
