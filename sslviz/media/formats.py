"""What may be opened at all, and how: three locks in front of FFmpeg, and a loop that bears damage.

The locks: a list of container formats, given when the file is opened, so that playlists (HLS, DASH,
concat, SDP ...) never get to name other files; a list of codecs, checked before the first packet is
decoded; and a limit on pixels that holds while the file is probed, too.
"""

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError

from sslviz.errors import MediaError
from sslviz.options import MediaLimits

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf,gif,wav,w64,mp3,flac,"
    "aac,aiff,amr,ac3,eac3,caf,m4v,h264,hevc,obu,ivf,dv,mxf"
)
IMAGE_FORMATS = "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif,image2"
_VIDEO_CODECS = (
    "h264 hevc vvc vp8 vp9 libvpx libvpx-vp9 libdav1d av1 mpeg4 mpeg2video mpeg1video mjpeg theora "
    "prores h263 flv vp6f msmpeg4v2 msmpeg4 wmv1 wmv2 wmv3 vc1 gif png dnxhd dvvideo jpeg2000 "
    "rawvideo"
)
IMAGE_CODECS = frozenset(("png", "mjpeg", "webp", "bmp", "tiff", "gif"))
_AUDIO_CODECS = (
    "aac aac_latm mp3float mp3 mp2 mp2float mp1float opus libopus vorbis flac ac3 eac3 alac amrnb "
    "amrwb libopencore_amrnb libopencore_amrwb wmav1 wmav2 pcm_s8 pcm_u8 pcm_s16le pcm_s16be "
    "pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le pcm_f64be pcm_alaw "
    "pcm_mulaw adpcm_ima_wav adpcm_ima_qt adpcm_ms adpcm_swf dca truehd nellymoser"
)
VIDEO_CODECS = frozenset(_VIDEO_CODECS.split())
AUDIO_CODECS = frozenset(_AUDIO_CODECS.split())
_KNOWN = "MP4, MOV, MKV, WebM, AVI, MPEG, OGG, FLV, WMV, GIF, WAV, MP3, FLAC, M4A"
_MAX_FAILURES_IN_A_ROW = 50
_AUDIO_MAX_CHANNELS = 64


