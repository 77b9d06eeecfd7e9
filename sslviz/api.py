"""The two calls of the public facade that take a localizer by name."""

from pathlib import Path

from sslviz import pipeline
from sslviz.catalog import DEFAULT_CHECKPOINT
from sslviz.checkpoints import load_localizer
from sslviz.options import AnalysisOptions, MediaLimits, Style
from sslviz.pipeline import RenderResult
from sslviz.types import Localizer, ScoreTrack

_OPTIONS, _STYLE, _LIMITS = AnalysisOptions(), Style(), MediaLimits()


def render(
    source: str | Path,
    target: str | Path,
    localizer: Localizer | str = DEFAULT_CHECKPOINT,
    options: AnalysisOptions = _OPTIONS,
    style: Style = _STYLE,
    limits: MediaLimits = _LIMITS,
) -> RenderResult:
    """Write a copy of a video with the source of its sound painted in.

    Args:
        source: A video file.
        target: The MP4 to write.
        localizer: One that is loaded, or the name of a checkpoint.
        options: Rate of maps, span, batch size, sound track.
        style: How it is painted.
        limits: What the file may cost.

    Returns:
        The track of raw scores and where the video lies.

    Raises:
        MediaError: The source cannot be used.
        OutputError: The target cannot be written.
        CheckpointError: The checkpoint is missing or damaged.
        HubError: The Hub did not hand it out.
        OptionError: A colour map or another choice is unknown.
    """
    return pipeline.render(source, target, _loaded(localizer), options, style, limits)


def analyse(
    source: str | Path,
    localizer: Localizer | str = DEFAULT_CHECKPOINT,
    options: AnalysisOptions = _OPTIONS,
    limits: MediaLimits = _LIMITS,
) -> ScoreTrack:
    """Score a video without painting it.

    Args:
        source: A video file.
        localizer: One that is loaded, or the name of a checkpoint.
        options: Rate of maps, span, batch size, sound track.
        limits: What the file may cost.

    Returns:
        Raw maps (n, 1, h, w), their times in seconds, confidence and loudness.

    Raises:
        MediaError: The source cannot be used.
        CheckpointError: The checkpoint is missing or damaged.
        HubError: The Hub did not hand it out.
    """
    return pipeline.analyse(source, _loaded(localizer), options, limits)


def _loaded(localizer: Localizer | str) -> Localizer:
    return load_localizer(localizer) if isinstance(localizer, str) else localizer
