"""`guidance.jsonl`: made by a chat model, resumed after a kill, checked line by line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from chat_server import ChatServer

from sslviz.cli import main
from sslviz.errors import DatasetError, HubError
from sslviz.training.guidance import ChatOptions, Clip, make_guidance, read_clips
from sslviz.training.guidance_file import (
    Guidance,
    finished_ids,
    of_labels,
    parse_guidance,
    read_guidance,
    to_line,
)

CLIPS = [Clip(f"clip{i}", label) for i, label in enumerate(["dog barking", "piano", "rain"])]


def obliging(messages: list[dict[str, Any]]) -> str:
    label = messages[1]["content"][0]["text"].split(": ")[1].rstrip(".")
    return 'Here it is: {"sounding": ["%s "], "silent": ["Green Sofa"]} Done.' % label.upper()  # noqa: UP031


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    token = tmp_path / "token"
    token.write_text("hf_a_secret_of_the_user")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(token))
    started = ChatServer(obliging)
    yield started
    started.shutdown()
    started.server_close()


def test_every_clip_is_asked_about_once_and_its_answer_is_cleaned(
    server: ChatServer, tmp_path: Path
) -> None:
    target = tmp_path / "deep" / "guidance.jsonl"
    seen: list[tuple[int, int]] = []
    options = ChatOptions(server.url, "tiny-chat")
    report = make_guidance(CLIPS, target, options, lambda *at: seen.append(at))
    assert (report.made, report.already_there, report.refused) == (3, 0, ())
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert read_guidance(target)["clip0"] == Guidance(
        "clip0", ("dog barking",), ("green sofa",), "tiny-chat"
    )
    assert {r["path"] for r in server.requests} == {"/v1/chat/completions"}
    assert {r["model"] for r in server.requests} == {"tiny-chat"}


def test_a_second_run_asks_only_what_is_missing_also_after_a_kill(
    server: ChatServer, tmp_path: Path
) -> None:
    target = tmp_path / "guidance.jsonl"
    options = ChatOptions(server.url, "tiny-chat")
    make_guidance(CLIPS[:2], target, options)
    with target.open("a") as file:
        file.write('{"id": "clip2", "soun')  # killed in the middle of a line
    report = make_guidance(CLIPS, target, options)
    assert (report.made, report.already_there) == (1, 2)
    assert len(server.requests) == 3
    assert set(read_guidance(target)) == {"clip0", "clip1", "clip2"}


def test_an_answer_that_cannot_be_used_is_sent_back_with_the_reason(
    server: ChatServer, tmp_path: Path
) -> None:
    server.answer = lambda messages: (
        "I hear a dog." if len(messages) == 2 else '{"sounding": ["dog"], "silent": []}'
    )
    options = ChatOptions(server.url, "tiny-chat")
    report = make_guidance(CLIPS[:1], tmp_path / "g.jsonl", options)
    assert report.made == 1
    repair = server.requests[1]["messages"][-1]["content"]
    assert "the answer holds no JSON object" in repair


def test_a_clip_without_a_usable_answer_is_reported_and_asked_again_next_time(
    server: ChatServer, tmp_path: Path
) -> None:
    server.answer = lambda _: '{"sounding": ["dog"], "silent": ["Dog"]}'
    target = tmp_path / "g.jsonl"
    options = ChatOptions(server.url, "tiny-chat", attempts=2)
    report = make_guidance(CLIPS[:1], target, options)
    assert report.refused == ("clip0: dog cannot be both sounding and silent",)
    assert len(server.requests) == 2
    assert read_guidance(target) == {}
    server.answer = obliging
    assert make_guidance(CLIPS[:1], target, options).made == 1


def test_a_frame_is_sent_along_for_models_that_see(server: ChatServer, tmp_path: Path) -> None:
    (tmp_path / "frame.png").write_bytes(b"\x89PNG not really")
    clip = Clip("a", "dog", "a dog on a sofa", tmp_path / "frame.png")
    make_guidance([clip], tmp_path / "g.jsonl", ChatOptions(server.url, "tiny-chat"))
    text, picture = server.requests[0]["messages"][1]["content"]
    assert "a dog on a sofa" in text["text"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


def test_the_users_hub_token_is_not_sent_to_a_strange_endpoint(
    server: ChatServer, tmp_path: Path
) -> None:
    make_guidance(CLIPS[:1], tmp_path / "g.jsonl", ChatOptions(server.url, "tiny-chat"))
    assert "hf_a_secret_of_the_user" not in json.dumps(server.headers)
    make_guidance(
        CLIPS[:1], tmp_path / "h.jsonl", ChatOptions(server.url, "tiny-chat", api_key="sk-mine")
    )
    assert server.headers[-1]["authorization"] == "Bearer sk-mine"


def test_a_refusing_or_absent_endpoint_is_one_sentence_and_keeps_what_is_done(
    server: ChatServer, tmp_path: Path
) -> None:
    target = tmp_path / "g.jsonl"
    make_guidance(CLIPS[:1], target, ChatOptions(server.url, "tiny-chat"))
    server.status = 404
    with pytest.raises(HubError, match=r"does not answer for the model other.*run the same again"):
        make_guidance(CLIPS, target, ChatOptions(server.url, "other"))
    nowhere = ChatOptions("http://127.0.0.1:9/v1", "tiny-chat", timeout_seconds=2)
    with pytest.raises(HubError, match=r"127\.0\.0\.1:9/v1 does not answer"):
        make_guidance(CLIPS, target, nowhere)
    assert set(read_guidance(target)) == {"clip0"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "must be a JSON object"),
        ("{", "line 2"),
        ('{"sounding": ["a"]}', "id must be"),
        ('{"id": "x", "sounding": "dog"}', "must be a list of strings"),
        ('{"id": "x"}', "both empty"),
        ('{"id": "x", "sounding": [""]}', "0 characters"),
        ('{"id": "x", "sounding": ["a", "b", "c", "d", "e", "f", "g"]}', "at most 6"),
        ('{"id": "x", "sounding": ["a"], "source": 3}', "source must be"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "g.jsonl"
    path.write_text(f'{{"id": "a", "sounding": ["dog"]}}\n{line}\n')
    with pytest.raises(DatasetError, match=reason) as caught:
        read_guidance(path)
    assert "line 2" in str(caught.value)


def test_labels_alone_make_guidance_without_any_model(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    path.write_text("".join(to_line(g) for g in of_labels([("a", "Dog barking"), ("b", "cello")])))
    assert read_guidance(path) == {
        "a": Guidance("a", ("dog barking",), (), "label"),
        "b": Guidance("b", ("cello",), (), "label"),
    }
    assert finished_ids(path) == {"a", "b"}
    assert finished_ids(tmp_path / "none.jsonl") == set()


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="make one with `sslviz guidance`"):
        read_guidance(tmp_path / "none.jsonl")


def test_phrases_are_lower_case_without_doubles() -> None:
    made = parse_guidance({"id": "x", "sounding": ["A  Dog.", "a dog"], "silent": ["Sofa"]})
    assert made == Guidance("x", ("a dog",), ("sofa",), "hand")


def test_clips_are_read_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    table = tmp_path / "clips.csv"
    table.write_text("id,label,image\na,dog,a.jpg\nb,piano,\n")
    assert read_clips(table) == [Clip("a", "dog", image=tmp_path / "a.jpg"), Clip("b", "piano")]
    table.write_text("id,label,image\na,dog,gone.jpg\n")
    with pytest.raises(DatasetError, match=r"line 2: there is no image .*gone\.jpg"):
        read_clips(table)
    table.write_text("id,label\na,\n")
    with pytest.raises(DatasetError, match="needs a label, a caption or an image"):
        read_clips(table)
    table.write_text("name\na\n")
    with pytest.raises(DatasetError, match="no rows with an id"):
        read_clips(table)


def test_the_command_goes_on_where_it_was_and_labels_need_no_model(
    server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, target = tmp_path / "clips.csv", tmp_path / "guidance.jsonl"
    table.write_text("id,label\na,dog\nb,piano\n")
    words = ["guidance", str(table), str(target), "--quiet"]
    assert main([*words, "--endpoint", server.url, "--model", "tiny-chat"]) == 0
    assert "2 made, 0 were there" in capsys.readouterr().out
    table.write_text("id,label\na,dog\nb,piano\nc,rain\n")
    assert main([*words, "--labels-only"]) == 0
    assert "1 of 3 clips got their label, 2 were there" in capsys.readouterr().out
    assert [g.source for g in read_guidance(target).values()] == ["tiny-chat", "tiny-chat", "label"]
    assert main(words) == 2
    assert "Give --endpoint and --model" in capsys.readouterr().err
