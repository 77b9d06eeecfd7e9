"""Benchmarks from the folder to the table, on a VGG-SS-shaped set whose right answers are known."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_answers import ColorListener, Maker, tone

from sslviz.datasets.annotated import Annotated, Benchmark
from sslviz.datasets.vggsound import read_vggss
from sslviz.errors import OptionError
from sslviz.evaluation.benchmark import BenchmarkOptions, read_excerpt, run_benchmark
from sslviz.evaluation.benchmark_command import run_protocol
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.gallery import pick_cases, save_gallery
from sslviz.evaluation.plots import save_plots
from sslviz.evaluation.protocols import protocol
from sslviz.evaluation.published import PUBLISHED
from sslviz.evaluation.report import markdown
from sslviz.evaluation.retrieval import measure_retrieval
from sslviz.evaluation.summary import BenchmarkResult
from sslviz.types import AudioClip, ScoreMap, Window

NAMES = ("red", "green", "blue")
BOX = (0.25, 0.25, 0.75, 0.75)


@pytest.fixture
def vggss(make: Maker) -> Benchmark:
    entries = []
    for index in range(9):
        name, color = f"clip{index:07d}_{index:06d}", NAMES[index % 3]
        make.picture(f"frames/{name}.jpg", color, BOX)
        make.sound(f"audio/{name}.wav", color)
        entries.append({"file": name, "class": color, "bbox": [list(BOX)]})
    entries.append({"file": "missing0000_000000", "class": "red", "bbox": [list(BOX)]})
    make.text("vggss.json", json.dumps(entries))
    make.text("frames/clip0000008_000008.jpg", "not a picture")
    return read_vggss(make.root)


def run(
    benchmark: Benchmark,
    folder: Path,
    name: str,
    localizer: ColorListener | None = None,
    **changes: bool,
) -> BenchmarkResult:
    options = BenchmarkOptions(protocol=protocol(name), batch_size=2, **changes)
    with SandboxedSource() as source:
        return run_protocol(localizer or ColorListener(), benchmark, source, folder / name, options)


def test_a_result_says_over_how_many_samples_and_under_which_protocol(
    vggss: Benchmark, tmp_path: Path
) -> None:
    values = run(vggss, tmp_path, "jsa").to_json()
    assert (values["num_listed"], values["num_measured"], values["num_left_out"]) == (10, 8, 2)
    assert values["protocol"] == "jsa"
    assert "fixed threshold 0.6" in values["protocol_rule"]
    assert values["success_rate_0_5"] == 1
    assert values["success_rate_0_5_random"] == 0
    assert values["auc"] > 0.8
    assert values["n_auc"] == 8
    left_out = " ".join(values["left_out"])
    assert "missing0000_000000" in left_out
    assert "clip0000008_000008" in left_out
    written = json.loads((tmp_path / "jsa" / "result.json").read_text())
    assert written == json.loads(json.dumps(values))
    rows = list(csv.DictReader((tmp_path / "jsa" / "samples.csv").read_text().splitlines()))
    assert len(rows) == 8
    assert {row["protocol"] for row in rows} == {"jsa"}


class Graded(ColorListener):
    """Is never equally sure twice."""

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        maps = []
        for score_map in super().localize(windows):
            self.num_windows += 1
            sure = score_map.confidence * (1 - self.num_windows / 1000)
            maps.append(replace(score_map, confidence=sure))
        return maps


class Stopped(Exception):
    pass


class StopsAfter(ColorListener):
    """Is interrupted after some windows."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        if self._left < len(windows):
            raise Stopped
        self._left -= len(windows)
        return super().localize(windows)


