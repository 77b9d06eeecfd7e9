"""What ``Network`` does for every method: sharing, halving, resizing, refining."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from cases import small_network, window
from PIL import Image
from torch import Tensor

from sslviz.errors import DeviceError, OptionError
from sslviz.models import JSA, MarginNCE
from sslviz.models.base import Encoding, Network, Scores
from sslviz.models.blocks.object_prior import ObjectPrior
from sslviz.models.blocks.resnet import ResNet18
from sslviz.models.refinement import Refined, blend, min_max
from sslviz.models.refining import Refinement, refine
from sslviz.models.resizing import Resize, resize_image
from sslviz.types import AudioClip, Calibration, Frame, InputSpec, ScoreScale, Window


class Counting(Network):
    """Brightness times loudness, and a count of what was encoded."""

    method = "marginnce"
    scale = ScoreScale.PROBABILITY
    spec = InputSpec(image_size=8, sample_rate=100, audio_seconds=1.0)
    default_calibration = Calibration(0.5, 0.0, 1.0)

    def __init__(self, fits: int = 1000) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.fits = fits
        self.images_encoded: list[int] = []
        self.sounds_encoded: list[int] = []
        self.eval()

    def encode_images(self, images: Tensor) -> Encoding:
        if len(images) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.images_encoded.append(len(images))
        return (images.mean(1) * self.weight,)

    def encode_sounds(self, waveforms: Tensor) -> Encoding:
        self.sounds_encoded.append(len(waveforms))
        return (waveforms.abs().mean(1),)

    def score(self, images: Encoding, sounds: Encoding) -> Scores:
        return Scores(images[0] * sounds[0][:, None, None], sounds[0])


def frame(value: int, time: float = 0.0) -> Frame:
    return Frame(np.full((8, 8, 3), value, np.uint8), time)


def clip(level: float) -> AudioClip:
    return AudioClip(np.full(100, level, np.float32), 100)


def windows(pairs: Sequence[tuple[Frame, AudioClip]]) -> list[Window]:
    return [Window(f, c, f.pts_seconds, f.pts_seconds + 1, -20.0) for f, c in pairs]


def test_windows_with_the_same_picture_or_sound_share_its_encoding() -> None:
    network = Counting()
    batch = windows(
        [
            (frame(51, 0.0), clip(0.5)),
            (frame(51, 1.0), clip(0.25)),
            (frame(102, 2.0), clip(0.25)),
            (frame(51, 3.0), clip(0.5)),
        ]
    )
    maps = network.localize(batch)
    assert (network.images_encoded, network.sounds_encoded) == ([2], [2])
    assert [float(m.values[0, 0]) for m in maps] == pytest.approx([0.1, 0.05, 0.1, 0.1])
    assert [m.pts_seconds for m in maps] == [0, 1, 2, 3]


def test_a_batch_that_does_not_fit_is_halved_until_it_does() -> None:
    network = Counting(fits=2)
    maps = network.localize(windows([(frame(i), clip(1.0)) for i in range(7)]))
    assert [round(float(m.values[0, 0]) * 255) for m in maps] == list(range(7))
    assert max(network.images_encoded) <= 2


def test_one_window_that_does_not_fit_says_what_to_do() -> None:
    with pytest.raises(DeviceError, match="does not fit into the memory of cpu"):
        Counting(fits=0).localize(windows([(frame(1), clip(1.0))]))


@pytest.mark.parametrize("shape", [(480, 640), (97, 51), (224, 500)])
def test_bicubic_resize_is_that_of_pil(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    ours = resize_image(noise, 224, Resize.BICUBIC)
    theirs = np.asarray(Image.fromarray(noise).resize((224, 224), Image.Resampling.BICUBIC))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_area_resize_averages_what_it_skips() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.unique(resize_image(stripes, 8, Resize.AREA)).tolist() == [100]


@pytest.mark.parametrize("method", ["jsa", "marginnce"])
def test_preparing_for_speed_keeps_the_maps(method: str) -> None:
    plain, fast = small_network(method), small_network(method).prepare_for_inference()
    assert not [m for m in fast.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert [m for m in plain.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    batch = [window(plain, seed) for seed in (1, 2)]
    for one, other in zip(plain.localize(batch), fast.localize(batch), strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-4, rtol=1e-3)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_refined_maps_are_blends_that_sum_to_one_and_say_attention() -> None:
    network = small_network("marginnce")
    prior = ObjectPrior(ResNet18(3, 4)).eval()
    refined = Refined(network, prior)
    one = window(network, 1)
    (scored,) = refined.localize([one])
    assert scored.scale is ScoreScale.ATTENTION
    assert scored.values.sum() == pytest.approx(1, abs=1e-5)
    with torch.inference_mode():
        images = network.images_to_tensor([one.key_frame])
        of_objects = prior(images, ())
    plain = torch.from_numpy(network.localize([one])[0].values)[None]
    expected = blend(plain, of_objects, 0.4)[0]
    np.testing.assert_allclose(
        min_max(torch.from_numpy(scored.values)[None])[0], expected, atol=1e-5
    )
    assert scored.confidence == network.localize([one])[0].confidence


def test_the_weight_of_the_sound_decides_what_a_refined_map_shows() -> None:
    network = small_network("jsa")
    assert isinstance(network, JSA)
    one = window(network, 1)
    only_sound = refine(network, Refinement.IQR, alpha=1.0).localize([one])[0]
    only_picture = refine(network, Refinement.IQR, alpha=0.0).localize([one])[0]
    plain = network.localize([one])[0]

    def stretched(values: np.ndarray) -> np.ndarray:
        return (values - values.min()) / (values.max() - values.min())

    np.testing.assert_allclose(stretched(only_sound.values), stretched(plain.values), atol=1e-4)
    assert not np.allclose(stretched(only_picture.values), stretched(plain.values), atol=1e-2)


def test_a_refined_map_can_be_made_at_the_size_of_the_papers_evaluation() -> None:
    network = small_network("marginnce")
    assert isinstance(network, MarginNCE)
    prior = ObjectPrior(ResNet18(3, 4)).eval()
    refined = Refined(network, prior, upsampling=network.upsampling, size=224)
    assert refined.localize([window(network, 1)])[0].values.shape == (224, 224)


def test_what_refined_a_map_is_told_with_its_weight() -> None:
    network = small_network("jsa")
    told = refine(network, Refinement.IQR).identity.checkpoint
    assert told == "untrained with image-query refinement (alpha 0.6)"
    told = refine(network, Refinement.OGL, prior=ObjectPrior(ResNet18(3, 4))).identity.checkpoint
    assert told == "untrained with object prior (alpha 0.4)"


def test_the_bundled_networks_bring_their_own_object_prior() -> None:
    network = small_network("marginnce-compact")
    one = window(network, 1)
    refined = refine(network, Refinement.OGL, alpha=0.0)
    (prior,) = network.object_prior([one.key_frame])
    (scored,) = refined.localize([one])
    assert scored.values.shape == network.localize([one])[0].values.shape
    assert prior.shape[0] * 2 == scored.values.shape[0]
    coarse = scored.values.reshape(*prior.shape[:1], 2, prior.shape[1], 2).mean((1, 3))
    assert np.corrcoef(coarse.ravel(), prior.ravel())[0, 1] > 0.9


def test_a_refinement_that_a_network_cannot_have_says_why() -> None:
    network = small_network("marginnce")
    with pytest.raises(OptionError, match="needs slots; marginnce has none"):
        refine(network, Refinement.IQR)
    with pytest.raises(OptionError, match="resnet18-f37072fd"):
        refine(network, Refinement.OGL)


def test_a_weight_out_of_range_is_refused() -> None:
    network = small_network("marginnce")
    with pytest.raises(OptionError, match=r"alpha is 1\.5"):
        Refined(network, ObjectPrior(ResNet18(3, 4)), alpha=1.5)


def test_a_constant_map_stays_as_it_is() -> None:
    flat = torch.full((1, 3, 3), 0.7)
    assert torch.equal(min_max(flat), flat)


def test_jsa_sharpness_changes_no_ranking_of_cells() -> None:
    soft, sharp = small_network("jsa"), small_network("jsa")
    sharp.sharpness = 1.0
    one = window(soft, 1)
    first, second = (n.localize([one])[0].values.ravel() for n in (soft, sharp))
    assert first.argmax() == second.argmax()
    assert second.max() - second.min() > first.max() - first.min()
