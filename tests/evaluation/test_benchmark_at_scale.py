"""A whole VGG-SS-shaped set: what evaluation costs besides the network, and that memory stays flat."""

import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from known_answers import CALIBRATION, Maker

from sslviz.datasets.vggsound import read_vggss
from sslviz.evaluation.benchmark import BenchmarkOptions
from sslviz.evaluation.benchmark_command import run_protocol
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.protocols import protocol
from sslviz.types import Identity, InputSpec, ScoreMap, ScoreScale, Window

BOXES = Path(__file__).parent / "data" / "vggss_boxes_224px.npz"


class CentreOnly:
    """Costs nothing: always the same map, a centre prior on 14 x 14 cells."""

    spec = InputSpec(224, 16_000, 3.0)
    identity = Identity("test", "centre", "", CALIBRATION)

    def __init__(self) -> None:
        steps = np.arange(14) - 6.5
        radius = np.hypot(steps[:, None], steps[None, :])
        self._values = (1 - radius / radius.max()).astype(np.float32)
        self.memory: list[int] = []

    def localize(self, windows: Sequence[Window]) -> list[ScoreMap]:
        self.memory.append(resident_bytes())
        return [
            ScoreMap(self._values, ScoreScale.COSINE, 0.5, w.key_frame.pts_seconds) for w in windows
        ]


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def build(make: Maker, count: int) -> Path:
    """Real boxes; a few real pictures and ten-second sounds under many names."""
    stored = np.load(BOXES)
    ends = np.cumsum(stored["counts"])
    pictures = [
        make.picture(f"p{i}.jpg", c, (0.2, 0.2, 0.8, 0.8), 360)
        for i, c in enumerate(("red", "blue"))
    ]
    sounds = [make.sound(f"s{i}.wav", color, 10) for i, color in enumerate(("red", "blue"))]
    entries = []
    for folder in ("frames", "audio"):
        (make.root / folder).mkdir()
    for index in range(count):
        name = f"clip{index:07d}_{index:06d}"
        os.link(pictures[index % 2], make.root / "frames" / f"{name}.jpg")
        os.link(sounds[index % 2], make.root / "audio" / f"{name}.wav")
        boxes = stored["boxes"][ends[index] - stored["counts"][index] : ends[index]]
        # A quarter of a pixel inside, so that truncation gives the stored pixels back.
        normal = [[(v + 0.25) / 224 for v in box] for box in boxes.tolist()]
        entries.append({"file": name, "class": "any", "bbox": normal})
    make.text("vggss.json", json.dumps(entries))
    return make.root


def measure(root: Path, out: Path) -> tuple[dict[str, object], CentreOnly, float, float]:
    localizer, benchmark = CentreOnly(), read_vggss(root)
    started, busy = time.perf_counter(), time.process_time()
    options = BenchmarkOptions(protocol=protocol("ezvsl"))
    with SandboxedSource() as source:
        values = run_protocol(localizer, benchmark, source, out, options).to_json()
    return values, localizer, time.perf_counter() - started, time.process_time() - busy


@pytest.mark.slow
def test_the_first_two_hundred_items_cost_little_besides_the_network(
    make: Maker, tmp_path: Path
) -> None:
    values, _, _, busy = measure(build(make, 200), tmp_path / "out")
    assert values["num_measured"] == 200
    assert busy / 200 < 0.05, f"{1000 * busy / 200:.1f} ms of CPU time per item"


@pytest.mark.nightly
def test_a_full_run_over_5158_items_stays_flat_in_memory(
    make: Maker, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    values, localizer, wall, busy = measure(build(make, 5158), tmp_path / "out")
    assert values["num_measured"] == 5158
    assert 100 * values["success_rate_0_5"] == pytest.approx(34, abs=1)
    memory = np.array(localizer.memory)
    grown = float(memory[-20:].mean() - memory[50:70].mean()) / 2**20
    record_testsuite_property("ms_per_item", round(1000 * wall / 5158, 2))
    record_testsuite_property("ms_of_processor_time_per_item", round(1000 * busy / 5158, 2))
    record_testsuite_property("largest_memory_mib", round(memory.max() / 2**20))
    record_testsuite_property("grown_from_item_500_mib", round(grown, 1))
    assert grown < 30
