"""One picture is encoded once, one sound is encoded once, and nothing stale is ever used."""

from collections import Counter

import numpy as np
import pytest
import torch
from acl_tiny import tiny_acl
from torch import nn

from sslviz.models import ACL
from sslviz.models.acl_memo import patch_difference, picture_signature
from sslviz.types import AudioClip, Frame
from sslviz.windows import cut_windows, window_at


def count_inputs(module: nn.Module) -> Counter[str]:
    seen: Counter[str] = Counter()
    module.register_forward_hook(lambda _m, inputs, _o: seen.update(n=len(inputs[0])))
    return seen


def video(num_frames: int, sound: AudioClip, **changes: float) -> list[Frame]:
    rng = np.random.default_rng(3)
    return [
        Frame(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), 6 + i / 5)
        for i in range(num_frames)
    ]


def test_windows_hear_ten_seconds_that_start_on_the_grid(network: ACL, sound: AudioClip) -> None:
    for key_seconds in (5.0, 5.2, 5.49, 5.5, 5.51, 6.4, 7.133):
        window = window_at(
            Frame(np.zeros((4, 4, 3), np.uint8), key_seconds), sound, network.spec, key_seconds
        )
        heard = network.heard(window.audio)
        assert heard.start_seconds == round(heard.start_seconds)
        assert abs(heard.start_seconds + 5 - key_seconds) <= 0.5
        assert (heard.samples == sound.excerpt(heard.start_seconds, 10).samples).all()


def test_a_live_excerpt_ends_at_most_one_step_ago(network: ACL, sound: AudioClip) -> None:
    for now in (20.0, 20.3, 20.99):
        heard = network.heard(sound.excerpt(now - network.spec.audio_seconds, 11))
        assert 0 <= now - (heard.start_seconds + 10) <= 1


def test_without_a_step_each_window_hears_its_own_ten_seconds(sound: AudioClip) -> None:
    network = tiny_acl(audio_hop_seconds=0)
    assert network.spec.audio_seconds == 10
    clip = sound.excerpt(3.21, 10)
    assert network.heard(clip) is clip


def test_five_maps_per_second_encode_each_sound_once_and_each_picture_once(
    network: ACL, sound: AudioClip
) -> None:
    frames = video(20, sound)
    sounds, pictures = (
        count_inputs(network.audio_encoder),
        count_inputs(network.clip.clipseg.clip.vision_model.pre_layrnorm),
    )
    windows = list(cut_windows(frames, sound, network.spec, 5))
    assert len(windows) == 20
    for first in range(0, 20, 8):  # the batches of a pipeline
        network.localize(windows[first : first + 8])
    assert sounds["n"] == 5  # 4 s, cut off the grid on both sides
    assert pictures["n"] == 20


def test_sharing_gives_the_maps_of_encoding_everything_anew(sound: AudioClip) -> None:
    shared = tiny_acl()
    windows = list(cut_windows(video(6, sound), sound, shared.spec, 5))
    for window, score_map in zip(windows, shared.localize(windows), strict=True):
        network = tiny_acl()
        image = network.images_to_tensor([window.key_frame])
        heard = torch.from_numpy(network.heard(window.audio).samples)[None]
        with torch.inference_mode():
            anew = network(image, heard)
        np.testing.assert_allclose(score_map.values, anew.cells[0].numpy(), atol=1e-6)


def test_several_sounds_on_one_picture_encode_it_once(network: ACL, sound: AudioClip) -> None:
    pictures = count_inputs(network.clip.clipseg.clip.vision_model.pre_layrnorm)
    [frame] = video(1, sound)
    parts = [AudioClip(np.roll(sound.samples, 5_000 * i), 16_000) for i in range(4)]
    maps = network.localize([window_at(frame, part, network.spec, 7) for part in parts])
    assert pictures["n"] == 1
    assert len({m.values.tobytes() for m in maps}) == 4


def test_a_still_picture_is_encoded_once_across_batches(network: ACL, sound: AudioClip) -> None:
    pictures = count_inputs(network.clip.clipseg.clip.vision_model.pre_layrnorm)
    [still] = video(1, sound)
    for i in range(10):
        frame = Frame(still.image.copy(), still.pts_seconds + i)
        network.localize([window_at(frame, sound, network.spec, 100)])
    assert pictures["n"] == 1


def test_near_identical_pictures_are_shared_only_when_asked(sound: AudioClip) -> None:
    [still] = video(1, sound)
    noisy = [
        Frame(
            np.clip(
                still.image.astype(int) + np.random.default_rng(i).integers(-2, 3, (64, 64, 3)),
                0,
                255,
            ).astype(np.uint8),
            6 + i / 5,
        )
        for i in range(5)
    ]
    for tolerance, encoded in ((0.0, 5), (3.0, 1)):
        network = tiny_acl(frame_tolerance=tolerance)
        pictures = count_inputs(network.clip.clipseg.clip.vision_model.pre_layrnorm)
        for batch in (noisy[:3], noisy[3:]):
            network.localize([window_at(f, sound, network.spec, 10) for f in batch])
        assert pictures["n"] == encoded


def test_a_small_thing_that_moves_counts_although_the_mean_hardly_changes() -> None:
    image = np.full((352, 352, 3), 100, np.uint8)
    moved = image.copy()
    moved[160:176, 96:112] = 180
    one, other = (picture_signature(i, with_thumbnail=True) for i in (image, moved))
    assert np.abs(image.astype(int) - moved).mean() < 0.2
    assert patch_difference(one.thumbnail, other.thumbnail) == pytest.approx(80)
    assert not one.fits(other, tolerance=10)


def test_small_changes_cannot_add_up_unseen(sound: AudioClip) -> None:
    network = tiny_acl(frame_tolerance=3.0)
    pictures = count_inputs(network.clip.clipseg.clip.vision_model.pre_layrnorm)
    for i in range(12):  # a slow fade: each step is small, the whole is not
        frame = Frame(np.full((64, 64, 3), 50 + 2 * i, np.uint8), 6 + i / 5)
        network.localize([window_at(frame, sound, network.spec, 10)])
    assert pictures["n"] == 6


def test_training_makes_what_was_remembered_stale(network: ACL, sound: AudioClip) -> None:
    [frame] = video(1, sound)
    window = window_at(frame, sound, network.spec, 7)
    [before] = network.localize([window])
    with torch.no_grad():
        for parameter in network.projector.parameters():
            parameter.add_(0.1)
    [after] = network.localize([window])
    assert np.abs(before.values - after.values).max() > 1e-4


def test_memory_of_encodings_is_bounded(network: ACL, sound: AudioClip) -> None:
    for frame in video(30, sound):
        network.localize([window_at(frame, sound, network.spec, 100)])
    assert len(network._frames) == 8
    assert len(network._sounds) <= 8
