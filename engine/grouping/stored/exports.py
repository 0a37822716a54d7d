"""Groups as files: a table, folders of pictures, or a ZIP of these. Nothing is ever overwritten.

Every group or picture name becomes a plain name that any system can store: no title escapes the folder, and duplicate
names (ignoring case) are numbered.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from engine.core.errors import BadParameter, BenzerError, NotFound, StorageFull
from engine.core.humanize import file_size, is_shown
from engine.core.progress import Reporter
from engine.core.storage import full_disk_named, unwritable
from engine.core.tables import csv_text

HEADER = ("file", "id", "group", "distance", "odd")
_LONGEST = 120  # bytes of a name: with a number and an extension it stays below the 255 of file systems
_SPARE = 64 * 10**6  # bytes to leave free on the disk
_FORBIDDEN = set('<>:"/\\|?*')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}

Read = Callable[[int], bytes]


class Grouped(Protocol):
    """A group to export: its title, its (m,) pictures with their distances, and how many at the end are outliers.

    Group −1 holds the ungrouped pictures and has no centre.
    """

    @property
    def number(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def ids(self) -> Any: ...
    @property
    def distances(self) -> Any: ...
    @property
    def odd(self) -> int: ...


@dataclass(frozen=True)
class Part:
    """Pictures that belong together: `title` becomes a folder's name, or a label."""

    title: str
    ids: Sequence[int]


@dataclass(frozen=True)
class Entry:
    """Where a picture goes: the folder and the file name, both plain and not yet taken."""

    id: int
    folder: str
    file: str


@dataclass
class Copied:
    """What was written: where, how many, and which pictures could not be read, each with the reason."""

    path: Path
    count: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"path": str(self.path), "count": self.count, "left_out": [list(line) for line in self.left_out]}


def groups_csv(groups: Iterable[Grouped], names: Mapping[int, str]) -> str:
    """A row for each picture: file, id, group, distance to the group's centre, and whether it is an outlier.

    Spreadsheet formulas are neutralised. A picture missing from `names` has an empty name.
    """
    return csv_text(HEADER, (line for group in groups for line in _lines(group, names)))


def _lines(group: Grouped, names: Mapping[int, str]) -> Iterator[list[object]]:
    usual = len(group.ids) - group.odd
    for place, (id, distance) in enumerate(zip(group.ids, group.distances, strict=True)):
        near = "" if group.number < 0 else f"{float(distance):.6f}"
        yield [names.get(int(id), ""), int(id), group.title, near, "yes" if place >= usual else "no"]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def plain_name(text: str, otherwise: str = "unnamed") -> str:
    """`text` as a file or folder name valid on every system; `otherwise` if nothing is left of it.

    >>> plain_name("../x"), plain_name("a/b: c?"), plain_name("  .. "), plain_name("CON.jpg")
    ('x', 'a_b_ c_', 'unnamed', 'CON_.jpg')
    """
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    name = "".join("_" if c in _FORBIDDEN or not is_shown(c) else c for c in text).lstrip("._ ").rstrip(". ")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = name, ""
    stem = _shortened(stem, _LONGEST).rstrip(". ")
    if not stem:
        return otherwise
    if stem.partition(".")[0].rstrip().lower() in _DEVICES:
        stem += "_"
    return f"{stem}.{ending}" if ending else stem


def entries(parts: Sequence[Part], names: Mapping[int, str]) -> list[Entry]:
    """A place for every picture: a folder for each part, and in it the last component of the picture's name.

    Raises:
        BadParameter: there is nothing to copy.
    """
    folders: dict[str, int] = {}
    found: list[Entry] = []
    for part in parts:
        folder, taken = unused_name(plain_name(part.title, "group"), folders), dict[str, int]()
        for id in map(int, part.ids):
            own = plain_name(PurePosixPath(names.get(id, "").replace("\\", "/")).name, f"picture {id}")
            found.append(Entry(id, folder, unused_name(own, taken)))
    if not found:
        raise BadParameter("number of pictures", "an export", "at least 1", 0)
    return found


def unused_name(name: str, taken: dict[str, int]) -> str:
    """The name, numbered if taken; marks it as taken and records the last number used."""
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if dot else (name, "")
    number, free = taken.get(name.casefold(), 0), name
    while free.casefold() in taken:
        number += 1
        free = f"{stem} ({number}){ending}"
    taken[name.casefold()] = max(number, 1)
    taken.setdefault(free.casefold(), 1)
    return free


