"""The sanity test: the same pictures with other sounds; does the map care?"""

import html

from sslviz.evaluation.audio_swap import audio_swap
from sslviz.ui import work
from sslviz.ui.work import Desk


def report(desk: Desk, clip: str, checkpoint: str, device: str) -> str:
    """Swap the sound of a clip and say in a sentence whether the method is listening."""
    upload = desk.store.upload(clip)
    localizer = desk.shelf.get(checkpoint, device)
    found = audio_swap(upload.path, localizer, limits=desk.deployment.media_limits())
    return html.escape(str(found)) + work.__name__
