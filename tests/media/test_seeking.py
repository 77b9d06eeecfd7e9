"""Files that refuse to jump are read from their beginning, and nothing is out of place."""

import os

import numpy as np
import pytest

from sslviz.media.reader import AudioReader, VideoReader
from sslviz.media.writer import SoundSource, VideoWriter
from tests.media.clips import ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d={}")
BEEP = ("-f", "lavfi", "-i", "aevalsrc='0.5*sin(2*PI*1000*t)*between(t,{},{})':s=48000:d={}")


def words(template: tuple[str, ...], *values: object) -> list[str]:
    return [*template[:-1], template[-1].format(*values)]


def loud_span(path, seconds: float, rate: int = 16_000) -> tuple[float, float]:
    with VideoReader(path) as video, AudioReader(path, rate, video.origin_seconds) as sound:
        loud = np.nonzero(np.abs(sound.excerpt(0, seconds).samples) > 0.1)[0] / rate
    return loud[0], loud[-1]


@pytest.mark.parametrize(
    ("name", "codec", "written"),
    [
        ("late.webm", ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"), "copied"),
        ("late.mkv", ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le"), "encoded"),
        ("late.flv", ("-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100"), "copied"),
    ],
)
def test_a_part_that_begins_before_the_sound_does_keeps_that_sound(tmp_path, name, codec, written):
    """Matroska and Flash refuse to jump to before the first sound."""
    source, target = tmp_path / name, tmp_path / "out.mp4"
    late = ["-itsoffset", "6", *words(BEEP, 1, 2, 3)]
    ffmpeg(*words(PICTURE, 9), *late, *codec, source)
    with VideoReader(source) as video:
        sound = SoundSource(source, video.origin_seconds, 4.0, 9.0)
        with VideoWriter(target, video.format, sound) as writer:
            for frame in video.frames(4.0, 9.0):
                writer.write(frame.yuv420p(), frame.pts_seconds - 4, frame.duration_seconds)
            writer.finish()
    begin, end = loud_span(target, 5)
    assert begin == pytest.approx(3.0, abs=0.06)
    assert end == pytest.approx(4.0, abs=0.06)
    assert len(list(tmp_path.iterdir())) == 2


def test_sound_is_not_placed_behind_itself_where_a_jump_fails(tmp_path):
    """A file that became shorter meanwhile: MPEG cannot jump to behind its new end."""
    path = tmp_path / "shrinking.mpg"
    ffmpeg(
        *words(PICTURE, 60), *words(BEEP, 20, 25, 60),
        "-c:v", "mpeg1video", "-b:v", "300k", "-c:a", "mp2", path,
    )  # fmt: skip
    with VideoReader(path) as video:
        origin = video.origin_seconds
    with AudioReader(path, 16_000, origin, history_seconds=1.0) as sound:
        assert np.abs(sound.excerpt(0, 10).samples).max() < 0.01
        os.truncate(path, path.stat().st_size // 2)
        assert np.abs(sound.excerpt(34, 2).samples).max() < 0.01, "what sounded at 20 s to 25 s"
