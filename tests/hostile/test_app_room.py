"""A disk that fills up under the app: uploads are refused, runs end in a sentence, nothing half is kept."""

import asyncio
import threading
from pathlib import Path

import anyio
import pytest

from sslviz.errors import CheckpointError, MediaError, OutputError
from sslviz.ui import text, work
from sslviz.ui.localizers import Shelf
from sslviz.ui.room import RoomKeeper
from sslviz.ui.settings import Deployment
from sslviz.ui.store import SPARE_BYTES, Store
from sslviz.ui.upload_routes import LOOKS_AT_ONCE, LOOKS_WAITING, UploadRoutes
from sslviz.ui.web import CrowdedError
from sslviz.ui.work import RunRequest, open_desk
from tests.engine.clips import ffmpeg
from tests.hostile.rendering import Paced
from tests.hostile.small_disk import tmpfs


def ask(keeper: RoomKeeper, path: str, size: int, method: str = "POST") -> int:
    """Status of a request that says how large it is."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"",
        "headers": [(b"content-length", str(size).encode())],
    }  # fmt: skip
    asyncio.run(keeper(scope, None, send))
    return sent[0]["status"]


async def taken(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})


def test_uploads_are_refused_before_the_disk_is_full(tmp_path):
    with tmpfs(tmp_path / "disk", f"size={SPARE_BYTES + 2**20}") as disk:
        keeper = RoomKeeper(taken, Store(disk / "store", 3600, 2**40))
        for path in ("/sslviz/upload", "/gradio_api/upload"):
            assert ask(keeper, path, 2**19) == 200
            assert ask(keeper, path, 2**21) == 507
        assert ask(keeper, "/sslviz/r/x/overlay.mp4", 2**40, "GET") == 200


def test_a_run_on_a_full_disk_is_a_sentence_without_a_place_and_leaves_nothing(tmp_path):
    clip = tmp_path / "noisy.mp4"
    ffmpeg("-f", "lavfi", "-i", "nullsrc=s=320x240:r=25:d=2,noise=alls=100:allf=t",
           "-f", "lavfi", "-i", "sine=d=2", "-c:v", "libx264", "-preset", "ultrafast", clip)  # fmt: skip
    with tmpfs(tmp_path / "disk", "size=16m") as disk:
        desk = open_desk(
            Deployment(folder=disk / "store"), Shelf(load=lambda name, device: Paced())
        )
        upload = desk.store.new_upload("noisy.mp4")
        upload.path.write_bytes(clip.read_bytes())
        free = 300_000
        room = disk / "ballast"
        with room.open("wb") as ballast:
            ballast.write(bytes(max(0, _free(disk) - free)))
        *_, last = work.run(desk, RunRequest(upload.token, "marginnce-compact"))
        assert last == {"state": "error", "message": text.NO_ROOM_ON_DISK}
        assert [folder.name for folder in desk.store.root.iterdir()] == [upload.token]
        assert not list(disk.rglob("*.part"))


def _free(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OutputError("/srv/app/store/AbC/track.npz cannot be written: x."), text.NO_ROOM_ON_DISK),
        (CheckpointError("/root/.cache/hub/models--a/config.json is damaged: KeyError."),
         "config.json is damaged: KeyError."),
        (MediaError("'clip.mp4' has 3/4 of it; see https://example.org/a/b."),
         "'clip.mp4' has 3/4 of it; see https://example.org/a/b."),
        (MediaError("hf:someone/mine is not there."), "hf:someone/mine is not there."),
        (ValueError("/etc/secret"), text.INTERNAL),
        (MemoryError("/etc/secret"), text.NO_MEMORY),
    ],
)  # fmt: skip
def test_no_sentence_tells_a_place_of_this_machine(error, told):
    assert work.sentence(error) == told


def test_an_app_that_ends_begins_no_run(tmp_path):
    desk = open_desk(Deployment(folder=tmp_path), Shelf(load=lambda name, device: Paced()))
    assert desk.finish(0.0)
    *_, last = work.run(desk, RunRequest("whatever", "marginnce-compact"))
    assert last == {"state": "error", "message": text.CLOSING}


def test_files_are_looked_at_a_few_at_a_time_and_a_crowd_is_told_so(tmp_path):
    routes = UploadRoutes(open_desk(Deployment(folder=tmp_path)))
    gate, at_work, most = threading.Event(), [], []

    def look() -> None:
        at_work.append(1)
        most.append(len(at_work))
        gate.wait(60)
        at_work.pop()

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(LOOKS_AT_ONCE + LOOKS_WAITING):
                group.start_soon(routes._look, look)
            await anyio.sleep(0.2)
            with pytest.raises(CrowdedError, match="Try again in a minute"):
                await routes._look(look)
            gate.set()

    anyio.run(crowd)
    assert len(most) == LOOKS_AT_ONCE + LOOKS_WAITING
    assert max(most) <= LOOKS_AT_ONCE
