"""Files that must never be read and a server that must never be called."""

import os
import secrets
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sslviz.media.closing import Closing
from tests.media.clips import ffmpeg

_LONG_AGO = 1_000_000
MAGENTA = (255, 0, 255)
"""Every picture of a canary clip; no other forged clip holds it."""


@dataclass
class Canary(Closing):
    """A folder of secrets and a loopback address; a context manager that listens."""

    folder: Path
    word: str = field(default_factory=lambda: "CANARY" + secrets.token_hex(8))
    """Stands in the secret text; must turn up nowhere."""
    calls: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.clip, self.words = self.folder / "canary.ts", self.folder / "secret.txt"
        ffmpeg("-f", "lavfi", "-i", "color=0xff00ff:s=64x64:r=25:d=1", "-c:v", "libx264",
               "-preset", "ultrafast", self.clip)  # fmt: skip
        self.words.write_text(f"{self.word}\n" * 20)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self.arm()

    @property
    def files(self) -> tuple[Path, Path]:
        """What must not be read."""
        return self.clip, self.words

    def arm(self) -> None:
        """Set the time of last access back, so that one access shows."""
        for path in self.files:
            os.utime(path, (_LONG_AGO, _LONG_AGO))

    def read(self) -> list[str]:
        """Names of canary files that somebody has read since they were armed."""
        return [path.name for path in self.files if path.stat().st_atime != _LONG_AGO]

    def places(self) -> list[str]:
        """The forbidden places, as files and addresses."""
        port = self._server.getsockname()[1]
        return [
            str(self.clip), f"file://{self.clip}", f"http://127.0.0.1:{port}/canary.ts",
            str(self.words), f"../canary/{self.clip.name}", f"rtmp://127.0.0.1:{port}/live",
            f"tcp://127.0.0.1:{port}", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data",
        ]  # fmt: skip

    def call(self) -> None:
        """Call the server oneself: to show that a call is noticed."""
        with socket.create_connection(self._server.getsockname(), timeout=10) as line:
            line.recv(1)

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:  # closed
                return
            self.calls += 1
            line.close()

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._listener.join(10)