def _shortened(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def into_folder(
    places: Sequence[Entry], read: Read, into: Path, title: str, reporter: Reporter, size: int = 0
) -> Copied:
    """Copy the pictures into a new folder below `into`, which is named after `title` and appears once complete.

    Args:
        read: the bytes of a picture; NotFound if it has vanished, which is noted and skipped.
        size: total size in bytes, 0 if not known.

    Raises:
        NotFound: `into` is not a folder, or no picture can be read. StorageFull: they do not fit. Stopped. Nothing
        is left behind.
    """
    check_room(into, size)
    with temporary_folder(into) as building, full_disk_named(title):
        done = Copied(building)
        for folder in {place.folder for place in places}:
            (building / folder).mkdir()
        for place, data in _pictures(places, read, reporter, done):
            (building / place.folder / place.file).write_bytes(data)
        done.path = put_in_place(building, into, plain_name(title, "groups"))
    return done


def into_zip(places: Sequence[Entry], read: Read, path: Path, reporter: Reporter, size: int = 0) -> Copied:
    """Write the pictures as a ZIP at `path`, uncompressed; see `into_folder`.

    Raises:
        BadParameter: the file exists already. NotFound, StorageFull, Stopped: nothing is left behind.
    """
    if path.exists():
        raise BadParameter("file", "an export", "one that does not exist yet", path.name)
    check_room(path.parent, size)
    with temporary_folder(path.parent) as building, full_disk_named(path.name):
        done, packed = Copied(path), building / "packed"
        with zipfile.ZipFile(packed, "x", zipfile.ZIP_STORED) as archive:
            for place, data in _pictures(places, read, reporter, done):
                archive.writestr(f"{place.folder}/{place.file}", data)
        path.touch(exist_ok=False)  # claims the name: a file created meanwhile is not overwritten
        os.replace(packed, path)
    return done


def _pictures(places: Sequence[Entry], read: Read, reporter: Reporter, done: Copied) -> Iterator[tuple[Entry, bytes]]:
    """Each place with its picture's bytes; counts them, notes unreadable ones, NotFound if none can be read."""
    for number, place in enumerate(places):
        reporter.update("Copying pictures", number, len(places), "pictures")
        try:
            data = read(place.id)
        except NotFound as error:
            done.left_out.append((f"{place.folder}/{place.file}", error.message))
            continue
        yield place, data
        done.count += 1
    if not done.count:
        raise NotFound(f"None of the pictures can be copied: {done.left_out[0][1]}")
    reporter.update("Copying pictures", len(places), len(places), "pictures")


@contextmanager
def temporary_folder(into: Path) -> Iterator[Path]:
    """A temporary folder next to the target, always removed afterwards unless moved into place."""
    with full_disk_named(into.name):
        building = Path(tempfile.mkdtemp(dir=into, prefix=".benzer-export-"))
    try:
        yield building
    finally:
        shutil.rmtree(building, ignore_errors=True)


def put_in_place(building: Path, into: Path, name: str) -> Path:
    """Give the folder its name, numbered if that name is taken."""
    building.chmod(0o755)  # temporary folders are private
    taken = {path.name.casefold(): 1 for path in into.iterdir()}
    while True:
        target = into / unused_name(name, taken)
        try:
            if os.name == "posix":
                target.mkdir()  # claims the name: a rename would also replace someone else's empty folder
            os.rename(building, target)
        except FileExistsError:
            continue
        return target


def checked_folder(into: Path) -> Path:
    """The folder; NotFound if there is none, BenzerError if nothing can be written there."""
    if not into.is_dir():
        raise NotFound(f"There is no folder {str(into)!r}.", way_out="Choose a folder that exists.")
    if reason := unwritable(into / ".tried"):
        raise BenzerError(f"The folder {str(into)!r} cannot be written to: {reason}.", way_out="Choose another folder.")
    return into


def check_room(into: Path, size: int) -> None:
    """NotFound if there is no such folder, StorageFull if that many bytes do not fit there."""
    free = shutil.disk_usage(checked_folder(into)).free
    if size + _SPARE > free:
        raise StorageFull(
            f"The pictures take {file_size(size)} and {file_size(_SPARE)} must stay free, "
            f"but only {file_size(free)} are free there.",
            way_out="Choose another folder, or free some space.",
        )
