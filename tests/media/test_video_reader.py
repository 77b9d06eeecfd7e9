"""The reader against clips whose truth is in their pixels."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from sslviz.errors import MediaError
from sslviz.media.picture import ColorTags
from sslviz.media.reader import AudioReader, VideoReader
from sslviz.options import MediaLimits
from tests.media.clips import (
    H264,
    TURNS,
    VARIABLE_RATE,
    Recipe,
    Sound,
    beep_times,
    ffmpeg,
    make,
    number_in,
)

NO_SOUND = Recipe(sound=None, frames=30)
AAC = ("-c:a", "aac", "-b:a", "128k")
CASES = {
    "plain.mp4": Recipe(),
    "ntsc.mp4": Recipe(rate=Fraction(30000, 1001)),
    "variable.mp4": Recipe(rate=None, times=VARIABLE_RATE),
    "variable.mkv": Recipe(rate=None, times=VARIABLE_RATE),
    "late_sound.mp4": Recipe(sound=Sound(start_seconds=1.5)),
    "short_sound.mp4": Recipe(sound=Sound(seconds=1.5)),
    "long_sound.mp4": Recipe(frames=30, sound=Sound(seconds=3.5)),
    "stereo.mp4": Recipe(sound=Sound(channels=2, rate=48000)),
    "surround.mp4": Recipe(sound=Sound(channels=6, rate=48000)),
    "low_rate.avi": Recipe(
        sound=Sound(rate=8000, codec=("-c:a", "pcm_s16le")), video=("-c:v", "mjpeg", "-q:v", "2")
    ),
    "stream.ts": Recipe(after=("-muxdelay", "0.7")),
    "starts_at_ten.mkv": Recipe(after=("-output_ts_offset", "10")),
    "starts_at_ten.mp4": Recipe(after=("-output_ts_offset", "10", "-avoid_negative_ts", "disabled")),
    "ten_bit.mp4": Recipe(video=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")),
    "full_chroma.mp4": Recipe(video=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p")),
    "hevc.mp4": Recipe(
        video=("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
    ),
    "vp8.webm": Recipe(
        video=("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M"),
        sound=Sound(rate=48000, codec=("-c:a", "libvorbis")),
    ),
    "vp9.webm": Recipe(
        video=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"),
        sound=Sound(rate=48000, codec=("-c:a", "libopus")),
    ),
    "av1.mp4": Recipe(video=("-c:v", "libsvtav1", "-preset", "10", "-crf", "20")),
    "live.webm": Recipe(
        video=("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M"),
        sound=Sound(rate=48000, codec=("-c:a", "libopus")), after=("-live", "1"),
    ),
    "b_frames.mp4": Recipe(video=("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p")),
    "fragmented.mp4": Recipe(after=("-movflags", "frag_keyframe+delay_moov")),
    "flash.flv": Recipe(sound=Sound(codec=("-c:a", "libmp3lame"))),
}  # fmt: skip


def seen(path, **options):
    with VideoReader(path) as reader:
        return [(f.pts_seconds, number_in(f.rgb()), f.duration_seconds) for f in
                reader.frames(**options)]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_frame_comes_once_in_order_at_its_true_time(clip, name):
    recipe = CASES[name]
    frames = seen(clip(name, recipe))
    assert [number for _, number, _ in frames] == list(range(recipe.frames))
    true = np.array([recipe.time_of(i) for i in range(recipe.frames)])
    assert np.abs(np.array([time for time, *_ in frames]) - true).max() < 0.0011
    assert np.allclose([d for *_, d in frames][:-1], np.diff(true), atol=0.0021)


@pytest.mark.parametrize("name", CASES)
def test_sound_lies_where_its_time_stamps_put_it(clip, name):
    recipe = CASES[name]
    path = clip(name, recipe)
    with VideoReader(path) as video:
        assert video.info.has_audio
        assert video.damaged_packets == 0
        with AudioReader(path, 48000, video.origin_seconds) as sound:
            found = beep_times(sound.excerpt(-1.0, recipe.seconds + 4).samples, 48000)
    begin = recipe.sound.start_seconds
    end = begin + (recipe.sound.seconds or recipe.seconds - begin)
    true = [t for t in range(10) if begin <= t < end]
    assert np.allclose(np.array(found) - 1.0, true, atol=0.008)


@pytest.mark.parametrize("name", TURNS)
def test_turned_and_mirrored_clips_come_upright(turned, name):
    path = turned(name)
    with VideoReader(path) as reader:
        assert (reader.info.width, reader.info.height) == (160, 120)
        for i, frame in enumerate(reader.frames()):
            y, u, v = frame.yuv420p()
            assert (y.shape, u.shape, v.shape) == ((120, 160), (60, 80), (60, 80))
            small = frame.rgb(64)
            assert small.shape == (64, 64, 3)
            assert number_in(frame.rgb()) == number_in(small) == i
            assert u[5, 75] > 150 > u[5, 5], "blue is on the right"


def test_planes_of_a_plain_clip_are_not_copied_and_cannot_be_written(clip):
    with VideoReader(clip("plain.mp4")) as reader:
        y, *_ = next(reader.frames()).yuv420p()
        assert not y.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            y[0, 0] = 1


def test_odd_sizes_are_padded_by_one_row_and_column_for_the_encoder(clip):
    recipe = Recipe(
        width=161, height=121, sound=None, frames=10,
        video=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"),
    )  # fmt: skip
    with VideoReader(clip("odd.mp4", recipe)) as reader:
        assert (reader.info.width, reader.info.height) == (161, 121)
        assert (reader.format.width, reader.format.height) == (162, 122)
        for i, frame in enumerate(reader.frames()):
            y, u, v = frame.yuv420p()
            assert (y.shape, u.shape, v.shape) == ((122, 162), (61, 81), (61, 81))
            assert np.array_equal(y[:, -1], y[:, -2])
            assert frame.rgb().shape == (121, 161, 3)
            assert number_in(frame.rgb()) == i


def test_a_clip_without_sound_says_so(clip):
    path = clip("silent.mp4", NO_SOUND)
    with VideoReader(path) as reader, AudioReader(path, 16000, 0.0) as sound:
        assert not reader.info.has_audio
        assert not sound.has_samples()
        assert not sound.excerpt(0, 1).samples.any()
        assert sound.level_dbfs(0.5) == -np.inf


def test_a_single_frame_has_a_duration(clip):
    frames = seen(clip("single.mp4", replace(NO_SOUND, frames=1)))
    assert [(t, n) for t, n, _ in frames] == [(0.0, 0)]
    assert frames[0][2] == pytest.approx(0.04, abs=0.001)


def test_gif_is_a_video(clip):
    recipe = Recipe(sound=None, frames=20, rate=Fraction(10), video=("-c:v", "gif"))
    with VideoReader(clip("moving.gif", recipe)) as reader:
        frames = list(reader.frames())
        assert reader.format.color == ColorTags(1, 1, 1, full_range=False)
        assert len(frames) == 20
        assert frames[7].pts_seconds == pytest.approx(0.7, abs=0.011)
        y, u, v = frames[0].yuv420p()
        shown = frames[0].rgb()[4:12, 4:12]
        true = reader.format.color.to_yuv(shown).reshape(-1, 3).mean(0)
        planes = [y[4:12, 4:12].mean(), u[2:6, 2:6].mean(), v[2:6, 2:6].mean()]
        assert np.allclose(planes, true, atol=4)


@pytest.mark.parametrize("start", [0.0, 0.5, 1.0, 2.01, 2.9])
@pytest.mark.parametrize("name", ["plain.mp4", "variable.mkv", "stream.ts", "b_frames.mp4"])
def test_an_excerpt_begins_with_the_frame_that_is_shown_then(clip, name, start):
    recipe = CASES[name]
    times = [recipe.time_of(i) for i in range(recipe.frames)]
    end = start + 0.4
    shown = max(i for i, t in enumerate(times) if t <= start + 0.001)
    true = [i for i, t in enumerate(times) if i >= shown and t < end - 0.001]
    frames = seen(clip(name, recipe), start_seconds=start, end_seconds=end)
    assert [n for _, n, _ in frames] == true
    assert frames[0][0] == pytest.approx(start, abs=0.0011)
    assert all(t >= start for t, *_ in frames)


def test_frames_may_be_read_again(clip):
    with VideoReader(clip("plain.mp4")) as reader:
        first = [number_in(f.rgb(64)) for f in reader.frames(2.5)]
        again = [number_in(f.rgb(64)) for f in reader.frames()]
    assert first == list(range(62, 75))
    assert again == list(range(75))


def test_seeking_lands_on_the_same_frames_as_reading_through(clip):
    recipe = Recipe(frames=300, video=(*H264, "-g", "50"))
    path = clip("long.mp4", recipe)
    for start in (4.0, 9.99, 11.3):
        frames = seen(path, start_seconds=start)
        assert [n for _, n, _ in frames] == list(range(int(start * 25 + 1e-6), 300))


def test_full_range_and_its_tags_are_kept(clip):
    video = (*H264[:-1], "yuvj420p", "-color_range", "pc", "-colorspace", "bt709",
             "-color_primaries", "bt709", "-color_trc", "bt709")  # fmt: skip
    with VideoReader(clip("full_range.mp4", replace(NO_SOUND, video=video))) as reader:
        color = reader.format.color
        assert color == ColorTags(1, 1, 1, full_range=True)
        frame = next(reader.frames())
        y, u, v = frame.yuv420p()
        shown = frame.rgb()[8, 8]
        assert np.abs(np.array([y[8, 8], u[4, 4], v[4, 4]], int) - color.to_yuv(shown)).max() <= 3


def test_untagged_clips_get_the_tags_that_players_assume(clip):
    with VideoReader(clip("plain.mp4")) as small:
        assert small.format.color.matrix == 6
    large = Recipe(width=1280, height=720, frames=2, sound=None)
    with VideoReader(clip("large.mp4", large)) as reader:
        assert reader.format.color == ColorTags(1, 1, 1, full_range=False)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_tone_mapped_to_eight_bits_and_tagged_bt709(clip, transfer):
    params = (f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:"
              "range=limited")  # fmt: skip
    video = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
             "-x265-params", params)  # fmt: skip
    recipe = Recipe(frames=3, sound=None, video=video)
    with VideoReader(clip(f"hdr_{transfer}.mp4", recipe)) as reader:
        assert reader.format.color == ColorTags(1, 1, 1, full_range=False)
        for i, frame in enumerate(reader.frames()):
            y, *_ = frame.yuv420p()
            assert y.dtype == np.uint8
            assert 16 <= y.min() < 60 < 150 < y.max() <= 237
            assert number_in(frame.rgb(160)) == i


def test_limits_on_length_and_rate_are_kept(clip):
    path = clip("plain.mp4")
    with pytest.raises(MediaError, match="longer than the allowed 1 s; cut it shorter"):
        VideoReader(path, MediaLimits(max_duration_seconds=1.0))
    fast = Recipe(frames=1200, rate=Fraction(1000), width=32, height=24, sound=None)
    with (
        VideoReader(clip("fast.mp4", fast)) as reader,
        pytest.raises(MediaError, match="more than 240 frames per second"),
    ):
        list(reader.frames())


def test_length_is_limited_while_reading_where_the_header_does_not_tell(clip):
    limits = MediaLimits(max_duration_seconds=1.0)
    with VideoReader(clip("live.webm", CASES["live.webm"]), limits) as reader:
        assert reader.info.duration_seconds is None
        with pytest.raises(MediaError, match="longer than the allowed"):
            list(reader.frames())


def test_pixels_and_bytes_are_limited(clip):
    path = clip("plain.mp4")
    with pytest.raises(MediaError, match=r"160x120 pixels, allowed are 0\.0 million"):
        VideoReader(path, MediaLimits(max_pixels=160 * 119))
    with pytest.raises(MediaError, match="MB, allowed are"):
        VideoReader(path, MediaLimits(max_bytes=1000))


def test_info_shows_what_a_player_shows(clip):
    with VideoReader(clip("ntsc.mp4", CASES["ntsc.mp4"])) as reader:
        assert reader.info.fps == Fraction(30000, 1001)
        assert reader.info.duration_seconds == pytest.approx(75 * 1001 / 30000, abs=0.01)
        assert reader.info.num_frames == 75
        assert reader.warnings == []


def test_metadata_and_pixel_shape_are_passed_on(clip, turned):
    recipe = replace(NO_SOUND, after=("-metadata", "title=A dog", "-aspect", "8:3"))
    with VideoReader(clip("wide.mp4", recipe)) as reader:
        assert reader.metadata["title"] == "A dog"
        assert reader.format.sample_aspect_ratio == 2


def test_the_picture_may_change_its_size_on_the_way(clip, tmp_path):
    parts = [make(tmp_path / f"{w}.ts", Recipe(frames=25, width=w, height=w * 3 // 4, sound=None))
             for w in (160, 320)]  # fmt: skip
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(p.read_bytes() for p in parts))
    with VideoReader(joined) as reader:
        frames = [
            (f.pts_seconds, f.yuv420p()[0].shape, number_in(f.rgb())) for f in reader.frames()
        ]
        assert {shape for _, shape, _ in frames} == {(120, 160)}
        assert [n for *_, n in frames] == [*range(25), *range(25)]
        assert (np.diff([t for t, *_ in frames]) > 0).all(), "the stamps start anew in the middle"
        assert any("changes its size" in w for w in reader.warnings)


def test_a_cut_file_gives_what_is_there(clip, tmp_path):
    whole = clip("first_index.mp4", Recipe(after=("-movflags", "+faststart")))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    frames = seen(cut)
    assert 20 < len(frames) < 75
    assert [n for _, n, _ in frames] == list(range(len(frames)))


def test_an_upload_without_its_index_is_named_so(clip, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip("plain.mp4").read_bytes()[:-8000])
    with pytest.raises(MediaError, match="incomplete upload or recording"):
        VideoReader(cut)


def test_flipped_bits_cost_packets_not_the_file(clip, tmp_path):
    data = bytearray(clip("plain.mp4").read_bytes())
    random = np.random.default_rng(0)
    start, end = data.index(b"mdat") + 4000, data.index(b"moov") - 100
    for at in random.integers(start, end, 60):
        data[at] ^= 1 << int(random.integers(8))
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    with VideoReader(damaged) as reader:
        times = [f.pts_seconds for f in reader.frames()]
        assert len(times) > 50
        assert (np.diff(times) > 0).all()


def test_raw_streams_without_stamps_are_timed_by_their_rate(clip):
    path = clip("raw.h264", replace(NO_SOUND, after=("-f", "h264")))
    with VideoReader(path) as reader:
        frames = [(f.pts_seconds, number_in(f.rgb())) for f in reader.frames()]
    assert [n for _, n in frames] == list(range(30))
    assert np.allclose(np.diff([t for t, _ in frames]), 0.04)


def test_files_that_hold_no_video_are_told_so(tmp_path, clip):
    sound = tmp_path / "a.m4a"
    ffmpeg("-i", clip("plain.mp4"), "-vn", "-c:a", "copy", sound)
    with pytest.raises(MediaError, match="holds no video"):
        VideoReader(sound)


def test_a_cover_picture_is_no_video(tmp_path, clip):
    cover, song = tmp_path / "cover.png", tmp_path / "song.mp3"
    ffmpeg("-i", clip("plain.mp4"), "-frames:v", 1, cover)
    ffmpeg("-i", clip("plain.mp4"), "-i", cover, "-map", "0:a", "-map", "1:v", "-c:v", "copy",
           "-c:a", "libmp3lame", "-disposition:v", "attached_pic", song)  # fmt: skip
    with pytest.raises(MediaError, match="holds no video"):
        VideoReader(song)
