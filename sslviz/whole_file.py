"""Files that are whole or not there."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path


def part_number() -> int:
    """Tells apart what several processes and threads write to one name at once."""
    return secrets.randbits(48)


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
