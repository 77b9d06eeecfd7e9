"""Losses against values computed by hand or by the papers' definitions."""

import math

import pytest
import torch

from sslviz.errors import OptionError
from sslviz.models import JSA, MarginNCE
from sslviz.training import losses
from sslviz.training.objectives import (
    Batch,
    JSAObjective,
    JSAOptions,
    MarginNCEObjective,
    MarginNCEOptions,
    SpectrogramMask,
)

SIMILARITY = torch.tensor([[0.60, 0.10, 0.30], [0.20, 0.50, 0.55], [0.05, 0.15, 0.40]])


@pytest.mark.parametrize(
    ("tau", "margin", "expected"),
    [
        (0.03, 0.0, 2.282314),
        (0.03, -0.2, 0.059921),
        (0.03, 0.2, 6.741171),
        (0.07, 0.0, 1.152761),
        (0.07, -0.2, 0.174310),
        (0.07, 0.2, 3.187785),
    ],
)
def test_marginnce_gives_the_golden_values(tau: float, margin: float, expected: float) -> None:
    assert float(losses.margin_nce(SIMILARITY, tau, margin)) == pytest.approx(expected, rel=1e-4)


def test_a_margin_of_zero_is_infonce() -> None:
    assert losses.margin_nce(SIMILARITY, 0.07, 0.0) == losses.contrastive(SIMILARITY, 0.07)


def test_pairs_that_are_not_kept_do_not_count() -> None:
    categories = torch.tensor([4, 7, 7])
    keep = losses.different_categories(categories)
    changed = SIMILARITY.clone()
    changed[1, 2] = changed[2, 1] = 0.9
    kept = losses.contrastive(changed, 0.07, keep)
    assert kept == losses.contrastive(SIMILARITY, 0.07, keep)
    assert kept < losses.contrastive(SIMILARITY, 0.07)


def test_the_best_cell_speaks_for_the_picture() -> None:
    cells = torch.zeros(1, 2, 1, 2)
    cells[0, :, 0, 0] = torch.tensor([1.0, 0.0])
    cells[0, :, 0, 1] = torch.tensor([0.6, 0.8])
    similarity = losses.max_similarities(cells, torch.tensor([[0.0, 1.0]]))
    assert float(similarity) == pytest.approx(0.8)


def test_pairs_that_are_neighbours_both_ways_in_both_modalities_are_no_negatives() -> None:
    angle = torch.tensor([0.0, 0.1, 2.0, 2.1])
    close = torch.stack((angle.cos(), angle.sin()), 1)
    other = close[[0, 2, 1, 3]]
    both = losses.not_reciprocal(close, close, k=2)
    expected = torch.ones(4, 4, dtype=torch.bool)
    expected[0, 1] = expected[1, 0] = expected[2, 3] = expected[3, 2] = False
    assert torch.equal(both, expected)
    # Neighbours as pictures but not as sounds stay negatives.
    assert losses.not_reciprocal(close, other, k=2).all()


def test_more_neighbours_than_the_batch_has_are_all_of_them() -> None:
    keep = losses.not_reciprocal(torch.randn(3, 4), torch.randn(3, 4), k=20)
    assert torch.equal(keep, torch.eye(3, dtype=torch.bool))


def test_slots_that_point_apart_cost_nothing() -> None:
    apart = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]])
    askew = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]])
    assert float(losses.slot_divergence(apart)) == 0
    assert float(losses.slot_divergence(askew)) == pytest.approx(math.sqrt(0.5))


def test_matching_teaches_only_the_crossed_map() -> None:
    crossed, own = (torch.rand(2, 4, requires_grad=True) for _ in range(2))
    losses.attention_matching(crossed, own).backward()
    assert crossed.grad is not None
    assert own.grad is None


def batch(seconds: float, size: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(size, 3, 224, 224, generator=generator)
    waveforms = 0.1 * torch.randn(size, round(seconds * 16_000), generator=generator)
    return Batch(images, waveforms)


def test_the_marginnce_objective_names_its_losses_and_trains_both_towers() -> None:
    torch.manual_seed(0)
    objective = MarginNCEObjective(
        MarginNCE(dim=8, width=4), MarginNCEOptions(tau=0.07, margin=-0.2)
    )
    named = objective(batch(3.0))
    named["total"].backward()
    assert set(named) == {"contrastive", "total"}
    assert all(p.grad is not None for p in objective.network.parameters())


def test_the_jsa_objective_names_its_losses_and_trains_every_part() -> None:
    torch.manual_seed(0)
    objective = JSAObjective(JSA(dim=8, width=4), JSAOptions(mask_ratio=0.5), SpectrogramMask())
    named = objective(batch(5.0))
    named["total"].backward()
    assert set(named) == {"contrastive", "reconstruction", "divergence", "matching", "total"}
    idle = [n for n, p in objective.named_parameters() if p.grad is None]
    assert not idle


def test_hidden_tokens_are_what_is_rebuilt_not_what_is_asked_for() -> None:
    torch.manual_seed(0)
    network = JSA(dim=8, width=4)
    tokens = torch.randn(4, 49, 8)
    hidden = network.slot_attention.image.mask(tokens, 0.5)
    changed = (hidden != tokens).any(-1)
    assert 0.3 < changed.float().mean() < 0.7
    assert torch.equal(
        hidden[changed], network.slot_attention.image.mask_token[0].expand(changed.sum(), -1)
    )
    assert torch.equal(network.slot_attention.image.mask(tokens, 0.0), tokens)


def test_what_only_training_needs_is_saved_apart_and_comes_back() -> None:
    first, second = (JSAObjective(JSA(dim=8, width=4)) for _ in range(2))
    state = first.training_state()
    assert all(name.startswith(("image_decoder.", "audio_decoder.")) for name in state)
    second.load_training_state(state)
    assert torch.equal(second.image_decoder.head.weight, first.image_decoder.head.weight)


def test_a_spectrogram_mask_hides_one_band_and_one_time_span() -> None:
    torch.manual_seed(1)
    masked = SpectrogramMask(max_width=9)(torch.ones(20, 1, 257, 501))
    hidden_bins = (masked == 0).all(-1).sum(-1)
    hidden_hops = (masked == 0).all(2).sum(-1)
    assert 0 < hidden_bins.max() <= 9
    assert 0 < hidden_hops.max() <= 9


@pytest.mark.parametrize("wrong", [{"tau": 0.0}, {"margin": 3.0}])
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        MarginNCEOptions(**wrong)


def test_losses_are_the_same_inside_and_outside_of_autocast() -> None:
    torch.manual_seed(0)
    images, sounds, cells = torch.randn(6, 16), torch.randn(6, 16), torch.randn(6, 16, 3, 3)

    def values() -> list[torch.Tensor]:
        similarity = losses.cosines(images, sounds)
        best = losses.max_similarities(cells, sounds)
        return [similarity, best, losses.not_reciprocal(images, sounds, 3)]

    plain = values()
    with torch.autocast("cpu", torch.bfloat16):
        inside = values()
    assert all(torch.equal(one, other) for one, other in zip(plain, inside, strict=True))
