"""Files that are whole or not there."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write to that becomes ``path`` when the block ends well; else nothing is left.

    What goes wrong is raised as it is: callers have their own words for it.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):  # not there, or the whole disk may not be written to
            part.unlink()
