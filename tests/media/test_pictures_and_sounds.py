"""Still pictures, sound files, composites, fingerprints, the clock."""

import hashlib
import wave

import numpy as np
import pytest
from PIL import Image

from sslviz.errors import MediaError, OptionError, OutputError
from sslviz.media.audio import read_sound, write_wav
from sslviz.media.clock import Clock
from sslviz.media.compose import animation, side_by_side
from sslviz.media.hashing import sha256_of
from sslviz.media.image import read_image
from sslviz.media.picture import ColorTags
from sslviz.media.reader import AudioReader, VideoReader
from sslviz.options import MediaLimits
from sslviz.types import AudioClip
from tests.media.clips import (
    H264,
    Recipe,
    Sound,
    beep_times,
    beeps,
    ffmpeg,
    make,
    number_in,
    picture,
    sound_of,
    truth,
    write_wave,
)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "bmp", "tiff", "gif"])
def test_pictures_are_read_as_rgb(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    image = picture(5, True)
    Image.fromarray(image).save(path, **({"quality": 95} if kind in ("jpg", "webp") else {}))
    frame = read_image(path)
    assert frame.image.shape == image.shape
    assert number_in(frame.image) == 5
    assert np.abs(frame.image.astype(int) - image).mean() < (
        0.1 if kind in ("png", "bmp", "tiff") else 6
    )


def test_photos_come_upright(tmp_path):
    path = tmp_path / "x.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by a quarter to view
    Image.fromarray(np.rot90(picture(9, False))).save(path, exif=exif, quality=95)
    assert number_in(read_image(path).image) == 9


def test_transparent_parts_are_white(tmp_path):
    path = tmp_path / "x.png"
    rgba = np.dstack([picture(3, False), np.full((120, 160), 255, np.uint8)])
    rgba[:, 80:, 3] = 0
    Image.fromarray(rgba).save(path)
    image = read_image(path).image
    assert (image[:, 80:] == 255).all()
    assert np.array_equal(image[:, :80], rgba[:, :80, :3])


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_grey_and_palette_pictures_are_read(tmp_path, mode):
    path = tmp_path / "x.png"
    grey = Image.fromarray(picture(3, True)).convert("L")
    image = (
        Image.fromarray(np.array(grey).astype(np.uint16) * 257)
        if mode == "I;16"
        else grey.convert(mode)
    )
    image.save(path)
    found = read_image(path).image
    assert np.abs(found[..., 0].astype(int) - np.array(grey)).max() <= 2
    assert np.ptp(found, axis=2).max() <= 1


def test_what_is_no_picture_is_refused(tmp_path, clip):
    with pytest.raises(MediaError, match="is no picture that can be read; give a JPEG"):
        read_image(clip("plain.mp4"))
    svg = tmp_path / "x.png"
    svg.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    with pytest.raises(MediaError, match="is no picture"):
        read_image(svg)
    with pytest.raises(MediaError, match="no readable file"):
        read_image(tmp_path / "missing.png")


def test_large_pictures_are_refused(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(picture(5, True)).save(path)
    with pytest.raises(MediaError, match="more pixels than allowed"):
        read_image(path, MediaLimits(max_pixels=1000))


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "ogg", "m4a", "opus", "aiff"])
def test_sound_files_are_read_at_any_rate(tmp_path, kind):
    sound = Sound(rate=44100, channels=2)
    source = write_wave(tmp_path / "source.wav", beeps(sound, 2.5), 44100)
    path = tmp_path / f"x.{kind}"
    if kind == "wav":
        source.rename(path)
    else:
        ffmpeg("-i", source, path)
    found = read_sound(path, 16_000)
    assert found.sample_rate == 16_000
    assert found.duration_seconds == pytest.approx(2.5, abs=0.07)
    assert beep_times(found.samples, 16_000) == pytest.approx([0, 1, 2], abs=0.03)


def test_the_sound_of_a_video_can_be_read_alone(clip):
    assert beep_times(read_sound(clip("plain.mp4"), 16_000).samples, 16_000) == pytest.approx(
        [0, 1, 2], abs=0.008
    )


def test_channels_are_averaged_not_summed(tmp_path):
    samples = np.full((16_000, 6), 0.25, np.float32)
    samples[:, 5] = 0.85
    surround = write_wave(tmp_path / "x.wav", samples, 16_000)
    assert np.allclose(read_sound(surround, 16_000).samples, 0.35, atol=1e-3)
    stereo = write_wave(tmp_path / "y.wav", np.float32([[0.5, -0.5]] * 16_000), 16_000)
    assert np.abs(read_sound(stereo, 16_000).samples).max() < 1e-3


@pytest.mark.parametrize(
    "coding", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"]
)
def test_full_scale_is_one_in_every_coding(tmp_path, coding):
    time = np.arange(16_000) / 16_000
    source = write_wave(
        tmp_path / "s.wav", np.float32(0.5 * np.sin(880 * np.pi * time))[:, None], 16_000
    )
    ffmpeg("-i", source, "-c:a", coding, tmp_path / "x.wav")
    found = read_sound(tmp_path / "x.wav", 16_000).samples
    assert np.abs(found).max() == pytest.approx(0.5, abs=0.01)
    assert abs(found.mean()) < 0.005


def test_resampling_keeps_length_and_place(tmp_path):
    for rate in (8_000, 11_025, 22_050, 48_000, 96_000):
        source = write_wave(tmp_path / f"{rate}.wav", beeps(Sound(rate=rate), 3.0), rate)
        with AudioReader(source, 16_000, None) as reader:
            found = np.concatenate([samples for _, samples in reader.rest()])
        assert abs(len(found) - 48_000) <= 2
        assert beep_times(found, 16_000, 0.2) == pytest.approx([0, 1, 2], abs=0.002)


