"""The contents of a folder, for choosing one: its sub-folders, tables and archives, and the number of pictures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from engine.collections.reading.regular_files import entries
from engine.collections.sources.archives import SUFFIXES as ARCHIVES
from engine.collections.sources.folders import checked_folder, is_junk, names
from engine.collections.sources.tables import TABLE_SUFFIXES, has_picture_suffix


@dataclass(frozen=True)
class FolderView:
    """A folder as a user chooses it.

    Attributes:
        folder: without links. folders, tables, archives: names, in the order of people; hidden ones are left out.
        pictures: how many are in it and below, by the ends of their names. complete: whether all could be counted.
    """

    folder: Path
    folders: tuple[str, ...]
    tables: tuple[str, ...]
    archives: tuple[str, ...]
    pictures: int
    complete: bool


def look_into(folder: str | Path, seconds: float = 0.25) -> FolderView:
    """The contents of a folder; counting the pictures below it stops after `seconds`.

    Raises:
        NotFound: it does not exist. BadParameter: it is not a folder, or may not be read. UnreadableImage: it was
        replaced at this moment.
    """
    path = checked_folder(folder)
    folders, files = _named(path)
    pictures, complete = _counted(path, seconds)
    tables = tuple(name for name in files if name.lower().endswith(TABLE_SUFFIXES))
    archives = tuple(name for name in files if name.lower().endswith(tuple(ARCHIVES)))
    return FolderView(path, folders, tables, archives, pictures, complete)


def _named(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    folders: list[str] = []
    files: list[str] = []
    with entries(path, path) as inside:
        for entry in inside:
            is_folder = (path / entry.name).is_dir()  # False for a link that leads to itself
            if not is_junk(entry.name, folder=is_folder):
                (folders if is_folder else files).append(entry.name)
    return tuple(sorted(folders, key=_as_people_sort)), tuple(sorted(files, key=_as_people_sort))


def _counted(path: Path, seconds: float) -> tuple[int, bool]:
    until, pictures = time.monotonic() + seconds, 0
    for name in names(path):
        pictures += has_picture_suffix(name)
        if time.monotonic() > until:
            return pictures, False
    return pictures, True


def _as_people_sort(name: str) -> list[tuple[bool, int, str]]:
    """Numbers by their value and before letters, which have no case: 2 before 10, 2023 before a, b before C."""
    parts = "".join(c if c.isdecimal() else f" {c.casefold()} " for c in name).split()
    return [(False, int(part), "") if part.isdecimal() else (True, 0, part) for part in parts]
