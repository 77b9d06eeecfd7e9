"""The app on the open internet: what strangers send, ask for and leave behind."""

import json
import time
import urllib.request
import uuid
from pathlib import Path

import pytest

from tests.engine.clips import ffmpeg, frame_times, moving_spot
from tests.hostile.forge import CHEAP, forge
from tests.hostile.measure_load import crowd
from tests.hostile.pressing import press, run_values
from tests.hostile.running_app import ROOT, Answer, RunningApp, descendants, running_app

pytestmark = pytest.mark.slow
PATIENCE = 60.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return moving_spot(tmp_path_factory.mktemp("clips") / "spot.mp4", seconds=1)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with running_app(folder, pace=0.1, public=True, queue_size=3, max_bytes=2**21) as app:
        yield app


def repeated(clip: Path, times: int) -> Path:
    path = clip.with_name(f"{times}_times.mp4")
    ffmpeg("-stream_loop", times - 1, "-i", clip, "-c", "copy", path)
    return path


def words_of(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")


def assert_tells_nothing(app: RunningApp, words: str) -> None:
    """No place of this machine, no trace."""
    for secret in (str(app.folder), str(ROOT), "Traceback", "site-packages", "root:x:"):
        assert secret not in words


def test_forged_uploads_are_refused_in_words_or_taken_and_nothing_else_is_read(app, canary, clip):
    files = forge(canary.folder.parent / "sent", canary, CHEAP)
    for number, file in enumerate(files[::9]):
        kind = ("video", "video", "sound", "image")[number % 4]
        answer = app.upload(file.path.read_bytes()[: 2**21 - 1], file.path.name, kind)
        assert answer.status in (200, 422), (file.label, kind, answer)
        assert answer.status == 422 or file.group not in ("playlist", "no media")
        assert_tells_nothing(app, words_of(answer))
        assert canary.word not in words_of(answer)
    assert (canary.read(), canary.calls) == ([], 0)
    assert app.upload(clip.read_bytes()).status == 200
    ours = [path for path in app.store.glob("*/*") if not path.parent.name.startswith("example-")]
    assert all(path.stem in ("source", "upload") for path in ours), "no name of a stranger's"


def test_what_one_visitor_has_another_cannot_guess(app, clip):
    token = app.upload(clip.read_bytes()).json()["token"]
    again = app.upload(clip.read_bytes()).json()["token"]
    assert token != again, "the same file twice is two uploads"
    assert len(token) == 24
    near = token[:-1] + ("A" if token[-1] != "A" else "B")
    guesses = (f"u/{near}/source", f"u/{token.lower()}x/source", f"r/{token}/overlay.mp4", "u//source",
               f"u/{token}/../{again}/upload.json", "r/example-dog/../upload.json")  # fmt: skip
    for guess in guesses:
        answer = app.ask(f"sslviz/{guess}")
        assert answer.status in (403, 404), guess
        assert_tells_nothing(app, words_of(answer))


def test_gradios_own_address_for_files_hands_out_nothing_that_is_not_named_exactly(app, clip):
    token = app.upload(clip.read_bytes()).json()["token"]
    places = (
        "/etc/passwd", f"{ROOT}/app.py", f"{ROOT}/sslviz/cli.py", str(app.store), f"{app.store}/",
        f"{app.store}/{token}", f"{app.store}/../app.log", f"{app.store}/{token}/../../app.log",
        str(app.log), "file:///etc/passwd", "//etc/passwd", "app.py",
    )  # fmt: skip
    for place in places:
        answer = app.ask(f"gradio_api/file={urllib.request.quote(place)}")
        assert answer.status in (403, 404), place
        assert b"root:x:" not in answer.body


def test_a_program_cannot_make_the_app_read_files_or_call_addresses(app, canary):
    canary.arm()
    for place in [*canary.places(), str(app.log), "app.py"]:
        for value in ({"path": place, "meta": {"_type": "gradio.FileData"}}, place):
            session = uuid.uuid4().hex
            answer = app.join("localize_video", value, "x", 5, "{}", session=session)
            told = words_of(answer)
            if answer.status == 200:
                told += "".join(json.dumps(event) for event in app.events(session))
                assert '"success": true' not in told
            assert_tells_nothing(app, told)
            assert canary.word not in told
    assert (canary.read(), canary.calls) == ([], 0)


def test_the_page_and_its_settings_tell_no_place_of_this_machine(app):
    for path in ("", "config", "gradio_api/info", "theme.css", "manifest.json"):
        answer = app.ask(path)
        assert answer.status == 200
        assert str(app.folder) not in words_of(answer)
        assert str(ROOT) not in words_of(answer)


def test_a_body_beyond_the_limit_is_cut_off_on_both_addresses(app):
    large = bytes(2**21 + 2**20)
    answer = app.upload(large)
    assert answer.status == 413
    assert "2 MB" in answer.json()["error"]
    assert to_gradio(app, large).status == 413
    assert app.upload(b"x" * 10).status == 422, "and the app goes on"


def to_gradio(app: RunningApp, data: bytes, name: str = "a.mp4") -> Answer:
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + b"\r\n--b--\r\n"
    return app.ask("gradio_api/upload", body, **{"Content-Type": "multipart/form-data; boundary=b"})


def test_a_crowd_is_served_in_part_and_refused_soon_with_a_sentence(app, clip):
    seen = crowd(app, clip, 8)
    assert not seen.other
    assert len(seen.served) >= 4
    assert seen.refused
    assert seen.slowest_refusal < 10
    assert all("Queue is full" in refused.message for refused in seen.refused)
    assert seen.memory.peak_mb - seen.memory.before_mb < 600


def test_a_visitor_who_leaves_stops_the_work(app, clip):
    long = repeated(clip, 30)
    token = app.upload(long.read_bytes()).json()["token"]
    session = uuid.uuid4().hex
    assert app.join("on_run", *run_values(token), session=session).status == 200
    events = app.events(session)
    for event in events:
        if event["msg"] == "process_generating" and any(app.store.glob("*/*.part")):
            break
    results = set(app.store.glob("*/result.json"))
    events.close()  # the page is gone
    deadline = time.monotonic() + PATIENCE
    while (any(app.store.glob("*/*.part")) or descendants(app.process.pid)) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert not list(app.store.glob("*/*.part"))
    assert set(app.store.glob("*/result.json")) == results, "it went on to the end"
    assert not descendants(app.process.pid), "no child works on"
    assert press(app, app.upload(clip.read_bytes()).json()["token"]).state == "done"


def test_files_go_after_their_time_ours_and_gradios(tmp_path, clip):
    with running_app(tmp_path / "served", keep_seconds=6.0) as app:
        app.upload(clip.read_bytes())
        assert to_gradio(app, clip.read_bytes()).status == 200

        def kept() -> list[Path]:
            ours = [p for p in app.store.iterdir() if not p.name.startswith("example-")]
            return [*ours, *app.uploads_of_gradio.rglob("a.mp4")]

        assert kept()
        deadline = time.monotonic() + PATIENCE
        while kept() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert kept() == []
        assert app.ask("sslviz/r/example-dog/overlay.mp4").status == 200


def test_an_app_that_is_asked_to_end_leaves_whole_results(tmp_path, clip):
    with running_app(tmp_path / "served", pace=0.2) as app:
        token, session = (
            app.upload(repeated(clip, 6).read_bytes()).json()["token"],
            uuid.uuid4().hex,
        )
        app.join("on_run", *run_values(token), session=session)
        last: dict = {}
        ended = False
        for event in app.events(session):
            data = (event.get("output") or {}).get("data") or [None]
            if isinstance(data[0], str) and data[0].startswith("{"):
                last = json.loads(data[0])
            if (
                not ended
                and event["msg"] == "process_generating"
                and any(app.store.glob("*/*.part"))
            ):
                app.process.terminate()
                ended = True
        assert app.process.wait(2 * PATIENCE) == 143
        assert last["state"] == "done"
        result = app.store / last["token"]
        assert json.loads((result / "result.json").read_text())["partial"]
        assert 0 < len(frame_times(result / "overlay.mp4")) < 150
        assert not list(app.store.rglob("*.part"))
        assert "Traceback" not in app.log.read_text()
