"""Tracks, tables, settings, posters and captions on disk."""

import contextlib
import csv
import json
import zipfile
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from sslviz.errors import OptionError, OutputError, TrackError
from sslviz.export import (
    load_settings,
    load_track,
    painted_from,
    save_track,
    write_captions,
    write_csv,
    write_poster,
    write_settings,
)
from sslviz.options import ColorScale, Style, style_from_json
from sslviz.types import Frame
from sslviz.whole_file import whole_file


def assert_same(left, right) -> None:
    for field in fields(left):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes()
            assert one.shape == other.shape
        else:
            assert one == other, field.name


def test_a_track_reloads_bit_equal(track, tmp_path):
    save_track(track, tmp_path / "a.npz")
    assert_same(track, load_track(tmp_path / "a.npz"))
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_an_empty_partial_track_reloads(track, tmp_path):
    empty = replace(
        track,
        values=track.values[:0],
        times=track.times[:0],
        confidence=track.confidence[:0],
        level_dbfs=track.level_dbfs[:0],
        complete=False,
    )
    save_track(empty, tmp_path / "a.npz")
    assert_same(empty, load_track(tmp_path / "a.npz"))


def rewrite(track, path, **changes) -> None:
    """Save with a changed header or array."""
    save_track(track, path)
    with np.load(path) as saved:
        arrays = dict(saved)
    header = json.loads(bytes(arrays["header"]))
    header.update({k: v for k, v in changes.items() if k not in arrays})
    arrays.update({k: v for k, v in changes.items() if k in arrays})
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": 2}, "newer sslviz"),
        ({"format_version": "1"}, "format '1'"),
        ({"video_sha256": "../../etc"}, "sha256"),
        ({"names": "x"}, "names"),
        ({"names": [1]}, "text"),
        ({"scale": "loudness"}, "loudness"),
        ({"duration_seconds": float("nan")}, "finite"),
        ({"duration_seconds": "1e999"}, "finite"),
        ({"calibration": [0.1]}, "TypeError"),
        ({"calibration": [0.1, 2, 1]}, "score_low"),
        ({"trained": "yes"}, "true or false"),
        ({"settings": []}, "object"),
        ({"times": np.zeros(10)}, "rise"),
        ({"times": np.full(10, np.nan)}, "finite"),
        ({"times": np.arange(10)}, "float64"),
        ({"values": np.full((10, 1, 2, 2), np.nan, np.float32)}, "NaN"),
        ({"values": np.zeros((10, 1, 0, 2), np.float32)}, "cells"),
        ({"values": np.zeros((9, 1, 2, 2), np.float32)}, "fit"),
        ({"confidence": np.full((10, 1), 1.5, np.float32)}, "confidences"),
        ({"level_dbfs": np.full(10, np.nan, np.float32)}, "levels"),
    ],
)
def test_a_forged_track_is_refused_in_words(track, tmp_path, changes, words):
    rewrite(track, tmp_path / "bad.npz", **changes)
    with pytest.raises(TrackError, match=words):
        load_track(tmp_path / "bad.npz")


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle in a track was run",))


