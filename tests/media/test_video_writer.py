"""What is written, read back by the system's ffmpeg and by a browser."""

import json
import os
import resource
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sslviz.errors import OutputError
from sslviz.media.picture import ColorTags
from sslviz.media.reader import VideoReader
from sslviz.media.soundtrack import COPIED_FOR_BROWSERS
from sslviz.media.writer import EncoderOptions, SoundSource, VideoWriter
from tests.media.clips import (
    H264,
    TURNS,
    VARIABLE_RATE,
    Recipe,
    Sound,
    beep_times,
    ffprobe,
    flash_times,
    sound_of,
    truth,
)

AT_48K = Sound(rate=48000)
CASES = {
    "plain.mp4": (Recipe(), "aac"),
    "ntsc.mp4": (Recipe(rate=Fraction(30000, 1001)), "aac"),
    "variable.mp4": (Recipe(rate=None, times=VARIABLE_RATE), "aac"),
    "variable.mkv": (Recipe(rate=None, times=VARIABLE_RATE), "aac"),
    "late_sound.mp4": (Recipe(sound=Sound(start_seconds=1.5)), "aac"),
    "short_sound.mp4": (Recipe(sound=Sound(seconds=1.5)), "aac"),
    "stream.ts": (Recipe(after=("-muxdelay", "0.7")), "aac"),
    "starts_at_ten.mkv": (Recipe(after=("-output_ts_offset", "10")), "aac"),
    "live.webm": (
        Recipe(
            video=("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M"),
            sound=replace(AT_48K, codec=("-c:a", "libopus")), after=("-live", "1"),
        ), "opus",
    ),
    "mp3.mkv": (Recipe(sound=Sound(codec=("-c:a", "libmp3lame"))), "mp3"),
    "ac3.mkv": (Recipe(sound=replace(AT_48K, codec=("-c:a", "ac3"), channels=2)), "aac"),
    "alac.mov": (Recipe(sound=Sound(codec=("-c:a", "alac"))), "aac"),
    "eac3.mkv": (Recipe(sound=replace(AT_48K, codec=("-c:a", "eac3"))), "aac"),
    "flac.mkv": (Recipe(sound=Sound(codec=("-c:a", "flac"))), "flac"),
    "vorbis.mkv": (Recipe(sound=Sound(codec=("-c:a", "libvorbis"))), "aac"),
    "pcm.mov": (Recipe(sound=Sound(codec=("-c:a", "pcm_s16le"))), "aac"),
    "late_pcm.mov": (Recipe(sound=Sound(start_seconds=1.5, codec=("-c:a", "pcm_s16le"))), "aac"),
    "surround_pcm.mov": (
        Recipe(sound=replace(AT_48K, channels=6, codec=("-c:a", "pcm_s16le"))), "aac",
    ),
    "telephone.avi": (
        Recipe(
            sound=Sound(rate=8000, codec=("-c:a", "pcm_mulaw")),
            video=("-c:v", "mjpeg", "-q:v", "2"),
        ), "aac",
    ),
}  # fmt: skip


def copy(source: Path, target: Path, start=0.0, end=None, copied=None, **options) -> Path:
    """Read and write again, frame by frame."""
    with VideoReader(source) as reader:
        sound = SoundSource(source, reader.origin_seconds, start, end)
        if copied is not None:
            sound = replace(sound, copied=copied)
        if not reader.info.has_audio:
            sound = None
        with VideoWriter(target, reader.format, sound, reader.metadata, **options) as writer:
            for frame in reader.frames(start, end):
                writer.write(frame.yuv420p(), frame.pts_seconds - start, frame.duration_seconds)
            writer.finish()
    return target


def streams(path: Path) -> dict[str, dict]:
    found = json.loads(ffprobe("-show_streams", "-show_format", "-of", "json", path))
    return {s["codec_type"]: s for s in found["streams"]} | {"format": found["format"]}


@pytest.mark.parametrize("name", CASES)
def test_pictures_and_sound_keep_their_times(clip, tmp_path, name):
    recipe, codec = CASES[name]
    source = clip(name, recipe)
    target = copy(source, tmp_path / "out.mp4")
    before, after = truth(source), truth(target)
    assert [n for _, n, _ in after] == list(range(recipe.frames))
    times = np.array([t for t, *_ in before]) - before[0][0]
    assert np.abs(np.array([t for t, *_ in after]) - times).max() < 0.0006
    assert streams(target)["audio"]["codec_name"] == codec
    flashes, beeps = flash_times(after), beep_times(sound_of(target), 48000)
    begin = recipe.sound.start_seconds
    end = begin + (recipe.sound.seconds or recipe.seconds - begin)
    true = [t for t in range(10) if begin <= t < end]
    assert np.allclose(beeps, true, atol=0.008)
    frame = 1 / 25 if recipe.rate else 0.17
    assert all(min(abs(f - b) for f in flashes) < frame for b in beeps)


