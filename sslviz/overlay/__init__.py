"""Paint heat over a picture, in the picture's own YUV planes.

``painter`` and what it needs run in the media child and know only NumPy and OpenCV; ``artwork`` draws
the colour map, the words and the colour bar once, with matplotlib, in the parent.
"""

from sslviz.overlay.color import ColorTags, Planes, planes_from_rgb, rgb_from_planes
from sslviz.overlay.painter import Artwork, Painter, Sprite

__all__ = [
    "Artwork",
    "ColorTags",
    "Painter",
    "Planes",
    "Sprite",
    "planes_from_rgb",
    "rgb_from_planes",
]
