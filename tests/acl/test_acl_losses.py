"""ACL's losses and ours for guidance, at points where the answer is known, and that training lowers them."""

import math

import pytest
import torch
from acl_tiny import tiny_acl

from sslviz.errors import OptionError
from sslviz.models import ACL
from sslviz.training import acl_losses
from sslviz.training.acl_guided import GuidedACLObjective, GuidedOptions
from sslviz.training.acl_objective import ACLObjective
from sslviz.training.guidance_file import Guidance
from sslviz.training.objectives import Batch


def batch_of(size: int, ids: tuple[str, ...] | None = None) -> Batch:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(size, 3, 64, 64, generator=generator)
    time = torch.arange(32_000) / 16_000
    tones = torch.stack([torch.sin(2 * math.pi * 300 * (i + 1) * time) for i in range(size)])
    return Batch(images, 0.3 * tones, ids=ids)


def test_contrast_of_equal_embeddings_is_the_logarithm_of_the_batch() -> None:
    same = torch.ones(4, 8)
    assert acl_losses.image_level(same, same).item() == pytest.approx(math.log(4), abs=1e-5)
    found = torch.ones(4, 4, 8)
    assert acl_losses.feature_level(found, same).item() == pytest.approx(math.log(4), abs=1e-5)


def test_contrast_of_orthogonal_embeddings_has_its_closed_form() -> None:
    eye = torch.eye(4)
    expected = math.log(1 + 3 * math.exp(-1 / 0.07))
    assert acl_losses.image_level(eye, 5 * eye).item() == pytest.approx(expected, abs=1e-6)


def test_feature_contrast_compares_within_each_picture() -> None:
    """S[b, n] = cos(found[b, n], sound b): the mask of its own sound against those of others."""
    torch.manual_seed(0)
    found, sounds = torch.randn(3, 3, 5), torch.randn(3, 5)
    table = torch.empty(3, 3)
    for b in range(3):
        for n in range(3):
            table[b, n] = torch.cosine_similarity(found[b, n], sounds[b], dim=0) / 0.07
    rows = -table.log_softmax(dim=1).diagonal().mean()
    columns = -table.log_softmax(dim=0).diagonal().mean()
    loss = acl_losses.feature_level(found, sounds)
    assert loss.item() == pytest.approx(((rows + columns) / 2).item(), abs=1e-5)


def test_the_area_of_masks_is_held_to_forty_percent_and_to_nothing_for_other_sounds() -> None:
    masks = torch.zeros(4, 4, 10, 10)
    assert acl_losses.area(masks).item() == pytest.approx(0.4)
    for i in range(4):
        masks[i, i, :4] = 1
    assert acl_losses.area(masks).item() == pytest.approx(0, abs=1e-6)
    assert acl_losses.area(torch.ones(4, 4, 10, 10)).item() == pytest.approx(0.6 + 12 / 16)


def test_alignment_takes_no_negatives_from_clips_of_the_same_thing() -> None:
    sounds = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1]]), dim=1)
    words = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    with_mask = acl_losses.token_alignment(sounds, words, same)
    without = acl_losses.token_alignment(sounds, words, torch.eye(3, dtype=torch.bool))
    assert with_mask.item() < 0.01
    assert without.item() > 0.4


def test_distillation_is_lowest_at_the_teacher_and_skips_teachers_that_are_not_believed() -> None:
    teacher = torch.zeros(2, 8, 8)
    teacher[:, :4] = 1
    right = 20 * (teacher - 0.5)
    used = torch.tensor([True, True])
    assert acl_losses.mask_distillation(right, teacher, used).item() < 0.01
    assert acl_losses.mask_distillation(-right, teacher, used).item() > 5
    assert acl_losses.mask_distillation(-right, teacher, ~used).item() == 0


def test_silence_is_the_mean_probability_on_silent_things() -> None:
    probability = torch.full((1, 4, 4), 0.2)
    silent = torch.zeros(1, 4, 4)
    assert acl_losses.silent_area(probability, silent).item() == 0
    silent[0, 0] = 1
    probability[0, 0] = 0.7
    assert acl_losses.silent_area(probability, silent).item() == pytest.approx(0.7, abs=1e-5)