def test_a_stopped_run_goes_on_and_ends_with_the_same_result(
    vggss: Benchmark, tmp_path: Path
) -> None:
    whole = run(vggss, tmp_path / "whole", "ezvsl")
    options = BenchmarkOptions(protocol=protocol("ezvsl"), batch_size=2)
    folder = tmp_path / "stopped" / "ezvsl"
    with SandboxedSource() as source, pytest.raises(Stopped):
        run_benchmark(StopsAfter(5), vggss, source, folder, options)
    with (folder / "samples.jsonl").open("a") as file:
        file.write('{"name": "torn li')
    listener = ColorListener()
    with SandboxedSource() as source:
        again = run_protocol(listener, vggss, source, folder, options)
    assert listener.num_windows == 4
    assert again.to_json() == whole.to_json()


def test_another_checkpoint_may_not_go_on_with_a_run(vggss: Benchmark, tmp_path: Path) -> None:
    run(vggss, tmp_path, "jsa")
    options = BenchmarkOptions(protocol=protocol("jsa"), batch_size=2)
    fresh = BenchmarkOptions(protocol=protocol("jsa"), resume=False)
    with SandboxedSource() as source:
        with pytest.raises(
            OptionError, match=r"other settings \(checkpoint: 'colors' there, 'other' now\)"
        ):
            run_benchmark(ColorListener("other"), vggss, source, tmp_path / "jsa", options)
        with pytest.raises(OptionError, match="holds an earlier run"):
            run_benchmark(ColorListener(), vggss, source, tmp_path / "jsa", fresh)


def test_the_sweep_reports_its_best_threshold_and_confesses(
    vggss: Benchmark, tmp_path: Path
) -> None:
    result = run(vggss, tmp_path, "acl")
    assert len(result.records[0].ciou) == 19
    assert "tuned on the test set" in result.notes[0]
    assert result.to_json()["success_rate_0_5"] == 1


def test_the_table_warns_when_protocols_differ_and_cites_published_numbers(
    vggss: Benchmark, tmp_path: Path
) -> None:
    one, two = run(vggss, tmp_path, "ezvsl"), run(vggss, tmp_path, "jsa")
    text = markdown([one, two])
    assert "WARNING: this table holds figures taken under different protocols" in text
    assert "EZ-VSL's README" in text
    assert "ceiling of the median rule: a perfect ranking: cIoU@0.5 50.54, AUC 49.47" in text
    assert "8 of 10 listed samples" in text
    assert "(another rule)" in text


def test_every_published_number_has_a_source() -> None:
    assert all(row.source and row.values and row.protocol for row in PUBLISHED)


def test_negatives_are_dark_for_a_localizer_that_listens(vggss: Benchmark, tmp_path: Path) -> None:
    values = run(vggss, tmp_path, "ezvsl", negatives=True).to_json()
    for name in ("silence", "noise", "offscreen"):
        assert values[f"pia_{name}"] == 0
        assert values[f"auc_n_{name}"] == pytest.approx(1)
    # Cut just above silence, the blurred squares are several times as large as the truth.
    assert 0.2 < values["mean_ciou_absolute"] < 0.5
    mean = values["mean_ciou_absolute"]
    assert values["f_loc_silence"] == pytest.approx(2 * mean / (mean + 1))


