"""The parts of ACL against the same arithmetic written another way."""

import numpy as np
import pytest
import torch
from acl_tiny import tiny_acl
from PIL import Image
from torch import Tensor

from sslviz.models import ACL, Resize
from sslviz.models.acl_clip import CLIP_DEVIATION, CLIP_MEAN, causal_mask
from sslviz.models.blocks.audio_token import AttentivePooling
from sslviz.models.blocks.beats import beats_fbank, position_buckets
from sslviz.models.blocks.masks import ImageMasker, feature_mask, logistic_noise, pool_features
from sslviz.models.clipseg import PROMPT_IDS
from sslviz.models.resizing import resize_image


def normalised(images: Tensor) -> Tensor:
    mean, deviation = (torch.tensor(c).view(3, 1, 1) for c in (CLIP_MEAN, CLIP_DEVIATION))
    return (images - mean) / deviation


def test_ten_seconds_of_silence_have_the_known_filter_bank() -> None:
    bank = beats_fbank(torch.zeros(1, 160_000))
    assert bank.shape == (1, 998, 128)
    torch.testing.assert_close(bank, torch.full_like(bank, -2.39172), atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_never_reaches_the_filter_bank(dtype: torch.dtype) -> None:
    loud = torch.sin(torch.arange(32_000) / 3)[None]
    with torch.autocast("cpu", dtype=dtype):
        bank = beats_fbank(loud)
    assert torch.equal(bank, beats_fbank(loud))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_changes_maps_little(network: ACL, dtype: torch.dtype) -> None:
    images, waveforms = torch.rand(2, 3, 64, 64), 0.1 * torch.randn(2, 32_000)
    with torch.inference_mode():
        exact = network(images, waveforms)
        with torch.autocast("cpu", dtype=dtype):
            automatic = network(images, waveforms)
        network.use_precision(torch.bfloat16)
        cast = network(images, waveforms)
    for scores in (automatic, cast):
        torch.testing.assert_close(scores.cells.float(), exact.cells, atol=0.02, rtol=0)
        torch.testing.assert_close(scores.confidence.float(), exact.confidence, atol=0.03, rtol=0)
    assert network.masker.scale.dtype == torch.float32


@pytest.mark.parametrize(("seconds", "tokens"), [(10, 496), (5, 248), (3, 144), (1, 48)])
def test_tokens_are_eight_per_sixteen_hundredths_of_a_second(
    network: ACL, seconds: int, tokens: int
) -> None:
    with torch.inference_mode():
        features = network.audio_encoder(torch.randn(1, 16_000 * seconds))
    assert features.shape == (1, tokens, 3 * 32)


def test_position_buckets_are_exact_when_near_and_logarithmic_when_far() -> None:
    buckets = position_buckets(900, num_buckets=320, max_distance=800)
    assert buckets[100, 100] == 0
    assert buckets[100, 21] == 79
    assert buckets[100, 101] == 161
    assert buckets[0, 899] == 319
    assert buckets[899, 0] == 159
    assert (buckets[0].diff() >= 0).all()
    # 80 + floor(80 * ln(200 / 80) / ln(800 / 80)) + 160 for a partner 200 tokens later
    assert buckets[0, 200] == 160 + 80 + int(80 * np.log(2.5) / np.log(10))


def test_pairwise_attention_equals_the_whole_table() -> None:
    torch.manual_seed(0)
    pool = AttentivePooling(16).eval()
    tokens = torch.randn(2, 9, 16)
    unary = pool.unary(torch.relu(pool.unary_hidden(tokens)))
    left, right = (
        torch.nn.functional.normalize(layer(tokens), dim=-1) for layer in (pool.left, pool.right)
    )
    pairwise = (left @ right.transpose(1, 2)).mean(dim=2, keepdim=True)
    weights = pool.mix(torch.cat([unary, pairwise], dim=-1)).softmax(dim=1)
    torch.testing.assert_close(pool(tokens), (weights * tokens).sum(dim=1))


def test_no_word_sees_a_later_one(network: ACL) -> None:
    clip = network.clip
    words = torch.randn(1, 6, 32)
    changed = words.clone()
    changed[:, 5] += 1.0
    with torch.inference_mode():
        first, second = (clip._read(w, None)[0] for w in (words, changed))
    assert (first[:, :5] == second[:, :5]).all()
    assert (first[:, 5] - second[:, 5]).abs().max() > 1e-2
    mask = causal_mask(2, 4, words)
    assert mask.shape == (1, 1, 2, 6)
    assert torch.isinf(mask).sum() == 1


def test_constant_words_from_the_cache_give_the_whole_sentence(network: ACL) -> None:
    clip = network.clip
    vectors = torch.randn(3, 32)
    with torch.inference_mode():
        prompt = clip._word_vectors(PROMPT_IDS).expand(3, -1, -1)
        sentence = torch.cat([prompt[:, :4], vectors[:, None], prompt[:, 4:]], dim=1)
        table = clip.clipseg.clip.text_model.embeddings.position_embedding.weight
        last = clip._read(sentence + table[:6], None)[0][:, -1]
        torch.testing.assert_close(clip.embed_word(vectors), clip._sentence_vector(last))


def test_the_text_tower_agrees_with_transformers_own() -> None:
    network = tiny_acl(words=True)
    ids = [49406, 320, 1125, 539, 320, 2368, 49407]
    model = network.clip.clipseg.clip
    with torch.inference_mode():
        theirs = model.text_model(input_ids=torch.tensor([ids])).pooler_output
        torch.testing.assert_close(
            network.clip.embed_tokens(ids), model.text_projection(theirs), atol=1e-5, rtol=1e-5
        )


def test_vision_and_decoder_agree_with_transformers_own(network: ACL) -> None:
    images, queries = torch.rand(2, 3, 64, 64), torch.randn(2, 32)
    model = network.clip.clipseg
    with torch.inference_mode():
        vision = model.clip.vision_model(pixel_values=normalised(images), output_hidden_states=True)
        taps = tuple(vision.hidden_states[i + 1] for i in (0, 1, 2))
        theirs = model.decoder(taps, queries).logits
        code = network.clip.encode_images(images)
        ours = network.clip.decode(code.reduced, queries)
        whole = model.clip.visual_projection(vision.pooler_output)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(code.vector, whole, atol=1e-5, rtol=1e-4)


def test_one_picture_with_many_sounds_equals_one_by_one(network: ACL) -> None:
    queries = torch.randn(5, 32)
    with torch.inference_mode():
        code = network.clip.encode_images(torch.rand(1, 3, 64, 64))
        together = network.clip.decode(code.reduced.expand(5, -1, -1, -1), queries)
        alone = torch.cat([network.clip.decode(code.reduced, q[None]) for q in queries])
    torch.testing.assert_close(together, alone)


def test_pictures_are_resized_as_pil_does_it() -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (30, 50, 3), dtype=np.uint8))
    for size in ((1280, 720), (500, 300), (200, 240)):
        image = np.asarray(smooth.resize(size))
        ours = resize_image(image, 352, Resize.BICUBIC).astype(int)
        theirs = np.asarray(Image.fromarray(image).resize((352, 352), Image.Resampling.BICUBIC))
        assert np.abs(ours - theirs).max() <= 2  # both round between the two passes
        assert np.abs(ours - theirs).mean() < 0.1


