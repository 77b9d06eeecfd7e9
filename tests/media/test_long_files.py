"""Memory does not grow with the length of a file."""

import pytest

from sslviz.media.sandbox import Sandbox
from sslviz.options import MediaLimits
from tests.media.clips import ffmpeg
from tests.media.reading import Seen, read_everything


def peak_of(path):
    limits = MediaLimits()
    with Sandbox(read_everything, path, limits, limits=limits, messages=[Seen]) as sandbox:
        with pytest.raises(EOFError):
            sandbox.receive()
        return sandbox.result, sandbox.peak_memory_bytes


@pytest.mark.slow
def test_reading_ten_times_as_much_takes_no_more_memory(tmp_path):
    short, long = tmp_path / "short.mp4", tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=10", "-f", "lavfi", "-i", "sine=r=16000",
           "-t", 120, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", short)  # fmt: skip
    ffmpeg("-stream_loop", 9, "-i", short, "-c", "copy", long)
    seen, few = peak_of(short)
    more_seen, more = peak_of(long)
    assert (seen.frames, more_seen.frames) == (1200, 12000)
    assert more_seen.sound_seconds > 1190
    assert more - few < 10e6
    assert more < 120e6
