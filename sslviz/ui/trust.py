"""The sanity test: the same pictures with other sounds; does the map care?"""

import html
from pathlib import Path

import numpy as np

from sslviz.errors import MediaError
from sslviz.evaluation.audio_swap import Swap, SwapReport, audio_swap
from sslviz.evaluation.files import SandboxedSource
from sslviz.types import Localizer
from sslviz.ui import library, text
from sslviz.ui.work import Desk

MOMENTS = 8


def report(desk: Desk, clip: str, checkpoint: str, device: str) -> str:
    """Swap the sound of a clip; the sentence and its figures as HTML.

    Raises:
        MediaError: The clip has no sound, or cannot be read.
    """
    upload = desk.store.upload(clip)
    info = library.info_of(upload.path, desk.deployment)
    if not info.has_audio:
        raise MediaError(text.TRUST_NO_SOUND)
    if not info.duration_seconds:
        raise MediaError(text.TRUST_NO_LENGTH)
    localizer = desk.shelf.get(checkpoint, device)
    found = swap(localizer, upload.path, info.duration_seconds, other_clip(desk, upload.path))
    return as_html(found)


def swap(localizer: Localizer, path: Path, seconds: float, other: Path | None) -> SwapReport:
    """Eight moments spread over the clip, each heard with four sounds."""
    times = (np.arange(MOMENTS) + 0.5) * seconds / MOMENTS
    with SandboxedSource() as source:
        windows = [source.moment(path, float(time), localizer.spec) for time in times]
        sound = None if other is None else source.sound(other, localizer.spec.sample_rate)
    return audio_swap(localizer, windows, sound)


def other_clip(desk: Desk, path: Path) -> Path | None:
    """A clip that ships with the app and is not this one; ``None`` where there is none."""
    size = path.stat().st_size
    for token in desk.store.adopted():
        result = desk.store.result(token)
        info = library.info_of(result.source_path, desk.deployment)
        if info.has_audio and result.source_path.stat().st_size != size:
            return result.source_path
    return None


def as_html(found: SwapReport) -> str:
    """The verdict, and one bar per sound: how sure the method was."""
    rows = "".join(_row(entry) for entry in found.swaps)
    return (
        f'<div class="sv-verdict"><p class="sv-warn">{html.escape(found.verdict)}</p>'
        f'<ul aria-label="{text.TRUST_BARS}">{rows}</ul></div>'
    )


def _row(entry: Swap) -> str:
    name = text.TRUST_SOUNDS.get(entry.sound, entry.sound)
    width = f"{100 * min(max(entry.confidence, 0.0), 1.0):.0f}%"
    return (
        f"<li><span>{html.escape(name)}</span>"
        f'<span class="sv-gauge"><i style="width:{width}"></i></span>'
        f"<span>{entry.confidence:.2f}</span></li>"
    )
