import json
import time

import pytest

from sslviz.ui.store import ForgottenError, Result, Store, safe_name


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", keep_seconds=100, max_bytes=10_000)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("clip.mp4", "clip.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\dir\\my clip (2).MOV", "my clip (2).MOV"),
        ("..", "clip"),
        ("a\nb;$(x)|.mp4", "a_b_(x)_.mp4"),
        ("-i.mp4", "i.mp4"),
    ],
)
def test_names_keep_what_a_person_recognises_and_nothing_else(given, kept):
    assert safe_name(given) == kept


def test_tokens_are_long_and_never_repeat(store):
    tokens = {store.new_folder()[0] for _ in range(200)}
    assert len(tokens) == 200
    assert min(map(len, tokens)) >= 24


@pytest.mark.parametrize(
    "token", ["../../etc", "..", "", "a/b", "short", "x" * 24, "%2e%2e%2fstore"]
)
def test_a_token_that_was_never_given_opens_nothing(store, token):
    with pytest.raises(ForgottenError):
        store.folder(token)


def test_an_upload_is_found_again_under_the_visitors_name(store):
    upload = store.new_upload("../Böse Datei.MP4")
    upload.path.write_bytes(b"x")
    again = store.upload(upload.token)
    assert (again.name, again.path) == ("Böse Datei.MP4", upload.path)
    assert upload.path.name == "source.mp4"


def test_a_result_reloads_as_it_was_saved(store):
    token, folder = store.new_folder()
    saved = Result(token, folder, "clip.mp4", "source.mp4", True, ("w",), {"opacity": 0.5}, {}, "c")
    store.save(saved)
    assert store.result(token) == saved
    assert store.upload(token).path == folder / "source.mp4"


def test_what_is_too_old_goes_and_what_is_new_stays(store):
    old, new = store.new_upload("a.mp4"), store.new_upload("b.mp4")
    later = time.time() + 101
    new.path.write_bytes(b"x")
    import os

    os.utime(new.path, (later, later))
    assert store.sweep(now=later) == 1
    assert store.upload(new.token)
    with pytest.raises(ForgottenError, match="Drop it again"):
        store.upload(old.token)


def test_a_run_that_began_now_on_an_old_upload_stays(store):
    import os

    upload = store.new_upload("a.mp4")
    upload.path.write_bytes(b"x")
    long_ago = time.time() - 1000
    os.utime(upload.path, (long_ago, long_ago))
    _, folder = store.new_folder()
    os.link(upload.path, folder / "source.mp4")
    os.utime(upload.path.parent / "upload.json", (long_ago, long_ago))
    os.utime(upload.path.parent, (long_ago, long_ago))
    assert store.sweep() == 1
    assert (folder / "source.mp4").exists()


def test_beyond_the_size_the_oldest_go_first(store):
    import os

    uploads = [store.new_upload(f"{i}.mp4") for i in range(4)]
    for age, upload in enumerate(uploads):
        upload.path.write_bytes(b"x" * 4000)
        for path in upload.path.parent.iterdir():
            os.utime(path, (time.time() - 50 + age, time.time() - 50 + age))
    assert store.sweep() == 2
    assert [u.path.exists() for u in uploads] == [False, False, True, True]


def test_a_file_in_several_folders_counts_once(store):
    """A restyled result links the source of the first one: the disk holds it once."""
    import os

    upload = store.new_upload("a.mp4")
    upload.path.write_bytes(b"x" * 4000)
    folders = [store.new_folder()[1] for _ in range(3)]
    for age, folder in enumerate(folders):
        os.link(upload.path, folder / "source.mp4")
        (folder / "overlay.mp4").write_bytes(b"x" * 1000)
        for path in (folder / "overlay.mp4", folder):
            os.utime(path, (time.time() + age, time.time() + age))
    assert store.sweep() == 0  # 7000 of 10,000 bytes; each for itself they would be 19,000
    (folders[2] / "more").write_bytes(b"x" * 3500)
    # Two old folders go before the disk has room: what they share frees nothing.
    assert store.sweep() == 2
    assert [folder.exists() for folder in folders] == [False, True, True]
    assert not upload.path.exists()


def test_examples_are_never_swept_nor_discarded(store, tmp_path):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "result.json").write_text(
        json.dumps({"name": "a", "source": "a.mp4", "warnings": []})
    )
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"x")
    store.adopt("example-a", shipped, clip)
    store.discard("example-a")
    assert store.sweep(now=time.time() + 1e6) == 0
    assert store.result("example-a").name == "a"
    assert store.upload("example-a").path.read_bytes() == b"x"
    assert store.adopted() == ["example-a"]


def test_a_damaged_result_is_told_as_forgotten(store):
    token, folder = store.new_folder()
    (folder / "result.json").write_text("{")
    with pytest.raises(ForgottenError, match="no result"):
        store.result(token)
