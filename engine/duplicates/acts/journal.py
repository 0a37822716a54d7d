"""The trash folder of a collection and the journal of what was moved there, written before anything is moved.

<root>/.benzer-trash/<date>-<number>/       beside the pictures, so that a move is one step of the file system
    plan.json        what is about to be done, with the catalogue's rows of each file (sealed)
    journal.jsonl    when it began, ended, was restored
    files/…          the files, under their former paths

A folder imported in place contains its trash, hidden from imports; uploaded pictures have it beside them in the
collection's own folder. The plan alone says where each file belongs, so that interrupted work can be continued.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Literal
from urllib.parse import quote_from_bytes, unquote_to_bytes

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.core.errors import BenzerError, Corrupt, NotFound
from engine.core.storage import append_line, lines, read_object, shape_checked, sync_folder, time_stamp, write_json

FOLDER = ".benzer-trash"
SIDECAR = ".xmp"
TEMPORARY = ".benzer-link-"  # how the temporary name of a hard link begins
_PLAIN = "/ !#$&'()+,-.;=@[]^_{}~"  # of a path, besides letters and digits; the rest is written as %XX

Kind = Literal["trash", "link"]


@dataclass(frozen=True)
class Entry:
    """One file of a plan.

    Attributes:
        path: below the root, as the file system names it. hash, size, mtime_ns: of the file.
        keeper: the path of the file that is kept, below the root; "" where none is.
        rows: the rows of the catalogue that name the file. cells: what further columns of a table say of each row.
        sidecar: whether a file of the same name and `.xmp` goes with it.
        beside: the temporary name of a hard link, "" for a move.
    """

    path: str
    hash: str
    size: int
    mtime_ns: int
    keeper: str
    rows: list[ImageRow] = field(default_factory=list)
    cells: list[dict[str, str]] = field(default_factory=list)
    sidecar: bool = False
    beside: str = ""

    @property
    def rows_with_cells(self) -> Iterator[tuple[ImageRow, dict[str, str]]]:
        """Each row with its cells; the plans of earlier versions have none."""
        return zip(self.rows, [*self.cells, *({} for _ in self.rows)], strict=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; paths may hold any byte."""
        paths = {name: _quoted(getattr(self, name)) for name in ("path", "keeper", "beside")}
        rows = [{**asdict(row), "key": quote_from_bytes(row.key, _PLAIN)} for row in self.rows]
        return {**asdict(self), **paths, "rows": rows}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Entry:
        """The entry of `as_dict`; ValueError where a path leaves the root: a plan may come with somebody's folder."""
        paths = {name: os.fsdecode(unquote_to_bytes(values[name])) for name in ("path", "keeper", "beside")}
        if any(PurePath(path).is_absolute() or ".." in PurePath(path).parts for path in paths.values()):
            raise ValueError("a path outside the root")
        if paths["beside"] and not PurePath(paths["beside"]).name.startswith(TEMPORARY):
            raise ValueError("a temporary name of another kind")
        rows = [ImageRow(**{**row, "key": unquote_to_bytes(row["key"])}) for row in values["rows"]]
        cells = [{str(name): str(cell) for name, cell in columns.items()} for columns in values.get("cells", [])]
        return cls(**{**values, **paths, "rows": rows, "cells": cells})


def _quoted(path: str) -> str:
    return quote_from_bytes(os.fsencode(path), _PLAIN)


