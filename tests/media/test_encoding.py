"""What is drawn on a writer's canvas is written, and by an encoder that keeps every core busy."""

from itertools import islice

import numpy as np

from sslviz.media.reader import VideoReader
from sslviz.media.writer import VideoWriter


def test_what_is_drawn_on_the_canvas_is_written(clip, tmp_path):
    levels, target = [30, 70, 110, 150, 190], tmp_path / "out.mp4"
    with (
        VideoReader(clip("plain.mp4")) as reader,
        VideoWriter(target, reader.format) as writer,
    ):
        for frame, level in zip(islice(reader.frames(), 5), levels, strict=True):
            for own, value in zip(writer.canvas, (level, 90, 160), strict=True):
                own[...] = value
            writer.write(writer.canvas, frame.pts_seconds)
        writer.finish()
    with VideoReader(target) as reader:
        seen = [[plane.mean() for plane in frame.yuv420p()] for frame in reader.frames()]
    np.testing.assert_allclose(seen, [[level, 90, 160] for level in levels], atol=2)


def test_x264_works_on_several_frames_at_once_not_on_slices_of_one(clip, tmp_path):
    """Slices, the bindings' default, leave cores idle; x264 notes its options in the stream."""
    target = tmp_path / "out.mp4"
    with (
        VideoReader(clip("plain.mp4")) as reader,
        VideoWriter(target, reader.format) as writer,
    ):
        for frame in islice(reader.frames(), 5):
            writer.write(frame.yuv420p(), frame.pts_seconds)
        writer.finish()
    noted = target.read_bytes()
    assert b"sliced_threads=0" in noted
    assert b"subme=1" in noted
