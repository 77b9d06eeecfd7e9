"""Files that are whole or not there."""

import contextlib
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def part_number() -> int:
    """Tells apart what several processes and threads write to one name at once, and whose it is."""
    return os.getpid() << 32 | secrets.randbits(32)


def remove_orphans(path: Path) -> None:
    """Remove what processes of this machine that are gone had not finished under this name."""
    start, end = f"{path.name}.", ".part"
    for part in path.parent.glob(f"{glob.escape(start)}*{end}"):
        number = part.name[len(start) : -len(end)]
        if number.isdigit() and not _runs(int(number) >> 32):
            with contextlib.suppress(OSError):
                part.unlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def part_path(path: Path, number: int | None = None) -> Path:
    """The name under which a file grows, a new one each time where no number is given."""
    chosen = part_number() if number is None else number
    return path.with_name(f"{path.name}.{chosen}.part")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write to that becomes ``path`` when the block ends well; else nothing is left.

    What goes wrong is raised as it is: callers have their own words for it.
    """
    part = part_path(path)
    try:
        yield part
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):  # not there, or the whole disk may not be written to
            part.unlink()
