"""Colour map, words and colour bar, drawn once per video with matplotlib's fonts and maps."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray

from sslviz.errors import OptionError
from sslviz.options import Style
from sslviz.overlay.color import Bytes
from sslviz.overlay.painter import Artwork, Sprite, opacity_ramp
from sslviz.scaling import ScaleLabel, Verdict

UNTRAINED = "UNTRAINED WEIGHTS: THIS IS NOT A RESULT"
_PANEL = (18, 18, 22)
_ALARM = (190, 20, 30)
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class _Canvas:
    width: int
    height: int

    @property
    def text_size(self) -> int:
        """Pixels from ascender to descender that read well at this frame size."""
        return max(round(min(self.width, self.height) * 0.034), 10)

    @property
    def margin(self) -> int:
        return _even(self.text_size * 0.7)


def color_table(name: str) -> Bytes:
    """The 256 colours of a matplotlib colour map, RGB, (256, 3).

    Raises:
        OptionError: There is no such colour map.
    """
    if name not in mpl.colormaps:
        raise OptionError(
            f"color_map is {name!r}; matplotlib knows inferno, magma, viridis, cividis, turbo and others."
        )
    colors = mpl.colormaps[name](np.linspace(0, 1, 256), bytes=True)
    return np.ascontiguousarray(colors[:, :3])


def make_artwork(
    style: Style, label: ScaleLabel, width: int, height: int, trained: bool = True
) -> Artwork:
    """Draw everything that stays the same in a video.

    Args:
        style: Colours, and whether bar and badge are wanted.
        label: Words beside the colour bar.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        trained: ``False`` puts a loud mark on every frame; no style turns it off.

    Raises:
        OptionError: The colour map is unknown.
    """
    canvas, colors = _Canvas(width, height), color_table(style.color_map)
    always = []
    if style.color_bar and style.fill:
        always.append(_bar(canvas, colors, style, label))
    if not trained:
        always.append(_banner(canvas))
    texts = [verdict.value for verdict in Verdict if verdict is not Verdict.SOURCE]
    badges = {text: _badge(canvas, text) for text in texts}
    return Artwork(colors, tuple(s for s in always if s), {k: v for k, v in badges.items() if v})


def _bar(canvas: _Canvas, colors: Bytes, style: Style, label: ScaleLabel) -> Sprite | None:
    """Colour bar at the lower right: the colours as they look over grey, the ends, the scale's name."""
    size = canvas.text_size
    low, high, name = (text_mask(t, size) for t in (label.low, label.high, label.name))
    pad = _even(size * 0.4)
    wide = max(name.shape[1], low.shape[1] + high.shape[1] + size * 4, size * 9)
    tall = name.shape[0] + pad + size + low.shape[0] + 2
    panel = _panel(wide + 2 * pad, tall + 2 * pad, _PANEL, 175)
    _write(panel, name, pad, pad)
    top = pad + name.shape[0] + pad
    steps = np.linspace(0, 255, wide).astype(int)
    shown = opacity_ramp(style)[steps, None] / max(style.opacity, 1e-6)
    strip = colors[steps] * shown + np.array(_PANEL) * (1 - shown)
    panel[top : top + size - 2, pad : pad + wide, :3] = strip.astype(np.uint8)
    panel[top : top + size - 2, pad : pad + wide, 3] = 255
    _write(panel, low, pad, top + size)
    _write(panel, high, pad + wide - high.shape[1], top + size)
    x = canvas.width - panel.shape[1] - canvas.margin
    return _sprite(canvas, panel, x, canvas.height - panel.shape[0] - canvas.margin)


def _badge(canvas: _Canvas, text: str) -> Sprite | None:
    panel = _labelled(text, canvas.text_size, _PANEL, 190)
    return _sprite(canvas, panel, canvas.margin, canvas.margin)


def _banner(canvas: _Canvas) -> Sprite | None:
    """Red band across the picture, as large as fits: at half height, where no badge covers it."""
    size = max(canvas.text_size * 2, 10)
    panel = _labelled(UNTRAINED, size, _ALARM, 230)
    while panel.shape[1] > canvas.width and size > 6:
        size -= 1
        panel = _labelled(UNTRAINED, size, _ALARM, 230)
    panel = panel[: canvas.height, : canvas.width]
    x, y = (canvas.width - panel.shape[1]) // 2, (canvas.height - panel.shape[0]) // 2
    return _sprite(canvas, panel, x, y, must=True)


def _labelled(text: str, size: int, color: tuple[int, int, int], opacity: int) -> Bytes:
    mask = text_mask(text, size)
    pad = _even(size * 0.45)
    panel = _panel(mask.shape[1] + 2 * pad, mask.shape[0] + 2 * pad, color, opacity)
    _write(panel, mask, pad, pad)
    return panel


def _sprite(canvas: _Canvas, panel: Bytes, x: int, y: int, must: bool = False) -> Sprite | None:
    """Place a panel; one that would hide most of a tiny picture is left out, unless it must be seen."""
    if not must and (
        panel.shape[1] > canvas.width * 0.9 or panel.shape[0] > canvas.height * 0.5 or min(x, y) < 0
    ):
        return None
    return Sprite(panel, _even(max(x, 0)), _even(max(y, 0)))


def _panel(width: int, height: int, color: tuple[int, int, int], opacity: int) -> Bytes:
    panel = np.empty((_even(height + 1), _even(width + 1), 4), np.uint8)
    panel[...] = (*color, opacity)
    return panel


def _write(panel: Bytes, mask: Bytes, x: int, y: int) -> None:
    spot = panel[y : y + mask.shape[0], x : x + mask.shape[1]]
    cover = mask[: spot.shape[0], : spot.shape[1], None].astype(np.float32) / 255
    ink = np.array((*_WHITE, 255), np.float32)
    spot[...] = (spot * (1 - cover) + ink * cover).round().astype(np.uint8)


def text_mask(text: str, size: int) -> Bytes:
    """How much ink covers each pixel of a line of text, (h, w) uint8.

    Args:
        text: One line.
        size: Height of the line, pixels.
    """
    font = FT2Font(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"))
    font.set_size(size * 0.78, 72)
    font.set_text(text)
    font.draw_glyphs_to_bitmap(antialiased=True)
    ink: NDArray[np.uint8] = np.array(font.get_image(), np.uint8)
    below = max(round(size * 0.22 - font.get_descent() / 64), 0)
    above = max(size - ink.shape[0] - below, 0)
    return np.pad(ink, ((above, below), (0, 0)))


def _even(value: float) -> int:
    return int(value) // 2 * 2
