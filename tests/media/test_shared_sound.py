"""Picture and sound from one open file give what each gives from a file of its own."""

import random
from collections import deque
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from sslviz.media.demuxing import QUEUE_BYTES, Demuxer
from sslviz.media.formats import Damage, audio_streams, open_container, packets, video_stream
from sslviz.media.reader import AudioReader, VideoReader
from sslviz.media.writer import SoundSource, VideoWriter
from sslviz.options import MediaLimits
from tests.media.clips import Recipe, Sound, ffmpeg, ffprobe

LIMITS = MediaLimits()
AT_48K = Sound(rate=48000)
RECIPES = {
    "plain.mp4": Recipe(),
    "late_sound.mp4": Recipe(sound=Sound(start_seconds=1.5)),
    "short_sound.mp4": Recipe(sound=Sound(seconds=1.5)),
    "longer_sound.mp4": Recipe(sound=Sound(seconds=6)),
    "stream.ts": Recipe(after=("-muxdelay", "0.7")),
    "starts_at_ten.mkv": Recipe(after=("-output_ts_offset", "10")),
    "live.webm": Recipe(
        video=("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M"),
        sound=replace(AT_48K, codec=("-c:a", "libopus")), after=("-live", "1"),
    ),
    "flac.mkv": Recipe(sound=Sound(codec=("-c:a", "flac"))),
    "pcm.mov": Recipe(sound=Sound(codec=("-c:a", "pcm_s16le"))),
    "flash.flv": Recipe(sound=Sound(codec=("-c:a", "libmp3lame"))),
    "telephone.avi": Recipe(
        sound=Sound(rate=8000, codec=("-c:a", "pcm_mulaw")), video=("-c:v", "mjpeg", "-q:v", "2")
    ),
}  # fmt: skip
MADE = ("cut.mp4", "flipped.mp4", "flipped.ts", "pictures_first.mkv", "sound_first.mkv",
        "two_tracks.mkv")  # fmt: skip
NAMES = (*RECIPES, *MADE)


@pytest.fixture(scope="module")
def source(clip):
    """``source(name)``: a clip of ``RECIPES``, or one of ``MADE`` from them."""

    def get(name):
        if name in RECIPES:
            return clip(name, RECIPES[name])
        target = clip("plain.mp4", RECIPES["plain.mp4"]).with_name(f"shared_{name}")
        if not target.exists():
            make_from(get, name, target)
        return target

    return get


