"""What the tests of evaluation share."""

from pathlib import Path

import pytest
from known_answers import Maker


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "data")
