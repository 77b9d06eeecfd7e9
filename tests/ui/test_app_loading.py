"""Loading a checkpoint: nobody else waits for it, an estimate never begins it, strangers have a limit."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ui_helpers import Listener

from sslviz.ui import text
from sslviz.ui.localizers import Shelf, is_here
from sslviz.ui.settings import MEGABYTE, Deployment, deployment_from
from sslviz.ui.upload import VideoPage
from sslviz.ui.work import open_desk

PATIENCE = 60


class Library:
    """Checkpoints of which those called slow take until they are let go."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.begun, self.let_go = threading.Event(), threading.Event()

    def load(self, name: str, device: str) -> Listener:
        self.asked.append((name, device))
        if "slow" in name:
            self.begun.set()
            assert self.let_go.wait(PATIENCE)
        return Listener(name)


def test_others_do_not_wait_while_one_loads_and_one_is_loaded_once():
    library = Library()
    shelf = Shelf(load=library.load)
    with ThreadPoolExecutor(4) as threads:
        slow = [threads.submit(shelf.plain, "slow") for _ in range(2)]
        assert library.begun.wait(PATIENCE)
        quick = threads.submit(shelf.plain, "quick")
        try:
            assert quick.result(PATIENCE / 4).name == "quick"
            assert not shelf.is_loaded("slow")
        finally:
            library.let_go.set()
        assert slow[0].result(PATIENCE) is slow[1].result(PATIENCE)
    assert sorted(library.asked) == [("quick", "auto"), ("slow", "auto")]


def test_a_load_that_failed_is_tried_again_and_old_ones_make_room():
    failures = iter([OSError("no network")])

    def load(name: str, device: str) -> Listener:
        for failure in failures:
            raise failure
        return Listener(name)

    shelf = Shelf(size=2, load=load)
    with pytest.raises(OSError, match="no network"):
        shelf.plain("a")
    for name in ("a", "b", "a", "c"):
        shelf.plain(name)
    assert [shelf.is_loaded(name) for name in ("a", "b", "c")] == [True, False, True]


@pytest.mark.parametrize("name", ["acl", "hf:someone/large"])
def test_an_estimate_fetches_nothing(tmp_path, monkeypatch, clips, name):
    monkeypatch.setenv("SSLVIZ_CACHE", str(tmp_path / "cache"))
    library = Library()
    desk = open_desk(Deployment(folder=tmp_path / "store"), Shelf(load=library.load))
    upload = desk.store.new_upload("spot.mp4")
    upload.path.write_bytes(clips.spot.read_bytes())
    page = VideoPage(desk)
    asked = json.dumps({"clip": upload.token, "start": 0, "end": None})
    told = page.on_estimate(asked, name, 5, "auto")
    assert text.ESTIMATE_ABSENT.format(checkpoint=name) in told
    assert library.asked == []
    desk.shelf.plain(name)
    assert "on this machine." in page.on_estimate(asked, name, 5, "auto")


def test_what_is_bundled_is_here():
    assert is_here("marginnce-compact")
    assert not is_here("hf:someone/large")


def test_an_estimate_names_no_folder_of_this_machine(tmp_path):
    desk = open_desk(Deployment(folder=tmp_path / "store"), Shelf(load=Library().load))
    upload = desk.store.new_upload("spot.mp4")
    upload.path.write_text("this is no video")
    asked = json.dumps({"clip": upload.token, "start": 0, "end": None})
    told = VideoPage(desk).on_estimate(asked, "marginnce-compact", 5, "auto")
    assert "sv-warn" in told
    assert str(tmp_path) not in told


def test_a_public_app_limits_what_visitors_have_fetched(tmp_path):
    assert deployment_from({}).max_checkpoint_bytes is None
    public = deployment_from({"SSLVIZ_PUBLIC": "1", "SSLVIZ_FOLDER": str(tmp_path)})
    assert public.max_checkpoint_bytes == 512 * MEGABYTE
    shelf = Shelf()
    open_desk(public, shelf)
    assert shelf.max_hub_bytes == 512 * MEGABYTE
