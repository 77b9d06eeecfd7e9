"""What a run may go on with: its own data only, however the folder has grown since."""

from dataclasses import replace
from pathlib import Path

import pytest
from known_answers import ColorListener, Maker

from sslviz.datasets.annotated import Benchmark
from sslviz.datasets.own import read_marked_photos
from sslviz.errors import OptionError
from sslviz.evaluation.benchmark import BenchmarkOptions
from sslviz.evaluation.benchmark_command import run_protocol
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.protocols import protocol
from sslviz.evaluation.summary import BenchmarkResult

OPTIONS = BenchmarkOptions(protocol=protocol("jsa"), batch_size=2)


def run(benchmark: Benchmark, folder: Path) -> BenchmarkResult:
    with SandboxedSource() as source:
        return run_protocol(ColorListener(), benchmark, source, folder, OPTIONS)


def photo(make: Maker, name: str) -> None:
    """A marked dog: a red square, which the listener finds by a red sound only."""
    make.picture(f"eval/coco/images/{name}.png", "red", (0.25, 0.25, 0.75, 0.75))
    make.text(f"eval/coco/labels/{name}.txt", "16 0.5 0.5 0.5 0.5\n")


@pytest.fixture
def two_splits(make: Maker) -> Path:
    """The sounds of ``val`` fit the photo, those of ``test`` do not."""
    photo(make, "1")
    make.sound("audio/fits.wav", "red")
    make.sound("audio/other.wav", "blue")
    rows = "path,class,split\naudio/fits.wav,dog,val\naudio/other.wav,dog,test\n"
    make.text("audio.csv", rows)
    return make.root


def test_another_split_may_not_go_on_with_a_run(two_splits: Path, tmp_path: Path) -> None:
    assert run(read_marked_photos(two_splits, "val"), tmp_path / "a").to_json()["mean_ciou"] > 0.5
    test = read_marked_photos(two_splits, "test")
    with pytest.raises(OptionError, match=r"\(split: 'val' there, 'test' now\); give another"):
        run(test, tmp_path / "a")
    assert run(test, tmp_path / "b").to_json()["mean_ciou"] == 0


def test_another_folder_of_data_may_not_go_on_with_a_run(
    two_splits: Path, make: Maker, tmp_path: Path
) -> None:
    run(read_marked_photos(two_splits, "val"), tmp_path / "a")
    other = Maker(tmp_path / "copy")
    photo(other, "1")
    other.sound("audio/fits.wav", "blue")
    other.text("audio.csv", "path,class,split\naudio/fits.wav,dog,val\n")
    with pytest.raises(OptionError, match=r"\(data: '.*data' there, '.*copy' now\)"):
        run(read_marked_photos(other.root, "val"), tmp_path / "a")


def test_the_same_folder_by_another_path_is_the_same_folder(
    two_splits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(read_marked_photos(two_splits, "val"), tmp_path / "a").to_json()
    monkeypatch.chdir(two_splits)
    assert run(read_marked_photos(".", "val"), tmp_path / "a").to_json() == before


def test_a_folder_that_gained_files_goes_on_with_its_run(
    two_splits: Path, make: Maker, tmp_path: Path
) -> None:
    assert run(read_marked_photos(two_splits, "val"), tmp_path / "a").num_measured == 3
    photo(make, "0")
    grown = read_marked_photos(two_splits, "val")
    found = run(grown, tmp_path / "a")
    assert found.num_measured == 6
    assert [record.name for record in found.records] == [sample.name for sample in grown.samples]


def test_samples_that_are_no_longer_listed_are_in_no_figure(
    two_splits: Path, make: Maker, tmp_path: Path
) -> None:
    photo(make, "0")
    photo(make, "2")
    make.text("eval/coco/images/2.png", "not a picture")
    whole = read_marked_photos(two_splits, "val")
    everything = run(whole, tmp_path / "a")
    assert (everything.num_measured, len(everything.left_out)) == (6, 3)
    fewer = replace(whole, samples=tuple(s for s in whole.samples if "coco/0/" in s.name))
    found = run(fewer, tmp_path / "a")
    assert (found.num_measured, found.num_listed, found.left_out) == (3, 3, ())
    assert {record.name for record in found.records} == {s.name for s in fewer.samples}