@dataclass
class Damage:
    """What was skipped so far."""

    packets: int = 0
    frames: int = 0
    first_error: str = ""
    encrypted: bool = False
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Remember a remark once."""
        if text not in self.notes:
            self.notes.append(text)

    def count(self, error: Exception) -> None:
        """One more packet that could not be used."""
        self.packets += 1
        self.first_error = self.first_error or f"{type(error).__name__}: {error}"

    def meet(self, event: Any) -> bool:
        """Whether one of :func:`events` is no packet; it is noted then."""
        if isinstance(event, EarlyEnd):
            self.note("the file ends early")
        elif isinstance(event, Exception):
            self.count(event)
        return isinstance(event, Exception)


class EarlyEnd(Exception):  # noqa: N818 - handed on, never raised
    """The file is over before its packets are."""


def open_container(path: Path, limits: MediaLimits, formats: str = FORMATS) -> InputContainer:
    """Open a file with all locks on.

    Raises:
        MediaError: It is no regular file, too large, or nothing that may be opened.
    """
    _check_file(path, limits)
    codecs = ",".join(sorted(VIDEO_CODECS | AUDIO_CODECS))
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": formats,
        "codec_whitelist": codecs,
        "max_pixels": str(limits.max_pixels),
        # A picture named .jpg is taken by its extension; its name must not be read as a pattern.
        "pattern_type": "none",
    }
    try:
        return av.open(str(path.absolute()), "r", options=options, metadata_errors="ignore")
    except (FFmpegError, ValueError, OSError) as error:
        raise MediaError(_why_not(path, error)) from error


def _check_file(path: Path, limits: MediaLimits) -> None:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise MediaError(f"There is no readable file {path.name!r}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path.name!r} is no regular file; give a video or sound file.")
    if status.st_size == 0:
        raise MediaError(f"{path.name!r} is empty; the upload may have failed, try again.")
    if limits.max_bytes is not None and status.st_size > limits.max_bytes:
        raise MediaError(
            f"{path.name!r} has {status.st_size / 1e6:.0f} MB, allowed are "
            f"{limits.max_bytes / 1e6:.0f} MB; shorten or compress it."
        )


def _why_not(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{path.name!r} may not be read; check its permissions."
    with contextlib.suppress(OSError):
        if _is_cut_mp4(path):
            return f"{path.name!r} is an incomplete upload or recording (its index is missing)."
    return (
        f"{path.name!r} is damaged or of an unsupported container; supported are {_KNOWN} and "
        "others of these families. Re-encode it as MP4 (H.264, AAC)."
    )


def _is_cut_mp4(path: Path) -> bool:
    """An MP4 whose index would follow the data, but never came."""
    with path.open("rb") as file:
        head = file.read(64)
    return head[4:8] == b"ftyp"


def video_stream(container: InputContainer, name: str, limits: MediaLimits) -> Any:
    """The first moving picture of a file, ready to decode.

    Cover pictures do not count, neither do streams of unknown codec.

    Raises:
        MediaError: There is none, its codec is not on the list, or it is too large.
    """
    streams = moving_pictures(container)
    if not streams:
        raise MediaError(f"{name!r} holds no video; give a file with a moving picture.")
    stream = streams[0]
    context = stream.codec_context
    if context.codec.name not in VIDEO_CODECS:
        raise MediaError(
            f"{name!r} is coded as {context.codec.name}, which is not supported; "
            "re-encode it as H.264."
        )
    check_size(name, context.width, context.height, limits)
    context.options = {"max_pixels": str(limits.max_pixels)}
    return stream


def moving_pictures(container: InputContainer) -> list[Any]:
    """The video streams that are no cover pictures and whose codec is known at all."""
    return [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not _is_cover(stream)
    ]


def check_size(name: str, width: int, height: int, limits: MediaLimits) -> None:
    """Refuse pictures beyond the limit on pixels."""
    if width * height > limits.max_pixels:
        raise MediaError(
            f"{name!r} has {width}x{height} pixels, allowed are {limits.max_pixels / 1e6:.1f} "
            "million per frame; scale it down."
        )


def why_no_frame(name: str, damage: Damage) -> str:
    """What to tell a person about a file of which nothing could be shown."""
    if damage.first_error.startswith("ArgumentError"):  # what FFmpeg says beyond max_pixels
        return f"{name!r} is damaged, or has more pixels than allowed; scale it down."
    if damage.encrypted:
        return f"{name!r} is encrypted; give a file without copy protection."
    if damage.packets:
        return f"No frame of {name!r} could be decoded ({damage.first_error})."
    return f"{name!r} holds no frame; the file is incomplete or empty."


def audio_streams(container: InputContainer) -> list[Any]:
    """The sound tracks that can be decoded, in file order."""
    return [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None
        and stream.codec_context.codec.name in AUDIO_CODECS
        and 0 < stream.codec_context.channels <= _AUDIO_MAX_CHANNELS
    ]


def _is_cover(stream: Any) -> bool:
    disposition = stream.disposition
    return bool(disposition & (disposition.attached_pic | disposition.timed_thumbnails))


def decoded(container: InputContainer, stream: Any, damage: Damage) -> Iterator[Any]:
    """Every frame of a stream that can be decoded, whatever lies between, as `frames_of`."""
    return frames_of(packets(container, stream, damage), damage)


def frames_of(source: Iterator[Any], damage: Damage) -> Iterator[Any]:
    """Every frame that can be decoded from packets.

    Packets that fail are counted and skipped; after 50 in a row the rest is given up. An encrypted
    packet ends the stream.
    """
    failures = 0
    for packet in source:
        if packet.has_sidedata("encryption_info"):
            damage.encrypted = True
            return
        try:
            frames = packet.decode()
        except (FFmpegError, ValueError) as error:
            damage.count(error)
            failures += 1
            if failures >= _MAX_FAILURES_IN_A_ROW:
                damage.note("gave up after 50 damaged packets in a row")
                return
            continue
        if frames:
            failures = 0
        yield from frames


def packets(container: InputContainer, stream: Any, damage: Damage) -> Iterator[Any]:
    """Packets up to the end; ends with the empty one that makes the decoder hand out the rest."""
    return (event for event in events(container, stream) if not damage.meet(event))


def events(container: InputContainer, *streams: Any) -> Iterator[Any]:
    """Packets of some streams as they lie in the file, and in their places what went wrong.

    Errors come as exceptions, an end that comes early as :class:`EarlyEnd`; last is an empty packet
    for each stream.
    """
    for _ in range(_MAX_FAILURES_IN_A_ROW):
        try:
            yield from container.demux(*streams)
            return
        except av.error.EOFError:
            break
        except FFmpegError as error:
            yield error
    yield EarlyEnd()
    for stream in streams:
        packet: Any = av.Packet()
        packet.stream = stream
        yield packet