def test_heat_is_the_sigmoid_of_the_shifted_logit() -> None:
    masker = ImageMasker(scale=10, shift=14)
    logits = torch.tensor([-1.4, 0.0, 3.0])
    expected = torch.sigmoid(logits + 1.4)
    torch.testing.assert_close(masker.heat(logits), expected)
    assert masker.heat(logits)[0].item() == pytest.approx(0.5)


def test_the_feature_mask_follows_each_maps_own_range() -> None:
    logits = torch.stack([torch.linspace(0, 1, 16), torch.linspace(-70, 30, 16)]).view(2, 4, 4)
    masks = feature_mask(logits)
    torch.testing.assert_close(masks[0], masks[1], atol=1e-4, rtol=0)
    assert masks.min() < 1e-3
    assert masks.max() > 0.999


def test_features_are_pooled_under_the_nearest_pixels_of_the_mask() -> None:
    features = torch.randn(1, 3, 2, 2)
    masks = torch.zeros(1, 1, 8, 8)
    masks[0, 0, 0, 4] = 1  # the pixel that stands for the cell at the upper right
    pooled = pool_features(features, masks)
    torch.testing.assert_close(pooled[0, 0], features[0, :, 0, 1])


def test_logistic_noise_has_its_mean_and_spread() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = logistic_noise(torch.empty(400_000), generator)
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.std().item() == pytest.approx(np.pi / np.sqrt(3), rel=0.01)


def test_hard_masks_are_drawn_with_the_probability_of_the_logit_and_pass_its_gradient() -> None:
    masker = ImageMasker(scale=10, shift=14)
    logits = torch.full((1, 400, 400), -1.3, requires_grad=True)
    drawn = masker(logits, torch.Generator().manual_seed(0))
    assert set(drawn.detach().round(decimals=5).unique().tolist()) == {0.0, 1.0}
    assert drawn.mean().item() == pytest.approx(1 / (1 + np.exp(-1.0)), abs=0.005)
    drawn.sum().backward()
    # d/dx E[soft] is scale * E[s (1 - s)] with s = sigmoid(1 + noise)
    noise = logistic_noise(torch.empty(400_000), torch.Generator().manual_seed(1))
    soft = torch.sigmoid(1.0 + noise)
    expected = 10 * (soft * (1 - soft)).mean().item()
    assert logits.grad is not None
    assert logits.grad.mean().item() == pytest.approx(expected, rel=0.02)
    assert masker.scale.grad is not None
    assert masker.shift.grad is not None
