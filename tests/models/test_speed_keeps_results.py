"""What makes the bundled localizers fast must not move their maps."""

import numpy as np
import pytest
import torch

from sslviz.checkpoints import find_folder, load_network
from sslviz.errors import OptionError
from sslviz.models.blocks.mel import LogMel, kaldi_mel_banks
from sslviz.models.compact import CompactNetwork
from sslviz.models.precision import keep_freed_memory
from sslviz.types import AudioClip, Frame, Window

METHODS = ["marginnce-compact", "jsa-compact"]


def windows(network: CompactNetwork, count: int) -> list[Window]:
    """Coloured blobs on gradients, each with a chirp of its own."""
    rng = np.random.default_rng(3)
    spec, made = network.spec, []
    times = np.arange(spec.num_samples) / spec.sample_rate
    rows, columns = np.mgrid[0:200, 0:260]
    for number in range(count):
        picture = np.stack([rows, columns, rows + columns], -1) * rng.uniform(0.2, 0.5, 3)
        y, x = rng.integers(40, 160, 2)
        picture[(rows - y) ** 2 + (columns - x) ** 2 < 900] = rng.integers(0, 256, 3)
        tone = np.sin(2 * np.pi * (200 + 300 * number) * times * (1 + 0.2 * times)) * 0.2
        audio = AudioClip(tone.astype(np.float32), spec.sample_rate)
        made.append(
            Window(Frame(picture.astype(np.uint8), 0.2 * number), audio, 0.2 * number, 1e3, -20.0)
        )
    return made


def loaded(method: str) -> CompactNetwork:
    folder = find_folder(method)
    assert folder is not None
    network = load_network(folder).eval()
    assert isinstance(network, CompactNetwork)
    return network


@pytest.mark.parametrize("method", METHODS)
def test_folding_layout_and_turns_move_no_cell_by_a_thousandth(method: str) -> None:
    plain = loaded(method)
    batch = windows(plain, 3)
    images = plain.images_to_tensor([w.key_frame for w in batch])
    with torch.inference_mode():
        expected = plain(images, plain.sounds_to_tensor([w.audio for w in batch]))
    keep_freed_memory()
    found = loaded(method).prepare_for_inference().localize(batch)
    for one, cells, confidence in zip(found, expected.cells, expected.confidence, strict=True):
        np.testing.assert_allclose(one.values, cells.numpy(), atol=1e-3)
        assert one.confidence == pytest.approx(float(confidence), abs=1e-3)


@pytest.mark.parametrize(("method", "least"), [("marginnce-compact", 0.01), ("jsa-compact", 0.02)])
def test_a_head_in_half_precision_hardly_moves_a_cell(method: str, least: float) -> None:
    """Of a cosine, or of the strongest claim; a map is a root, which next to 0 magnifies what nobody can see."""
    plain, half = loaded(method).prepare_for_inference(), loaded(method).prepare_for_inference()
    half.use_half_head()
    batch = windows(plain, 3)
    for one, other in zip(plain.localize(batch), half.localize(batch), strict=True):
        strongest = 1.0 if method == "marginnce-compact" else one.values.max()
        before, after = (v / strongest for v in (one.values, other.values))
        np.testing.assert_allclose(after * abs(after), before * abs(before), rtol=0, atol=least)
        seen = abs(before) > 0.1
        np.testing.assert_allclose(after[seen], before[seen], rtol=0, atol=least)
        assert other.confidence == pytest.approx(one.confidence, abs=1e-2)
        assert not np.array_equal(other.values, one.values), "the head did run in bfloat16"


@pytest.mark.parametrize("method", METHODS)
def test_smaller_pictures_give_coarser_maps_and_odd_sizes_are_refused(method: str) -> None:
    network = loaded(method).prepare_for_inference()
    small = network.at_image_size(224)
    (window,) = windows(small, 1)
    assert small.localize([window])[0].values.shape == (28, 28)
    side = network.spec.image_size // 8
    assert network.localize([window])[0].values.shape == (side, side), "the first is as it was"
    with pytest.raises(OptionError, match=r"224, 256, 320, 384; got 300"):
        network.at_image_size(300)


def test_the_spectrogram_is_efficientats_by_the_plain_road() -> None:
    """Pre-emphasis, centred STFT, power, Kaldi's mel bands, logarithm, one after the other."""
    waveform = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (2, 32_000))).float()
    emphasised = waveform[:, 1:] - 0.97 * waveform[:, :-1]
    window = torch.hann_window(800, periodic=False)
    spectrum = torch.stft(emphasised, 1024, 320, 800, window, return_complex=True)
    mel = torch.log(kaldi_mel_banks() @ spectrum.abs().square() + 1e-5)
    torch.testing.assert_close(LogMel()(waveform)[:, 0], (mel + 4.5) / 5, atol=1e-5, rtol=1e-5)
