"""From a video to a score track, and from both to a video with its sound sources painted in.

Analysis and drawing are separate; a first render does both in one streaming pass. This package is the
only place that knows every step. It receives a `Localizer` and knows no network.
"""

from sslviz.pipeline.analysis import analyse, iter_analyse, run_to_end
from sslviz.pipeline.drawing import best_moment, region_at
from sslviz.pipeline.job import Progress, RenderResult
from sslviz.pipeline.look import grab, make_overview, paint, preview
from sslviz.pipeline.rendering import iter_render, iter_restyle, render, restyle

__all__ = [
    "Progress",
    "RenderResult",
    "analyse",
    "best_moment",
    "grab",
    "iter_analyse",
    "iter_render",
    "iter_restyle",
    "make_overview",
    "paint",
    "preview",
    "region_at",
    "render",
    "restyle",
    "run_to_end",
]
