"""The catalogue of one collection: a SQLite file (WAL) with one row for every file that was ever offered to it.

Rows carry a seal (a short hash of their values) and the table a running sum of the seals, kept by triggers in the
same transaction: a flipped bit, a lost row or a change by another program is noticed on reading.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from engine.core.errors import BenzerError, Corrupt, StorageFull

P = ParamSpec("P")
T = TypeVar("T")

APPLICATION = 0x42656E7A  # "Benz"
VERSION = 1
_SCHEMA = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, name TEXT NOT NULL, label TEXT NOT NULL, text TEXT NOT NULL,
    stored TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, width INTEGER NOT NULL,
    height INTEGER NOT NULL, hash TEXT NOT NULL, status TEXT NOT NULL, stage TEXT NOT NULL, code TEXT NOT NULL,
    message TEXT NOT NULL, seal INTEGER NOT NULL);
CREATE INDEX files_hash ON files (hash);
CREATE TABLE thumbnails (hash TEXT PRIMARY KEY, webp BLOB NOT NULL, seal INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, seal INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE totals (rows INTEGER NOT NULL, seals INTEGER NOT NULL, next_id INTEGER NOT NULL,
    generation INTEGER NOT NULL, generation_seal INTEGER NOT NULL);
CREATE TRIGGER files_added AFTER INSERT ON files BEGIN
    UPDATE totals SET rows = rows + 1, seals = seals + new.seal, next_id = max(next_id, new.id + 1); END;
CREATE TRIGGER files_changed AFTER UPDATE ON files BEGIN
    UPDATE totals SET seals = seals - old.seal + new.seal; END;
CREATE TRIGGER files_removed AFTER DELETE ON files BEGIN
    UPDATE totals SET rows = rows - 1, seals = seals - old.seal; END;
"""


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One file. `status`: image (usable), copy (of a usable image), rejected. `key` names the file in its source;
    `stored` is its place below images/, "" for a file referenced where it lies. Sizes in pixels and bytes."""

    id: int
    key: bytes
    name: str
    label: str = ""
    text: str = ""
    stored: str = ""
    size: int = 0
    mtime_ns: int = 0
    width: int = 0
    height: int = 0
    hash: str = ""
    status: str = "rejected"
    stage: str = ""
    code: str = ""
    message: str = ""


_COLUMNS = [field.name for field in fields(ImageRow)]
_STATUS = _COLUMNS.index("status")
_values: Callable[[ImageRow], tuple[Any, ...]] = attrgetter(*_COLUMNS)
_INSERT = f"INSERT INTO files ({','.join(_COLUMNS)},seal) VALUES ({','.join('?' * (len(_COLUMNS) + 1))})"
_UPDATE = f"UPDATE files SET {','.join(f'{name}=?' for name in _COLUMNS)},seal=? WHERE id=?"
_SELECT = f"SELECT {','.join(_COLUMNS)},seal FROM files "


def seal_of(*values: object) -> int:
    """40 bits of BLAKE2b over the values, so that sums of millions of seals stay exact in 64 bits."""
    return int.from_bytes(hashlib.blake2b(repr(values).encode(errors="surrogatepass"), digest_size=5).digest(), "big")


class _Connection(sqlite3.Connection):
    """A connection that reports undecodable text of a damaged file as a database error."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise sqlite3.DatabaseError("unreadable") from error


