"""Things that hold a file or a process until they are closed."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """A context manager: what ``close`` lets go of is held no longer than the ``with`` block."""

    @abstractmethod
    def close(self) -> None:
        """Let go; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