class Batch:
    """One act: its plan and its state."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.name = folder.name

    @cached_property
    def _plan(self) -> dict[str, Any]:
        return read_object(self.folder / "plan.json", kind=str, time=(int, float), entries=list)

    @property
    def kind(self) -> Kind:
        """What was done: trash or link."""
        return "link" if self._plan["kind"] == "link" else "trash"

    @property
    def collection(self) -> str:
        """The name of the collection whose files it moved."""
        return str(self._plan.get("collection", ""))

    @property
    def time(self) -> float:
        """When it was planned, in seconds since 1970."""
        return float(self._plan["time"])

    @cached_property
    def entries(self) -> list[Entry]:
        """Every file of the plan; Corrupt if it is damaged."""
        with shape_checked(self.folder / "plan.json"):
            return [Entry.from_dict(values) for values in self._plan["entries"]]

    @property
    def state(self) -> str:
        """begun, done, restoring or restored: the last entry of the journal."""
        noted = [line.get("state", "") for line in lines(self.folder / "journal.jsonl")]
        return str(noted[-1]) if noted else "begun"

    @property
    def cut_off(self) -> bool:
        """Whether the last work on it was interrupted."""
        return self.state in ("begun", "restoring")

    @property
    def waiting(self) -> list[Entry]:
        """The files that can be restored."""
        if self.kind == "link":
            return [] if self.state == "restored" else [entry for entry in self.entries if self._shares(entry)]
        return [entry for entry in self.entries if os.path.lexists(self.inside(entry))]

    def _shares(self, entry: Entry) -> bool:
        """Whether the file is a second name of the kept one."""
        try:
            return os.path.samefile(self.at(entry), self.root / entry.keeper)
        except OSError:
            return False

    def at(self, entry: Entry) -> Path:
        """Where the file belongs."""
        return self.root / entry.path

    def inside(self, entry: Entry) -> Path:
        """Where the file is while it is in the trash."""
        return self.folder / "files" / entry.path

    def note(self, state: str) -> None:
        """Add a line to the journal, durably."""
        path = self.folder / "journal.jsonl"
        append_line(path, {"state": state, "time": time.time()})
        handle = os.open(path, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def root_of(collection: Collection) -> Path:
    """The folder below which files may be moved: that of the source, or that of the uploaded pictures."""
    folder = collection.source.get("folder")
    return Path(folder) if folder else collection.folder / "images"


def trash_of(collection: Collection) -> Path:
    """The trash folder; it need not exist."""
    return root_of(collection) / FOLDER if collection.source.get("folder") else collection.folder / "trash"


def begin(collection: Collection, kind: Kind, entries: list[Entry]) -> Batch:
    """Write the plan of a new act, durably.

    Raises:
        BenzerError: the folder cannot be written to, or the disk is full; nothing was changed.
    """
    trash = trash_of(collection)
    folder = trash / f"{time_stamp()}-{secrets.token_hex(3)}"
    if trash.is_symlink():
        raise BenzerError(f"The trash folder {str(trash)!r} is a link to another place, so nothing was changed.")
    body = {"kind": kind, "time": time.time(), "collection": collection.name, "title": collection.title}
    try:
        folder.mkdir(parents=True)
        write_json(folder / "plan.json", {**body, "entries": [entry.as_dict() for entry in entries]})
        batch = Batch(root_of(collection), folder)
        batch.note("begun")
        for made in (trash, trash.parent):
            sync_folder(made)
    except (OSError, BenzerError) as error:
        shutil.rmtree(folder, ignore_errors=True)  # there is nothing but the plan in it
        cause = error if isinstance(error, OSError) else error.__cause__
        raise _unwritable(trash.parent, cause) from error
    return batch


def _unwritable(folder: Path, error: BaseException | None) -> BenzerError:
    reason = f" ({os.strerror(error.errno).lower()})" if isinstance(error, OSError) and error.errno else ""
    return BenzerError(
        f"The folder {str(folder)!r} cannot be written to{reason}, so nothing was changed.",
        way_out="Free some space, or allow writing in it, and try again.",
    )


def batches(collection: Collection) -> list[Batch]:
    """Every readable act of the collection, newest first; also those of collections that have been removed.

    Several collections may be read from one folder: the acts of another one belong to its catalogue.
    """
    return [batch for batch in _all(collection) if _is_whole(batch) and _belongs(batch, collection)]


def _belongs(batch: Batch, collection: Collection) -> bool:
    return batch.collection == collection.name or not (collection.folder.parent / batch.collection).is_dir()


def _all(collection: Collection) -> Iterator[Batch]:
    root, trash = root_of(collection), trash_of(collection)
    names = sorted(os.listdir(trash), reverse=True) if trash.is_dir() and not trash.is_symlink() else []
    yield from (Batch(root, trash / name) for name in names if (trash / name / "plan.json").is_file())


def _is_whole(batch: Batch) -> bool:
    try:
        return batch.entries is not None
    except (Corrupt, FileNotFoundError):
        return False


def batch_of(collection: Collection, name: str) -> Batch:
    """The act of that name; NotFound if there is none."""
    found = next((batch for batch in batches(collection) if batch.name == name), None)
    if found is None:
        raise NotFound(f"There is nothing named {name!r} in the trash of {collection.title!r}.")
    return found
