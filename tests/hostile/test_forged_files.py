"""Every forged file ends in a typed result, soon; no other file is read, no server is called."""

import time

import pytest

from sslviz.cli import main
from sslviz.errors import MediaError
from sslviz.media.audio import read_sound
from sslviz.media.image import read_image
from sslviz.media.sandbox import run
from tests.hostile.canary import Canary
from tests.hostile.forge import CHEAP, EITHER, forge
from tests.hostile.forge_report import LIMITS, Outcome, read_alone
from tests.hostile.reading_child import Look, look_through, look_through_many

DEAR = ("bomb", "odd times", "odd sound")
ONE_FILE_SECONDS = 45.0
"""The deadline: 20 s without a sign of life, and room for a crowded machine."""


@pytest.fixture(scope="module")
def cheap(canary):
    return forge(canary.folder.parent / "cheap", canary, CHEAP)


@pytest.fixture(scope="module")
def dear(canary):
    return forge(canary.folder.parent / "dear", canary, DEAR)


def assert_untouched(canary: Canary) -> None:
    assert canary.read() == []
    assert canary.calls == 0


def test_the_canaries_would_notice(tmp_path):
    with Canary(tmp_path / "canary") as canary:
        assert run(look_through, canary.clip, LIMITS, messages=[Look]).magenta
        canary.words.read_text()
        if canary.read() == []:
            pytest.skip("this file system keeps no access times")
        assert canary.read() == ["canary.ts", "secret.txt"]
        canary.call()
        assert canary.calls == 1


def read_together(files, canary) -> list[str]:
    """Faults of many files that one child reads one after the other."""
    paths = [file.path for file in files]
    found = run(look_through_many, paths, LIMITS, limits=LIMITS, cpu_seconds=180, messages=[Look])
    told = [
        Outcome(file, what, message, 0.0, 0, look)
        for file, (what, message, look) in zip(files, found, strict=True)
    ]
    return [fault for outcome in told for fault in outcome.faults(canary)]


def test_forged_files_are_refused_in_words_or_read_as_what_they_are(cheap, canary):
    assert read_together(cheap, canary) == []
    assert_untouched(canary)


def test_a_playlist_is_neither_a_picture_nor_a_sound(cheap, canary):
    for file in [file for file in cheap if file.group == "playlist"][::19]:
        with pytest.raises(MediaError):
            read_image(file.path, LIMITS)
        with pytest.raises(MediaError):
            read_sound(file.path, 16_000, LIMITS)
    assert_untouched(canary)


@pytest.mark.slow
def test_bombs_and_odd_times_end_before_the_deadline_in_bounded_memory(dear, canary):
    outcomes = [read_alone(file) for file in dear if file.group == "bomb"]
    assert [fault for outcome in outcomes for fault in outcome.faults(canary)] == []
    assert read_together([file for file in dear if file.group != "bomb"], canary) == []
    assert max(outcome.seconds for outcome in outcomes) < ONE_FILE_SECONDS
    assert max(outcome.peak_bytes for outcome in outcomes) < 300e6
    assert_untouched(canary)


@pytest.mark.slow
def test_a_late_start_is_not_taken_for_length(dear):
    outcome = read_alone(next(file for file in dear if file.path.stem == "starts_late"))
    assert (outcome.what, outcome.look.frames) == ("read", 50)
    assert outcome.look.last_seconds == pytest.approx(1.96, abs=0.01)


@pytest.mark.nightly
def test_every_forged_file_alone_in_a_child_of_its_own(canary):
    files = forge(canary.folder.parent / "all", canary)
    outcomes = [read_alone(file) for file in files]
    assert [fault for outcome in outcomes for fault in outcome.faults(canary)] == []
    assert max(outcome.seconds for outcome in outcomes) < ONE_FILE_SECONDS
    assert_untouched(canary)


@pytest.mark.slow
def test_the_command_line_ends_each_with_one_line(cheap, canary, tmp_path, capsys):
    chosen = [file for file in cheap if file.group != "name"][::20]
    for number, file in enumerate(chosen):
        target, begin = tmp_path / f"{number}.npz", time.monotonic()
        words = ["analyse", str(file.path.absolute()), str(target), "--quiet", "--device", "cpu"]
        status = main(words)
        said = capsys.readouterr()
        assert time.monotonic() - begin < 2 * ONE_FILE_SECONDS
        assert status == 0 or file.may == EITHER or file.group in ("playlist", "no media")
        assert (status == 0) == target.exists()
        if status:
            assert said.err.startswith("sslviz: ")
            assert said.err.count("\n") == 1
        assert canary.word not in said.err + said.out
    assert not list(tmp_path.glob("*.part"))
    assert_untouched(canary)
