"""The bytes between the live page and the server, checked as if a stranger had sent them.

Page to server, little endian: ``magic u32, sequence u32, pts_seconds f64, first_sample u64,
num_samples u32, num_jpeg_bytes u32``, then ``num_samples`` of int16 sound and the JPEG.
Server to page: ``magic u32, sequence u32, pts_seconds f64, confidence f32, level_dbfs f32,
step_ms f32, pace_ms f32, heard_seconds f32, verdict u32, height u16, width u16``, then ``height x
width`` bytes of heat, 255 for full colour.
"""

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sslviz.errors import LiveError
from sslviz.live import LiveMap
from sslviz.scaling import Verdict
from sslviz.types import Frame, Heatmap

MAGIC = int.from_bytes(b"SLV1", "little")
REQUEST = struct.Struct("<IIdQII")
REPLY = struct.Struct("<IIdfffffIHH")
VERDICTS = list(Verdict)
QUIETEST_DBFS = -200.0


@dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """What one message may hold."""

    max_pixels: int = 1280 * 720
    max_jpeg_bytes: int = 600_000
    max_sound_seconds: float = 30.0
    max_session_seconds: float = 86_400.0
    """Largest time on the clock of the sound; a page starts at 0."""


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """One picture and all sound since the last one."""

    sequence: int
    frame: Frame
    jpeg: bytes
    first_sample: int
    samples: NDArray[np.float32]


def unpack(data: bytes, sample_rate: int, limits: ProtocolLimits) -> LiveMessage:
    """Read and check a message of the page.

    Args:
        data: As received.
        sample_rate: What the page was asked to send, Hz.
        limits: What is allowed.

    Raises:
        LiveError: Something does not add up or is larger than allowed.
    """
    if len(data) < REQUEST.size:
        raise LiveError(f"A live message has at least {REQUEST.size} bytes, got {len(data)}.")
    magic, sequence, pts, first_sample, num_samples, num_jpeg = REQUEST.unpack_from(data)
    if magic != MAGIC or len(data) != REQUEST.size + 2 * num_samples + num_jpeg:
        raise LiveError("This live message is not ours; reload the page.")
    if num_samples > limits.max_sound_seconds * sample_rate:
        raise LiveError(
            f"A live message may hold {limits.max_sound_seconds:g} s of sound, got "
            f"{num_samples / sample_rate:.1f} s."
        )
    newest = first_sample / sample_rate
    if not (0 <= pts <= limits.max_session_seconds and newest <= limits.max_session_seconds):
        raise LiveError(f"Times must lie in the session, got {pts} s and {newest:.1f} s.")
    sound = np.frombuffer(data, "<i2", num_samples, REQUEST.size)
    jpeg = data[REQUEST.size + 2 * num_samples :]
    frame = Frame(decode_jpeg(jpeg, limits), pts)
    samples = sound.astype(np.float32) * np.float32(1 / 32768)
    return LiveMessage(sequence, frame, jpeg, first_sample, samples)


def decode_jpeg(data: bytes, limits: ProtocolLimits) -> NDArray[np.uint8]:
    """Decode a baseline JPEG whose size was checked before; RGB (H, W, 3).

    A progressive file is refused: its scans can make a small picture cost seconds.

    Raises:
        LiveError: Not such a JPEG, or too large.
    """
    if len(data) > limits.max_jpeg_bytes:
        raise LiveError(f"A live picture may have {limits.max_jpeg_bytes} bytes, got {len(data)}.")
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            _check_header(picture, limits)
            return np.array(picture.convert("RGB"), np.uint8)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise LiveError(f"A live picture may have {limits.max_pixels} pixels, not more.") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise LiveError("A live picture could not be read as JPEG.") from error


def _check_header(picture: Image.Image, limits: ProtocolLimits) -> None:
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise LiveError(
            f"A live picture may have {limits.max_pixels} pixels, got {width}x{height}."
        )
    if picture.info.get("progressive") or picture.mode not in ("RGB", "L"):
        raise LiveError("A live picture must be a baseline colour JPEG.")


def pack(sequence: int, found: LiveMap, heatmap: Heatmap, pace_seconds: float) -> bytes:
    """The answer to one message.

    Args:
        sequence: Of the picture.
        found: Its map.
        heatmap: The map, ready to paint.
        pace_seconds: When the next picture should come, after this one.
    """
    height, width = heatmap.values.shape
    header = REPLY.pack(
        MAGIC,
        sequence,
        found.score_map.pts_seconds,
        found.score_map.confidence,
        max(found.level_dbfs, QUIETEST_DBFS),
        1000 * found.step_seconds,
        1000 * pace_seconds,
        found.heard_seconds,
        VERDICTS.index(found.verdict),
        height,
        width,
    )
    return header + (heatmap.values * 255).round().astype(np.uint8).tobytes()
