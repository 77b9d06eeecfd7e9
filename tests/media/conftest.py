"""Clips are made once per run and shared."""

from pathlib import Path

import pytest

from tests.media.clips import TURNS, Recipe, make, turn


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """``clip(name, recipe)``: the file of a recipe; ``clip(name)`` for one made before."""
    folder = tmp_path_factory.mktemp("clips")

    def get(name: str, recipe: Recipe | None = None) -> Path:
        path = folder / name
        if not path.exists():
            make(path, recipe or Recipe())
        return path

    return get


@pytest.fixture(scope="session")
def turned(clip):
    """``turned(name)``: the plain clip, stored turned by one of ``TURNS``."""

    def get(name: str) -> Path:
        assert name in TURNS
        source = clip("plain.mp4")
        target = source.with_name(f"turned_{name}.mp4")
        return target if target.exists() else turn(source, target, name)

    return get
