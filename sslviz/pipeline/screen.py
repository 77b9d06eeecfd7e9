"""Where painted frames go: into the file, and now and then into a small preview."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.media.closing import Closing
from sslviz.media.picture import ColorTags as MediaTags
from sslviz.media.reader import DecodedFrame, VideoReader
from sslviz.media.writer import SoundSource, VideoWriter
from sslviz.overlay import ColorTags, Painter, Planes, rgb_from_planes
from sslviz.overlay.strip import Strip
from sslviz.pipeline.job import Job, Paint
from sslviz.types import Frame

PREVIEW_WIDTH = 640
_MATRICES = {1: "bt709", 9: "bt2020", 10: "bt2020"}


def overlay_tags(color: MediaTags) -> ColorTags:
    """What the planes of a file mean, in the overlay's words."""
    return ColorTags(_MATRICES.get(color.matrix, "bt601"), color.full_range)


class Screen(Closing):
    """Paints and encodes; a context manager that leaves no half file."""

    def __init__(self, job: Job, video: VideoReader, paint: Paint) -> None:
        assert job.target is not None
        form = video.format
        self._start_seconds = job.options.start_seconds
        self._tags = overlay_tags(form.color)
        self._painter = Painter(job.style, paint.artwork, form.width, form.height, self._tags)
        self._strip = None
        if paint.strip is not None:
            self._strip = Strip(paint.strip, form.width, form.height, self._tags)
        self.num_shown = 0
        self._newest_seconds: float | None = None
        self._writer = make_writer(job, video, self._strip.height if self._strip else 0)
        y, u, v = self._writer.canvas
        self._canvas = Planes(y, u, v)
        half = form.height // 2
        self._picture = Planes(y[: form.height], u[:half], v[:half])

    def show(self, frame: DecodedFrame, heat: NDArray[np.float32], badge: str) -> None:
        """Paint one frame and hand it to the encoder."""
        for own, plane in zip(self._picture, frame.yuv420p(), strict=True):
            np.copyto(own, plane)
        self._painter.paint_yuv(self._picture, heat, badge)
        if self._strip is not None:
            self._strip.draw(self._canvas, frame.pts_seconds)
        when = frame.pts_seconds - self._start_seconds
        self._writer.write(self._canvas, when, frame.duration_seconds)
        self._newest_seconds = frame.pts_seconds
        self.num_shown += 1

    def take_preview(self) -> Frame | None:
        """The newest painted frame, made small; ``None`` where none is new."""
        when, self._newest_seconds = self._newest_seconds, None
        if when is None:
            return None
        return Frame(shrink(self._canvas, PREVIEW_WIDTH, self._tags), when)

    def finish(self, partial: bool) -> None:
        """Complete the file and give it its name."""
        self._writer.finish(partial)

    def close(self) -> None:
        """Remove the unfinished file; nothing happens after :meth:`finish`."""
        self._writer.close()


def shrink(planes: Planes, max_width: int, tags: ColorTags) -> NDArray[np.uint8]:
    """Planes as RGB, made smaller where wider than ``max_width``."""
    height, width = planes.y.shape
    if width > max_width:
        size = max_width // 2 * 2, max(round(height * max_width / width / 2) * 2, 2)
        half = size[0] // 2, size[1] // 2
        small = (
            cv2.resize(plane, to, interpolation=cv2.INTER_AREA)
            for plane, to in zip(planes, (size, half, half), strict=True)
        )
        planes = Planes(*(np.asarray(plane, np.uint8) for plane in small))
    return rgb_from_planes(planes, tags)


def make_writer(job: Job, video: VideoReader, extra_rows: int) -> VideoWriter:
    """A writer for a file like the source, with its sound and its metadata."""
    assert job.target is not None
    form = replace(video.format, height=video.format.height + extra_rows)
    sound, shared = None, video.shared
    if video.info.has_audio:
        options = job.options
        sound = SoundSource(
            job.source, video.origin_seconds, options.start_seconds, options.end_seconds,
            options.audio_track, tap=shared.copied if shared else None,
        )  # fmt: skip
    return VideoWriter(job.target, form, sound, video.metadata, limits=job.limits, part=job.part)
