"""Uploads and results on disk, each under a name that nobody can guess."""

import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sslviz.errors import SSLVizError
from sslviz.ui import text
from sslviz.whole_file import whole_file

SPARE_BYTES = 256 * 1024 * 1024
"""Of the disk that uploads leave free: results and the rest of the machine need room, too."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_UNSAFE = re.compile(r"[^\w.\- ()]+")


class ForgottenError(SSLVizError, KeyError):
    """An upload or a result that was never here, or was deleted after its time."""

    def __str__(self) -> str:
        return str(self.args[0])


def safe_name(name: str, fallback: str = "clip") -> str:
    """A file name a person recognises, without anything a file system or a header could trip on."""
    bare = name.replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = _UNSAFE.sub("_", bare).strip(" ._-")
    return cleaned[-80:] or fallback


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a visitor handed over."""

    token: str
    path: Path
    name: str
    """As the visitor called it, cleaned."""

    def in_visitors_words(self, words: str) -> str:
        """A sentence about this file, with the visitor's name for it and no path of this machine."""
        return words.replace(str(self.path), self.name).replace(self.path.name, self.name)


@dataclass(frozen=True, slots=True)
class Result:
    """One finished (or stopped) run: a folder with the source, the picture and the track."""

    token: str
    folder: Path
    name: str
    """Of the source, as the visitor called it."""
    source: str
    """File name of the source inside the folder."""
    partial: bool = False
    warnings: tuple[str, ...] = ()
    style: Mapping[str, Any] = field(default_factory=dict)
    analysis: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: str = ""

    @property
    def source_path(self) -> Path:
        """The video as it came."""
        return self.folder / self.source

    @property
    def overlay_path(self) -> Path:
        """The painted video."""
        return self.folder / "overlay.mp4"

    @property
    def track_path(self) -> Path:
        """The raw score maps."""
        return self.folder / "track.npz"


class Store:
    """Keeps uploads and results for a while; safe to use from many threads."""

    def __init__(self, root: Path, keep_seconds: float, max_bytes: int) -> None:
        self.root = root
        self.keep_seconds = keep_seconds
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._adopted: set[str] = set()
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def adopt(self, token: str, folder: Path, source: Path) -> None:
        """Offer a result that ships with the code (an example) under a fixed name; never swept.

        Args:
            token: Its name here.
            folder: The result's files, but for its source.
            source: The clip it was made from.
        """
        target = self.root / token
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        shutil.copyfile(source, target / source.name)
        self._adopted.add(token)

    def adopted(self) -> list[str]:
        """Tokens of what ships with the code."""
        return sorted(self._adopted)

    def has_room_for(self, num_bytes: int) -> bool:
        """Whether the disk would have enough left for a result after a file of this size."""
        return shutil.disk_usage(self.root).free > num_bytes + SPARE_BYTES

    def new_folder(self) -> tuple[str, Path]:
        """A fresh, empty folder and its token."""
        token = secrets.token_urlsafe(18)
        folder = self.root / token
        folder.mkdir(mode=0o700)
        return token, folder

    def folder(self, token: str) -> Path:
        """Where a token's files are.

        Raises:
            ForgottenError: No such token here.
        """
        folder = self.root / token
        if not _TOKEN.match(token) or not folder.is_dir():
            raise ForgottenError(text.FORGOTTEN)
        return folder

    def new_upload(self, name: str) -> Upload:
        """A place to write an upload to; its size is the caller's business."""
        token, folder = self.new_folder()
        cleaned = safe_name(name)
        (folder / "upload.json").write_text(json.dumps({"name": cleaned}))
        return Upload(token, folder / f"source{_suffix(cleaned)}", cleaned)

    def upload(self, token: str) -> Upload:
        """Find an upload, or the source of a result, again.

        Raises:
            ForgottenError: No such token here.
        """
        folder = self.folder(token)
        if (folder / "result.json").is_file():
            result = self.result(token)
            return Upload(token, result.source_path, result.name)
        try:
            name = json.loads((folder / "upload.json").read_text())["name"]
        except (OSError, ValueError, KeyError) as error:
            raise ForgottenError("This upload is not complete. Drop the file again.") from error
        return Upload(token, folder / f"source{_suffix(name)}", name)

    def save(self, result: Result) -> None:
        """Write what a result is beside its files."""
        values = {k: v for k, v in asdict(result).items() if k not in {"token", "folder"}}
        with whole_file(result.folder / "result.json") as part:
            part.write_text(json.dumps(values))

    def result(self, token: str) -> Result:
        """Find a result again.

        Raises:
            ForgottenError: No such token here.
        """
        folder = self.folder(token)
        try:
            values = json.loads((folder / "result.json").read_text())
            values["warnings"] = tuple(values["warnings"])
            return Result(token=token, folder=folder, **values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ForgottenError(
                "There is no result under this link; it may have been deleted after its time."
            ) from error

    def discard(self, token: str) -> None:
        """Delete one folder; examples stay."""
        if token not in self._adopted and _TOKEN.match(token):
            shutil.rmtree(self.root / token, ignore_errors=True)

    def sweep(self, now: float | None = None) -> int:
        """Delete what is too old, then the oldest until the rest fits; returns how many went."""
        now = time.time() if now is None else now
        gone = 0
        with self._lock:
            entries = sorted(_ages(self.root))
            total = sum(size for _, size, _ in entries)
            for changed, size, folder in entries:
                if folder.name in self._adopted:
                    continue
                if now - changed > self.keep_seconds or total > self.max_bytes:
                    shutil.rmtree(folder, ignore_errors=True)
                    total -= size
                    gone += 1
        return gone


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ".bin"


def _ages(root: Path) -> list[tuple[float, int, Path]]:
    """Time of last change, size and place of every folder in the store.

    What lies in several folders by links counts once, with the newest of them: that is what goes when
    all the older ones are deleted.
    """
    found = []
    for folder in root.iterdir():
        try:
            stats = [p.stat() for p in folder.iterdir()]
            # A link to an old upload is as old as the upload; its folder knows that a run began now.
            changed = max([folder.stat().st_mtime, *(s.st_mtime for s in stats)])
        except OSError:  # another thread deleted it while we looked
            continue
        found.append((changed, {(s.st_dev, s.st_ino): s.st_size for s in stats}, folder))
    ages, counted = [], set[tuple[int, int]]()
    for changed, sizes, folder in sorted(found, key=lambda entry: entry[0], reverse=True):
        own = sum(size for place, size in sizes.items() if place not in counted)
        counted |= sizes.keys()
        ages.append((changed, own, folder))
    return ages
