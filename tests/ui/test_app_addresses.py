"""The app's own addresses, asked over HTTP as any stranger may."""

import json
import urllib.error
import urllib.request

import pytest


def ask(url, data=None, **headers):
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def upload(server, path, kind="video"):
    headers = {"X-Sslviz-Name": path.name, "Content-Type": "application/octet-stream"}
    return ask(f"{server}sslviz/upload?kind={kind}", path.read_bytes(), **headers)


def test_an_upload_without_our_header_is_refused(server):
    status, _, _ = ask(f"{server}sslviz/upload?kind=video", b"x")
    assert status == 403


def test_an_upload_comes_back_whole_and_in_parts(server, clips):
    status, body, _ = upload(server, clips.spot)
    told = json.loads(body)
    assert status == 200
    assert (told["has_audio"], told["duration"]) == (True, pytest.approx(3, abs=0.1))
    _, data, _ = ask(f"{server}sslviz/{told['source']}")
    assert data == clips.spot.read_bytes()
    status, part, _ = ask(f"{server}sslviz/{told['source']}", Range="bytes=10-19")
    assert (status, part) == (206, data[10:20])
    _, poster, _ = ask(f"{server}sslviz/{told['poster']}")
    assert poster[:2] == b"\xff\xd8"
    sound = json.loads(ask(f"{server}sslviz/{told['sound']}")[1])
    assert max(sound["high"]) > 40
    assert sound["high"][-100:] == pytest.approx([0] * 100, abs=3)  # the clip falls silent at 2 s


@pytest.mark.parametrize("kind", ["video", "sound", "image"])
def test_a_refusal_names_the_file_and_no_path(server, clips, kind):
    status, body, _ = upload(server, clips.text, kind)
    words = json.loads(body)["error"]
    assert status == 422
    assert "notes.mp4" in words
    assert not any(sign in words for sign in ("/tmp", "store", "Traceback", "source.mp4"))


def test_too_large_a_body_is_cut_off(server, tmp_path):
    large = tmp_path / "large.mp4"
    large.write_bytes(b"\0" * (9 * 1024 * 1024))
    status, body, _ = upload(server, large)
    assert status == 413
    assert "8 MB" in json.loads(body)["error"]


@pytest.mark.parametrize(
    "path",
    [
        "r/../../etc/passwd", "r/%2e%2e/result.json", "u/..%2f..%2fetc/source", "r/abcdefgh/overlay.mp4",
        "u/abcdefgh/upload.json", "r/abcdefgh/..%2f..%2fetc%2fpasswd",
    ],
)  # fmt: skip
def test_nothing_but_results_can_be_fetched(server, path):
    status, body, _ = ask(f"{server}sslviz/{path}")
    assert status == 404
    assert b"root:" not in body


def test_only_known_names_of_an_upload_are_served(server, clips):
    token = json.loads(upload(server, clips.spot)[1])["token"]
    for name in ("upload.json", "result.json", "overlay.mp4", "source.mp4"):
        assert ask(f"{server}sslviz/u/{token}/{name}")[0] == 404


def test_the_page_is_an_app_that_can_be_installed(server):
    status, body, _ = ask(f"{server}manifest.json")
    assert status == 200
    assert "sslviz" in json.loads(body)["name"]
