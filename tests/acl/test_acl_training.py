"""``sslviz train acl`` and ``acl-guided``: from a checkpoint with frozen encoders to one that localizes."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import torch
from acl_tiny import TINY_CLIP, save_tiny_acl

from sslviz.checkpoints import load_network
from sslviz.errors import TrainingError
from sslviz.models import ACL
from sslviz.training.loop import train
from sslviz.training.options import TrainOptions


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Four clips in the csv layout of the field, and what two of them show."""
    root, rng = tmp_path / "data", np.random.default_rng(0)
    for folder in ("frames", "audio"):
        (root / folder).mkdir(parents=True)
    names = [f"clip{number}" for number in range(4)]
    for name in names:
        picture = rng.integers(0, 256, (60, 80, 3), np.uint8)
        assert cv2.imwrite(str(root / "frames" / f"{name}.jpg"), picture)
        soundfile.write(root / "audio" / f"{name}.wav", rng.normal(0, 0.1, 16_000), 16_000)
    (root / "train.txt").write_text("\n".join(names))
    guidance = [{"id": n, "sounding": ["dog"], "silent": ["piano"]} for n in names[:2]]
    (root / "guidance.jsonl").write_text("\n".join(map(json.dumps, guidance)))
    return root


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A small ACL checkpoint with its words and its tokenizer."""
    return save_tiny_acl(tmp_path / "start")


def options(method: str, clips: Path, start: Path, output: Path) -> TrainOptions:
    return TrainOptions(
        method, clips, output, steps=2, batch_size=4, half=False, warmup_steps=0,
        initial=str(start), guidance=clips / "guidance.jsonl",
    )  # fmt: skip


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("method", ["acl", "acl-guided"])
def test_acl_trains_on_clips_and_its_checkpoint_keeps_sizes_and_words(
    method: str, half: bool, clips: Path, start: Path, tmp_path: Path
) -> None:
    steps = list(train(replace(options(method, clips, start, tmp_path / "out"), half=half)))
    assert ("alignment" in steps[-1].losses) == (method == "acl-guided")
    before, after = load_network(start), load_network(tmp_path / "out")
    assert isinstance(after, ACL)
    assert after.identity.method == method
    assert after.embed_text(["dog"]).shape == (1, TINY_CLIP["text_size"])
    old = before.state_dict()
    moved = {n for n, t in after.state_dict().items() if not torch.equal(t, old[n])}
    assert moved
    assert all(name.startswith(ACL.trained_parts) for name in moved)


def test_training_anew_keeps_the_frozen_encoders_only(
    clips: Path, start: Path, tmp_path: Path
) -> None:
    from sslviz.training.tasks import initial_network

    wanted = replace(options("acl", clips, start, tmp_path / "out"), anew=True)
    fresh, old = initial_network(wanted).state_dict(), load_network(start).state_dict()
    kept = {name for name in old if torch.equal(fresh[name], old[name])}
    assert {n for n in old if not n.startswith(ACL.trained_parts)} <= kept
    assert set(old) - kept


def test_what_acl_needs_before_it_trains_is_said(clips: Path, start: Path, tmp_path: Path) -> None:
    good = options("acl-guided", clips, start, tmp_path / "out")
    with pytest.raises(TrainingError, match="--guidance FILE"):
        list(train(replace(good, guidance=None)))
    with pytest.raises(TrainingError, match="sslviz fetch acl"):
        list(train(replace(good, initial=None)))
