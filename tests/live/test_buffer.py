import threading

import numpy as np
import pytest

from sslviz.errors import MediaError
from sslviz.media.buffer import LiveBuffer
from sslviz.types import Frame

RATE = 16_000


def _counter(first: int, count: int) -> np.ndarray:
    """Sound whose every sample says which one it is (exact in float32)."""
    return (np.arange(first, first + count) % 2**20 / 2**20).astype(np.float32)


def _frame(pts_seconds: float) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), pts_seconds)


def test_ten_minutes_in_uneven_pieces_come_back_sample_for_sample() -> None:
    buffer, random, sent = LiveBuffer(RATE, 10.0), np.random.default_rng(0), 0
    while sent < 600 * RATE:
        size = int(random.integers(1, 3 * RATE))
        buffer.push_audio(sent, _counter(sent, size))
        sent += size
        end = buffer.sound_end_seconds
        got = buffer.excerpt(end, 5.0)
        first = round(end * RATE) - 5 * RATE
        expected = _counter(first, 5 * RATE) if first >= 0 else None
        assert expected is None or np.array_equal(got.samples, expected)
    assert (buffer.counts.samples, buffer.counts.missing_samples) == (sent, 0)
    assert buffer.counts.repeated_samples == 0


def test_sound_sent_again_is_kept_once() -> None:
    buffer = LiveBuffer(RATE, 4.0)
    buffer.push_audio(0, _counter(0, 1000))
    buffer.push_audio(600, _counter(600, 1000))
    buffer.push_audio(100, _counter(100, 50))
    got = buffer.excerpt(1600 / RATE, 1600 / RATE)
    assert np.array_equal(got.samples, _counter(0, 1600))
    assert buffer.counts.samples == 1600
    assert buffer.counts.repeated_samples == 450


def test_a_gap_is_silence_in_its_place_and_is_counted() -> None:
    buffer = LiveBuffer(RATE, 4.0)
    buffer.push_audio(0, np.ones(100, np.float32))
    buffer.push_audio(300, np.ones(100, np.float32))
    got = buffer.excerpt(400 / RATE, 400 / RATE).samples
    assert np.array_equal(np.flatnonzero(got == 0), np.arange(100, 300))
    assert buffer.counts.missing_samples == 200


def test_a_gap_longer_than_the_memory_leaves_only_silence() -> None:
    buffer = LiveBuffer(RATE, 1.0)
    buffer.push_audio(0, np.ones(RATE, np.float32))
    buffer.push_audio(100 * RATE, np.ones(10, np.float32))
    got = buffer.excerpt(100 + 10 / RATE, 1.0).samples
    assert np.count_nonzero(got) == 10


def test_what_was_not_heard_yet_or_no_longer_is_silence() -> None:
    buffer = LiveBuffer(RATE, 1.0)
    buffer.push_audio(0, np.ones(3 * RATE, np.float32))
    assert np.count_nonzero(buffer.excerpt(4.0, 2.0).samples) == RATE
    assert np.count_nonzero(buffer.excerpt(2.0, 1.0).samples) == 0


def test_a_picture_that_is_late_or_sent_again_is_dropped() -> None:
    buffer = LiveBuffer(RATE, 4.0)
    assert buffer.push_frame(0, _frame(0.1))
    assert not buffer.push_frame(0, _frame(0.2))
    assert buffer.push_frame(3, _frame(0.3))
    assert not buffer.push_frame(2, _frame(0.25))
    counts = buffer.counts
    assert (counts.frames, counts.stale_frames, counts.missing_frames) == (2, 2, 2)


def test_kept_pictures_are_bounded_by_time_and_by_bytes() -> None:
    buffer = LiveBuffer(RATE, 2.0, max_history_bytes=1000)
    for number in range(100):
        buffer.push_frame(number, _frame(number / 10), b"x" * 90)
    assert sum(len(sent.jpeg) for sent in buffer.sent_frames(0.0)) <= 1000
    buffer = LiveBuffer(RATE, 2.0)
    for number in range(100):
        buffer.push_frame(number, _frame(number / 10), b"x")
    assert len(buffer.sent_frames(0.0)) == 21


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(MediaError, match="finite"):
        LiveBuffer(RATE, 1.0).push_audio(0, np.array([np.nan], np.float32))


def test_a_reader_never_sees_half_of_a_write() -> None:
    buffer, stop = LiveBuffer(RATE, 2.0), threading.Event()

    def read() -> bool:
        while not stop.is_set():
            end = buffer.sound_end_seconds
            first = round(end * RATE) - RATE
            if first >= 0 and not np.array_equal(
                buffer.excerpt(end, 1.0).samples, _counter(first, RATE)
            ):
                return False
        return True

    results: list[bool] = []
    reader = threading.Thread(target=lambda: results.append(read()))
    reader.start()
    for number in range(300):
        buffer.push_audio(number * 800, _counter(number * 800, 800))
    stop.set()
    reader.join()
    assert results == [True]
