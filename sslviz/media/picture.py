"""From a decoded frame to what a player shows: upright, 8 bit, even-sized, with honest colour tags."""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]
"""Y (H, W), U and V (H/2, W/2), uint8; H and W even. Read-only: the decoder may still need them."""

_UNSPECIFIED = 2
_BT709, _BT601, _BT2020 = 1, 6, 9
_BT2020_MATRICES = (9, 10)
_HDR_TRANSFERS = (int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67))
_KR_KB = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
}


@dataclass(frozen=True, slots=True)
class ColorTags:
    """How the numbers in the planes mean colours; codes of ITU-T H.273."""

    matrix: int = _BT709
    primaries: int = _BT709
    transfer: int = _BT709
    full_range: bool = False

    def to_yuv(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB colours (..., 3) as the Y, U, V (..., 3) that these tags give them."""
        kr, kb = _KR_KB.get(self.matrix, _KR_KB[_BT709])
        r, g, b = np.moveaxis(rgb.astype(np.float64) / 255, -1, 0)
        y = kr * r + (1 - kr - kb) * g + kb * b
        u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
        luma, chroma, foot = (255, 255, 0) if self.full_range else (219, 224, 16)
        yuv = np.stack([foot + luma * y, 128 + chroma * u, 128 + chroma * v], -1)
        return yuv.round().clip(0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Orientation:
    """What to do to a stored picture to set it upright: first transpose, then flip."""

    transpose: bool = False
    flip_horizontal: bool = False
    flip_vertical: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> "Orientation":
        """From a frame's display matrix; upright where it has none or a degenerate one."""
        try:
            side_data = cast(Any, frame.side_data).get("DISPLAYMATRIX")
        except (
            ValueError
        ):  # PyAV does not know all kinds of side data; a turn is told elsewhere, too
            return _TURNED.get(frame.rotation, cls())
        matrix = np.frombuffer(b"" if side_data is None else bytes(side_data), np.int32)
        if len(matrix) < 9:
            return cls()
        a, b, _, c, d = (int(number) for number in matrix[:5])
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    def apply(self, image: Plane) -> Plane:
        """The upright picture; the same array where nothing is to be done."""
        if self.transpose:
            image = cv2.transpose(image)  # type: ignore[assignment]
        if self.flip_horizontal or self.flip_vertical:
            code = -1 if self.flip_horizontal and self.flip_vertical else int(self.flip_horizontal)
            image = cv2.flip(image, code)  # type: ignore[assignment]
        return image


_TURNED = {
    90: Orientation(True, False, True),
    -90: Orientation(True, True, False),
    180: Orientation(False, True, True),
    -180: Orientation(False, True, True),
}


class PictureConverter:
    """Turns the frames of one stream into planes and RGB; remembers the scalers between frames.

    Args:
        first: The first decoded frame; later ones of another size are scaled to it.
    """

    def __init__(self, first: VideoFrame) -> None:
        self.coded_size = (first.width, first.height)
        self.orientation = Orientation.of(first)
        upright = self.coded_size[::-1] if self.orientation.transpose else self.coded_size
        self.width, self.height = upright
        self._needs_tone_map = _is_wide(first)
        self._straight = first.format.name in ("yuv420p", "yuvj420p") and not self._needs_tone_map
        self.color = self._tags(first)
        self._to_planes = VideoReformatter()
        self._to_rgb = VideoReformatter()
        self._to_small = VideoReformatter()

    def planes(self, frame: VideoFrame) -> Planes:
        """Upright, even-sized Y, U, V of 8 bit."""
        frame = self._narrowed(frame)
        y, u, v = (self.orientation.apply(_view(frame, i)) for i in range(3))
        y = (
            cv2.copyMakeBorder(  # type: ignore[assignment]
                y, 0, y.shape[0] % 2, 0, y.shape[1] % 2, cv2.BORDER_REPLICATE
            )
            if y.shape[0] % 2 or y.shape[1] % 2
            else y
        )
        return y, u, v

    def rgb(self, frame: VideoFrame, size: int | None) -> NDArray[np.uint8]:
        """Upright RGB (H, W, 3), or area-averaged to (size, size, 3)."""
        if self._needs_tone_map:
            frame = self._narrowed(frame)
        width, height = self.coded_size if size is None else (size, size)
        shrinks = frame.width >= width and frame.height >= height
        scaler = self._to_rgb if size is None else self._to_small
        image = scaler.reformat(
            frame, width, height, "rgb24",
            src_colorspace=self._matrix_of(frame),
            interpolation=Interpolation.AREA if shrinks else Interpolation.BILINEAR,
            threads=1,
        )  # fmt: skip
        return np.ascontiguousarray(self.orientation.apply(cast(Plane, image.to_ndarray())))

    def _narrowed(self, frame: VideoFrame) -> VideoFrame:
        """The frame as yuv420p of 8 bit, in the colours of :attr:`color`; itself where it is."""
        same_size = (frame.width, frame.height) == self.coded_size
        if self._straight and same_size and frame.format.name in ("yuv420p", "yuvj420p"):
            return frame
        width, height = self.coded_size
        options: dict[str, Any] = {}
        if self._needs_tone_map:
            options = {"dst_color_trc": ColorTrc.BT709, "dst_color_primaries": ColorPrimaries.BT709}
        return self._to_planes.reformat(
            frame, width, height, "yuv420p",
            src_colorspace=self._matrix_of(frame),
            dst_colorspace=self.color.matrix,
            dst_color_range=ColorRange.JPEG if self.color.full_range else ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR,
            threads=1,
            **options,
        )  # fmt: skip

    def _matrix_of(self, frame: VideoFrame) -> int | None:
        """The matrix a player assumes where the file does not say."""
        untagged = frame.colorspace == _UNSPECIFIED and not _is_rgb(frame)
        return self.color.matrix if untagged else None

    def _tags(self, frame: VideoFrame) -> ColorTags:
        if self._needs_tone_map or _is_rgb(frame):
            return ColorTags()
        guess = _BT709 if frame.height >= 720 or frame.width >= 1280 else _BT601
        matrix = frame.colorspace if frame.colorspace in _KR_KB else guess
        return ColorTags(
            matrix,
            _known(frame.color_primaries, guess),
            _known(frame.color_trc, guess),
            self._straight and _is_full_range(frame),
        )


def _known(code: int, guess: int) -> int:
    return code if code not in (0, _UNSPECIFIED, 3) else guess


def _is_rgb(frame: VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.has_palette or frame.colorspace == 0


def _is_wide(frame: VideoFrame) -> bool:
    """HDR, or of a colour space that 8-bit players cannot be trusted with."""
    return (
        frame.color_trc in _HDR_TRANSFERS
        or frame.color_primaries == int(ColorPrimaries.BT2020)
        or frame.colorspace in _BT2020_MATRICES
    )


def _is_full_range(frame: VideoFrame) -> bool:
    return frame.format.name.startswith("yuvj") or frame.color_range == int(ColorRange.JPEG)


def _view(frame: VideoFrame, index: int) -> Plane:
    """A plane without copying it, read-only."""
    plane = frame.planes[index]
    rows = np.frombuffer(cast(Any, plane), np.uint8).reshape(-1, plane.line_size)
    view: Plane = rows[: plane.height, : plane.width]
    view.flags.writeable = False
    return view


class DecodedFrame:
    """One frame, converted only on demand.

    Attributes:
        pts_seconds: When it is shown.
        duration_seconds: Until the next one is shown.
    """

    __slots__ = ("_converter", "_frame", "duration_seconds", "pts_seconds")

    def __init__(
        self, frame: VideoFrame, pts_seconds: float, duration_seconds: float,
        converter: PictureConverter,
    ) -> None:  # fmt: skip
        self._frame = frame
        self._converter = converter
        self.pts_seconds = pts_seconds
        self.duration_seconds = duration_seconds

    def __repr__(self) -> str:
        return f"DecodedFrame({self._converter.width}x{self._converter.height} at {self.pts_seconds:.3f} s)"

    def yuv420p(self) -> Planes:
        """Upright, even-sized, 8 bit, HDR tone-mapped: Y (H, W), U and V (H/2, W/2), read-only.

        Colours mean what the file's format's ``color`` says. An odd last row or column is
        repeated once.
        """
        return self._converter.planes(self._frame)

    def rgb(self, size: int | None = None) -> NDArray[np.uint8]:
        """Upright RGB, (H, W, 3) of the video's size, or area-averaged to (size, size, 3)."""
        return self._converter.rgb(self._frame, size)
