"""Several results in one file, through moviepy; only for files that this project has written."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslviz.errors import OptionError, OutputError
from sslviz.whole_file import whole_file

_TAGGED = (
    "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709:"
    "color_primaries=bt709:color_trc=bt709:range=tv"
)
_MOST_PICTURES = 600


def side_by_side(paths: Sequence[Path], target: Path, height: int = 480) -> Path:
    """Play videos next to each other, scaled to one height, with the sound of the first.

    Args:
        paths: At least two videos written by this project.
        target: An MP4.
        height: Pixels of the result, made even.

    Raises:
        OptionError: Fewer than two videos.
        OutputError: The file cannot be written; nothing is left.
    """
    if len(paths) < 2:
        raise OptionError(f"Side by side needs at least two videos, got {len(paths)}.")
    import moviepy

    def write(part: Path) -> None:
        clips: list[Any] = []
        try:
            clips.extend(moviepy.VideoFileClip(os.fspath(path)) for path in paths)
            shortest = min(clip.duration for clip in clips)
            row = [_scaled(clip.subclipped(0, shortest), height // 2 * 2) for clip in clips]
            moviepy.clips_array([row]).with_audio(row[0].audio).write_videofile(
                os.fspath(part), codec="libx264", preset="veryfast", audio_codec="aac",
                fps=max(clip.fps for clip in clips), logger=None, temp_audiofile_path=part.parent,
                ffmpeg_params=["-f", "mp4", "-movflags", "+faststart", "-vf", _TAGGED],
            )  # fmt: skip
        finally:
            for clip in clips:
                _close(clip)

    return _whole(target, write)


def animation(
    source: Path,
    target: Path,
    width: int = 480,
    fps: float = 10.0,
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
) -> Path:
    """A silent moving picture for pages and slides: animated WebP or GIF, by the target's ending.

    Args:
        source: A video written by this project.
        target: ``.webp`` or ``.gif``.
        width: Pixels; the height follows.
        fps: Pictures per second.
        start_seconds: From here
        end_seconds: to here; the end where ``None``.

    Raises:
        OptionError: Another ending, or more than 600 pictures.
        OutputError: The file cannot be written; nothing is left.
    """
    kind = target.suffix.lower().lstrip(".")
    if kind not in ("webp", "gif"):
        raise OptionError(f"An animation ends in .webp or .gif, not {target.suffix!r}.")
    import moviepy

    clip = moviepy.VideoFileClip(os.fspath(source), audio=False)
    try:
        end = min(clip.duration, clip.duration if end_seconds is None else end_seconds)
        if (end - start_seconds) * fps > _MOST_PICTURES:
            raise OptionError(
                f"An animation may have {_MOST_PICTURES} pictures, this one would have "
                f"{(end - start_seconds) * fps:.0f}; shorten it or lower its fps."
            )
        scaled = clip.subclipped(start_seconds, end).resized(width=width)
        pictures = [np.asarray(image) for image in scaled.iter_frames(fps=fps, dtype="uint8")]
    finally:
        _close(clip)
    return _whole(target, lambda part: _save(pictures, part, kind, fps))


def _scaled(clip: Any, height: int) -> Any:
    width = round(clip.w * height / clip.h / 2) * 2
    return clip.resized((width, height))


def _close(clip: Any) -> None:
    """Close a clip, and the pipes that moviepy leaves open."""
    readers = [clip.reader, clip.audio.reader if clip.audio else None]
    processes = [reader.proc for reader in readers if reader is not None and reader.proc]
    clip.close()
    for process in processes:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()


def _save(pictures: list[NDArray[np.uint8]], part: Path, kind: str, fps: float) -> None:
    from PIL import Image

    images = [Image.fromarray(picture) for picture in pictures]
    options: dict[str, Any] = {"quality": 75, "method": 4} if kind == "webp" else {"optimize": True}
    images[0].save(
        part, kind, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0,
        **options,
    )  # fmt: skip


def _whole(target: Path, write: Callable[[Path], None]) -> Path:
    """Write under another name first, so that the target is whole or not there."""
    try:
        with whole_file(target) as part:
            write(part)
    except OSError as error:
        raise OutputError(
            f"{target.name!r} could not be written ({error}); check the folder and its free space."
        ) from error
    return target
