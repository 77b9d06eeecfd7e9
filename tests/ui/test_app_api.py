"""The named endpoints, called as programs call them."""

import json

import numpy as np
import pytest
from gradio_client import Client, handle_file

from sslviz.export import load_track


@pytest.fixture(scope="module")
def client(server):
    return Client(server, verbose=False)


def test_a_video_goes_in_and_a_painted_one_with_maps_and_table_comes_out(client, clips):
    painted, maps, table, summary = client.predict(
        handle_file(clips.spot), "bright", 5, '{"color_map": "viridis"}', api_name="/localize_video"
    )
    from pathlib import Path

    track = load_track(Path(maps))
    assert summary["windows"] == len(track) == 15
    assert np.isfinite(track.values).all()
    assert Path(painted).read_bytes()[4:8] == b"ftyp"
    assert len(Path(table).read_text().splitlines()) == 16
    again, *_, restyled = client.predict(
        summary["result"], '{"contours": true}', api_name="/restyle_video"
    )
    assert restyled["result"] != summary["result"]
    assert Path(again).read_bytes() != Path(painted).read_bytes()


def test_a_picture_and_a_sound_give_a_painted_picture(client, clips):
    painted, summary = client.predict(
        handle_file(clips.picture),
        handle_file(clips.loud),
        "bright",
        "{}",
        api_name="/localize_image",
    )
    from pathlib import Path

    assert Path(painted).read_bytes()[:2] == b"\xff\xd8"
    assert summary["found"]
    assert "upper left" in summary["words"]


def test_checkpoints_are_listed(client):
    names = {entry["name"] for entry in client.predict(api_name="/list_checkpoints")}
    assert {"marginnce-compact", "jsa", "acl"} <= names


def test_a_bad_file_is_refused_in_words_without_a_path(client, clips):
    with pytest.raises(Exception, match=r"notes\.mp4") as refused:
        client.predict(handle_file(clips.text), "bright", 5, "{}", api_name="/localize_video")
    assert "store" not in str(refused.value)


def test_a_bad_style_names_what_is_known(client, clips):
    with pytest.raises(Exception, match="Unknown style settings shine"):
        client.predict(
            handle_file(clips.spot),
            "bright",
            5,
            json.dumps({"shine": 1}),
            api_name="/localize_video",
        )


def test_every_endpoint_says_what_it_does(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) >= {
        "/localize_video",
        "/restyle_video",
        "/localize_image",
        "/list_checkpoints",
    }
    assert not [name for name in endpoints if name.startswith("/on_")]
