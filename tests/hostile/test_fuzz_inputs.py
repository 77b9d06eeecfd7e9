"""Whatever our own input files hold, only our own errors come out, and what is accepted can be used."""

import contextlib
import copy
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sslviz.batch.inputs import collect
from sslviz.checkpoints.folder import build_network, read_config, read_safetensors
from sslviz.datasets.boxes import read_moments
from sslviz.datasets.marked import read_voc_boxes
from sslviz.errors import CheckpointError, DatasetError, OptionError, SSLVizError, TrackError
from sslviz.export import load_settings, load_track, save_track, write_csv
from sslviz.models.base import Network
from sslviz.options import Style, to_json
from sslviz.pipeline.rendering import _span_of
from sslviz.training.guidance_file import read_guidance
from sslviz.types import Calibration, Identity, ScoreScale, ScoreTrack
from sslviz.ui import payload
from sslviz.ui.api import parse_style

ROOT = Path(__file__).parents[2]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([10**400, -(10**400), 1e308, "nan", "inf", "../../x", "\0", 2**63]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
SEEDS = st.integers(0, 2**32)
fuzz = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def places_in(node: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every node of a document."""
    found = [way]
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            found += places_in(child, (*way, key))
    return found


def changed(document: Any, seed: int, value: Any) -> Any:
    """A document with one node exchanged, or taken away."""
    chance = random.Random(seed)
    ways = places_in(document)
    way = chance.choice(ways)
    if not way:
        return value
    document = copy.deepcopy(document)
    parent = document
    for key in way[:-1]:
        parent = parent[key]
    if chance.random() < 0.2:
        del parent[way[-1]]
    else:
        parent[way[-1]] = value
    return document


def spoiled(data: bytes, seed: int) -> bytes:
    """Bytes with a few of them changed, doubled or cut."""
    chance, copied = random.Random(seed), bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(copied) or 1)
        kind = chance.random()
        if kind < 0.6:
            copied[at : at + 1] = bytes([chance.randrange(256)])
        elif kind < 0.8:
            copied[at:at] = copied[at : at + 20]
        else:
            del copied[at : at + chance.randrange(30)]
    return bytes(copied)


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


MOMENTS = [
    {"file": "a.mp4", "t": 1.5, "boxes": [[0.1, 0.2, 0.5, 0.6]], "label": "dog"},
    {"video": "b.mp4", "time": 2, "bbox": {"x0": 1, "y0": 2, "x1": 30, "y1": 40}},
]


@fuzz
@given(seed=SEEDS, value=VALUES, by_bytes=st.booleans())
def test_files_of_boxes(tmp_path, seed, value, by_bytes):
    path = tmp_path / "boxes.json"
    data = spoiled(as_json(MOMENTS), seed) if by_bytes else as_json(changed(MOMENTS, seed, value))
    path.write_bytes(data)
    with contextlib.suppress(DatasetError):
        for moment in read_moments(path):
            mask = moment.mask(14, 64, 48)
            assert set(np.unique(mask)) <= {0.0, 1.0}
            assert np.isfinite(moment.time_seconds)


def test_boxes_in_boxes_without_end_are_refused(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(DatasetError):
        read_moments(tmp_path / "deep.json")
    (tmp_path / "nested.json").write_text("[" * 900 + "]" * 900)
    with pytest.raises(DatasetError):
        read_moments(tmp_path / "nested.json")


VOC = b"""<annotation><size><width>64</width><height>48</height></size><object><name>dog</name><bndbox>
<xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>"""


@fuzz
@given(seed=SEEDS)
def test_files_of_voc(tmp_path, seed):
    (tmp_path / "a.xml").write_bytes(spoiled(VOC, seed))
    with contextlib.suppress(DatasetError):
        read_voc_boxes(tmp_path / "a.xml")


def test_entities_that_multiply_are_refused(tmp_path):
    doubled = "".join(f'<!ENTITY e{n + 1} "&e{n};&e{n};">' for n in range(30))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "x">{doubled}]><annotation>&e30;</annotation>'
    (tmp_path / "bomb.xml").write_text(bomb)
    with pytest.raises(DatasetError):
        read_voc_boxes(tmp_path / "bomb.xml")


GUIDANCE = {"id": "a", "sounding": ["a dog"], "silent": ["a tree"], "source": "hand"}


@fuzz
@given(seed=SEEDS, value=VALUES, by_bytes=st.booleans())
def test_guidance(tmp_path, seed, value, by_bytes):
    path, line = tmp_path / "guidance.jsonl", as_json(GUIDANCE)
    bad = spoiled(line, seed) if by_bytes else as_json(changed(GUIDANCE, seed, value))
    path.write_bytes(line + b"\n" + bad + b"\n")
    with contextlib.suppress(DatasetError):
        for record in read_guidance(path).values():
            assert record.sounding or record.silent


@fuzz
@given(seed=SEEDS, value=VALUES, by_bytes=st.booleans())
def test_settings_and_styles(tmp_path, seed, value, by_bytes):
    whole = {"format_version": 1, "style": to_json(Style())}
    data = spoiled(as_json(whole), seed) if by_bytes else as_json(changed(whole, seed, value))
    (tmp_path / "settings.json").write_bytes(data)
    with contextlib.suppress(OptionError):
        assert_usable(load_settings(tmp_path / "settings.json"))
    with contextlib.suppress(OptionError):
        assert_usable(parse_style(json.dumps(changed(to_json(Style()), seed, value))))


def assert_usable(style: Style) -> None:
    """It paints, and goes to a page."""
    assert json.loads(json.dumps(to_json(style), allow_nan=False))
    with contextlib.suppress(SSLVizError):  # an unknown colour map, say
        payload.shaded(TRACK, style)


TRACK = ScoreTrack(
    np.zeros((3, 1, 4, 4), np.float32), ("sound",), np.arange(3) / 5, np.ones((3, 1), np.float32),
    np.full(3, -20, np.float32), ScoreScale.COSINE, Identity("m", "c", "", Calibration(0.2, 0.1, 0.9)),
    "0" * 64, 0.6, {"maps_per_second": 5.0, "has_sound": True, "start_seconds": 0.0},
)  # fmt: skip


@pytest.fixture(scope="module")
def track_parts(tmp_path_factory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("track") / "a.npz"
    save_track(TRACK, path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@fuzz
@given(seed=SEEDS, value=VALUES, where=st.sampled_from(["header", "array", "archive"]))
def test_score_tracks(tmp_path, track_parts, seed, value, where):
    path, parts = tmp_path / "track.npz", dict(track_parts)
    if where == "header":
        start = parts["header.npy"].index(b"{", 80)
        header = json.loads(parts["header.npy"][start:])
        np.save(tmp_path / "h.npy", np.frombuffer(as_json(changed(header, seed, value)), np.uint8))
        parts["header.npy"] = (tmp_path / "h.npy").read_bytes()
    elif where == "array":
        name = random.Random(seed).choice(sorted(parts))
        parts[name] = spoiled(parts[name], seed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    if where == "archive":
        path.write_bytes(spoiled(path.read_bytes(), seed))
    with contextlib.suppress(TrackError):
        use(load_track(path), tmp_path)


def use(track: ScoreTrack, folder: Path) -> None:
    """What the program does with a track of a stranger."""
    write_csv(track, Style(), folder / "table.csv")
    json.dumps(
        payload.timeline(track, Style(), None, payload.excerpt_seconds(track)), allow_nan=False
    )
    with contextlib.suppress(SSLVizError):
        _span_of(track)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return json.loads((ROOT / "checkpoints/marginnce-compact/config.json").read_text())


@fuzz
@given(seed=SEEDS, value=VALUES, by_bytes=st.booleans())
def test_configurations_of_checkpoints(tmp_path, config, seed, value, by_bytes):
    data = spoiled(as_json(config), seed) if by_bytes else as_json(changed(config, seed, value))
    (tmp_path / "config.json").write_bytes(data)
    with contextlib.suppress(CheckpointError):
        read = read_config(tmp_path)
        assert 0 < read.input.num_samples < 10**9
        if read.network != config.get("network", {}):
            with contextlib.suppress(CheckpointError):
                assert isinstance(build_network(read, {}), Network)


@fuzz
@given(seed=SEEDS)
def test_files_of_weights(tmp_path, seed):
    head = as_json({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}})
    path = tmp_path / "model.safetensors"
    path.write_bytes(spoiled(len(head).to_bytes(8, "little") + head + bytes(16), seed))
    with contextlib.suppress(CheckpointError):
        assert sum(tensor.nelement() for tensor in read_safetensors(path).values()) < 1000


@fuzz
@given(seed=SEEDS)
def test_lists_and_manifests_of_a_batch(tmp_path, seed):
    manifest, listed = tmp_path / "a.csv", tmp_path / "list.txt"
    manifest.write_bytes(spoiled(b'path,start_seconds,end_seconds\n"a.mp4",0,1.5\nb.mp4,,\n', seed))
    listed.write_bytes(spoiled(b"# clips\na.mp4\n../b.mp4\n", seed))
    with contextlib.suppress(OptionError):
        for item in collect([str(manifest)], listed):
            assert np.isfinite(item.start_seconds)
            assert item.end_seconds is None or item.end_seconds > item.start_seconds >= 0