@pytest.mark.parametrize("name", ["plain.mp4", "variable.mp4", "stream.ts", "mp3.mkv", "vorbis.mkv",
                                  "pcm.mov", "live.webm"])  # fmt: skip
def test_an_excerpt_keeps_sound_and_picture_together(clip, tmp_path, name):
    recipe, _ = CASES[name]
    target = copy(clip(name, recipe), tmp_path / "out.mp4", 1.5, 2.8)
    flashes, beeps = flash_times(truth(target)), beep_times(sound_of(target), 48000)
    assert beeps == pytest.approx([0.5], abs=0.008)
    assert flashes == pytest.approx([0.5], abs=0.04)
    assert float(streams(target)["format"]["duration"]) == pytest.approx(1.3, abs=0.05)


@pytest.mark.parametrize("name", TURNS)
def test_turned_clips_are_written_upright(turned, tmp_path, name):
    target = copy(turned(name), tmp_path / "out.mp4")
    assert [n for _, n, _ in truth(target)] == list(range(75))
    assert "side_data_list" not in streams(target)["video"]


def test_odd_sizes_grow_by_one(clip, tmp_path):
    recipe = Recipe(width=161, height=121, sound=None, frames=10,
                    video=("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"))  # fmt: skip
    video = streams(copy(clip("odd.mp4", recipe), tmp_path / "out.mp4"))["video"]
    assert (video["width"], video["height"], video["pix_fmt"]) == (162, 122, "yuv420p")


def test_the_index_comes_first(clip, tmp_path):
    data = copy(clip("plain.mp4"), tmp_path / "out.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (ColorTags(1, 1, 1), ("bt709", "bt709", "bt709", "tv")),
        (ColorTags(6, 6, 6), ("smpte170m", "smpte170m", "smpte170m", "tv")),
        (ColorTags(1, 1, 13, full_range=True), ("bt709", "bt709", "iec61966-2-1", "pc")),
    ],
)
def test_colours_are_tagged(clip, tmp_path, tags, names):
    with VideoReader(clip("plain.mp4")) as reader:
        shape = replace(reader.format, color=tags)
        with VideoWriter(tmp_path / "out.mp4", shape) as writer:
            for frame in reader.frames(end_seconds=0.2):
                writer.write(frame.yuv420p(), frame.pts_seconds)
            writer.finish()
    video = streams(tmp_path / "out.mp4")["video"]
    keys = ("color_space", "color_primaries", "color_transfer", "color_range")
    found = [video.get(key) for key in keys]
    assert found == list(names) or (found[3] is None and video["pix_fmt"] == "yuvj420p")


def test_metadata_and_pixel_shape_are_kept(clip, tmp_path):
    recipe = Recipe(sound=None, frames=10, after=(
        "-metadata", "title=A dog", "-metadata", "artist=Somebody",
        "-metadata", "creation_time=2024-05-06T07:08:09.000000Z", "-aspect", "8:3"))  # fmt: skip
    found = streams(copy(clip("titled.mp4", recipe), tmp_path / "out.mp4"))
    tags = found["format"]["tags"]
    assert (tags["title"], tags["artist"]) == ("A dog", "Somebody")
    assert tags["creation_time"] == "2024-05-06T07:08:09.000000Z"
    assert found["video"]["sample_aspect_ratio"] == "2:1"


def test_sound_that_browsers_cannot_play_is_copied_on_request_only(clip, tmp_path):
    source = clip("ac3.mkv", CASES["ac3.mkv"][0])
    target = copy(source, tmp_path / "out.mp4", copied=COPIED_FOR_BROWSERS | {"ac3"})
    assert streams(target)["audio"]["codec_name"] == "ac3"
    assert beep_times(sound_of(target), 48000) == pytest.approx([0, 1, 2], abs=0.008)


def test_surround_sound_stays_surround(clip, tmp_path):
    recipe, _ = CASES["surround_pcm.mov"]
    target = copy(clip("surround_pcm.mov", recipe), tmp_path / "out.mp4")
    assert streams(target)["audio"]["channels"] == 6


