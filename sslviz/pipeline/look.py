"""Single painted frames, and the overview for the timeline: what an interface needs between renders."""

from dataclasses import replace
from pathlib import Path

from sslviz.errors import MediaError
from sslviz.media import sandbox
from sslviz.media.child import Link
from sslviz.media.reader import VideoReader
from sslviz.options import MediaLimits, Style
from sslviz.overlay import Painter, Planes, planes_from_rgb, rgb_from_planes
from sslviz.overlay.color import PREVIEW_TAGS
from sslviz.pipeline.drawing import check_name, clip_range_for, draw_artwork, heat_at
from sslviz.pipeline.overview import SAMPLE_RATE, read_overview
from sslviz.pipeline.screen import overlay_tags, shrink
from sslviz.timeline import Timeline, make_timeline
from sslviz.types import Frame, ScoreTrack

DEFAULT_LIMITS = MediaLimits()
DEFAULT_STYLE = Style()
_CPU_SECONDS = 60.0


def preview(
    source: str | Path,
    track: ScoreTrack,
    style: Style = DEFAULT_STYLE,
    at_seconds: float = 0.0,
    max_width: int = 960,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Frame:
    """One painted frame.

    For many styles of one frame, `grab` it once and `paint` it as often as needed.

    Args:
        source: The video that the track was made from.
        track: Its scores.
        style: How it is painted.
        at_seconds: When, on the source's clock.
        max_width: Larger frames are made smaller, in pixels.
        limits: What the file may cost.

    Raises:
        MediaError: The source cannot be used, or has no frame at this time.
        OptionError: The style names an unknown colour map.
    """
    return paint(grab(source, at_seconds, max_width, limits), track, style)


def grab(
    source: str | Path,
    at_seconds: float,
    max_width: int = 960,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Frame:
    """The frame shown at a time, at most ``max_width`` wide, decoded in a child of its own.

    Raises:
        MediaError: The source cannot be used, or has no frame at this time.
    """
    path = Path(source)
    frame: Frame | None = sandbox.run(
        pick, path, max(at_seconds, 0.0), max_width, limits, limits=limits, cpu_seconds=_CPU_SECONDS
    )  # fmt: skip
    if frame is None:
        raise MediaError(
            f"{path.name!r} has no frame at {at_seconds:.2f} s; choose an earlier time."
        )
    return frame


def pick(
    link: Link, source: Path, at_seconds: float, max_width: int, limits: MediaLimits
) -> Frame | None:
    """In the child: decode one frame; past the end the last one."""
    with VideoReader(source, limits, beat=link.beat) as video:
        length = video.info.duration_seconds
        if length is not None:
            at_seconds = min(at_seconds, max(length - 1e-3, 0.0))
        for frame in video.frames(at_seconds):
            planes = Planes(*frame.yuv420p())
            tags = overlay_tags(video.format.color)
            return Frame(shrink(planes, max_width, tags), frame.pts_seconds)
    return None


def paint(frame: Frame, track: ScoreTrack, style: Style = DEFAULT_STYLE, name: int = 0) -> Frame:
    """Paint one frame as a render would at its time.

    Args:
        frame: From `grab`, or any picture of the video.
        track: Scores of the video.
        style: How it is painted; the strip is left out.
        name: Which of the track's maps.

    Raises:
        OptionError: The track has no such map.
    """
    check_name(track, name)
    planes = planes_from_rgb(frame.image)
    height, width = planes.y.shape
    own = clip_range_for(track, style, name)
    artwork = draw_artwork(track.identity, track.scale, style, (width, height), own)
    heat, badge = heat_at(track, style, frame.pts_seconds, name)
    Painter(style, artwork, width, height, PREVIEW_TAGS).paint_yuv(planes, heat, badge)
    return replace(frame, image=rgb_from_planes(planes, PREVIEW_TAGS))


def make_overview(
    source: str | Path,
    track: ScoreTrack,
    style: Style = DEFAULT_STYLE,
    num_columns: int = 800,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Timeline:
    """Waveform, mel spectrogram, score curve and silent spans of a whole clip on one clock.

    Raises:
        MediaError: The source cannot be used.
    """
    span = 0.0, max(track.duration_seconds, 1e-3)
    audio_track = track.settings.get("audio_track", 0)
    wave, power = read_overview(
        Path(source), span, (num_columns, 64), limits,
        audio_track if isinstance(audio_track, int) else 0,
    )  # fmt: skip
    return make_timeline(track, style, wave, power, SAMPLE_RATE)
