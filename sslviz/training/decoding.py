"""One decoding child per loader worker: training reads a stranger's files as everything else does."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import MediaError
from sslviz.media.audio import decode_sound
from sslviz.media.child import Link
from sslviz.media.image import decode_image
from sslviz.media.sandbox import DEFAULT_LIMITS, Sandbox
from sslviz.options import MediaLimits


def serve(link: Link, limits: MediaLimits) -> None:
    """Answer until the parent hangs up; a file that cannot be read is an answer, too."""
    while True:
        path, rate = link.receive()
        try:
            if rate is None:
                link.send(decode_image(link, path, limits))
            else:
                link.send(decode_sound(link, path, rate, limits))
        except MediaError as error:
            link.send(error)


class FileReader:
    """Pictures and sounds through a child that is started on first use, and again after a crash."""

    def __init__(self, limits: MediaLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._child: Sandbox | None = None

    def picture(self, path: Path) -> NDArray[np.uint8]:
        """RGB (H, W, 3).

        Raises:
            MediaError: The file cannot be read.
        """
        return np.asarray(self._ask(path, None), np.uint8)

    def sound(self, path: Path, sample_rate: int) -> NDArray[np.float32]:
        """The whole file as mono samples (n,).

        Raises:
            MediaError: The file cannot be read.
        """
        return np.asarray(self._ask(path, sample_rate), np.float32)

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process starts its own child."""
        return {"_limits": self._limits, "_child": None}

    def _ask(self, path: Path, rate: int | None) -> Any:
        if self._child is None:
            self._child = Sandbox(serve, self._limits, limits=self._limits)
        try:
            self._child.send((path, rate))
            answer = self._child.receive()
        except (MediaError, EOFError) as error:
            self.close()
            raise MediaError(f"{path.name}: {error}") from error
        if isinstance(answer, MediaError):
            raise answer
        return answer
