"""The real app in a process of its own, asked over HTTP as any stranger may.

Run by itself it is that process: ``python -m tests.hostile.running_app PORT FOLDER SETTINGS``.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).parents[2]
START_SECONDS = 240.0


@dataclass(frozen=True)
class Answer:
    """Of one request."""

    status: int
    body: bytes
    seconds: float

    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class RunningApp:
    """An app that answers."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def uploads_of_gradio(self) -> Path:
        return self.folder / "gradio"

    def ask(self, path: str, data: bytes | None = None, **headers: str) -> Answer:
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        begin = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=240) as answer:
                return Answer(answer.status, answer.read(), time.monotonic() - begin)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), time.monotonic() - begin)

    def upload(self, data: bytes, name: str = "clip.mp4", kind: str = "video") -> Answer:
        headers = {"X-Sslviz-Name": quote(name), "Content-Type": "application/octet-stream"}
        return self.ask(f"sslviz/upload?kind={kind}", data, **headers)

    def join(self, endpoint: str, *values: Any, session: str) -> Answer:
        """Queue one press of a button."""
        body = {"data": list(values), "fn_index": self.index_of(endpoint), "session_hash": session}
        return self.ask(
            "gradio_api/queue/join",
            json.dumps(body).encode(),
            **{"Content-Type": "application/json"},
        )

    def index_of(self, endpoint: str) -> int:
        """Number of a named endpoint, or of a private one by the name of its handler."""
        config = self.ask("config").json()
        return next(d["id"] for d in config["dependencies"] if d["api_name"] == endpoint)

    def events(self, session: str) -> Iterator[dict[str, Any]]:
        """What the queue says to a session, until it closes the stream."""
        address = f"{self.url}gradio_api/queue/data?session_hash={session}"
        with urllib.request.urlopen(address, timeout=240) as lines:
            for line in lines:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    yield event
                    if event["msg"] in ("close_stream", "server_stopped"):
                        return

    def own_mb(self) -> float:
        """Of the app alone: children come and go."""
        return own_mb(self.process.pid)

    def memory_mb(self) -> float:
        """Of the app and its children now: memory of their own, swapped out or not."""
        return sum(own_mb(pid) for pid in (self.process.pid, *descendants(self.process.pid)))

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60.0) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


def own_mb(pid: int) -> float:
    """Memory of a process's own making, swapped out or not: pages of files come and go with other work."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    return (int(sizes.get("RssAnon", 0)) + int(sizes.get("VmSwap", 0))) / 1024


def descendants(pid: int) -> list[int]:
    """Children and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_app(folder: Path, pace: float = 0.0, **settings: Any) -> Iterator[RunningApp]:
    """Start the app; ``settings`` are those of a ``Deployment``, ``pace`` seconds per window."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "app.log"
    words = json.dumps(settings | {"pace": pace})
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.running_app", str(port), str(folder), words],
            cwd=ROOT, stdout=out, stderr=out,
            env=os.environ | {"GRADIO_TEMP_DIR": str(folder / "gradio")},
        )  # fmt: skip
    app = RunningApp(f"http://127.0.0.1:{port}/", process, folder, log)
    try:
        _wait_for(app)
        yield app
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(app: RunningApp) -> None:
    deadline = time.monotonic() + START_SECONDS
    while app.process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(app.url + "config", timeout=5).read()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the app did not start: {app.log.read_text()[-2000:]}")


def main() -> int:
    """Serve, as ``sslviz app`` does, with a localizer that needs no weights."""
    from sslviz import cli
    from sslviz.ui import localizers, server, settings
    from tests.hostile.rendering import Paced

    port, folder, words = int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    pace = words.pop("pace")
    shelf = localizers.Shelf(load=lambda name, device: Paced(pace))
    deployment = settings.Deployment(folder=folder / "store", **words)
    options = server.ServerOptions(port=port, open_browser=False)
    try:
        with cli.ending_on_request():
            server.launch(options, deployment=deployment, shelf=shelf)
    except KeyboardInterrupt:
        return 143
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