def test_files_without_sound_are_refused(clip, tmp_path):
    silent = clip("silent.mp4", Recipe(sound=None, frames=30))
    with pytest.raises(MediaError, match="holds no sound that can be decoded"):
        read_sound(silent, 16_000)


def test_excerpts_may_go_back_within_the_history(clip):
    path = clip("long_sound.wav.mkv", Recipe(frames=1000, sound=Sound(codec=("-c:a", "pcm_s16le"))))
    with AudioReader(path, 16_000, 0.0, history_seconds=5.0) as reader:
        late = reader.excerpt(30.0, 3.0)
        assert beep_times(late.samples, 16_000) == pytest.approx([0, 1, 2], abs=0.002)
        back = reader.excerpt(26.0, 3.0)
        assert beep_times(back.samples, 16_000) == pytest.approx([0, 1, 2], abs=0.002)
        held = sum(len(chunk) for _, chunk in reader._chunks)
        assert held < 12 * 16_000, "old sound is forgotten"


def test_far_excerpts_are_reached_by_seeking(clip):
    path = clip("long_sound.wav.mkv")
    with AudioReader(path, 16_000, 0.0, history_seconds=5.0) as reader:
        found = reader.excerpt(36.5, 3.0)
        assert beep_times(found.samples, 16_000) == pytest.approx([0.5, 1.5, 2.5], abs=0.002)
        assert reader._chunks[0][0] > 25 * 16_000


def test_loudness_is_measured_around_the_moment(tmp_path):
    time = np.arange(48_000) / 16_000
    tone = 0.1 * np.sin(2 * np.pi * 1000 * time) * (time >= 1.0) * (time < 2.0)
    path = write_wave(tmp_path / "x.wav", np.float32(tone)[:, None], 16_000)
    with AudioReader(path, 16_000, 0.0) as reader:
        assert reader.level_dbfs(0.5) == -np.inf
        assert reader.level_dbfs(1.5) == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.05)
        assert reader.level_dbfs(2.5) == -np.inf


def test_wav_files_are_written_whole(tmp_path):
    path = tmp_path / "x.wav"
    write_wav(path, AudioClip(np.float32([0, 0.5, -0.5]), 16_000))
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnframes(), file.getsampwidth()) == (16_000, 3, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]
    with pytest.raises(OutputError, match=r"'y\.wav' could not be written"):
        write_wav(tmp_path / "missing" / "y.wav", AudioClip(np.zeros(3, np.float32), 16_000))


def test_results_play_side_by_side(clip, tmp_path):
    wide = make(tmp_path / "wide.mp4", Recipe(width=240, height=120, video=(*H264, "-g", "10")))
    target = side_by_side([clip("plain.mp4"), wide], tmp_path / "both.mp4", height=120)
    with VideoReader(target) as reader:
        assert (reader.info.width, reader.info.height) == (400, 120)
        assert reader.format.color == ColorTags(1, 1, 1)
        frames = list(reader.frames())
        assert 74 <= len(frames) <= 76
        image = frames[30].rgb()
        assert abs(number_in(image[:, :160]) - 30) <= 1
        assert number_in(image[:, 160:]) == number_in(image[:, :160])
        assert np.abs(image[10, 10].astype(int) - [230, 20, 20]).max() < 30
    assert beep_times(sound_of(target), 48000) == pytest.approx([0, 1, 2], abs=0.03)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["both.mp4", "wide.mp4"]


def test_side_by_side_needs_two_and_leaves_nothing_after_a_failure(clip, tmp_path):
    with pytest.raises(OptionError, match="at least two"):
        side_by_side([clip("plain.mp4")], tmp_path / "x.mp4")
    with pytest.raises(OutputError):
        side_by_side([clip("plain.mp4"), tmp_path / "missing.mp4"], tmp_path / "x.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["webp", "gif"])
def test_animations_move(clip, tmp_path, ending):
    target = animation(
        clip("plain.mp4"), tmp_path / f"x.{ending}", width=160, fps=10, end_seconds=2.0
    )
    with Image.open(target) as image:
        assert image.n_frames == 20
        image.seek(10)
        assert abs(number_in(np.asarray(image.convert("RGB"))) - 25) <= 1
        assert image.info["duration"] == 100
    with pytest.raises(OptionError, match=r"ends in \.webp or \.gif"):
        animation(clip("plain.mp4"), tmp_path / "x.mp4")
    with pytest.raises(OptionError, match="may have 600 pictures"):
        animation(clip("plain.mp4"), tmp_path / "x.gif", fps=1000)


def test_fingerprints_are_those_of_the_bytes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 100_000)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([5, 6, 8], [5, 6, 8]),
        ([None, None, None], [0, 1, 2]),
        ([0, None, 2], [0, 1, 2]),
        ([None, 7, 8], [0, 1, 2]),
        ([0, 0, 1], [0, 0.125, 1]),
        ([10, 11, 0, 1], [10, 11, 12, 13]),
        ([0, 100_000, 100_001], [0, 1, 2]),
        ([0, 1000, 1001], [0, 1000, 1001]),
        ([3, 2.5, 4], [3, 3.125, 4]),
    ],
)
def test_time_only_rises(stamps, times):
    clock = Clock(1.0)
    assert [clock.stamp(stamp) for stamp in stamps] == times


def test_truth_of_the_clips_themselves(clip):
    frames = truth(clip("plain.mp4"))
    assert [n for _, n, _ in frames] == list(range(75))
    assert [n for _, n, flash in frames if flash] == [0, 25, 50]