def test_a_picture_that_stops_early_ends_its_sound_there(clip, tmp_path):
    source, target = clip("plain.mp4"), tmp_path / "out.mp4"
    with VideoReader(source) as reader:
        sound = SoundSource(source, reader.origin_seconds)
        with VideoWriter(target, reader.format, sound) as writer:
            for frame in reader.frames(end_seconds=1.2):
                writer.write(frame.yuv420p(), frame.pts_seconds, frame.duration_seconds)
            writer.finish(partial=True)
    assert float(streams(target)["format"]["duration"]) == pytest.approx(1.2, abs=0.05)
    assert beep_times(sound_of(target), 48000) == pytest.approx([0, 1], abs=0.008)


def test_the_last_picture_keeps_its_duration(clip, tmp_path):
    target = tmp_path / "out.mp4"
    with VideoReader(clip("plain.mp4")) as reader, VideoWriter(target, reader.format) as writer:
        writer.write(next(reader.frames()).yuv420p(), 0.0, 5.0)
        writer.finish()
    assert float(streams(target)["video"]["duration"]) == pytest.approx(5.0, abs=0.01)


def test_nothing_appears_before_the_end_and_nothing_stays_after_a_failure(clip, tmp_path):
    target = tmp_path / "out.mp4"
    with pytest.raises(KeyError):
        write_and_fail(clip("plain.mp4"), target)
    assert list(tmp_path.iterdir()) == []


def write_and_fail(source: Path, target: Path) -> None:
    with VideoReader(source) as reader, VideoWriter(target, reader.format) as writer:
        for frame in reader.frames():
            writer.write(frame.yuv420p(), frame.pts_seconds)
        assert list(target.parent.glob("out.mp4.*.part"))
        assert not target.exists()
        raise KeyError("the painter failed")


def test_an_older_result_survives_a_failure(clip, tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"older")
    with VideoReader(clip("plain.mp4")) as reader, VideoWriter(target, reader.format) as writer:
        writer.write(next(reader.frames()).yuv420p(), 0.0)
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]


def test_a_video_without_pictures_is_an_error(clip, tmp_path):
    target = tmp_path / "out.mp4"
    with (
        VideoReader(clip("plain.mp4")) as reader,
        VideoWriter(target, reader.format) as writer,
        pytest.raises(OutputError, match="No frame was written"),
    ):
        writer.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(clip, tmp_path):
    message = r"'out\.mp4' could not be written: No such file"
    with VideoReader(clip("plain.mp4")) as reader, pytest.raises(OutputError, match=message):
        VideoWriter(tmp_path / "missing" / "out.mp4", reader.format)


def test_an_unknown_encoder_is_named(clip, tmp_path):
    message = r"encoder h265_magic does not work .* use libx264"
    with VideoReader(clip("plain.mp4")) as reader, pytest.raises(OutputError, match=message):
        VideoWriter(tmp_path / "out.mp4", reader.format, options=EncoderOptions("h265_magic"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(clip, tmp_path):
    noisy = Recipe(frames=50, sound=None, width=320, height=240,
                   video=(*H264, "-vf", "noise=alls=80:allf=t"))  # fmt: skip
    source, target = clip("noisy.mp4", noisy), tmp_path / "out.mp4"
    script = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from sslviz.errors import OutputError
from tests.media.test_video_writer import copy
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    copy(Path({str(source)!r}), Path({str(target)!r}))
except OutputError as error:
    print(error)
"""
    done = subprocess.run([os.sys.executable, "-c", script], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert "'out.mp4' could not be written" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_times_that_do_not_rise_are_moved_apart(clip, tmp_path):
    with VideoReader(clip("plain.mp4")) as reader:
        planes = next(reader.frames()).yuv420p()
        with VideoWriter(tmp_path / "out.mp4", reader.format) as writer:
            for time in (0.0, 0.0, 0.1, 0.05, 0.2):
                writer.write(planes, time)
            writer.finish()
    times = [t for t, *_ in truth(tmp_path / "out.mp4")]
    assert len(times) == 5
    assert (np.diff(times) > 0).all()
    assert times[-1] == pytest.approx(0.2)


def test_nvenc_is_an_option_that_fails_with_a_sentence_where_it_is_missing(clip, tmp_path):
    source, target, problem = clip("plain.mp4"), tmp_path / "out.mp4", ""
    try:
        copy(source, target, options=EncoderOptions("h264_nvenc"))
    except OutputError as error:
        problem = str(error)
    if problem:
        assert "The encoder h264_nvenc does not work on this machine" in problem
        assert list(tmp_path.iterdir()) == []
    else:
        assert len(truth(target)) == 75
