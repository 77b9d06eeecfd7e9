"""Read a data set's pictures, sounds and moments in one long-lived decoding child.

A data set has thousands of files; a child per file would cost more than the decoding. When a file crashes
or stalls the child, that file is reported and the next one gets a new child.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import MediaError
from sslviz.evaluation.decoding import serve
from sslviz.media.closing import Closing
from sslviz.media.sandbox import DEFAULT_LIMITS, Sandbox
from sslviz.options import MediaLimits
from sslviz.types import AudioClip, InputSpec, Window


class SandboxedSource(Closing):
    """A ``library.MediaSource`` on real files; a context manager that ends its child."""

    def __init__(self, limits: MediaLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._child: Sandbox | None = None

    def picture(self, path: Path) -> NDArray[np.uint8]:
        """RGB (H, W, 3).

        Raises:
            MediaError: The file cannot be read.
        """
        return np.asarray(self._ask("picture", path), np.uint8)

    def sound(self, path: Path, sample_rate: int) -> AudioClip:
        """The whole file as mono; any sound or video file.

        Raises:
            MediaError: The file cannot be read.
        """
        samples = np.asarray(self._ask("sound", path, sample_rate), np.float32)
        return AudioClip(samples, sample_rate)

    def moment(self, path: Path, time_seconds: float, spec: InputSpec) -> Window:
        """The frame shown at a time of a video, and the excerpt around it, as a render would cut it.

        Raises:
            MediaError: The file cannot be read, or has no frame.
        """
        window = self._ask("moment", path, time_seconds, spec)
        assert isinstance(window, Window)
        return window

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _ask(self, what: str, path: Path, *arguments: object) -> Any:
        if self._child is None:
            self._child = Sandbox(serve, self._limits, limits=self._limits)
        try:
            self._child.send((what, path, *arguments))
            answer = self._child.receive()
        except (MediaError, EOFError) as error:
            self.close()
            raise MediaError(f"{path.name}: {error}") from error
        if isinstance(answer, MediaError):
            raise answer
        return answer
