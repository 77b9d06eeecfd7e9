"""sslviz: see which pixels make the sound.

Five lines show most of it::

    import sslviz
    result = sslviz.render("clip.mp4", "located.mp4")
    track = result.track
    print(track.values.shape, track.confidence.max())
    sslviz.restyle("clip.mp4", track, "contours.mp4", sslviz.Style(contours=True))

Every name is loaded when it is first used: ``import sslviz`` itself costs next to nothing, and torch
is loaded only by what needs weights.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslviz.api import analyse, render
    from sslviz.catalog import CHECKPOINTS, METHODS
    from sslviz.checkpoints import load_localizer
    from sslviz.errors import SSLVizError
    from sslviz.export import load_track, save_track
    from sslviz.options import AnalysisOptions, ColorScale, MediaLimits, Style
    from sslviz.pipeline import (
        Progress,
        RenderResult,
        iter_analyse,
        iter_render,
        iter_restyle,
        preview,
        restyle,
    )
    from sslviz.types import (
        AudioClip,
        Calibration,
        Frame,
        Heatmap,
        Identity,
        InputSpec,
        Localizer,
        ScoreMap,
        ScoreScale,
        ScoreTrack,
        VideoInfo,
        Window,
    )

__version__ = "0.1.0"

__all__ = [
    "CHECKPOINTS",
    "METHODS",
    "AnalysisOptions",
    "AudioClip",
    "Calibration",
    "ColorScale",
    "Frame",
    "Heatmap",
    "Identity",
    "InputSpec",
    "Localizer",
    "MediaLimits",
    "Progress",
    "RenderResult",
    "SSLVizError",
    "ScoreMap",
    "ScoreScale",
    "ScoreTrack",
    "Style",
    "VideoInfo",
    "Window",
    "analyse",
    "iter_analyse",
    "iter_render",
    "iter_restyle",
    "load_localizer",
    "load_track",
    "preview",
    "render",
    "restyle",
    "save_track",
]

_HOME = {
    "api": ("analyse", "render"),
    "catalog": ("CHECKPOINTS", "METHODS"),
    "checkpoints": ("load_localizer",),
    "errors": ("SSLVizError",),
    "export": ("load_track", "save_track"),
    "options": ("AnalysisOptions", "ColorScale", "MediaLimits", "Style"),
    "pipeline": (
        "Progress", "RenderResult", "iter_analyse", "iter_render", "iter_restyle", "preview", "restyle",
    ),
    "types": (
        "AudioClip", "Calibration", "Frame", "Heatmap", "Identity", "InputSpec", "Localizer", "ScoreMap", "ScoreScale",
        "ScoreTrack", "VideoInfo", "Window",
    ),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