def test_a_pickle_in_a_track_is_never_run(track, tmp_path):
    save_track(track, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as saved:
        arrays = dict(saved)
    arrays["values"] = np.array([Trap()], object)
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(TrackError):
        load_track(tmp_path / "a.npz")


def test_a_bomb_is_refused_before_it_is_unpacked(track, tmp_path):
    save_track(track, tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as bomb:
        for name, data in parts.items():
            bomb.writestr(name, data + bytes(3_000_000) if name == "header.npy" else data)
    with pytest.raises(TrackError, match="too large"):
        load_track(tmp_path / "bomb.npz")


def test_a_shape_larger_than_its_bytes_takes_no_memory(track, tmp_path):
    save_track(track, tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    data = parts["values.npy"].replace(b"(10, 1, 14, 14)", b"(99, 1, 14, 14)")
    assert data != parts["values.npy"]
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as forged:
        for name, content in parts.items():
            forged.writestr(name, data if name == "values.npy" else content)
    with pytest.raises(TrackError, match="values"):
        load_track(tmp_path / "b.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"\x93NUMPY"])
def test_a_file_that_is_no_track_is_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(TrackError, match="sslviz analyse"):
        load_track(tmp_path / "x.npz")


def test_every_cut_of_a_track_is_refused(track, tmp_path):
    save_track(track, tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    for length in range(0, len(data) - 1, max(len(data) // 60, 1)):
        (tmp_path / "cut.npz").write_bytes(data[:length])
        with pytest.raises(TrackError):
            load_track(tmp_path / "cut.npz")


def test_two_who_write_one_file_do_not_touch_each_others(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as first:
        first.write_text("first")
        with whole_file(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
        with contextlib.suppress(KeyError), whole_file(path) as third:
            third.write_text("third")
            raise KeyError
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_one_sentence(track, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_track(track, tmp_path / "no" / "a.npz")
    with pytest.raises(OutputError, match="cannot be written"):
        write_csv(track, Style(), tmp_path / "no" / "a.csv")


def test_the_table_says_where_and_leaves_doubt_empty(track, tmp_path):
    write_csv(track, Style(), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows] == ["source"] * 6 + ["no confident source"] * 2 + [
        "silent"
    ] * 2
    assert float(rows[0]["peak_x"]) == pytest.approx(0.2, abs=0.01)
    assert float(rows[5]["peak_y"]) == pytest.approx(0.8, abs=0.01)
    assert float(rows[0]["box_x0"]) < 0.2 < float(rows[0]["box_x1"])
    assert rows[7]["peak_x"] == rows[9]["area"] == ""
    assert float(rows[2]["time_seconds"]) == pytest.approx(0.4)
    assert float(rows[0]["score"]) == pytest.approx(float(track.values[0].max()), rel=1e-5)
    assert rows[9]["level_dbfs"] == "-inf"


def test_settings_come_back_as_the_same_style(track, tmp_path):
    style = Style(color_map="viridis", color_scale=ColorScale.CLIP, contours=True, half_life_ms=100)
    write_settings(track, style, tmp_path / "s.json")
    assert load_settings(tmp_path / "s.json") == style
    saved = json.loads((tmp_path / "s.json").read_text())
    assert saved["checkpoint_sha256"] == "ab"
    assert saved["analysis"]["maps_per_second"] == 5


@pytest.mark.parametrize(
    "text", ["", "[]", '{"style": {"colour": 1}}', '{"style": {"opacity": 7}}', "[" * 9999]
)
def test_foreign_settings_are_refused(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(OptionError):
        load_settings(tmp_path / "s.json")


def test_a_poster_is_the_frame(tmp_path):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0] = 200
    write_poster(Frame(image, 0.0), tmp_path / "p.png")
    back = cv2.cvtColor(cv2.imread(str(tmp_path / "p.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(back, image)


def test_captions_do_not_flood_where_nothing_stands_out(track, tmp_path):
    """The heat below the threshold differs in every window; the words would, too."""
    heat = np.linspace(0.02, 0.2, len(track), dtype=np.float32)[:, None, None, None]
    faint = 0.1 + 0.4 * np.broadcast_to(heat, track.values.shape)
    sure = np.full_like(track.confidence, 0.9)
    loud = np.full_like(track.level_dbfs, -20)
    flat = replace(track, values=faint.astype(np.float32), confidence=sure, level_dbfs=loud)
    write_captions(flat, Style(), tmp_path / "c.vtt")
    cue = "00:00:00.000 --> 00:00:02.000\nnothing stands out, 0.02 of full colour\n"
    assert (tmp_path / "c.vtt").read_text() == f"WEBVTT\n\n{cue}"


def test_captions_say_where_and_do_not_flood(track, tmp_path):
    write_captions(track, Style(), tmp_path / "c.vtt")
    text = (tmp_path / "c.vtt").read_text()
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.600\nstrongest at upper left, 0.")
    assert "strongest at lower right" in text
    assert text.count("-->") == 4
    assert "00:00:01.600 --> 00:00:02.000\nsilent" in text


def test_captions_of_a_part_count_from_where_the_painted_file_begins(track, tmp_path):
    part = replace(track, settings={**track.settings, "start_seconds": 0.5})
    write_captions(part, Style(), tmp_path / "c.vtt")
    text = (tmp_path / "c.vtt").read_text()
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.100\nstrongest at upper left")
    assert "00:00:01.100 --> 00:00:01.500\nsilent" in text
    write_captions(part, Style(), tmp_path / "source.vtt", zero_seconds=0)
    write_captions(track, Style(), tmp_path / "whole.vtt")
    assert (tmp_path / "source.vtt").read_text() == (tmp_path / "whole.vtt").read_text()


@pytest.mark.parametrize("start", ["1", None, -3.0, float("nan"), float("inf")])
def test_a_start_that_is_none_shifts_nothing(track, start):
    assert painted_from(replace(track, settings={"start_seconds": start})) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fill", float("inf")),
        ("opacity", "0.5"),
        ("opacity", True),
        ("color_map", 3),
        ("strip", None),
    ],
)
def test_a_style_of_the_wrong_kind_says_what_is_wanted(name: str, value: object) -> None:
    with pytest.raises(
        OptionError, match=f"{name} is .*, wanted is a? ?(number|text|true or false)"
    ):
        style_from_json({name: value})
