"""Fixtures of the live tests."""

import pytest
from bright_loud import BrightLoud


@pytest.fixture
def localizer() -> BrightLoud:
    return BrightLoud()
