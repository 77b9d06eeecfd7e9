"""Losses that say where: right maps must cost less than wrong ones."""

import pytest
import torch

from sslviz.training import spatial
from sslviz.training.composites import HALO


def labels() -> torch.Tensor:
    """Category 1 in the upper left quarter, category 2 in the lower right one."""
    picture = torch.zeros(1, 16, 16, dtype=torch.uint8)
    picture[:, :8, :8], picture[:, 8:, 8:] = 1, 2
    return picture


def wanted() -> torch.Tensor:
    return torch.tensor([[0.0, 1, 0], [0, 0, 1], [0, 0, 0]])


def targets(doubt: torch.Tensor | None = None) -> spatial.Targets:
    return spatial.make_targets(labels(), wanted(), torch.zeros(3, 3) if doubt is None else doubt)


def test_a_pair_is_positive_where_the_picture_holds_the_source() -> None:
    found = targets()
    assert found.positive.tolist() == [[True, True, False]]
    mask = found.pair_masks(torch.tensor([0]), torch.tensor([0]))[0]
    assert mask[:4, :4].min() == 1
    assert mask.sum() == 16


def test_a_halo_counts_in_part_and_is_present() -> None:
    picture = labels()
    picture[:, 8:, :8] = 1 + HALO
    found = spatial.make_targets(picture, wanted(), torch.zeros(3, 3))
    assert found.masks[0, 1, :4, :4].min() == 1
    assert found.masks[0, 1, 4:, :4].unique().tolist() == pytest.approx([spatial.HALO_SHARE])
    assert found.things[0, 0, 4:, :4].max() == pytest.approx(spatial.HALO_SHARE)


def test_what_the_classifier_saw_is_kept_at_no_cost_and_lost_at_one() -> None:
    before = torch.rand(2, 5, 3, 3) / 5
    assert spatial.kept_loss(before, before) == pytest.approx(0.0, abs=1e-6)
    assert spatial.kept_loss(before.roll(1, 1), before) > 0.01


def test_doubt_takes_weight_from_negatives() -> None:
    doubt = torch.zeros(3, 3)
    doubt[2, 1] = 0.7
    assert targets(doubt).weight[0].tolist() == pytest.approx([1.0, 1.0, 0.3])


def test_a_map_on_the_object_costs_less_than_one_beside_it() -> None:
    mask = targets().pair_masks(torch.tensor([0]), torch.tensor([0]))
    right, wrong = mask * 8 - 4, mask.flip(1) * 8 - 4
    assert spatial.on_object(right, mask) < 0.1 * spatial.on_object(wrong, mask)
    assert spatial.rule_dice(right, mask) < 0.1
    assert spatial.rule_dice(wrong, mask) > 0.9


def test_a_dark_map_costs_least_where_nothing_sounds() -> None:
    dark, bright = torch.full((2, 64), -4.0), torch.full((2, 64), -4.0)
    bright[:, 0] = 4.0
    weight = torch.ones(2)
    assert spatial.nowhere(dark, weight) < 0.1 * spatial.nowhere(bright, weight)


def test_pairs_of_one_category_are_no_negatives() -> None:
    both = spatial.make_targets(labels().repeat(2, 1, 1), wanted()[[0, 0]], torch.zeros(2, 3))
    similarity = torch.tensor([[1.0, 9.0], [9.0, 1.0]])
    assert spatial.choose_loss(similarity, both) == pytest.approx(0.0, abs=1e-5)


def test_shares_follow_the_kind_of_sound() -> None:
    logits = torch.tensor([[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]])
    right = spatial.share_loss(logits, torch.tensor([0, 1, 2]))
    assert right < spatial.share_loss(logits, torch.tensor([2, 0, 1]))
