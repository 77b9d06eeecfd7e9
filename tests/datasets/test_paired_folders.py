"""Folders of photos and sounds by category, and the marked pictures and clips beside them."""

import json

import cv2
import numpy as np
import pytest

from sslviz.datasets.boxes import boxes_to_mask, read_moments
from sslviz.datasets.categories import COCO_CATEGORIES, COCO_CLASSES, canonical
from sslviz.datasets.marked import read_marked
from sslviz.datasets.paired import read_paired
from sslviz.errors import DatasetError


def read_mask(path):
    return np.asarray(cv2.imread(str(path)), np.uint8)


def test_two_tables_meet_by_canonical_category(write) -> None:
    write.picture("photo/a.jpg")
    write.picture("photo/b.png")
    write.sound("audio/a.wav")
    write.text(
        "photo.csv",
        "path,class,split\nphoto/a.jpg,Acoustic_Guitar,val\nphoto/b.png,harp,train\nphoto/c.jpg,harp,val\n",
    )
    write.text("audio.csv", "path,class,source,group,split\naudio/a.wav,guitar,ESC-10,g1,val\n")
    found = read_paired(write.root)
    assert found.shared_categories == ("guitar",)
    assert found.splits == ("train", "val")
    assert found.missing == ("photo/c.jpg: named in photo.csv but not there",)
    assert [item.category for item in found.of_split("val").photos] == ["guitar"]
    assert len(found.of_split("all").photos) == 2
    assert found.sounds[0].group == "g1"


def test_an_unknown_split_names_those_there_are(write) -> None:
    write.picture("a.jpg")
    write.text("photo.csv", "path,class,split\na.jpg,dog,test\n")
    with pytest.raises(DatasetError, match="it has test, and 'all' takes everything"):
        read_paired(write.root).of_split("val")


def test_a_table_without_splits_belongs_to_every_split(write) -> None:
    write.picture("a.jpg")
    write.text("photo.csv", "file,label\na.jpg,dog\n")
    assert len(read_paired(write.root).of_split("anything").photos) == 1


def test_a_folder_without_tables_and_a_table_without_classes_are_refused(write) -> None:
    with pytest.raises(DatasetError, match=r"neither photo\.csv nor audio\.csv"):
        read_paired(write.root)
    write.text("photo.csv", "path,colour\na.jpg,red\n")
    with pytest.raises(DatasetError, match="without 'class'"):
        read_paired(write.root)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Drum_Kit", "drums"),
        ("drums", "drums"),
        ("aeroplane", "airplane"),
        ("dogs", "dog"),
        ("person_face", "person"),
        ("double-bass", "double bass"),
        ("bus", "bus"),
        ("glass", "glass"),
    ],
)
def test_spellings_are_joined(name: str, expected: str) -> None:
    assert canonical(name) == expected


def test_coco_numbers_are_the_official_ones() -> None:
    assert len(COCO_CLASSES) == 80
    assert (COCO_CATEGORIES[18], COCO_CATEGORIES[85], COCO_CATEGORIES[90]) == (
        "dog",
        "clock",
        "toothbrush",
    )
    assert (COCO_CLASSES[0], COCO_CLASSES[16], COCO_CLASSES[79]) == ("person", "dog", "toothbrush")


def test_coco_uses_the_mask_where_there_is_one_and_the_boxes_elsewhere(write) -> None:
    for name in ("1", "2"):
        write.picture(f"coco/images/{name}.jpg", 64)
        write.text(
            f"coco/labels/{name}.txt", "16 0.5 0.5 0.5 1.0\n16 0.1 0.5 0.2 1.0\n0 0.5 0.5 1 1\n"
        )
    write.mask("coco/masks/1.png", (0, 0, 16, 64), value=18)
    found = read_marked(write.root)
    dogs = [photo for photo in found.photos if photo.category == "dog"]
    assert dogs[0].mask(64, read_mask).mean() == pytest.approx(0.25)
    assert dogs[1].mask(100, read_mask).mean() == pytest.approx(0.7)
    assert len(found.photos) == 4
    assert [note.rsplit("/", 1)[-1] for note in found.notes] == [
        "voc is not there: skipped.",
        "davis is not there: skipped.",
    ]


def test_voc_and_davis(write) -> None:
    write.picture("voc/images/a.jpg")
    boxes = "<bndbox><xmin>10</xmin><ymin>0</ymin><xmax>30</xmax><ymax>50</ymax></bndbox>"
    write.text(
        "voc/xml/a.xml",
        "<annotation><size><width>100</width><height>50</height></size>"
        f"<object><name>aeroplane</name>{boxes}</object></annotation>",
    )
    write.text("voc/xml/b.xml", "<annotation>")
    write.picture("davis/cows_00000.jpg")
    write.mask("davis/cows_00000.png", (0, 0, 32, 32))
    write.text("davis.csv", "frame,sequence,class\ncows_00000,cows,cow\ncows_00001,cows,cow\n")
    found = read_marked(write.root)
    plane, cow = found.photos
    assert (plane.category, cow.category, cow.group) == ("airplane", "cow", "davis/cows")
    assert plane.mask(100, read_mask).mean() == pytest.approx(0.2)
    assert cow.mask(64, read_mask).mean() == pytest.approx(0.25)
    assert len(found.notes) == 3


BOX = [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    "content",
    [
        [{"file": "a.mp4", "t": 2.0, "label": "dog", "boxes": [BOX]}],
        {"file": "a.mp4", "t": 2.0, "label": "dog", "boxes": [BOX]},
        {"a.mp4": {"time": 2.0, "class": "dog", "bbox": BOX}},
        {"a.mp4": [{"at_seconds": 2.0, "label": "dog", "boxes": [BOX]}]},
        {"clips": [{"video": "a.mp4", "label": "dog", "frames": [{"t": 2.0, "boxes": [BOX]}]}]},
        [{"path": "a.mp4", "t": 2, "label": "dog",
          "boxes": [{"x0": 0.1, "y0": 0.2, "x1": 0.3, "y1": 0.4}]}],
    ],
)  # fmt: skip
def test_boxes_of_clips_in_every_accepted_form(write, content: object) -> None:
    (moment,) = read_moments(write.text("av_boxes.json", json.dumps(content)))
    assert (moment.file, moment.time_seconds, moment.label) == ("a.mp4", 2.0, "dog")
    assert moment.boxes == (tuple(BOX),)


def test_boxes_in_pixels_are_brought_to_the_pictures_size(write) -> None:
    path = write.text("b.json", json.dumps([{"file": "a", "t": 0, "boxes": [[0, 0, 320, 180]]}]))
    (moment,) = read_moments(path)
    assert moment.mask(224, 640, 360).mean() == pytest.approx(0.25)


def test_files_without_boxes_are_refused(write) -> None:
    for text, words in (
        ("nonsense", "as JSON"),
        ("[]", "no boxes"),
        ('[{"boxes": [[1, 2]]}]', "x0, y0"),
    ):
        with pytest.raises(DatasetError, match=words):
            read_moments(write.text("x.json", text))


def test_boxes_truncate_to_whole_pixels() -> None:
    mask = boxes_to_mask([(0.0, 0.0, 0.999, 1.5)], 224)
    assert mask[:, 222].all()
    assert not mask[:, 223].any()