def make_from(get, name, target):
    """Write one of ``MADE``."""
    plain = get("plain.mp4")
    if name == "cut.mp4":
        ffmpeg("-i", plain, "-c", "copy", "-movflags", "+faststart", target)
        target.write_bytes(target.read_bytes()[: target.stat().st_size * 2 // 3])
    elif name.startswith("flipped"):
        whole = plain if name.endswith("mp4") else get("stream.ts")
        data, chance = bytearray(whole.read_bytes()), random.Random(0)
        for _ in range(60):
            data[chance.randrange(4000, len(data) - 6000)] ^= 1 << chance.randrange(8)
        target.write_bytes(data)
    elif name == "two_tracks.mkv":
        ffmpeg("-i", plain, "-i", get("flac.mkv"), "-map", "0:v", "-map", "0:a", "-map", "1:a",
               "-c", "copy", target)  # fmt: skip
    else:
        part_by_part(plain, target, "video" if "pictures" in name else "audio")


def part_by_part(source, target, first):
    """The same packets, all of one stream before all of the other."""
    with av.open(str(source)) as before, av.open(
        str(target), "w", options={"max_interleave_delta": "1"}
    ) as after:  # fmt: skip
        streams = {s.index: after.add_stream_from_template(s) for s in before.streams}
        wanted = [packet for packet in before.demux() if packet.dts is not None]
        for packet in sorted(wanted, key=lambda packet: packet.stream.type != first):
            packet.stream = streams[packet.stream.index]
            after.mux(packet)
    return target


def order_of(path):
    """The kinds of streams in the order in which their packets lie in the file."""
    told = ffprobe("-show_entries", "packet=codec_type", "-of", "csv=p=0", path)
    return [line.strip(",") for line in told.split()]


@pytest.mark.parametrize("first", ["video", "audio"])
def test_the_badly_interleaved_files_are_that(source, first):
    kinds = order_of(source("pictures_first.mkv" if first == "video" else "sound_first.mkv"))
    assert set(kinds[:70]) == {first}
    assert set(kinds[-70:-3]) == {"video", "audio"} - {first}


def content(packet):
    return packet.pts, packet.dts, packet.duration, packet.time_base, bytes(packet)


def alone(path, picks):
    """(packets, damage) of one stream, from a file of its own."""
    damage = Damage()
    with open_container(path, LIMITS) as container:
        return [content(p) for p in packets(container, picks(container), damage)], damage


@pytest.mark.parametrize("queue_bytes", [2_000, 20_000, QUEUE_BYTES])
@pytest.mark.parametrize("name", NAMES)
def test_each_reader_gets_every_packet_in_whatever_order_they_ask(source, name, queue_bytes):
    path, seen = source(name), {}
    expected = {
        "picture": alone(path, lambda c: video_stream(c, "x", LIMITS)),
        "heard": alone(path, lambda c: audio_streams(c)[0]),
        "copied": alone(path, lambda c: audio_streams(c)[0]),
    }
    container = open_container(path, LIMITS)
    picture = video_stream(container, "x", LIMITS)
    demuxer = Demuxer(
        container, picture, 0, lambda: open_container(path, LIMITS), queue_bytes=queue_bytes
    )
    damages = {key: Damage() for key in expected}
    readers = {
        "picture": demuxer.pictures(damages["picture"]),
        "heard": demuxer.heard.packets(damages["heard"]),
        "copied": demuxer.copied.packets(damages["copied"]),
    }
    chance, most = random.Random(3), 0
    while readers:
        key = chance.choice(list(readers))
        for _ in range(chance.randrange(1, 40)):
            packet = next(readers[key], None)
            most = max(most, demuxer.num_bytes)
            if packet is None:
                del readers[key]
                break
            seen.setdefault(key, []).append(content(packet))
    demuxer.close()
    largest = max(len(data) for *_, data in expected["picture"][0]) + 512
    assert most <= 3 * queue_bytes + largest
    for key, (wanted, damage) in expected.items():
        assert seen[key] == wanted, key
        assert damages[key] == damage, key


@pytest.mark.parametrize("track", [0, 1])
@pytest.mark.parametrize("ahead_seconds", [0.2, 20.0])
@pytest.mark.parametrize("name", NAMES)
def test_excerpts_are_the_same_samples(source, name, ahead_seconds, track):
    if track and name != "two_tracks.mkv":
        pytest.skip("has one sound track")
    path = source(name)
    with VideoReader(path, share_track=track) as video, VideoReader(path) as other:
        assert video.shared is not None
        shared = AudioReader(path, 16_000, video.origin_seconds, video.shared.heard)
        private = AudioReader(path, 16_000, video.origin_seconds, track)
        with shared, private:
            times = []
            for frame in video.frames():
                times.append(frame.pts_seconds)
                start = frame.pts_seconds + ahead_seconds - 0.5
                a, b = shared.excerpt(start, 0.5), private.excerpt(start, 0.5)
                np.testing.assert_array_equal(a.samples, b.samples)
            assert shared.warnings == private.warnings
        assert times == [frame.pts_seconds for frame in other.frames()]
        assert video.warnings == other.warnings


def written(path, target, shares, end=None, partial=False, track=0, hears=True):
    """The packets of a file written from another, and the samples heard beside it."""
    heard = []
    with VideoReader(path, share_track=track if shares else None) as video:
        taps = video.shared
        sound = SoundSource(path, video.origin_seconds, 0.0, end, track,
                            tap=taps.copied if taps else None)  # fmt: skip
        listener = AudioReader(path, 8000, video.origin_seconds, taps.heard if taps else track)
        late = deque()
        with listener, VideoWriter(target, video.format, sound, video.metadata) as writer:
            for frame in video.frames(end_seconds=end):
                late.append(frame)
                if len(late) > 5:
                    show(writer, late.popleft())
                if hears:  # after the copier, which must have left the packets as they were
                    heard.append(listener.excerpt(frame.pts_seconds - 0.5, 0.4).samples)
            while late:
                show(writer, late.popleft())
            writer.finish(partial)
            rest = [samples for _, samples in listener.rest()] if hears else []
    with av.open(str(target)) as file:
        found = [[content(p) for p in file.demux(s)] for s in file.streams if file.seek(0) is None]
    return found, np.concatenate([*heard, *rest, np.zeros(0, np.float32)])


def show(writer, frame):
    writer.write(frame.yuv420p(), frame.pts_seconds, frame.duration_seconds)


@pytest.mark.parametrize("name", NAMES)
def test_copied_sound_is_the_same_packets(source, tmp_path, name):
    path = source(name)
    shared, heard = written(path, tmp_path / "shared.mp4", shares=True)
    private, other = written(path, tmp_path / "private.mp4", shares=False)
    assert len(shared) == len(private) == 2
    assert [len(stream) for stream in shared] == [len(stream) for stream in private]
    assert shared == private
    np.testing.assert_array_equal(heard, other)


@pytest.mark.parametrize(
    "options",
    [{"end": 1.2, "partial": True}, {"end": 1.2}, {"hears": False}, {"track": 1}],
    ids=lambda options: " ".join(options),
)
def test_stopped_deaf_and_second_track_copies_are_the_same_packets(source, tmp_path, options):
    path = source("two_tracks.mkv")
    shared, heard = written(path, tmp_path / "shared.mp4", shares=True, **options)
    private, other = written(path, tmp_path / "private.mp4", shares=False, **options)
    assert shared == private
    np.testing.assert_array_equal(heard, other)


def test_a_reader_that_jumps_or_starts_again_leaves_the_sound_as_it_is(source):
    path = source("plain.mp4")
    with VideoReader(path, share_track=0) as video, AudioReader(path, 16_000, 0.0) as private:
        assert video.shared is not None
        with AudioReader(path, 16_000, 0.0, video.shared.heard) as shared:
            for start in (0.0, 2.3, 0.0):
                times = [frame.pts_seconds for frame in video.frames(start)]
                assert times[0] == pytest.approx(start)
                assert times[-1] == pytest.approx(2.96)
                a, b = shared.excerpt(start / 2, 0.5), private.excerpt(start / 2, 0.5)
                np.testing.assert_array_equal(a.samples, b.samples)
        assert not video.shared.heard.is_shared


def test_tracks_that_are_not_there_are_not_shared(source):
    path = source("plain.mp4")
    with VideoReader(path, share_track=1) as video:
        assert video.shared is None
        assert len(list(video.frames())) == 75


def test_a_tap_is_not_used_after_its_video(source):
    with VideoReader(source("plain.mp4"), share_track=0) as video:
        pass
    assert video.shared is not None
    with pytest.raises(ValueError, match="is closed"):
        video.shared.heard.take(Damage())


@pytest.mark.parametrize("kind", ["pictures first", "in step"])
def test_waiting_packets_stay_within_the_bound_at_full_size(tmp_path, kind):
    """Eight seconds of noise are more than may wait."""
    path, target = tmp_path / "noise.mkv", tmp_path / "sorted.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=8,noise=alls=100:allf=t", "-f", "lavfi",
           "-i", "sine=d=8", "-c:v", "mjpeg", "-q:v", 1, "-c:a", "aac", path)  # fmt: skip
    assert path.stat().st_size > QUEUE_BYTES * 1.2
    if kind == "pictures first":
        path = part_by_part(path, target, "video")
    with VideoReader(path, share_track=0) as video, AudioReader(path, 8000, 0.0) as private:
        assert video.shared is not None
        most, count = 0, 0
        with AudioReader(path, 8000, 0.0, video.shared.heard) as shared:
            for frame in video.frames():
                a, b = (
                    shared.excerpt(frame.pts_seconds, 0.3),
                    private.excerpt(frame.pts_seconds, 0.3),
                )
                np.testing.assert_array_equal(a.samples, b.samples)
                most, count = max(most, video.shared.num_bytes), count + 1
            assert shared.warnings == private.warnings
        assert video.shared.heard.is_shared == (kind == "in step")
    assert count == 200
    assert most < QUEUE_BYTES + 2**20
    assert video.info.fps == Fraction(25)
