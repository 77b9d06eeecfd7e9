"""Readers of the public benchmarks, each on a tiny set in its real layout."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sslviz.datasets.annotated import Annotated
from sslviz.datasets.avsbench import read_avsbench
from sslviz.datasets.extended import read_extended
from sslviz.datasets.flickr import read_flickr
from sslviz.datasets.is3 import read_is3
from sslviz.datasets.vggsound import read_vggss, read_vggss_subset
from sslviz.errors import DatasetError

IDS = ("zpWuikVorYg_000032", "gEvCUcZ6w88_000030", "JIemsK_0lXc_000364")


def read_mask(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def truth(sample: Annotated) -> NDArray[np.float32]:
    return sample.truth(read_mask)


@pytest.fixture
def vggss(write) -> Path:
    entries = [
        {
            "file": IDS[0],
            "class": "elk bugling",
            "bbox": [[0.25, 0.5, 0.75, 1.2], [0, 0, 0.1, 0.1]],
        },
        {"file": IDS[1], "class": "speech", "bbox": [[0.1, 0.1, 0.5, 0.5]]},
        {"file": IDS[2], "class": "drum", "bbox": [[0, 0, 1, 1]]},
    ]
    write.text("vggss.json", json.dumps(entries))
    write.picture(f"frames/{IDS[0]}.jpg")
    write.sound(f"audio/{IDS[0]}.wav")
    write.picture("frames/gEvCUcZ6w88_30000_40000/image_050.jpg")
    write.sound("audio/gEvCUcZ6w88_30000_40000.wav")
    write.picture(f"frames/{IDS[2]}.jpg")
    return write.root


def test_vggss_fills_the_union_of_clipped_boxes_and_lists_what_is_missing(vggss: Path) -> None:
    found = read_vggss(vggss)
    assert [sample.name for sample in found.samples] == [IDS[0], IDS[1]]
    assert found.num_listed == 3
    assert found.missing == (f"{IDS[2]}: {IDS[2]}.wav is not there",)
    marked = truth(found.samples[0])
    expected = np.zeros((224, 224), np.float32)
    expected[112:224, 56:168] = 1
    expected[:22, :22] = 1
    assert np.array_equal(marked, expected)
    assert found.samples[0].category == "elk bugling"


def test_vggss_reads_extracted_frames_and_millisecond_names(vggss: Path) -> None:
    second = read_vggss(vggss).samples[1]
    assert second.image_path.name == "image_050.jpg"
    assert second.audio_path.name == "gEvCUcZ6w88_30000_40000.wav"


def test_a_missing_annotation_says_what_is_expected(write) -> None:
    with pytest.raises(DatasetError, match=r"vggss\.json is neither in"):
        read_vggss(write.root)
    write.text("vggss.json", '{"a": 1}')
    with pytest.raises(DatasetError, match="a list of"):
        read_vggss(write.root)


def test_heard_and_unheard_are_lists_of_ids(vggss: Path, write) -> None:
    write.text("metadata/vggss_heard_test.csv", f"{IDS[0]}\nNOTTHERE000_000001\n")
    found = read_vggss_subset(vggss, "heard")
    assert [sample.name for sample in found.samples] == [IDS[0]]
    assert found.missing == ("NOTTHERE000_000001: no boxes in vggss.json",)
    with pytest.raises(DatasetError, match="vggss_unheard_test"):
        read_vggss_subset(vggss, "unheard")


def flickr_xml(*annotators: tuple[int, int, int, int]) -> str:
    nodes = "".join(
        f"<annotator><bbox><name>{i}</name><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin>"
        f"<xmax>{b[2]}</xmax><ymax>{b[3]}</ymax></bbox></annotator>"
        for i, b in enumerate(annotators)
    )
    return f"<annotation>{nodes}</annotation>"


def test_flickr_weighs_pixels_by_how_many_people_marked_them(write) -> None:
    write.text("Annotations/1234.xml", flickr_xml((0, 0, 128, 256), (64, 0, 128, 256)))
    write.text("Annotations/5678.xml", "<broken")
    write.picture("frames/1234.jpg")
    write.sound("audio/1234.wav")
    found = read_flickr(write.root)
    marked = truth(found.samples[0])
    assert marked[0, 10] == 0.5
    assert marked[0, 80] == 1
    assert marked[0, 112] == 0
    assert len(found.missing) == 1
    assert found.missing[0].startswith("5678: 5678.xml cannot be read")


def test_flickr_follows_its_list_where_there_is_one(write) -> None:
    for name in ("11", "22"):
        write.text(f"Annotations/{name}.xml", flickr_xml((0, 0, 10, 10)))
        write.picture(f"frames/{name}.jpg")
        write.sound(f"audio/{name}.wav")
    write.text("metadata/flickr_test.csv", "22\n")
    assert [sample.name for sample in read_flickr(write.root).samples] == ["22"]


def test_extended_sets_add_pairs_in_which_nothing_sounds(vggss: Path, write) -> None:
    rows = [
        f"{IDS[0]},{IDS[0]},sounding",
        f"{IDS[0]},{IDS[1]},non-sounding",
        f"{IDS[0]},gone,non-sounding",
    ]
    write.text("metadata/vggss_test_plus_silent.csv", "\n".join(rows))
    write.sound(f"audio/{IDS[1]}.wav")
    found = read_extended(vggss, "vggss")
    negative = [sample for sample in found.samples if not sample.sounding]
    assert [sample.name for sample in negative] == [f"{IDS[0]}+{IDS[1]}"]
    assert truth(negative[0]).max() == 0
    assert len(found.missing) == 2


def test_avsbench_single_source_reads_five_frames_per_clip(write) -> None:
    write.text(
        "s4_data/s4_meta_data.csv", "name,split,category\nabc_0_5,test,dog\ndef_1_6,train,cat\n"
    )
    write.sound("s4_data/audio_wav/test/dog/abc_0_5.wav")
    for index in range(1, 6):
        stem = f"test/dog/abc_0_5/abc_0_5_{index}.png"
        write.picture(f"s4_data/visual_frames/{stem}")
        if index < 5:
            write.mask(f"s4_data/gt_masks/{stem}", (0, 0, 32, 64))
    found = read_avsbench(write.root, "s4")
    assert len(found.samples) == 4
    assert found.missing == ("abc_0_5_5: abc_0_5_5.png is not there",)
    assert found.samples[2].frame_seconds == 2.5
    assert truth(found.samples[0]).mean() == pytest.approx(0.5)
    with pytest.raises(DatasetError, match="no clip of split 'val'"):
        read_avsbench(write.root, "s4", "val")


def test_avsbench_several_sources_keeps_frames_outside_the_split_folder(write) -> None:
    write.text("ms3_data/ms3_meta_data.csv", "video_id,split\nxyz,test\n")
    write.sound("ms3_data/audio_wav/test/xyz.wav")
    for index in range(1, 6):
        write.picture(f"ms3_data/visual_frames/xyz/xyz.mp4_{index}.png")
        write.mask(f"ms3_data/gt_masks/test/xyz/xyz_{index}.png", (0, 0, 16, 16), value=3)
    found = read_avsbench(write.root / "ms3_data", "ms3")
    assert len(found.samples) == 5
    assert truth(found.samples[0]).mean() == pytest.approx(1 / 16)
    assert {sample.group for sample in found.samples} == {"xyz"}


def test_is3_pairs_share_all_but_the_last_part_of_their_name(write) -> None:
    entries = []
    for thing, box in (("dog", [0, 0, 112, 224]), ("piano", [112.9, 0, 224, 224])):
        stem = f"dog_piano_17_{thing}"
        write.picture(f"visual_frames/{stem}.jpg")
        write.sound(f"audio_wav/{stem}.wav")
        entries.append(
            {"image": f"/elsewhere/is3/visual_frames/{stem}.jpg",
             "audio": f"/elsewhere/is3/audio_wav/{stem}.wav", "gt_box": box}
        )  # fmt: skip
    write.text("metadata/synthetic3240_bbox.json", json.dumps(entries))
    found = read_is3(write.root)
    assert found.interactive
    assert [sample.group for sample in found.samples] == ["dog_piano_17"] * 2
    assert [sample.category for sample in found.samples] == ["dog", "piano"]
    assert truth(found.samples[1])[:, 112].all()


def test_is3_masks_are_cut_at_128_because_they_are_jpegs(write) -> None:
    stem = "dog_piano_17_dog"
    write.picture(f"visual_frames/{stem}.jpg")
    write.sound(f"audio_wav/{stem}.wav")
    write.mask(f"gt_masks/{stem}.jpg", (10, 10, 50, 50), size=224)
    entry = {
        "image": f"visual_frames/{stem}.jpg",
        "audio": f"audio_wav/{stem}.wav",
        "gt_box": f"/far/gt_masks/{stem}.jpg",
        "offset": 1,
    }
    write.text("synthetic3240_seg.json", json.dumps([entry]))
    (sample,) = read_is3(write.root, masks=True).samples
    assert truth(sample).sum() == 1600
