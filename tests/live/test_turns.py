import pytest

from sslviz.errors import LiveError
from sslviz.ui.live_turns import TurnOptions, Turns


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_with_more_visitors_than_slots_everybody_gets_equal_time() -> None:
    clock = Clock()
    turns = Turns(TurnOptions(slots=2, max_waiting=8, turn_seconds=8.0), clock)
    served = dict.fromkeys("abcdef", 0)
    longest = dict.fromkeys("abcdef", 0.0)
    since = dict.fromkeys("abcdef", 0.0)
    for visitor in served:
        turns.join(visitor)
    for _ in range(480):
        clock.now += 0.5
        for visitor in served:
            if turns.look(visitor).running:
                served[visitor] += 1
                since[visitor] = clock.now
            longest[visitor] = max(longest[visitor], clock.now - since[visitor])
        assert turns.num_running == 2
    assert max(longest.values()) <= 2 * 8.0 + 1
    assert max(served.values()) - min(served.values()) <= 17


def test_the_promised_wait_is_kept() -> None:
    clock = Clock()
    turns = Turns(TurnOptions(slots=1, turn_seconds=10.0), clock)
    for visitor in "abc":
        turn = turns.join(visitor)
    assert (turn.ahead, turn.wait_seconds) == (1, 20.0)
    while not turns.look("c").running:
        clock.now += 1.0
        turns.look("a")
        turns.look("b")
    assert clock.now <= 20.0


def test_nobody_is_sent_away_while_nobody_waits() -> None:
    clock = Clock()
    turns = Turns(TurnOptions(slots=1, turn_seconds=10.0), clock)
    turns.join("a")
    for _ in range(100):
        clock.now += 5.0
        assert turns.look("a").running


def test_a_full_queue_is_refused_with_a_sentence() -> None:
    turns = Turns(TurnOptions(slots=1, max_waiting=1), Clock())
    turns.join("a")
    turns.join("b")
    with pytest.raises(LiveError, match=r"Live is full: 1 running and 1 waiting.*60 s.*record"):
        turns.join("c")


def test_whoever_leaves_makes_room_at_once() -> None:
    turns = Turns(TurnOptions(slots=1), Clock())
    turns.join("a")
    assert not turns.join("b").running
    turns.leave("a")
    assert turns.look("b").running


def test_a_page_that_fell_silent_loses_its_place() -> None:
    clock = Clock()
    turns = Turns(TurnOptions(slots=1, idle_seconds=5.0), clock)
    turns.join("a")
    turns.join("b")
    clock.now = 4.0
    turns.look("b")
    clock.now = 6.0
    assert turns.look("b").running
    with pytest.raises(LiveError, match="press Start"):
        turns.look("a")


def test_a_session_ends_at_its_time_limit() -> None:
    clock = Clock()
    turns = Turns(TurnOptions(session_seconds=600.0), clock)
    turns.join("a")
    clock.now = 20.0
    assert turns.look("a").running
    for clock.now in range(20, 601, 20):
        turns.look("a")
    clock.now = 601.0
    with pytest.raises(LiveError, match="ends after 10 minutes"):
        turns.look("a")
    assert turns.num_running == 0


def test_the_same_page_cannot_take_two_places() -> None:
    turns = Turns(TurnOptions(slots=2), Clock())
    turns.join("a")
    with pytest.raises(LiveError, match="already"):
        turns.join("a")