def test_gradients_reach_the_projector_and_the_masker_and_nothing_else(network: ACL) -> None:
    objective = ACLObjective(network).train()
    torch.manual_seed(0)
    objective(batch_of(3))["total"].backward()
    with_gradient = {n for n, p in network.named_parameters() if p.grad is not None}
    assert with_gradient == {
        n for n, _ in network.named_parameters() if n.startswith(("projector.", "masker."))
    }
    assert len(with_gradient) == 15
    for name in with_gradient - {"projector.pool.mix.weight"}:
        gradient = network.get_parameter(name).grad
        assert gradient is not None
        assert gradient.isfinite().all(), name


def test_frozen_encoders_stay_in_evaluation_mode(network: ACL) -> None:
    objective = ACLObjective(network).train()
    assert network.projector.training
    assert not network.clip.training
    assert not network.audio_encoder.training
    assert objective.eval() is objective


def test_a_trimmed_network_cannot_be_trained() -> None:
    with pytest.raises(OptionError, match="needs CLIP's last layers"):
        ACLObjective(tiny_acl(confidence=False))


def train(objective: ACLObjective, batch: Batch, steps: int) -> list[float]:
    optimizer = torch.optim.Adam([p for p in objective.parameters() if p.requires_grad], lr=3e-3)
    totals = []
    for step in range(steps):
        torch.manual_seed(step)
        optimizer.zero_grad()
        named = objective(batch)
        named["total"].backward()
        optimizer.step()
        totals.append(named["total"].item())
    return totals


def test_training_on_a_small_batch_lowers_the_loss(network: ACL) -> None:
    totals = train(ACLObjective(network).train(), batch_of(3), steps=25)
    assert sum(totals[-5:]) / 5 < 0.9 * sum(totals[:5]) / 5


def listening_words(network: ACL) -> ACL:
    """A network that reads: every word has its own number."""
    words = {"a": 320, "photo": 1125, "of": 539}

    def tokenizer(sentence: str) -> list[int]:
        numbers = [words.setdefault(word, 1000 + len(words)) for word in sentence.lower().split()]
        return [49406, *numbers, 49407]

    network.tokenizer = tokenizer
    return network


GUIDANCE = {
    "one": Guidance("one", ("dog",), ("sofa",)),
    "two": Guidance("two", ("guitar",)),
    "three": Guidance("three", (), ("piano",)),
}


def test_guidance_lowers_its_own_losses_and_its_ramp_survives_a_restart() -> None:
    network = listening_words(tiny_acl(words=True))
    options = GuidedOptions(ramp_steps=5, smallest_teacher=0.0, largest_teacher=1.0, weight=1.0)
    objective = GuidedACLObjective(network, GUIDANCE, guided=options).train()
    batch = batch_of(3, ids=("one", "two", "three"))
    first = objective(batch)
    assert all(first[name].item() > 0 for name in ("alignment", "distillation", "silence"))
    # In the first step the ramp is at 0: ACL's own losses, and nothing else.
    own = sum(first[name].item() for name in ("image", "feature", "area"))
    assert first["total"].item() == pytest.approx(own, rel=1e-5)
    train(objective, batch, steps=25)
    last = objective(batch)
    for name in ("alignment", "distillation"):
        assert last[name].item() < first[name].item()
    state = objective.training_state()
    assert int(state["step"]) == 27
    fresh = GuidedACLObjective(listening_words(tiny_acl(words=True)), GUIDANCE, guided=options)
    fresh.load_training_state(state)
    assert int(fresh.step) == 27


def test_clips_without_guidance_are_trained_as_ever() -> None:
    network = listening_words(tiny_acl(words=True))
    options = GuidedOptions(ramp_steps=0)
    objective = GuidedACLObjective(network, GUIDANCE, guided=options).train()
    torch.manual_seed(0)
    named = objective(batch_of(2, ids=("four", "five")))
    own = sum(named[name].item() for name in ("image", "feature", "area"))
    assert named["total"].item() == pytest.approx(own, rel=1e-5)


def test_guidance_needs_words_and_ids(network: ACL) -> None:
    with pytest.raises(OptionError, match="answers sounds only"):
        GuidedACLObjective(network, GUIDANCE)
    reading = GuidedACLObjective(listening_words(tiny_acl(words=True)), GUIDANCE)
    with pytest.raises(OptionError, match="needs the ids"):
        reading(batch_of(2))
