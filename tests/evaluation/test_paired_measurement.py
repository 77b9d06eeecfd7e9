"""The paired measurement on a folder whose right answers are known."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from known_answers import SPEC, ColorListener, Maker

from sslviz.errors import DatasetError
from sslviz.evaluation.composites import cut_out, mosaic, paste_objects, tile_of
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.library import Library, loudest_excerpt
from sslviz.evaluation.paired import PairedOptions, PairedReport, measure_paired
from sslviz.types import AudioClip

SMALL = PairedOptions(num_mosaics=24, num_composites=12, num_confidence=12, num_timed=2)


@pytest.fixture
def folder(make: Maker) -> Path:
    photos, sounds = ["path,class,split"], ["path,class,split"]
    for name in ("red", "green", "blue"):
        for index in range(3):
            make.picture(f"photo/{name}{index}.png", name)
            photos.append(f"photo/{name}{index}.png,{name},val")
            make.sound(f"audio/{name}{index}.wav", name, 0.6 + index)
            sounds.append(f"audio/{name}{index}.wav,{name},val")
    make.picture("photo/grey.png", "grey")
    photos += ["photo/grey.png,background,val", "photo/gone.png,red,val"]
    make.text("photo.csv", "\n".join(photos))
    make.text("photo/broken.png", "no picture")
    make.text("audio.csv", "\n".join(sounds))
    return make.root


def add_eval(make: Maker) -> None:
    box = (0.1, 0.2, 0.5, 0.8)
    for index in range(2):
        make.picture(f"eval/davis/red_{index}.jpg", "red", box)
        make.mask(f"eval/davis/red_{index}.png", box)
    make.text("eval/davis.csv", "frame,sequence,class\nred_0,red,red\nred_1,red,red\n")
    (make.root / "eval" / "av_test").mkdir()
    boxes: list[dict[str, object]] = [
        {"file": "gone.mp4", "t": 1.0, "label": "red", "boxes": [[0, 0, 1, 1]]}
    ]
    for name in ("green", "blue"):
        make.picture(f"{name}.png", name, (0.5, 0.5, 1, 1), 128)
        make.sound(f"{name}.wav", name, 4)
        subprocess.run(
            ["ffmpeg", "-v", "error", "-loop", "1", "-i", f"{name}.png", "-i", f"{name}.wav", "-t", "4",
             "-r", "10", "-pix_fmt", "yuv420p", "-c:a", "flac", f"eval/av_test/{name}.mkv"],
            cwd=make.root, check=True,
        )  # fmt: skip
        boxes.append({"file": f"{name}.mp4", "t": 2.0, "label": name, "boxes": [[0.5, 0.5, 1, 1]]})
    make.text("eval/av_test_boxes.json", json.dumps(boxes))


def measure(folder: Path, localizer: ColorListener, split: str = "val") -> PairedReport:
    with SandboxedSource() as source:
        return measure_paired(localizer, folder, split, Library(SPEC, source), SMALL)


def test_a_localizer_that_listens_gets_full_marks_and_a_deaf_one_none(
    folder: Path, make: Maker
) -> None:
    add_eval(make)
    good = measure(folder, ColorListener()).to_json()
    deaf = measure(folder, ColorListener(deaf=True)).to_json()
    for name in (
        "mosaic4_pointing",
        "iiou",
        "iiou_adaptive",
        "masks_success_0_5",
        "clips_pointing",
    ):
        assert good[name] == 1, name
    assert good["clips_iou_half_max"] > 0.9
    assert {good[f"auroc_{name}"] for name in ("silence", "noise", "mismatch", "clips")} == {1}
    assert deaf["mosaic4_pointing"] < 0.7
    assert deaf["iiou"] == 0
    assert {deaf[f"auroc_{name}"] for name in ("silence", "mismatch", "clips")} == {0.5}
    assert deaf["masks_success_0_5"] == deaf["masks_success_0_5_wrong_sound"] == 1
    assert good["masks_success_0_5_wrong_sound"] == 0


def test_every_figure_has_its_n_its_interval_and_its_baselines(folder: Path, make: Maker) -> None:
    add_eval(make)
    values = measure(folder, ColorListener()).to_json()
    assert values["n_mosaic4_pointing"] == 24
    assert values["n_iiou"] == values["n_auroc_noise"] == 12
    assert values["n_masks_success_0_5"] == 2
    assert values["n_clips_pointing"] == values["n_auroc_clips"] == 2
    for name in ("mosaic4_pointing", "masks_success_0_5_adaptive", "clips_iou_half_max", "iiou"):
        for ending in ("low", "high", "centre", "object", "random"):
            assert f"{name}_{ending}" in values, f"{name}_{ending}"
    assert values["window_ms_one_core_shipped"] > 0
    assert values["n_window_ms_one_core_224"] == 2
    assert json.loads(json.dumps(values)) == values


def test_missing_files_and_parts_are_said(folder: Path) -> None:
    report = measure(folder, ColorListener())
    values = report.to_json()
    assert values["clips_pointing"] is None
    assert values["n_masks_success_0_5"] == 0
    text = "\n".join(report.notes)
    assert "photo/gone.png: named in photo.csv but not there" in text
    assert "clips: skipped" in text
    assert "davis is not there: skipped" in text


def test_an_unreadable_photo_is_counted_and_left_out(folder: Path) -> None:
    with (folder / "photo.csv").open("a") as file:
        file.write("\nphoto/broken.png,red,val\n")
    report = measure(folder, ColorListener())
    assert report.counts["unreadable"] == 1
    assert report.to_json()["mosaic4_pointing"] == 1


def test_the_same_seed_draws_the_same_and_the_split_is_checked(folder: Path) -> None:
    listener = ColorListener(deaf=True)
    first, second = measure(folder, listener), measure(folder, listener, "all")
    assert [f.to_json() for f in first.figures] == [f.to_json() for f in second.figures]
    with pytest.raises(DatasetError, match="has no split 'test'"):
        measure(folder, listener, "test")


def test_a_folder_with_one_category_measures_what_it_can(make: Maker) -> None:
    make.picture("a.png", "red")
    make.sound("a.wav", "red")
    make.text("photo.csv", "path,class\na.png,red\n")
    make.text("audio.csv", "path,class\na.wav,red\n")
    report = measure(make.root, ColorListener())
    assert report.figures == ()
    assert sum("skipped, it needs" in note for note in report.notes) == 4


def test_mosaics_place_whole_photos_row_by_row() -> None:
    photos = [np.full((30, 50, 3), value, np.uint8) for value in (10, 20, 30, 40)]
    image = mosaic(photos, 63)
    assert image.shape == (63, 63, 3)
    assert [int(image[y, x, 0]) for y, x in ((0, 0), (0, 62), (62, 0), (62, 62))] == [
        10,
        20,
        30,
        40,
    ]
    assert tile_of(0, 224, 4) == 0
    assert tile_of(224 * 224 - 1, 224, 4) == 15
    assert tile_of(112 * 224 + 111, 224, 2) == 2


def test_an_object_on_plain_ground_is_cut_out_and_pasted_inside_its_box() -> None:
    photo = np.full((100, 100, 3), 250, np.uint8)
    photo[30:70, 20:80] = (200, 30, 30)
    cut = cut_out(photo)
    assert cut.image.shape == (40, 60, 3)
    assert cut.opaque.all()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (100, 100, 3), dtype=np.uint8)
    assert cut_out(noise).image.shape == (80, 80, 3)
    for _ in range(20):
        made = paste_objects(np.zeros((50, 50, 3), np.uint8), [cut, cut], 200, rng)
        painted = np.zeros((200, 200), int)
        for x0, y0, x1, y1 in made.boxes:
            painted[round(y0 * 200) : round(y1 * 200), round(x0 * 200) : round(x1 * 200)] += 1
        assert painted.max() == 1
        assert np.array_equal(made.image[..., 0] > 100, painted == 1)


def test_the_loudest_stretch_is_taken_and_short_sounds_lie_in_the_middle() -> None:
    samples = np.zeros(32_000, np.float32)
    samples[20_000:28_000] = 0.5
    excerpt = loudest_excerpt(AudioClip(samples, 16_000), 0.5)
    assert excerpt.samples.min() == 0.5
    short = loudest_excerpt(AudioClip(np.ones(4_000, np.float32), 16_000), 0.5)
    assert len(short.samples) == 8_000
    assert np.flatnonzero(short.samples)[[0, -1]].tolist() == [2_000, 5_999]
