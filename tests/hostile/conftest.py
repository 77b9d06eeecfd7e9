"""What the hostile tests share."""

from collections.abc import Iterator

import pytest

from tests.hostile.canary import Canary


@pytest.fixture(scope="module")
def canary(tmp_path_factory) -> Iterator[Canary]:
    """Secrets that must not be read and a server that must not be called."""
    with Canary(tmp_path_factory.mktemp("hostile") / "canary") as canary:
        yield canary
