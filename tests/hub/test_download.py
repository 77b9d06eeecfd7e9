"""What comes from a Hub server, in every case that a server and a network can produce."""

import hashlib
import logging
import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import Hub

from sslviz.catalog import DEFAULT_CHECKPOINT, HubFile
from sslviz.checkpoints import find_folder
from sslviz.checkpoints.download import ask, at_most, download
from sslviz.checkpoints.hub import fetch_file
from sslviz.errors import CheckpointError, HubError
from sslviz.ui.localizers import Shelf

DATA = os.urandom(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
FILE = HubFile("weights", "someone/weights", "model.bin", sha256=SHA256, size_bytes=len(DATA))


@pytest.fixture
def filled(hub: Hub) -> Hub:
    hub.add("model:someone/weights", {"model.bin": DATA})
    return hub


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_file_is_asked_for_once_and_downloaded_once(filled: Hub) -> None:
    path = fetch_file(FILE)
    assert path.read_bytes() == DATA
    assert [request.method for request in filled.log] == ["HEAD", "GET"]


def test_a_second_call_downloads_nothing(filled: Hub) -> None:
    first = fetch_file(FILE)
    filled.log.clear()
    assert fetch_file(FILE) == first
    assert [request.method for request in filled.log] == ["HEAD"]


def test_a_cached_commit_costs_no_request_at_all(filled: Hub) -> None:
    commit = filled.repositories["model:someone/weights"].commit
    pinned = HubFile("weights", "someone/weights", "model.bin", revision=commit, sha256=SHA256)
    first = fetch_file(pinned)
    filled.log.clear()
    assert fetch_file(pinned) == first
    assert not filled.log


def test_a_file_inside_a_space_is_found_by_its_repository_type(hub: Hub) -> None:
    hub.add("space:someone/demo", {"pretrain/model.bin": DATA})
    file = HubFile("weights", "someone/demo", "pretrain/model.bin", "space", sha256=SHA256)
    assert fetch_file(file).read_bytes() == DATA
    assert hub.log[0].path.startswith("/spaces/someone/demo/resolve/main/")


def test_progress_reaches_the_size_of_the_file(filled: Hub) -> None:
    seen: list[tuple[str, int, int]] = []
    fetch_file(FILE, lambda *step: seen.append(step))
    assert seen[-1] == ("model.bin", len(DATA), len(DATA))


def test_a_download_that_breaks_off_once_goes_on_where_it_broke(filled: Hub) -> None:
    filled.mode = "cut once"
    assert fetch_file(FILE).read_bytes() == DATA
    ranges = [request.range for request in filled.requests("GET")]
    assert ranges == [None, f"bytes={len(DATA) // 2}-"]


def test_a_download_that_keeps_breaking_off_is_resumed_by_the_next_run(filled: Hub) -> None:
    filled.mode = "cut"
    with pytest.raises(HubError, match=r"keeps breaking off after 150000 of 300000 .* goes on"):
        fetch_file(FILE)
    filled.mode = "ok"
    filled.log.clear()
    assert fetch_file(FILE).read_bytes() == DATA
    assert filled.requests("GET")[0].range == f"bytes={len(DATA) // 2}-"


def test_wrong_bytes_of_the_right_length_are_refused_and_deleted(filled: Hub, cache: Path) -> None:
    filled.mode = "wrong bytes"
    with pytest.raises(HubError, match=r"damaged or was exchanged.*it was deleted"):
        fetch_file(FILE)
    assert not [p for p in cache.rglob("model.bin*") if p.is_file()]
    filled.mode = "ok"
    assert fetch_file(FILE).read_bytes() == DATA


def test_a_file_that_is_not_what_the_catalog_names_falls_to_the_next_mirror(hub: Hub) -> None:
    hub.add("model:first/weights", {"model.bin": b"something else"})
    hub.add("model:second/weights", {"model.bin": DATA})
    second = HubFile("weights", "second/weights", "model.bin", sha256=SHA256)
    first = HubFile("weights", "first/weights", "model.bin", sha256=SHA256, mirrors=(second,))
    assert fetch_file(first).read_bytes() == DATA


def test_where_no_mirror_helps_every_reason_is_told(hub: Hub) -> None:
    second = HubFile("weights", "second/weights", "model.bin")
    first = HubFile("weights", "first/weights", "model.bin", mirrors=(second,))
    with pytest.raises(HubError, match=r"None of the 2 places .*first/weights.*second/weights"):
        fetch_file(first)


def test_a_hash_that_nobody_published_is_said_loudly_and_held_to_ever_after(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.add("model:someone/weights", {"model.bin": DATA})
    unknown = HubFile("weights", "someone/weights", "model.bin")
    with caplog.at_level(logging.WARNING):
        fetch_file(unknown)
    assert "UNVERIFIED" in caplog.text
    assert SHA256 in caplog.text
    caplog.clear()
    fetch_file(unknown)
    assert not caplog.text
    hub.add("model:someone/weights", {"model.bin": b"exchanged"})
    with pytest.raises(HubError, match="is not what it was"):
        fetch_file(unknown)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            HubFile("w", "nobody/nothing", "model.bin"),
            "no model repository nobody/nothing .* HF_TOKEN",
        ),
        (HubFile("w", "someone/weights", "absent.bin"), "has no file absent.bin at main"),
        (HubFile("w", "someone/weights", "model.bin", revision="v9"), "has no revision v9"),
        (HubFile("w", "not a name", "model.bin"), "no name of a repository; write USER/NAME"),
    ],
)
def test_what_is_not_there_is_one_readable_sentence(
    filled: Hub, file: HubFile, message: str
) -> None:
    with pytest.raises(HubError, match=message):
        fetch_file(file)


