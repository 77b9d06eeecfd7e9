"""Files made to read other files, to fill memory, to hang or to lie: refused with a sentence, soon."""

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from sslviz.errors import MediaError
from sslviz.media.audio import read_sound
from sslviz.media.image import read_image
from sslviz.media.probe import probe
from sslviz.media.reader import AudioReader, VideoReader
from sslviz.media.sandbox import Sandbox
from sslviz.options import MediaLimits
from tests.hostile.forge_bombs import png
from tests.media.clips import Recipe, Sound, ffmpeg, make, write_wave
from tests.media.reading import Seen, read_everything

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n"
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n"
LIVE = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n"
DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
mediaPresentationDuration="PT3S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1"
bandwidth="1"><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>"""
CONCAT = "ffconcat version 1.0\nfile {url}\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{url}"/></svg>'
PLAYLISTS = {"hls": HLS, "master": MASTER, "live": LIVE, "dash": DASH, "concat": CONCAT,
             "sdp": SDP, "svg": SVG}  # fmt: skip


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    """A valid clip that must never be read, and the time it was last read."""
    path = make(tmp_path_factory.mktemp("secret") / "canary.ts", Recipe(frames=10))
    os.utime(path, (1_000_000, 1_000_000))
    return path


def test_reading_the_canary_would_show(canary):
    with VideoReader(canary) as reader:
        assert len(list(reader.frames())) == 10
    if canary.stat().st_atime == 1_000_000:
        pytest.skip("this file system keeps no access times")
    os.utime(canary, (1_000_000, 1_000_000))


@pytest.mark.parametrize("ending", ["mp4", "m3u8", "avi"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_in_any_disguise_are_refused_before_they_name_a_file(
    canary, tmp_path, kind, ending
):
    hostile = tmp_path / f"holiday.{ending}"
    hostile.write_text(PLAYLISTS[kind].format(url=canary))
    begin = time.monotonic()
    for read in (VideoReader, lambda path: AudioReader(path, 16_000, None)):
        with pytest.raises(MediaError, match="unsupported container"):
            read(hostile)
    assert time.monotonic() - begin < 2
    assert canary.stat().st_atime == 1_000_000


@pytest.mark.parametrize("name", ["canary.ts", "./canary.ts", "file:canary.ts"])
def test_relative_names_in_a_playlist_are_not_followed_either(canary, name):
    hostile = canary.with_name("upload.m3u8")
    hostile.write_text(HLS.format(url=name))
    with pytest.raises(MediaError, match="unsupported container"):
        VideoReader(hostile)
    assert canary.stat().st_atime == 1_000_000


@pytest.mark.parametrize("codec", ["magicyuv", "hap", "camstudio", "flashsv", "qtrle"])
def test_codecs_that_are_not_on_the_list_are_never_decoded(tmp_path, codec):
    path = tmp_path / "x.mov"
    if codec == "camstudio":  # CamStudio has no encoder: rename another's four letters
        path = tmp_path / "x.avi"
        ffmpeg("-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64", "-c:v", "mjpeg", path)
        path.write_bytes(path.read_bytes().replace(b"MJPG", b"CSCD"))
    else:
        path = path.with_suffix(".avi") if codec == "magicyuv" else path
        ffmpeg("-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64", "-c:v", codec, path)
    with pytest.raises(MediaError, match=f"coded as {codec}, which is not supported"):
        VideoReader(path)


@pytest.mark.parametrize("kind", ["empty", "text", "zeros", "random", "zip", "html"])
def test_what_is_no_media_is_refused(tmp_path, kind):
    content = {
        "empty": b"", "text": b"just some words\n" * 50, "zeros": bytes(5000),
        "random": np.random.default_rng(1).bytes(5000), "zip": b"PK\x03\x04" + bytes(500),
        "html": b"<html><video src='http://127.0.0.1/'></video></html>",
    }[kind]  # fmt: skip
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"empty|damaged|unsupported") as caught:
        VideoReader(path)
    assert str(tmp_path) not in str(caught.value), "no path of the server in a message"


@pytest.mark.parametrize("make_it", ["folder", "pipe", "device", "missing", "nul"])
def test_only_regular_files_are_opened(tmp_path, make_it):
    path = tmp_path / "x"
    if make_it == "folder":
        path.mkdir()
    elif make_it == "pipe":
        os.mkfifo(path)
    elif make_it == "device":
        path = Path("/dev/zero")
    elif make_it == "nul":
        path = tmp_path / "a\0b"
    with pytest.raises(MediaError, match=r"regular file|no readable file"):
        VideoReader(path)


@pytest.mark.parametrize(
    "name", ["-i.mp4", "a'b\"c.mp4", "a;b|c.mp4", "$(x).mp4", "a\nb.mp4", "http:x.mp4", "concat:a|b",
             "%03d.mp4", "ünïcode 犬.mp4", "file:x.mp4", "x" * 250 + ".mp4"],
)  # fmt: skip
def test_names_are_only_names(clip, tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_bytes(clip("plain.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    for given in (path, Path(name)):
        with VideoReader(given) as reader:
            assert reader.info.width == 160


def test_a_bomb_of_pixels_is_refused_in_little_memory(tmp_path):
    picture, video = tmp_path / "bomb.png", tmp_path / "bomb.mkv"
    picture.write_bytes(png(16000, 16000))
    ffmpeg("-f", "png_pipe", "-i", picture, "-c", "copy", video)
    with pytest.raises(MediaError, match=r"more pixels than allowed|pixels, allowed"):
        read_image(picture)
    limits = MediaLimits()
    with Sandbox(read_everything, video, limits, limits=limits, messages=[Seen]) as sandbox:
        with pytest.raises(MediaError, match=r"more pixels than allowed|pixels, allowed"):
            sandbox.receive()
        assert sandbox.peak_memory_bytes < 100e6


def test_a_frame_that_grows_beyond_the_limit_on_the_way_is_not_decoded(tmp_path):
    small = make(tmp_path / "small.ts", Recipe(frames=25, sound=None))
    large = make(tmp_path / "large.ts", Recipe(frames=3, width=1600, height=1200, sound=None))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    with VideoReader(joined, MediaLimits(max_pixels=640 * 480)) as reader:
        assert len(list(reader.frames())) == 25
        assert reader.damaged_packets > 0


def test_gaps_in_time_are_kept_but_never_filled(tmp_path):
    gap = make(tmp_path / "gap.mkv",
               Recipe(frames=20, rate=None, times="N/25 + 3600*floor(N/10)", sound=None))  # fmt: skip
    with VideoReader(gap) as reader:
        times = [f.pts_seconds for f in reader.frames()]
    assert len(times) == 20
    assert times[10] == pytest.approx(3600.4, abs=0.01)
    with VideoReader(gap) as reader, AudioReader(gap, 16_000, 0.0) as sound:
        assert reader.info.duration_seconds > 3600
        assert not sound.excerpt(3000, 1).samples.any()


def test_leaps_of_days_are_closed(tmp_path):
    leap = make(tmp_path / "leap.mkv",
                Recipe(frames=20, rate=None, times="N/25 + 100000*floor(N/10)", sound=None))  # fmt: skip
    with VideoReader(leap) as reader:
        times = [f.pts_seconds for f in reader.frames()]
        assert len(times) == 20
        assert times[-1] < 2
        assert reader.warnings


def test_samples_that_are_no_numbers_become_silence(tmp_path):
    samples = np.sin(np.arange(48_000) * 0.1).astype("<f4")
    samples[10_000:12_000] = np.nan
    samples[20_000:20_100] = np.inf
    samples[30_000:30_100] = 1e30
    raw, path = tmp_path / "x.f32", tmp_path / "x.mkv"
    raw.write_bytes(samples.tobytes())
    ffmpeg("-f", "f32le", "-ar", 48000, "-ac", 1, "-i", raw, "-c:a", "pcm_f32le", path)
    clip = read_sound(path, 16_000)
    assert np.isfinite(clip.samples).all()
    assert np.abs(clip.samples).max() <= 1
    assert not clip.samples[3400:3900].any()
    with AudioReader(path, 48_000, None) as reader:
        found = reader.excerpt(0, 1).samples
        assert not found[10_000:12_000].any()
        assert np.allclose(found[:9_000], samples[:9_000], atol=1e-6)
        assert reader.warnings == ["2100 sound samples that are no numbers were silenced."]


def test_a_sound_beyond_the_limit_is_refused(tmp_path):
    path = write_wave(tmp_path / "long.wav", np.zeros((8000 * 30, 1), np.float32), 8000)
    with pytest.raises(MediaError, match="longer than the allowed 10 s"):
        read_sound(path, 16_000, MediaLimits(max_duration_seconds=10))


def test_probing_goes_through_the_child(clip, tmp_path):
    info = probe(clip("plain.mp4"))
    assert (info.width, info.height, info.has_audio) == (160, 120, True)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip("plain.mp4").read_bytes()[:3000])
    with pytest.raises(MediaError, match="incomplete upload"):
        probe(cut)


def test_the_parent_does_not_load_a_decoder_to_ask_about_a_file():
    code = ("import sys; import sslviz.media.probe, sslviz.media.image, sslviz.media.audio;"
            "print([m for m in ('av', 'cv2', 'soundfile', 'torch') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([os.sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])  # fmt: skip
    assert done.stdout == "[]\n"


def test_an_encrypted_video_is_named_so(clip, tmp_path):
    path = tmp_path / "secret.mp4"
    ffmpeg("-i", clip("plain.mp4"), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr",
           "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb",
           "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8", path)  # fmt: skip
    with pytest.raises(MediaError, match="is encrypted; give a file without copy protection"):
        VideoReader(path)


def test_sound_of_unsupported_coding_leaves_a_silent_video(tmp_path):
    path = make(tmp_path / "x.mkv", Recipe(frames=10, sound=Sound(codec=("-c:a", "wavpack"))))
    with VideoReader(path) as reader:
        assert not reader.info.has_audio
        assert reader.warnings == ["A sound track that cannot be decoded is left out."]


def test_a_missing_track_is_named(clip):
    with pytest.raises(MediaError, match="has 1 sound tracks; number 3"):
        AudioReader(clip("plain.mp4"), 16_000, 0.0, track=3)
