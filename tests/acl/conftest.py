"""A small ACL with every part of the real one, and windows to run it on."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from acl_tiny import tiny_acl

from sslviz.models import ACL
from sslviz.types import AudioClip, Frame

sys.path.append(str(Path(__file__).parent.parent / "models"))  # seeded.py, the parity weights


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def network() -> ACL:
    return tiny_acl()


@pytest.fixture
def frames() -> list[Frame]:
    rng = np.random.default_rng(0)
    return [
        Frame(rng.integers(0, 256, (48, 80, 3), dtype=np.uint8), pts_seconds=i / 5)
        for i in range(4)
    ]


@pytest.fixture
def sound() -> AudioClip:
    rng = np.random.default_rng(1)
    return AudioClip(0.1 * rng.standard_normal(16_000 * 30, dtype=np.float32).clip(-9, 9), 16_000)