def test_a_gated_repository_says_how_to_get_in(filled: Hub) -> None:
    filled.mode = "gated"
    with pytest.raises(HubError, match=r"gated: accept its terms at .*HF_TOKEN"):
        fetch_file(FILE)


def test_offline_mode_uses_the_cache_and_asks_nobody(
    filled: Hub, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    path = fetch_file(FILE)
    filled.log.clear()
    request.getfixturevalue("offline")
    assert fetch_file(FILE) == path
    assert not filled.log


def test_offline_mode_without_a_cache_says_so(filled: Hub, offline: None) -> None:
    with pytest.raises(HubError, match=r"Offline mode is on .HF_HUB_OFFLINE. and model\.bin"):
        fetch_file(FILE)
    assert not filled.log


@pytest.mark.parametrize("trouble", ["error", "closed port"])
def test_a_dead_hub_costs_a_short_wait_and_one_sentence(
    filled: Hub, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.mode = trouble
    if trouble == "closed port":
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    start = time.monotonic()
    with pytest.raises(HubError, match="The bundled checkpoints need no network"):
        fetch_file(FILE)
    assert time.monotonic() - start < 3


@pytest.mark.slow
def test_a_hub_that_hangs_costs_no_more_than_its_deadline(filled: Hub) -> None:
    filled.mode = "hang"
    start = time.monotonic()
    with pytest.raises(HubError, match="cannot be reached"):
        fetch_file(FILE)
    assert time.monotonic() - start < 8


@pytest.mark.parametrize("trouble", ["error", "closed port"])
def test_a_dead_hub_does_not_take_away_what_is_cached(
    filled: Hub, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fetch_file(FILE)
    filled.mode = trouble
    if trouble == "closed port":
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    assert fetch_file(FILE) == path


def test_a_server_that_is_no_hub_is_called_that(filled: Hub) -> None:
    filled.mode = "no commit"
    with pytest.raises(HubError, match="does not answer like a Hub"):
        fetch_file(FILE)


def test_the_token_opens_a_private_repository(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("model:someone/weights", {"model.bin": DATA}, private=True)
    with pytest.raises(HubError, match="or it is private"):
        fetch_file(FILE)
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    assert fetch_file(FILE).read_bytes() == DATA
    assert hub.requests("GET")[-1].token == hub.write_token


def test_the_token_is_never_sent_to_the_host_that_stores_the_bytes(
    filled: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    filled.mode = "redirect"
    assert fetch_file(FILE).read_bytes() == DATA
    elsewhere = [request for request in filled.log if request.host == "localhost"]
    assert elsewhere
    assert all(request.token is None for request in elsewhere)
    assert filled.log[0].token == "hf_secret"


def test_what_another_hub_client_has_cached_is_used(filled: Hub, offline: None) -> None:
    import huggingface_hub.constants

    commit = "c" * 40
    root = Path(huggingface_hub.constants.HF_HUB_CACHE) / "models--someone--weights"
    (root / "snapshots" / commit).mkdir(parents=True)
    (root / "snapshots" / commit / "model.bin").write_bytes(DATA)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit)
    assert fetch_file(FILE).read_bytes() == DATA


@pytest.mark.parametrize("honest", [True, False])
def test_what_is_too_large_for_visitors_is_refused_and_not_kept(
    filled: Hub, cache: Path, honest: bool
) -> None:
    """A server that does not say how large a file is cannot send more than the limit either."""
    offer = replace(ask(FILE), size_bytes=len(DATA) if honest else 0)
    with pytest.raises(CheckpointError, match=r"model\.bin has .*up to 0 MB are fetched here"):
        download(FILE, offer, at_most(100_000))
    assert not [path for path in cache.rglob("model.bin*") if path.is_file()]
    assert len(filled.requests("GET")) == (0 if honest else 1)
    assert download(FILE, offer, at_most(len(DATA))).read_bytes() == DATA


def test_the_limit_of_a_shelf_holds_for_repositories_that_visitors_name(hub: Hub) -> None:
    folder = find_folder(DEFAULT_CHECKPOINT)
    assert folder is not None
    names = ("config.json", "model.safetensors")
    hub.add("model:someone/mine", {name: (folder / name).read_bytes() for name in names})
    shelf = Shelf()
    shelf.max_hub_bytes = 50_000
    with pytest.raises(CheckpointError, match=r"model\.safetensors has .* MB"):
        shelf.plain("hf:someone/mine", "cpu")
    shelf.max_hub_bytes = (folder / "model.safetensors").stat().st_size
    assert shelf.plain("hf:someone/mine", "cpu").identity.trained
