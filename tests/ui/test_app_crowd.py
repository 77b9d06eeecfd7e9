"""Visitors who ask for one thing at once: each gets an answer, and the one he asked for."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from test_app_addresses import ask

from sslviz.ui import compose, examples, library
from sslviz.ui.settings import Deployment
from sslviz.ui.work import open_desk

AT_ONCE = 12


@pytest.fixture(scope="module")
def example() -> str:
    """Token of a result that every visitor shares."""
    return examples.PREFIX + examples.found()[0].name


def crowd(visitor: Callable[[int], object]) -> list:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(visitor, range(5 * AT_ONCE)))


def test_every_visitor_gets_the_settings_he_asked_for(server, example):
    def opacity(number: int) -> float:
        style = quote(json.dumps({"opacity": number / 100}))
        status, body, headers = ask(f"{server}sslviz/r/{example}/settings.json?style={style}")
        assert (status, headers["content-type"]) == (200, "application/json")
        assert "attachment" in headers["content-disposition"]
        return json.loads(body)["style"]["opacity"]

    assert crowd(opacity) == [number / 100 for number in range(5 * AT_ONCE)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("captions.vtt", "text/vtt"), ("table.csv", "text/csv"), ("poster.jpg", "image/jpeg")],
)
def test_every_visitor_gets_a_whole_file(server, example, name, kind):
    answers = crowd(lambda _: ask(f"{server}sslviz/r/{example}/{name}"))
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, body, _ in answers}) == 1
    assert answers[0][2]["content-type"].startswith(kind)


def test_posters_of_two_moments_do_not_mix(server, example):
    def poster(number: int) -> bytes:
        status, body, _ = ask(f"{server}sslviz/r/{example}/poster.png?at={number % 2}")
        assert status == 200
        return body

    found = crowd(poster)
    assert len(set(found[::2])) == len(set(found[1::2])) == 1
    assert found[0] != found[1]


def test_two_visitors_may_have_one_clip_put_side_by_side(tmp_path):
    desk = open_desk(Deployment(folder=tmp_path / "store"))
    examples.adopt_all(desk.store)
    token = examples.PREFIX + examples.found()[0].name
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: list(compose.side_by_side(desk, token)), range(2)))
    assert [messages[-1]["state"] for messages in found] == ["file", "file"]
    folder = desk.store.result(token).folder
    assert not list(folder.glob("plain*")) + list(folder.glob("*.part"))
    info = library.info_of(folder / compose.SIDE, desk.deployment)
    assert info.width > library.info_of(desk.store.result(token).source_path, desk.deployment).width
