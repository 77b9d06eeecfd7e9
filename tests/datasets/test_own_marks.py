"""Marked photos and clips of a paired folder, as benchmarks for every protocol."""

import json

import cv2
import numpy as np
import pytest

from sslviz.datasets.own import read_marked_clips, read_marked_photos
from sslviz.errors import DatasetError


def read_mask(path):
    return np.asarray(cv2.imread(str(path)), np.uint8)


def test_marked_photos_are_heard_with_three_sounds_of_their_category(write) -> None:
    for index in range(2):
        write.sound(f"audio/{index}.wav")
    write.text("audio.csv", "path,class,split\naudio/0.wav,dog,val\naudio/1.wav,dog,val\n")
    for name in ("1", "2"):
        write.picture(f"eval/coco/images/{name}.jpg", 64)
        write.text(f"eval/coco/labels/{name}.txt", "16 0.5 0.5 0.5 1.0\n0 0.5 0.5 1 1\n")
    write.mask("eval/coco/masks/1.png", (0, 0, 16, 64), value=18)
    found = read_marked_photos(write.root, "val")
    assert len(found.samples) == 6
    assert {sample.category for sample in found.samples} == {"dog"}
    assert all(sample.loudest and not sample.is_moment for sample in found.samples)
    assert found.samples[0].truth(read_mask).mean() == pytest.approx(0.25)
    assert found.samples[3].truth(read_mask).mean() == pytest.approx(0.5)
    assert found == read_marked_photos(write.root, "val")


def test_marked_clips_are_moments_of_one_video(write) -> None:
    with pytest.raises(DatasetError, match="no av"):
        read_marked_clips(write.root)
    write.text("eval/av_x/a.mkv", "stands for a video")
    entries = [
        {"file": "a.mp4", "t": 2, "boxes": [[0, 0, 0.5, 1]]},
        {"file": "a.mp4", "t": 5, "boxes": [[0, 0, 0.5, 1]]},
        {"file": "b.mp4", "t": 1, "boxes": [[0, 0, 1, 1]]},
    ]
    write.text("eval/av_x_boxes.json", json.dumps(entries))
    found = read_marked_clips(write.root)
    sample, later = found.samples
    assert (later.group, found.interactive) == (sample.group, False), "one sound at two times"
    assert sample.is_moment
    assert (sample.image_path.name, sample.frame_seconds) == ("a.mkv", 2.0)
    assert sample.truth(read_mask).mean() == pytest.approx(0.5)
    assert found.missing == ("b.mp4@1: no clip or no boxes",)
