"""The command line against a loopback Hub, in fresh processes: as a user without a network sees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hub_server import Hub

from sslviz.checkpoints import CheckpointConfig, save_checkpoint
from sslviz.models import MarginNCE

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = MarginNCE(dim=8, width=4)
    config = CheckpointConfig(
        method="marginnce",
        name="small",
        input=network.spec,
        calibration=network.default_calibration,
        network={"dim": 8, "width": 4},
    )
    save_checkpoint(network, tmp_path / "small", config)
    return tmp_path / "small"


def sslviz(*arguments: str, hub: Hub, home: Path, **variables: str) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "HF_HOME": str(home / "hf"),
        "SSLVIZ_CACHE": str(home / "cache"),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "sslviz", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=home,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def load(name: str, hub: Hub, home: Path, **variables: str) -> tuple[int, str]:
    code, output = sslviz("fetch", name, hub=hub, home=home, **variables)
    return code, output


def test_a_checkpoint_is_published_fetched_and_then_used_offline(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    code, output = sslviz(
        "publish", str(folder), "--repo", "someone/mine",
        hub=hub, home=tmp_path, HF_TOKEN=hub.write_token,
    )  # fmt: skip
    assert code == 0, output
    assert "hf:someone/mine@" in output
    code, output = load("hf:someone/mine", hub, tmp_path)
    assert code == 0, output
    hub.log.clear()
    code, output = load("hf:someone/mine", hub, tmp_path, HF_HUB_OFFLINE="1")
    assert code == 0, output
    assert not hub.log


@pytest.mark.parametrize("trouble", ["missing", "gated", "offline", "no token"])
def test_trouble_is_one_line_that_says_what_to_do_and_no_traceback(
    hub: Hub, folder: Path, tmp_path: Path, trouble: str
) -> None:
    if trouble == "missing":
        code, output = load("hf:nobody/nothing", hub, tmp_path)
        advice = "HF_TOKEN"
    elif trouble == "gated":
        hub.add("model:someone/mine", {"config.json": b"{}"})
        hub.mode = "gated"
        code, output = load("hf:someone/mine", hub, tmp_path)
        advice = "accept its terms"
    elif trouble == "offline":
        code, output = load("hf:someone/mine", hub, tmp_path, HF_HUB_OFFLINE="1")
        advice = "HF_HUB_OFFLINE"
    else:
        code, output = sslviz("publish", str(folder), "--repo", "a/b", hub=hub, home=tmp_path)
        advice = "write permission"
    assert code != 0
    assert advice in output
    assert "Traceback" not in output
    assert len(output.strip().splitlines()) == 1
