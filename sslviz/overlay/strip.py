"""The strip under the picture: waveform, score curve, silent spans, and where we are."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sslviz.overlay.color import Bytes, ColorTags, Planes, to_bytes, yuv_from_rgb

_BACK, _SILENT, _WAVE, _CURVE = (24, 24, 28), (54, 40, 44), (120, 150, 190), (250, 190, 60)


@dataclass(frozen=True, slots=True)
class StripData:
    """What the strip shows, over the whole rendered span."""

    waveform: NDArray[np.float32]
    """(columns, 2): lowest and highest sample of each column, in [-1, 1]."""
    times: NDArray[np.float64]
    """(T,) seconds of the score curve."""
    curve: NDArray[np.float32]
    """(T,) peak heat, in [0, 1]."""
    unheard: tuple[tuple[float, float], ...]
    """Spans in seconds without a confident source."""
    start_seconds: float
    end_seconds: float


def strip_height(height: int) -> int:
    """Rows that the strip adds to a picture; even."""
    return max(height // 10 // 2 * 2, 24)


class Strip:
    """Draws the strip once, and the playhead for each frame."""

    def __init__(self, data: StripData, width: int, height: int, tags: ColorTags) -> None:
        self.height = strip_height(height)
        self._start = data.start_seconds
        self._seconds = max(data.end_seconds - data.start_seconds, 1e-6)
        yuv = yuv_from_rgb(draw_strip(data, width, self.height).astype(np.float32), tags)
        half = (width // 2, self.height // 2)
        chroma = [cv2.resize(yuv[..., i], half, interpolation=cv2.INTER_AREA) for i in (1, 2)]
        self._planes = Planes(*(to_bytes(plane) for plane in (yuv[..., 0], *chroma)))

    def draw(self, planes: Planes, pts_seconds: float) -> None:
        """Draw the strip into the last rows of planes, the playhead at its time."""
        for plane, own in zip(planes, self._planes, strict=True):
            plane[-own.shape[0] :] = own
        width = planes.y.shape[1]
        at = (pts_seconds - self._start) / self._seconds * width
        x = min(max(int(at) // 2 * 2, 0), width - 2)
        planes.y[-self.height :, x : x + 2] = 235
        for chroma in (planes.u, planes.v):
            chroma[-self.height // 2 :, x // 2] = 128


def draw_strip(data: StripData, width: int, height: int) -> Bytes:
    """The strip without a playhead, RGB (height, width, 3)."""
    image = np.empty((height, width, 3), np.uint8)
    image[...] = _BACK
    seconds = max(data.end_seconds - data.start_seconds, 1e-6)
    for start, end in data.unheard:
        first, last = ((t - data.start_seconds) / seconds * width for t in (start, end))
        image[:, max(int(first), 0) : max(round(last), 0)] = _SILENT
    _draw_wave(image, data.waveform)
    if len(data.times):
        x = (data.times - data.start_seconds) / seconds * width
        y = (1 - data.curve) * (height - 5) + 2
        points = np.rint(np.stack([x, y], axis=1) * 16).astype(np.int32)
        cv2.polylines(image, [points], False, _CURVE, max(height // 40, 1), cv2.LINE_AA, 4)
    return image


def _draw_wave(image: Bytes, waveform: NDArray[np.float32]) -> None:
    height, width, _ = image.shape
    if not len(waveform):
        return
    columns = (np.arange(width) * len(waveform) // width).clip(0, len(waveform) - 1)
    loudest = max(float(np.abs(waveform).max()), 1e-3)
    low, high = (waveform[columns, i] / loudest for i in (0, 1))
    rows = np.arange(height)[:, None]
    top, bottom = (1 - high) / 2 * (height - 1), (1 - low) / 2 * (height - 1)
    image[(rows >= np.floor(top)) & (rows <= np.ceil(bottom))] = _WAVE
