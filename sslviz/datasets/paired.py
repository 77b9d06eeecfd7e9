"""Photos and sounds that share categories but were never recorded together.

A folder of this kind holds ``photo.csv`` and ``audio.csv`` (columns ``path`` and ``class``; ``split`` and
``group`` where there are any) with paths relative to it. Whoever pairs a photo with a sound of its
category has weak supervision, and should say so.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sslviz.datasets.categories import canonical
from sslviz.errors import DatasetError

ANY_SPLIT = "all"
_PATH = ("path", "file", "filename", "filepath")
_CATEGORY = ("class", "category", "label")


@dataclass(frozen=True, slots=True)
class Item:
    """One photo or one sound."""

    path: Path
    category: str
    """Canonical spelling (``categories.canonical``)."""
    split: str
    """Empty where the table has no such column: the item belongs to every split."""
    group: str
    """Near-duplicates share it; never split a group. The path where the table has none."""
    source: str = ""
    """Where the item was collected, where the table says so."""


@dataclass(frozen=True, slots=True)
class PairedSet:
    """Photos and sounds by category."""

    root: Path
    photos: tuple[Item, ...]
    sounds: tuple[Item, ...]
    missing: tuple[str, ...]
    """Rows whose file is not there, as ``path: reason``; they are in neither list."""

    @property
    def photo_categories(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted({item.category for item in self.photos}))

    @property
    def sound_categories(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted({item.category for item in self.sounds}))

    @property
    def shared_categories(self) -> tuple[str, ...]:
        """Categories with both photos and sounds, sorted."""
        return tuple(sorted(set(self.photo_categories) & set(self.sound_categories)))

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits in the two tables, sorted."""
        return tuple(sorted({item.split for item in (*self.photos, *self.sounds)} - {""}))

    def of_split(self, split: str) -> "PairedSet":
        """The items of one split; ``"all"`` keeps everything.

        Raises:
            DatasetError: There is no such split.
        """
        if split == ANY_SPLIT:
            return self
        photos = _of_split(self.photos, split)
        sounds = _of_split(self.sounds, split)
        if not photos and not sounds:
            raise DatasetError(
                f"{self.root} has no split {split!r}; it has {', '.join(self.splits) or 'none'}, "
                f"and {ANY_SPLIT!r} takes everything."
            )
        return replace(self, photos=photos, sounds=sounds)


def by_category(items: Iterable[Item]) -> dict[str, tuple[Item, ...]]:
    """Items grouped by category, in the order of the table."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.category, []).append(item)
    return {category: tuple(groups[category]) for category in sorted(groups)}


def read_paired(root: Path | str) -> PairedSet:
    """Read ``photo.csv`` and ``audio.csv`` of a folder.

    One of the two may be missing: its list is then empty. Files that a table names but that are not
    there are listed in ``missing``, never replaced.

    Raises:
        DatasetError: The folder holds neither table, or a table lacks a needed column.
    """
    root = Path(root)
    tables = [path for path in (root / "photo.csv", root / "audio.csv") if path.is_file()]
    if not tables:
        raise DatasetError(f"{root} holds neither photo.csv nor audio.csv.")
    missing: list[str] = []
    photos = _read_table(root, "photo.csv", missing)
    sounds = _read_table(root, "audio.csv", missing)
    return PairedSet(root, photos, sounds, tuple(missing))


def _read_table(root: Path, name: str, missing: list[str]) -> tuple[Item, ...]:
    if not (root / name).is_file():
        return ()
    items = []
    with (root / name).open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            path, category = _column(row, _PATH, root / name), _column(row, _CATEGORY, root / name)
            if not (root / path).is_file():
                missing.append(f"{path}: named in {name} but not there")
                continue
            items.append(
                Item(
                    root / path,
                    canonical(category),
                    (row.get("split") or "").strip(),
                    (row.get("group") or path).strip(),
                    (row.get("source") or row.get("origin") or "").strip(),
                )
            )
    return tuple(items)


def _column(row: Mapping[str, str | None], names: tuple[str, ...], table: Path) -> str:
    for name in names:
        if value := (row.get(name) or "").strip():
            return value
    raise DatasetError(
        f"{table} has a row without {names[0]!r} (also accepted: {', '.join(names[1:])}); "
        f"its columns are {', '.join(str(key) for key in row)}."
    )


def _of_split(items: tuple[Item, ...], split: str) -> tuple[Item, ...]:
    return tuple(item for item in items if item.split in ("", split))
