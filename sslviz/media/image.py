"""Still pictures, read in a child process."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import MediaError
from sslviz.media.child import Link
from sslviz.media.sandbox import DEFAULT_LIMITS, run
from sslviz.options import MediaLimits
from sslviz.types import Frame

_CPU_SECONDS = 60.0


def read_image(path: Path, limits: MediaLimits = DEFAULT_LIMITS) -> Frame:
    """A JPEG, PNG, WebP, BMP, TIFF or GIF as RGB, upright as its camera noted; the first of several.

    Transparent parts become white.

    Raises:
        MediaError: It is none of these, damaged, or larger than ``max_pixels``.
    """
    image: NDArray[np.uint8] = run(
        decode_image, path, limits, limits=limits, cpu_seconds=_CPU_SECONDS
    )
    return Frame(image, 0.0)


def decode_image(link: Link, path: Path, limits: MediaLimits) -> NDArray[np.uint8]:
    """The inside of :func:`read_image`: RGB (H, W, 3), for a child that reads many."""
    from sslviz.media.formats import (
        IMAGE_CODECS,
        IMAGE_FORMATS,
        Damage,
        check_size,
        decoded,
        open_container,
        why_no_frame,
    )
    from sslviz.media.picture import PictureConverter

    name = path.name
    try:
        container = open_container(path, limits, IMAGE_FORMATS)
    except MediaError as error:
        if "container" not in str(error) and "incomplete" not in str(error):
            raise
        raise MediaError(
            f"{name!r} is no picture that can be read; give a JPEG, PNG, WebP, BMP, TIFF or GIF."
        ) from error
    with container:
        stream: Any = next(iter(container.streams.video), None)
        if stream is None or stream.codec_context is None:
            raise MediaError(f"{name!r} holds no picture.")
        context = stream.codec_context
        if context.codec.name not in IMAGE_CODECS:
            raise MediaError(f"{name!r} is coded as {context.codec.name}; give a JPEG or PNG.")
        check_size(name, context.width, context.height, limits)
        context.options = {"max_pixels": str(limits.max_pixels)}
        damage = Damage()
        frame = next(decoded(container, stream, damage), None)
        if frame is None:
            raise MediaError(why_no_frame(name, damage))
        check_size(name, frame.width, frame.height, limits)
        if any(component.is_alpha for component in frame.format.components):
            return _on_white(frame.to_ndarray(format="rgba"))
        return PictureConverter(frame).rgb(frame, None)


def _on_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)
