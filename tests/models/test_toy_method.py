"""docs/add_a_method.md, done: its code becomes a method, is saved, loaded and renders a clip."""

import re
from pathlib import Path

import pytest
import torch
from media.clips import make
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, normalize

from sslviz import catalog, load_localizer, render
from sslviz.checkpoints import CheckpointConfig, save_checkpoint
from sslviz.models import METHODS, EmbeddingNetwork, Encoding, Scores
from sslviz.types import Calibration, InputSpec, ScoreScale

PAGE = Path(__file__).parents[2] / "docs" / "add_a_method.md"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> type[EmbeddingNetwork]:
    """The class as the page prints it, registered as the page says."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names = {
        "EmbeddingNetwork": EmbeddingNetwork, "ScoreScale": ScoreScale, "InputSpec": InputSpec,
        "Calibration": Calibration, "Scores": Scores, "Encoding": Encoding, "Tensor": Tensor,
        "nn": nn, "torch": torch, "avg_pool2d": avg_pool2d, "normalize": normalize,
        "__name__": __name__,
    }  # fmt: skip
    exec(compile(source, str(PAGE), "exec"), names)
    found = names["Brightness"]
    monkeypatch.setitem(METHODS, "brightness", found)
    entry = catalog.Method(
        "brightness", "Toy", "-", "-", "0000.00000", "Bright is loud.", live=True
    )
    monkeypatch.setitem(catalog.METHODS, "brightness", entry)
    return found


def test_the_page_on_adding_a_method_leads_to_a_method_that_renders(
    toy: type[EmbeddingNetwork], tmp_path: Path
) -> None:
    network = toy()
    config = CheckpointConfig(
        method="brightness",
        name="brightness",
        input=network.spec,
        calibration=network.default_calibration,
        trained=True,
    )
    save_checkpoint(network, tmp_path / "weights", config)
    localizer = load_localizer(str(tmp_path / "weights"), device="cpu")
    assert localizer.identity.method == "brightness"
    result = render(make(tmp_path / "clip.mp4"), tmp_path / "out.mp4", localizer)
    assert result.path.stat().st_size > 0
    assert len(result.track) > 0
    assert result.track.values.shape[2:] == (8, 8)