def test_plots_and_gallery_are_written(vggss: Benchmark, tmp_path: Path) -> None:
    result = run(vggss, tmp_path, "jsa")
    paths = save_plots(result, tmp_path / "plots")
    assert sorted(path.name for path in paths) == ["ciou.png", "success_curve.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    with SandboxedSource() as source:
        page = save_gallery(result, vggss, ColorListener(), source, tmp_path / "gallery.html")
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 6
    for heading in ("Best", "Median", "Worst", "protocol jsa"):
        assert heading in text
    names = [name for cases in pick_cases(result).values() for name, _ in cases]
    assert len(names) == len(set(names))


def test_extended_sets_get_ap_f1_and_a_precision_recall_plot(
    vggss: Benchmark, make: Maker, tmp_path: Path
) -> None:
    samples = list(vggss.samples)
    for index in range(6):
        picture, sound = samples[index], samples[(index + 1) % 6]
        samples.append(
            Annotated(f"negative {index}", picture.image_path, sound.audio_path, sounding=False)
        )
    result = run(Benchmark("vggss-extended", tuple(samples)), tmp_path, "jsa", Graded())
    values = result.to_json()
    # The published rule starts at the second largest confidence: two of eight positives are given away.
    assert values["average_precision"] == pytest.approx(0.75)
    assert values["max_f1"] > 0.9
    assert values["precision_at_50"] == 1
    assert "precision_recall.png" in [path.name for path in save_plots(result, tmp_path)]


def test_pairs_of_one_picture_make_iiou(make: Maker, tmp_path: Path) -> None:
    samples = []
    for index in range(3):
        image = make.picture(f"{index}.png", "red", (0, 0, 0.5, 1))
        for color, box in (("red", (0, 0, 112, 224)), ("green", (112, 0, 224, 224))):
            sound = make.sound(f"{index}{color}.wav", color)
            samples.append(
                Annotated(f"{index}{color}", image, sound, (box,), category=color, group=str(index))
            )
    is3 = Benchmark("is3", tuple(samples), interactive=True)
    values = run(is3, tmp_path, "jsa").to_json()
    assert values["success_rate_0_5"] == 0.5
    assert values["iiou"] == 0
    assert values["n_iiou"] == values["n_iauc_adaptive"] == 3
    # One sound alone says nothing about its picture.
    half = replace(is3, samples=is3.samples[:3])
    assert run(half, tmp_path, "jsa").to_json()["n_iiou"] == 1


def test_masks_get_miou_and_f(make: Maker, tmp_path: Path) -> None:
    samples = []
    for index in range(4):
        image = make.picture(f"{index}.png", "blue", BOX)
        mask = make.mask(f"{index}m.png", BOX if index else (0, 0, 0, 0))
        sound = make.sound(f"{index}.wav", "blue", 5)
        samples.append(
            Annotated(
                str(index), image, sound, mask_path=mask, group="one", frame_seconds=0.5 + index
            )
        )
    values = run(Benchmark("avsbench-s4", tuple(samples)), tmp_path, "jsa", masks=True).to_json()
    assert 0.8 < values["miou"] < 1
    assert values["f_measure"] > 0.9
    assert (values["n_miou"], values["n_f_measure"]) == (4, 3)


def test_retrieval_finds_classes_but_cannot_tell_pairs_of_one_class_apart(vggss: Benchmark) -> None:
    readable = Benchmark("vggss", vggss.samples[:6])
    with SandboxedSource() as source:
        values = measure_retrieval(ColorListener(), readable, source).to_json()
    assert values["r_at_1_sound_to_image_same_class"] == 1
    assert values["r_at_1_sound_to_image_same_pair"] < 1
    assert values["r_at_5_image_to_sound_same_pair"] == 1
    assert values["n_pairs"] == 6


class OneSound:
    """A source of one sound."""

    def __init__(self, clip: AudioClip) -> None:
        self._clip = clip

    def sound(self, path: Path, sample_rate: int) -> AudioClip:
        return self._clip


def test_excerpts_are_cut_around_the_middle_or_the_frame_and_tiled_when_short() -> None:
    ramp = AudioClip(np.linspace(0, 1, 5 * 16_000, dtype=np.float32), 16_000)
    sample = Annotated("a", Path("a"), Path("a"))
    spec = ColorListener().spec
    middle = read_excerpt(OneSound(ramp), sample, spec)  # type: ignore[arg-type]
    assert middle.start_seconds == pytest.approx(2.0)
    early = Annotated("a", Path("a"), Path("a"), frame_seconds=0.1)
    assert read_excerpt(OneSound(ramp), early, spec).start_seconds == 0  # type: ignore[arg-type]
    short = read_excerpt(OneSound(tone("red", 0.3)), sample, spec)  # type: ignore[arg-type]
    assert len(short.samples) == 16_000
    assert short.samples[4_800:9_600] == pytest.approx(short.samples[:4_800])
