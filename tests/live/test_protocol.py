import contextlib
import io
import struct
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sslviz.errors import LiveError, SSLVizError
from sslviz.live import LiveMap
from sslviz.scaling import Verdict
from sslviz.types import Heatmap, ScoreMap, ScoreScale
from sslviz.ui.live_protocol import MAGIC, REPLY, REQUEST, ProtocolLimits, pack, unpack

RATE = 16_000
LIMITS = ProtocolLimits()


def _jpeg(width: int = 64, height: int = 48, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(file, "JPEG", **options)
    return file.getvalue()


def _message(jpeg: bytes, samples: np.ndarray, pts: float = 1.0, first: int = 0) -> bytes:
    head = REQUEST.pack(MAGIC, 7, pts, first, len(samples), len(jpeg))
    return head + samples.astype("<i2").tobytes() + jpeg


def test_picture_and_sound_arrive_as_sent() -> None:
    message = unpack(_message(_jpeg(), np.array([-32768, 0, 16384]), 2.5, 40), RATE, LIMITS)
    assert (message.sequence, message.first_sample, message.frame.pts_seconds) == (7, 40, 2.5)
    assert message.frame.image.shape == (48, 64, 3)
    assert np.abs(message.frame.image.astype(int) - (200, 30, 30)).max() <= 4
    assert message.samples.tolist() == [-1.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "at least"),
        (b"x" * 200, "not ours"),
        (_message(_jpeg(), np.zeros(3))[:-1], "not ours"),
        (_message(_jpeg(), np.zeros(31 * RATE)), "30 s of sound, got 31.0 s"),
        (_message(_jpeg(), np.zeros(3), pts=float("nan")), "Times"),
        (_message(_jpeg(), np.zeros(3), pts=-1.0), "Times"),
        (_message(_jpeg(), np.zeros(3), first=2**63), "Times"),
        (_message(_jpeg(2000, 1000), np.zeros(3)), "got 2000x1000"),
        (_message(_jpeg(progressive=True), np.zeros(3)), "baseline"),
        (_message(_jpeg() + b"\0" * 600_000, np.zeros(3)), "bytes"),
        (_message(_jpeg()[:200], np.zeros(3)), "JPEG"),
        (_message(b"GIF89a" + b"\0" * 50, np.zeros(3)), "JPEG"),
    ],
)
def test_a_hostile_message_is_refused_with_a_sentence(data: bytes, match: str) -> None:
    with pytest.raises(LiveError, match=match):
        unpack(data, RATE, LIMITS)


@pytest.mark.parametrize("side", [3000, 11000, 65000])
def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(side: int) -> None:
    jpeg = bytearray(_jpeg())
    marker = jpeg.index(b"\xff\xc0")
    struct.pack_into(">HH", jpeg, marker + 5, side, side)
    started = time.perf_counter()
    with pytest.raises(LiveError, match="may have 921600 pixels"):
        unpack(_message(bytes(jpeg), np.zeros(3)), RATE, LIMITS)
    assert time.perf_counter() - started < 0.1


@given(st.data())
def test_flipped_bytes_are_a_picture_or_a_sentence(data: st.DataObject) -> None:
    message = bytearray(_message(_jpeg(), np.zeros(10)))
    for _ in range(data.draw(st.integers(1, 6))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SSLVizError):
        unpack(bytes(message), RATE, LIMITS)


def test_an_answer_holds_the_heat_and_what_is_known() -> None:
    values = np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)
    score_map = ScoreMap(values, ScoreScale.COSINE, 0.5, 3.25)
    found = LiveMap(score_map, -np.inf, Verdict.SILENT, 1.5, 0.02)
    data = pack(9, found, Heatmap(values, 3.25), 0.1)
    head = REPLY.unpack_from(data)
    assert head[:4] == (MAGIC, 9, 3.25, 0.5)
    assert head[4] == -200.0
    assert head[5:8] == pytest.approx((20.0, 100.0, 1.5))
    assert list(Verdict)[head[8]] is Verdict.SILENT
    assert head[9:] == (2, 3)
    assert list(data[REPLY.size :]) == [0, 51, 102, 153, 204, 255]
