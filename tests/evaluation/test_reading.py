"""Data sets are read in one child that may die without taking the run with it."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from known_answers import SPEC, Maker

from sslviz.errors import MediaError
from sslviz.evaluation.files import SandboxedSource
from sslviz.evaluation.library import Library


def test_after_the_childs_death_the_next_file_gets_a_new_one(make: Maker) -> None:
    path = make.picture("a.png", "red")
    with SandboxedSource() as source:
        assert source.picture(path).shape == (96, 96, 3)
        assert source._child is not None
        os.kill(source._child.pid, signal.SIGKILL)
        with pytest.raises(MediaError, match=r"a\.png"):
            source.picture(path)
        assert source.picture(path)[0, 0].tolist() == [255, 0, 0]


def test_a_file_that_is_no_picture_is_an_answer_not_an_end(make: Maker) -> None:
    bad, good = make.text("bad.jpg", "words"), make.picture("good.jpg", "blue")
    with SandboxedSource() as source:
        with pytest.raises(MediaError, match=r"bad\.jpg"):
            source.picture(bad)
        child = source._child
        assert source.picture(good).shape == (96, 96, 3)
        assert source._child is child


class CountingSource(SandboxedSource):
    """Counts what is decoded."""

    num_read = 0

    def picture(self, path: Path) -> np.ndarray:
        self.num_read += 1
        return super().picture(path)


def test_the_library_decodes_once_while_it_fits_and_again_when_it_does_not(make: Maker) -> None:
    paths = [make.picture(f"{i}.png", "red", size=64) for i in range(4)]
    size = 64 * 64 * 3
    for room, expected in ((4 * size, 4), (2 * size, 12)):
        with CountingSource() as source:
            library = Library(SPEC, source, max_bytes=room)
            for _ in range(3):
                for path in paths:
                    library.picture(path)
            assert source.num_read == expected
