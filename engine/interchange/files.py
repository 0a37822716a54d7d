"""The files of a data set in a folder or an archive. A path that a data set names is looked up among these files
alone, so none leads out of them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from engine.collections.reading.regular_files import opened
from engine.collections.reading.safely import SUFFIXES
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources import archives, folders, staged
from engine.collections.sources.items import Item
from engine.collections.sources.table_names import Names, is_address, slashed
from engine.core.errors import Unreadable, UnreadableImage
from engine.core.memory import check_memory
from engine.core.storage import full_disk_named

_LIMITS = archives.Limits(member_bytes=4 << 30)  # of files that hold the facts of all pictures
_IN_MEMORY = 6  # bytes that a byte of JSON takes at most when it is read
_ADDRESS = "This is an address; pictures are read from this computer only."


class Files:
    """Files by their paths, with slashes, as `folders.Walk` and `archives.members` give them.

    Args:
        staging: an empty folder for pictures that lie inside other files.
        chosen: the one file that was chosen, None for all; the others are its neighbours, which are only listed once
            one of them is looked up.
    """

    def __init__(self, items: Iterable[Item], staging: Path, chosen: Item | None = None) -> None:
        self._given = items if chosen else list(items)
        self._staging = staging
        self._chosen = chosen
        self._kept = 0
        self._looked_up: set[str] = set()

    @cached_property
    def _items(self) -> dict[str, Item]:
        return {item.name: item for item in self._given}

    @property
    def names(self) -> list[str]:
        """The paths of all files, in their order."""
        return list(self._items)

    @cached_property
    def _spelled(self) -> Names:
        return Names(self._items)

    def label(self, name: str) -> str:
        """The folder that tells this file from others."""
        return self._items[name].label

    def ending(self, *endings: str) -> list[str]:
        """The paths that end in one of these, in alphabetical order; the chosen one alone if it does."""
        if self._chosen and self._chosen.name.lower().endswith(endings):
            return [self._chosen.name]
        return sorted(name for name in self._items if name.lower().endswith(endings))

    def unlisted(self) -> list[str]:
        """The paths of pictures that were never looked up; none beside a chosen file."""
        return [] if self._chosen else [name for name in self.ending(*SUFFIXES) if name not in self._looked_up]

    def item(self, written: str, folder: str = "") -> Item:
        """The file that a path means, as another program wrote it; one with a failure where there is none.

        Args:
            folder: where the path begins.
        """
        found = self._item(written, folder)
        self._looked_up.add(found.name)
        return found

    def _item(self, written: str, folder: str) -> Item:
        if self._chosen and self._chosen.name == written and not folder:
            return self._chosen
        for name in (f"{folder}/{written}" if folder else written, written):
            if name in self._items:
                return self._items[name]
        key = written.encode("utf-8", "surrogateescape").replace(b"\0", b" ") or b"?"
        if is_address(written):
            return Item(key, failure=Failure("table", "address", _ADDRESS))
        if ".." in PurePosixPath(slashed(written)).parts:
            return Item(key, failure=Failure("table", "outside", "The path leads out of the data set."))
        found = (folder and self._spelled.find(f"{folder}/{written}")) or self._spelled.find(written)
        if folder and "/" not in slashed(written):  # a name of its own is not that of another part of the data set
            found = [name for name in found if name.startswith(f"{folder}/")]
        if len(found) > 1:
            message = f"Several files match: {', '.join(found[:3])}."
            return Item(key, failure=Failure("table", "ambiguous", message))
        missing = Failure("table", "missing", "The data set lists this picture, but its file is not there.")
        return self._items[found[0]] if found else Item(key, failure=missing)

    def named(self, name: str, shown: str) -> Item:
        """The file of that path under another name, for people."""
        key = slashed(shown).lstrip("/").encode("utf-8", "surrogateescape").replace(b"\0", b" ")
        self._looked_up.add(name)
        return replace(self._items[name], key=key or b"picture")

    def opened(self, name: str) -> io.BufferedReader:
        """A file; Unreadable for a link out of the data set and anything that is not a regular file."""
        item = self.item(name)
        if item.failure is not None:
            raise Unreadable(f"The file {name!r} cannot be read: {item.failure.message}")
        try:
            return opened(Path(item.location), Path(item.bounds))
        except UnreadableImage as error:
            raise Unreadable(f"The file {name!r} cannot be read: {error.message}") from error

    def content(self, name: str) -> bytes:
        """The content of a file; Unreadable, or OutOfMemory for one that memory does not hold."""
        with self.opened(name) as file:
            check_memory(_IN_MEMORY * os.fstat(file.fileno()).st_size, name)
            return file.read()

    def json(self, name: str) -> Any:
        """The content of a JSON file; Unreadable if it is not JSON."""
        try:
            return json.loads(self.content(name))
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"The file {name!r} is not whole JSON.") from error

    def kept(self, name: str, data: bytes) -> Item:
        """A picture embedded in another file, written to a file of its own."""
        self._kept += 1
        place = self._staging / f"inside-{self._kept}"
        with full_disk_named(name):
            staged.write(place, data)
        key = slashed(name).lstrip("/").encode("utf-8", "surrogateescape").replace(b"\0", b" ")
        return Item(key or b"picture", location=str(place), owned=True, size=len(data))

    def unpacked(self, name: str) -> Files:
        """The members of an archive among the files."""
        self._kept += 1
        folder = staged.make_folder(self._staging / f"unpacked-{self._kept}")
        return _unpacked(self.opened(name), folder, name)


def files_at(path: Path, staging: Path, *, follow: bool = False) -> Files:
    """The files of a folder or an archive, or a single file; its neighbours are listed with it.

    Args:
        path: without links above it.
        follow: whether links may lead out of the folder.

    Raises:
        NotFound: there is nothing. UnreadableArchive: one that swells beyond all bounds.
    """
    if path.is_dir():
        return Files(folders.Walk(path, follow=follow).items(), staging)
    if path.name.lower().endswith(archives.SUFFIXES):
        return _unpacked(path, staged.make_folder(staging / "archive"))
    bounds = Path(path.anchor) if follow else path.parent
    chosen = folders.file_item(bounds, path, os.fsencode(path.name))
    return Files(_beside(path.parent, follow), staging, chosen)


def _unpacked(archive: Path | io.BufferedReader, folder: Path, name: str = "") -> Files:
    with archives.Archive(archive, _LIMITS, name) as opened:
        return Files(opened.members(folder), folder)


def _beside(root: Path, follow: bool) -> Iterator[Item]:
    yield from folders.Walk(root, follow=follow).items()
