"""Small files that unpack to much: pixels, frames, boxes in boxes."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.forge_base import Base, box
from tests.media.clips import ffmpeg


def png(width: int, height: int) -> bytes:
    """A valid, tiny PNG of a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    compressor = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data)
            + chunk(b"IEND", b""))  # fmt: skip


def bombs(folder: Path, base: Base) -> Iterator[Path]:
    """Bombs of pixels, of frames and of nesting."""
    yield from _pixels(folder, base)
    yield from _frames(folder)
    yield from _nests(folder)


def _pixels(folder: Path, base: Base) -> Iterator[Path]:
    picture = folder / "pixels.png"
    picture.write_bytes(png(16_000, 16_000))
    video = folder / "pixels.mkv"
    ffmpeg("-f", "png_pipe", "-i", picture, "-c", "copy", video)
    yield from (picture, video)
    jpeg = bytearray(base.jpeg.read_bytes())
    sizes = next(i for i in range(len(jpeg)) if jpeg[i : i + 2] == b"\xff\xc0") + 5
    jpeg[sizes : sizes + 4] = struct.pack(">HH", 65_500, 65_500)
    motion = folder / "pixels_mjpeg.avi"
    motion.write_bytes(base.avi.read_bytes().replace(base.jpeg.read_bytes()[:20], bytes(jpeg[:20])))
    still = folder / "pixels.jpg"
    still.write_bytes(bytes(jpeg))
    yield from (motion, still)
    gif = folder / "pixels.gif"
    gif.write_bytes(b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
                    + b"," + struct.pack("<HHHH", 0, 0, 65_535, 65_535) + b"\0\x02\x02L\x01\0;")  # fmt: skip
    yield gif
    ivf = folder / "pixels.ivf"  # a VP8 key frame that says 16383x16383 in a file that says 64x64
    frame = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 16_383) + bytes(4000)
    ivf.write_bytes(b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, b"VP80", 64, 64, 25, 1, 1, 0)
                    + struct.pack("<IQ", len(frame), 0) + frame)  # fmt: skip
    yield ivf


def _frames(folder: Path) -> Iterator[Path]:
    """Many tiny frames in a moment, and at the highest rate that is allowed."""
    tiny = ("-c:v", "mpeg4", "-q:v", "31", "-g", "300")
    moment = folder / "frames_in_a_moment.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=16x16:r=50000:d=0.4", *tiny,
           "-video_track_timescale", 50_000, moment)  # fmt: skip
    yield moment
    still = folder / "frames_at_one_time.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=16x16:r=1000:d=5", *tiny, "-vf", "settb=1/50000,setpts=N",
           "-fps_mode", "passthrough", "-enc_time_base", "1/50000", still)  # fmt: skip
    yield still
    fast = folder / "frames_at_240.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=16x16:r=240:d=25", *tiny, fast)
    yield fast


def _nests(folder: Path) -> Iterator[Path]:
    """Boxes in boxes, elements in elements."""
    nested = b""
    for _ in range(20_000):
        nested = box(b"moov", nested) if len(nested) < 200_000 else nested
    path = folder / "boxes.mp4"
    path.write_bytes(box(b"ftyp", b"isom\0\0\0\0isom") + nested)
    yield path
    path = folder / "elements.mkv"  # segments of unknown size, one in the other
    head = b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska"
    path.write_bytes(head + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" * 20_000)
    yield path
    path = folder / "many_streams.mp4"
    data = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"vide" + bytes(13))))
    path.write_bytes(box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", data * 5000))
    yield path
