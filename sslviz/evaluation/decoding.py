"""The inside of the decoding child of ``files.SandboxedSource``: answers one question after the other.

Imports no torch, so that the child starts fast.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import MediaError
from sslviz.media.audio import decode_sound
from sslviz.media.audio_reader import AudioReader
from sslviz.media.child import Link
from sslviz.media.image import decode_image
from sslviz.media.reader import VideoReader
from sslviz.options import MediaLimits
from sslviz.types import AudioClip, Frame, InputSpec, Window
from sslviz.windows import LEVEL_SECONDS, excerpt_start, window_at


def serve(link: Link, limits: MediaLimits) -> None:
    """Answer questions until the parent hangs up; a file that cannot be read is an answer, too."""
    while True:
        question = link.receive()
        try:
            link.send(_answer(question, limits, link))
        except MediaError as error:
            link.send(error)
        except Exception as error:  # noqa: BLE001 - one odd file must not cost the child its others
            link.send(MediaError(f"{question[1].name!r} cannot be read ({error})."))


def _answer(
    question: tuple[object, ...], limits: MediaLimits, link: Link
) -> NDArray[np.generic] | Window:
    match question:
        case ("picture", Path() as path):
            return decode_image(link, path, limits)
        case ("sound", Path() as path, int() as rate):
            return decode_sound(link, path, rate, limits)
        case ("moment", Path() as path, float() as seconds, InputSpec() as spec):
            return _moment(path, seconds, spec, limits, link)
    raise TypeError(f"no such question: {question!r}")


def _moment(path: Path, seconds: float, spec: InputSpec, limits: MediaLimits, link: Link) -> Window:
    with VideoReader(path, limits, threads=1, beat=link.beat) as reader:
        shown = next(reader.frames(start_seconds=max(0.0, seconds)), None)
        if shown is None:
            raise MediaError(f"{path.name!r} has no frame at {seconds:g} s.")
        frame = Frame(shown.rgb(), shown.pts_seconds)
        origin = reader.origin_seconds
    begin = min(excerpt_start(frame.pts_seconds, spec), frame.pts_seconds - LEVEL_SECONDS / 2)
    length = max(spec.audio_seconds, LEVEL_SECONDS) + 1.0
    with AudioReader(path, spec.sample_rate, origin, limits=limits, beat=link.beat) as sound:
        clip: AudioClip = sound.excerpt(begin, length)
    return window_at(frame, clip, spec, frame.pts_seconds + max(shown.duration_seconds, 1e-3))