class Catalogue:
    """The catalogue file. Connections are short-lived: one per call of `reading` or `writing`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, facts: dict[str, Any]) -> Catalogue:
        """Create the file with its tables; `facts` describe the collection as a whole."""
        catalogue = cls(path)
        with catalogue.connection(mode="rwc") as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(f"PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION};" + _SCHEMA)
            with db:
                db.execute("INSERT INTO totals VALUES (0, 0, 1, 0, ?)", (seal_of(0),))
                _write_facts(db, facts)
        return catalogue

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """A consistent snapshot, unaffected by concurrent writes."""
        with self.connection(readable=True) as db:
            db.execute("BEGIN")
            yield Reading(self.path, db)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One transaction: everything or, on any error, nothing."""
        with self.connection() as db:
            db.execute("BEGIN IMMEDIATE")
            writing = Writing(self.path, db)
            try:
                yield writing
                writing.count_generation()
            except BaseException:
                db.rollback()
                raise
            db.commit()

    @contextmanager
    def connection(self, mode: str = "rw", readable: bool = False) -> Iterator[sqlite3.Connection]:
        """An open connection; `readable` also opens a catalogue in a folder that cannot be written to."""
        db = None
        try:
            db = self._readable() if readable else self._opened(mode)
            yield db
        except sqlite3.Error as error:
            raise self._named(error) from error
        finally:
            if db is not None:
                db.close()

    def _opened(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        db = sqlite3.connect(
            uri, uri=True, timeout=30, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        try:
            db.execute("PRAGMA synchronous=NORMAL")
            if mode != "rwc":
                self._check_kind(db)
        except BaseException:
            db.close()
            raise
        return db

    def _readable(self) -> sqlite3.Connection:
        try:
            return self._opened("rw")
        except sqlite3.OperationalError as error:
            # A read-only folder and a full disk have no place for the shared memory of the journal. Without a journal
            # everything stands in the file itself.
            if not _refused(error) or not is_settled(self.path):
                raise
            return self._opened("ro&immutable=1")

    def _check_kind(self, db: sqlite3.Connection) -> None:
        [application] = db.execute("PRAGMA application_id").fetchone()
        [version] = db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION or version < 1:
            raise self.damaged()
        if version > VERSION:
            raise BenzerError(f"The catalogue {self.path} was made by a newer version of Benzer.")

    def _named(self, error: Exception) -> BenzerError:
        text = str(error).lower()
        if "locked" in text or "busy" in text:
            return BenzerError(f"The catalogue {self.path} is in use by other work.", way_out="Try again in a moment.")
        if isinstance(error, sqlite3.OperationalError) and _refused(error):
            if not self.path.is_file():
                return self.damaged()
            return StorageFull(
                f"The disk refused to store {self.path.name} ({text}); its previous content is intact.",
                way_out="Free some space and try again.",
            )
        return self.damaged()

    def damaged(self) -> Corrupt:
        """The error for a damaged catalogue."""
        return Corrupt(
            f"The file {self.path} has been damaged: it no longer matches its checksums.",
            way_out="Delete the collection and import it again; pictures outside Benzer's folder are not touched, and "
            "labels and groups that can still be read are kept aside.",
        )


_DISK = ("disk is full", "disk i/o error", "readonly", "unable to open", "read-only")


def _refused(error: sqlite3.OperationalError) -> bool:
    return any(words in str(error).lower() for words in _DISK)


def _checked(read: Callable[P, T]) -> Callable[P, T]:
    """The read, with a value of another type than was written named as the damage it is."""

    @functools.wraps(read)
    def named(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return read(*arguments, **options)
        except (TypeError, ValueError, OverflowError) as error:
            reading: Any = arguments[0]
            raise Catalogue(reading.path).damaged() from error

    return named


class Reading:
    """Verified reads over one connection. Every method raises Corrupt if a seal does not match."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self.db = db

    @_checked
    def facts(self) -> dict[str, Any]:
        """The facts about the collection as a whole."""
        found = self.db.execute("SELECT value, seal FROM facts WHERE name='collection'").fetchone()
        if found is None or seal_of(found[0]) != found[1]:
            raise Catalogue(self.path).damaged()
        facts: dict[str, Any] = json.loads(found[0])
        return facts

    @_checked
    def rows(self, status: str = "") -> list[ImageRow]:
        """All files by id, or those of one status, after verifying the whole table."""
        return [ImageRow(*line) for line in self._lines() if not status or line[_STATUS] == status]

    @_checked
    def columns(self, status: str, names: Sequence[str]) -> list[list[Any]]:
        """The values of these columns, over the files of a status by id, after verifying the whole table."""
        places, found = [_COLUMNS.index(name) for name in names], [list[Any]() for _ in names]
        for line in self._lines():
            if line[_STATUS] == status:
                for column, place in zip(found, places, strict=True):
                    column.append(line[place])
        return found

    @_checked
    def having(self, column: str, value: str) -> list[ImageRow]:
        """The files with that value in a column, by id; only these are verified. Quick for hashes."""
        asked = f"{_SELECT}WHERE {_COLUMNS[_COLUMNS.index(column)]}=? ORDER BY id"
        return [self._whole(line) for line in self.db.execute(asked, (value,))]

    def _lines(self) -> Iterator[tuple[Any, ...]]:
        """The values of all files by id, each verified, and in the end the table as a whole."""
        count = seals = last = 0
        for line in self.db.execute(_SELECT + "ORDER BY id"):
            values, seal = line[:-1], line[-1]
            if seal_of(*values) != seal:
                raise Catalogue(self.path).damaged()
            count, seals, last = count + 1, seals + seal, values[0]
            yield values
        known, known_seals, next_id = self.db.execute("SELECT rows, seals, next_id FROM totals").fetchone()
        if (count, seals) != (known, known_seals) or last >= next_id:
            raise Catalogue(self.path).damaged()

    @_checked
    def row(self, id: int) -> ImageRow | None:
        """The file of that id."""
        if not 0 <= id < 1 << 62:
            return None
        found = self.db.execute(_SELECT + "WHERE id=?", (int(id),)).fetchone()
        return self._whole(found) if found else None

    @_checked
    def generation(self) -> int:
        """The number of transactions written so far."""
        number: int
        number, known = self.db.execute("SELECT generation, generation_seal FROM totals").fetchone()
        if seal_of(number) != known:
            raise Catalogue(self.path).damaged()
        return number

    @_checked
    def count(self) -> dict[str, int]:
        """The number of files by status."""
        return dict(self.db.execute("SELECT status, count(*) FROM files GROUP BY status"))

    @_checked
    def thumbnail(self, hash: str) -> bytes | None:
        """The thumbnail of the content with that hash, None if missing."""
        found = self.db.execute("SELECT webp, seal FROM thumbnails WHERE hash=?", (hash,)).fetchone()
        if found is None:
            return None
        if seal_of(hash, found[0]) != found[1]:
            raise Catalogue(self.path).damaged()
        webp: bytes = found[0]
        return webp

    def short_thumbnails(self, most: int) -> Iterator[tuple[str, bytes]]:
        """The contents whose thumbnails have at most that many bytes: hash and thumbnail."""
        for hash, webp, seal in self.db.execute("SELECT * FROM thumbnails WHERE length(webp) <= ?", (most,)):
            if seal_of(hash, webp) != seal:
                raise Catalogue(self.path).damaged()
            yield hash, webp

    def _whole(self, line: tuple[Any, ...]) -> ImageRow:
        if seal_of(*line[:-1]) != line[-1]:
            raise Catalogue(self.path).damaged()
        return ImageRow(*line[:-1])


class Writing(Reading):
    """Changes inside one transaction."""

    def count_generation(self) -> None:
        number = self.generation() + 1
        self.db.execute("UPDATE totals SET generation=?, generation_seal=?", (number, seal_of(number)))

    def set_facts(self, **changes: Any) -> None:
        """Change facts about the collection as a whole."""
        _write_facts(self.db, self.facts() | changes)

    def add(self, row: ImageRow) -> ImageRow:
        """Insert the row under a new id, which is never reused, and return it with that id."""
        [next_id] = self.db.execute("SELECT next_id FROM totals").fetchone()
        row = replace(row, id=next_id)
        self.db.execute(_INSERT, _sealed(row))
        return row

    def put_back(self, row: ImageRow) -> None:
        """Reinsert a row deleted in the same transaction, under its own id."""
        self.db.execute(_INSERT, _sealed(row))

    def replace(self, row: ImageRow) -> None:
        """Overwrite the row of that id."""
        self.db.execute(_UPDATE, (*_sealed(row), row.id))

    def remove(self, ids: Iterable[int]) -> None:
        self.db.executemany("DELETE FROM files WHERE id=?", [(id,) for id in ids])

    @_checked
    def image_of(self, hash: str) -> ImageRow | None:
        """The usable image with that content, None if there is none."""
        found = self.db.execute(_SELECT + "WHERE hash=? AND status='image'", (hash,)).fetchone()
        return self._whole(found) if found else None

    @_checked
    def copy_of(self, hash: str) -> ImageRow | None:
        """The oldest copy with that content, None if there is none."""
        found = self.db.execute(_SELECT + "WHERE hash=? AND status='copy' ORDER BY id", (hash,)).fetchone()
        return self._whole(found) if found else None

    def keep_thumbnail(self, hash: str, webp: bytes) -> None:
        """Store the thumbnail of a content."""
        self.db.execute("INSERT OR REPLACE INTO thumbnails VALUES (?,?,?)", (hash, webp, seal_of(hash, webp)))

    def promote_copies(self) -> None:
        """Let the oldest copy of every deleted image take its place."""
        orphans = self.db.execute(
            "SELECT min(id) FROM files WHERE status='copy' "
            "AND hash NOT IN (SELECT hash FROM files WHERE status='image') GROUP BY hash"
        ).fetchall()
        for [id] in orphans:
            row = self.row(id)
            if row:
                self.replace(replace(row, status="image"))

    def drop_unused_thumbnails(self) -> None:
        """Delete the thumbnails of contents without a row."""
        self.db.execute("DELETE FROM thumbnails WHERE hash NOT IN (SELECT hash FROM files WHERE status<>'rejected')")


def _sealed(row: ImageRow) -> tuple[Any, ...]:
    values = _values(row)
    return *values, seal_of(*values)


def _write_facts(db: sqlite3.Connection, facts: dict[str, Any]) -> None:
    value = json.dumps(facts, sort_keys=True, ensure_ascii=True)
    db.execute("INSERT OR REPLACE INTO facts VALUES ('collection',?,?)", (value, seal_of(value)))


def is_settled(path: Path) -> bool:
    """Whether the catalogue file itself is complete: no changes are left in the log beside it."""
    log = path.with_name(path.name + "-wal")
    return not log.exists() or log.stat().st_size == 0
