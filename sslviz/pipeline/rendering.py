"""From a video to a painted video: in one pass with a localizer, or from a saved track."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from sslviz.errors import CancelledError, TrackError
from sslviz.media.hashing import sha256_of
from sslviz.options import AnalysisOptions, ColorScale, MediaLimits, Style
from sslviz.overlay.strip import StripData
from sslviz.pipeline.analysis import (
    DEFAULT_LIMITS,
    DEFAULT_OPTIONS,
    Listening,
    iter_analyse,
    run_to_end,
)
from sslviz.pipeline.drawing import (
    check_name,
    check_style,
    clip_range_for,
    draw_artwork,
    heats_of,
    strip_of,
)
from sslviz.pipeline.job import Found, Heat, Heats, Job, NeedHeat, Paint, Progress, RenderResult
from sslviz.pipeline.overview import read_waveform
from sslviz.pipeline.session import Session, StopCheck, check_target
from sslviz.types import Localizer, ScoreTrack

DEFAULT_STYLE = Style()
_HEATS_PER_MESSAGE = 32
_STRIP_COLUMNS = 1024
_NOTHING_PAINTED = "Stopped before the first frame was painted; no file was written."


def iter_render(
    source: str | Path,
    target: str | Path,
    localizer: Localizer,
    options: AnalysisOptions = DEFAULT_OPTIONS,
    style: Style = DEFAULT_STYLE,
    limits: MediaLimits = DEFAULT_LIMITS,
    stop: StopCheck | None = None,
) -> Generator[Progress, None, RenderResult]:
    """Write a copy of a video with the source of its sound painted in, yielding progress.

    One streaming pass; memory does not grow with the length. Only the clip's own scale and the strip
    need to know the whole clip first: they take a second pass.

    Closing the generator cancels and leaves no file.

    Args:
        source: A video file.
        target: The MP4 to write; written under another name until it is complete.
        localizer: What finds the source of the sound.
        options: Rate of maps, span, batch size, sound track.
        style: How it is painted.
        limits: What the file may cost.
        stop: Asked often; once it says ``True`` the file is completed with what is done.

    Raises:
        MediaError: The source cannot be used.
        OutputError: The target cannot be written.
        OptionError: The style names an unknown colour map.
        CancelledError: Stopped before a single frame was painted.
    """
    source, target = Path(source), Path(target)
    check_target(source, target)
    check_style(style)
    if style.strip or style.color_scale is ColorScale.CLIP:
        track = yield from iter_analyse(source, localizer, options, limits, stop)
        return (yield from _second_pass(source, track, target, style, limits, stop))
    job = Job(source, target, localizer.spec, options, limits, style)
    with Session("render", job, stop) as session, Listening(session, localizer) as listening:
        yield from listening.run()
        return _result(session, listening.track())


def _second_pass(
    source: Path,
    track: ScoreTrack,
    target: Path,
    style: Style,
    limits: MediaLimits,
    stop: StopCheck | None,
) -> Generator[Progress, None, RenderResult]:
    """Paint what was analysed.

    A stop that ended the analysis is still uttered and must not end this pass as well, or nothing
    would be kept; a later one ends it once a frame is painted.
    """
    if not len(track):
        raise CancelledError(_NOTHING_PAINTED)
    shown = False
    if stop is None or not track.complete:
        return (yield from iter_restyle(source, track, target, style, limits))
    work = iter_restyle(source, track, target, style, limits, lambda: shown and stop())
    with closing(work):
        while True:
            try:
                progress = next(work)
            except StopIteration as end:
                result: RenderResult = end.value
                return result
            shown |= progress.preview is not None
            yield progress


def render(
    source: str | Path,
    target: str | Path,
    localizer: Localizer,
    options: AnalysisOptions = DEFAULT_OPTIONS,
    style: Style = DEFAULT_STYLE,
    limits: MediaLimits = DEFAULT_LIMITS,
    stop: StopCheck | None = None,
) -> RenderResult:
    """As `iter_render`, to the end."""
    return run_to_end(iter_render(source, target, localizer, options, style, limits, stop))


def iter_restyle(
    source: str | Path,
    track: ScoreTrack,
    target: str | Path,
    style: Style = DEFAULT_STYLE,
    limits: MediaLimits = DEFAULT_LIMITS,
    stop: StopCheck | None = None,
    name: int = 0,
) -> Generator[Progress, None, RenderResult]:
    """Paint a video from a saved track: no model is loaded.

    A track of a part of the video, or one that was stopped early, gives that part.

    Args:
        source: The video that the track was made from.
        track: Its scores.
        target: The MP4 to write.
        style: How it is painted.
        limits: What the file may cost.
        stop: As for `iter_render`.
        name: Which of the track's maps.

    Raises:
        TrackError: The track belongs to another video, or holds no window.
        MediaError: The source cannot be used.
        OutputError: The target cannot be written.
        OptionError: The style names an unknown colour map, or the track has no such map.
    """
    source, target = Path(source), Path(target)
    check_target(source, target)
    check_style(style)
    check_name(track, name)
    check_track(source, track)
    job = Job(source, target, None, _span_of(track), limits, style)
    strip = None
    if style.strip:
        span = job.options.start_seconds, track.duration_seconds
        wave = read_waveform(source, span, _STRIP_COLUMNS, limits, job.options.audio_track)
        strip = strip_of(track, style, wave, span, name)
    own = clip_range_for(track, style, name)
    with Session("restyle", job, stop) as session:
        session.windows_done = len(track)
        yield from _feed(session, track, heats_of(track, style, name), strip, own)
        return _result(session, track)


def restyle(
    source: str | Path,
    track: ScoreTrack,
    target: str | Path,
    style: Style = DEFAULT_STYLE,
    limits: MediaLimits = DEFAULT_LIMITS,
    stop: StopCheck | None = None,
    name: int = 0,
) -> RenderResult:
    """Paint a video from a saved track, to the end; no model is loaded.

    Args, and errors raised, are those of `iter_restyle`.

    Returns:
        The track, and where the video lies.
    """
    return run_to_end(iter_restyle(source, track, target, style, limits, stop, name))


def check_track(source: Path, track: ScoreTrack) -> None:
    """Refuse a track that was not made from this file.

    Raises:
        TrackError: It was made from another one, or is empty.
    """
    if not len(track):
        raise TrackError("This score track holds no window; analyse the video again.")
    if sha256_of(source) != track.video_sha256:
        raise TrackError(
            f"This score track was not made from {source.name}; give the video it was made from, "
            "or analyse this one."
        )


def _feed(
    session: Session,
    track: ScoreTrack,
    heats: Iterator[Heat],
    strip: StripData | None,
    own_range: tuple[float, float] | None,
) -> Generator[Progress, None, None]:
    """Hand the child its heat as it asks for it."""
    while not session.ended:
        session.check_stop()
        message = session.next_message()
        if isinstance(message, Found):
            size = message.info.width, message.info.height
            style = session.job.style
            artwork = draw_artwork(track.identity, track.scale, style, size, own_range)
            session.send(Paint(artwork, strip))
        elif isinstance(message, NeedHeat):
            batch = tuple(islice(heats, _HEATS_PER_MESSAGE))
            session.send(Heats(1, batch, last=len(batch) < _HEATS_PER_MESSAGE))
        elif message is not None:
            yield session.progress()
    yield session.progress()


def _span_of(track: ScoreTrack) -> AnalysisOptions:
    """The part of the video that a track is about, from its settings (which may be a stranger's)."""
    settings = track.settings
    start, audio_track = settings.get("start_seconds", 0.0), settings.get("audio_track", 0)
    if not isinstance(start, int | float) or not isinstance(audio_track, int):
        raise TrackError("The settings of this score track are damaged; analyse the video again.")
    part = not track.complete or settings.get("end_seconds") is not None
    options = AnalysisOptions(start_seconds=float(start), audio_track=audio_track)
    return replace(options, end_seconds=track.duration_seconds) if part else options


def _result(session: Session, track: ScoreTrack) -> RenderResult:
    done, found, target = session.done, session.found, session.job.target
    assert done is not None
    assert found is not None
    assert target is not None
    if not done.num_painted:
        raise CancelledError(_NOTHING_PAINTED)
    warnings = list(done.warnings)
    if not found.has_sound:
        warnings.append("This video has no sound track, so nothing can be located.")
    partial = done.partial or not track.complete
    return RenderResult(target, track, found.info, tuple(warnings), partial)
