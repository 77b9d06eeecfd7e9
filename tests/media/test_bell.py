"""A bell wakes the one who waits, whenever it was rung."""

import socket
import threading
import time

from sslviz.media.bell import Bell


def test_a_ring_ends_a_wait_and_is_then_forgotten() -> None:
    with Bell() as bell:
        threading.Timer(0.05, bell.ring).start()
        start = time.monotonic()
        assert not bell.wait(30)
        assert time.monotonic() - start < 15
        start = time.monotonic()
        bell.wait(0.1)
        assert time.monotonic() - start >= 0.09


def test_rings_before_the_wait_end_it_at_once_however_many_they_were() -> None:
    with Bell() as bell:
        for _ in range(100_000):
            bell.ring()
        start = time.monotonic()
        bell.wait(30)
        assert time.monotonic() - start < 15


def test_what_is_there_to_receive_is_told_apart_from_a_ring() -> None:
    here, there = socket.socketpair()
    with Bell() as bell, here, there:
        bell.ring()
        assert not bell.wait(30, here)
        there.send(b"x")
        assert bell.wait(30, here)


def test_a_closed_bell_may_still_be_rung() -> None:
    bell = Bell()
    bell.close()
    bell.ring()
