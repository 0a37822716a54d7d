"""The previous contents of sidecar files, kept so that writing them can be undone.

    sidecars/<act>/act.json      of each picture: the sha256 of what was written and of what stood there before (sealed)
    sidecars/<act>/act-<n>.json  the same of further pictures, after the first n
    sidecars/<act>/<id>.xmp      what stood there before, if the file was there
    sidecars/<act>/undone        stands there once the act has been taken back

All of it is stored before a file is written. The last 20 acts of a collection are kept.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.collections.collection import Collection
from engine.core.errors import Corrupt, NotFound, checksum_mismatch
from engine.core.storage import file_digest, read_object, shape_checked, time_stamp, write_bytes, write_json

FOLDER = "sidecars"
_KEPT = 20


@dataclass(frozen=True)
class Written:
    """The sha256 of what was written to the sidecar file of picture `id`, and of what it held, "" if it was absent."""

    id: int
    new: str
    former: str


class SidecarAct:
    """One operation that wrote sidecar files, as far as it has been recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0  # files that are stored

    @property
    def name(self) -> str:
        """By which `act_of` finds it; "" as long as nothing is stored."""
        return self.folder.name if self._count else ""

    def keep(self, files: Mapping[int, tuple[bytes | None, bytes]]) -> None:
        """Store what files, by the id of the picture, hold (None: they are absent), and what they are to hold.

        Raises:
            StorageFull: the disk refused.
        """
        if not files:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for id, (former, _) in files.items():
            if former is not None:
                write_bytes(self._path(id), former)
        lines = [[id, _digest(new), "" if old is None else _digest(old)] for id, (old, new) in files.items()]
        write_json(self._list(self._count), {"written": lines})
        self._count += len(lines)

    @property
    def undone(self) -> bool:
        """Whether it has been undone; files that could not be restored then may still be."""
        return (self.folder / "undone").exists()

    def note_undone(self) -> None:
        """Mark it as undone."""
        (self.folder / "undone").touch()

    def written(self) -> list[Written]:
        """Every file of the act; Corrupt if a list is damaged or missing."""
        found: list[Written] = []
        last = max(map(_number, self.folder.glob("act-*.json")), default=0)
        while not found or len(found) <= last:
            path = self._list(len(found))
            if found and not path.is_file():
                raise Corrupt(f"The file {path} is missing.")
            found += _read(path)
        return found

    def former(self, one: Written) -> bytes | None:
        """What a file held, None if it was absent; Corrupt if that is damaged."""
        if not one.former:
            return None
        path = self._path(one.id)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise Corrupt(f"The file {path} is missing.") from error
        if _digest(data) != one.former:
            raise checksum_mismatch(path)
        return data

    def damage(self) -> Iterator[str]:
        """A sentence for each damaged file."""
        try:
            for one in self.written():
                if one.former and (not self._path(one.id).is_file() or file_digest(self._path(one.id)) != one.former):
                    yield checksum_mismatch(self._path(one.id)).message
        except FileNotFoundError:  # cut off before anything was written
            return
        except Corrupt as error:
            yield error.message

    def _path(self, id: int) -> Path:
        return self.folder / f"{id}.xmp"

    def _list(self, before: int) -> Path:
        """The path of the list that begins after that many files."""
        return self.folder / (f"act-{before}.json" if before else "act.json")


def acts(collection: Collection) -> list[SidecarAct]:
    """Every act that is kept, oldest first."""
    return [SidecarAct(folder) for folder in sorted((collection.folder / FOLDER).glob("*/"))]


def new_act(collection: Collection) -> SidecarAct:
    """An act of which nothing is stored yet; the oldest ones are forgotten."""
    for old in acts(collection)[: -(_KEPT - 1)]:
        shutil.rmtree(old.folder, ignore_errors=True)
    now = time.time_ns()
    name = f"{time_stamp(now // 10**9)}-{now % 10**9:09}"  # in the order of time
    return SidecarAct(collection.folder / FOLDER / name)


def act_of(collection: Collection, name: str = "") -> SidecarAct:
    """The operation of that name, or the last one that has not been undone; NotFound if there is none."""
    kept = [act for act in reversed(acts(collection)) if (act.folder / "act.json").is_file()]
    found = next((act for act in kept if (act.folder.name == name if name else not act.undone)), None)
    if found is None:
        raise NotFound(f"No sidecar files of {collection.title!r} have been written that could be taken back.")
    return found


def _read(path: Path) -> list[Written]:
    with shape_checked(path):
        lines = read_object(path, written=list)["written"]
        if not lines:
            raise ValueError("an empty list")
        return [Written(int(id), str(new), str(former)) for id, new, former in lines]


def _number(path: Path) -> int:
    """The number in the name of a list, 0 for a file of another name."""
    number = path.stem.removeprefix("act-")
    return int(number) if number.isdecimal() else 0


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
