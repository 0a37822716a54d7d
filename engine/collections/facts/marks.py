"""Tags and stars that the user gives to pictures, in a small database beside the catalogue.

    marks.sqlite    marks: tags and stars by picture; acts: the last 100 changes, each with the previous values

Every change is one transaction with a journal: after a crash at any moment it is complete or absent. Marks belong to a
picture's id, which stays when the file is moved or edited; a picture that disappears and returns under another id gets
the marks of the same contents. Rows carry a seal like those of the catalogue.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.collections.catalogue import seal_of
from engine.collections.collection import Collection
from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound, StorageFull
from engine.core.moving import move_without_replacing
from engine.core.settings import check_whole

FILE = "marks.sqlite"
MOST_STARS = 5
_BEGUN, _BEGUN_SECONDS = ".marks-", 60  # how the name of an unfinished file begins, and when it counts as left over
LONGEST_TAG = 100  # characters of a tag
_ACTS_KEPT = 100
_FEW = 2000  # pictures that are looked up one by one
_READABLE = "SELECT id, hash FROM files WHERE status<>'rejected'"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS marks (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, tags TEXT NOT NULL,
    stars INTEGER NOT NULL, synced TEXT NOT NULL, seal INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS acts (number INTEGER PRIMARY KEY AUTOINCREMENT, made REAL NOT NULL, what TEXT NOT NULL,
    changes TEXT NOT NULL, seal INTEGER NOT NULL);
"""


Given = tuple[tuple[str, ...], int]  # tags and stars


@dataclass(frozen=True)
class Mark:
    """The tags of a picture, sorted, and its stars, 0 for none.

    `synced` is what its sidecar file last had of both; `writing` is what is being written to it, or was when the work
    was cut off.
    """

    tags: tuple[str, ...] = ()
    stars: int = 0
    synced: Given | None = None
    writing: Given | None = None


Change = Callable[[int, Mark], Mark]


def checked_tag(tag: object) -> str:
    """A tag on one line without surrounding spaces; BadParameter if it is empty, too long or not text."""
    text = " ".join(tag.split()) if isinstance(tag, str) else ""
    if not text or len(text) > LONGEST_TAG or not text.isprintable():
        raise BadParameter("tag", "a picture", f"a text of 1 to {LONGEST_TAG} characters", tag)
    return text


def checked_stars(stars: object) -> int:
    """A number of stars; BadParameter unless it is a whole number from 0 to 5."""
    return check_whole("stars", "a picture", stars, 0, MOST_STARS)


def mark_pictures(
    collection: Collection,
    ids: Iterable[int],
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    stars: int | None = None,
    made: float | None = None,
) -> int:
    """Add and remove tags and set the stars of pictures (None: unchanged); how many pictures changed.

    All or none of the pictures are changed; `undo_marks` reverts it. `made` is as for `change_marks`.

    Raises:
        BadParameter: nothing to change, or an invalid tag or number of stars. NotFound: an id is no picture.
    """
    added, removed = set(map(checked_tag, add)), set(map(checked_tag, remove))
    if not added and not removed and stars is None:
        raise BadParameter("change", "tags and stars", "at least one tag or a number of stars", "none")
    wanted = None if stars is None else checked_stars(stars)

    def change(_: int, mark: Mark) -> Mark:
        tags = tuple(sorted((set(mark.tags) | added) - removed))
        return replace(mark, tags=tags, stars=mark.stars if wanted is None else wanted)

    return change_marks(collection, ids, change, _described(added, removed, wanted), made)


def change_marks(
    collection: Collection, ids: Iterable[int], change: Change, what: str, made: float | None = None
) -> int:
    """Replace the mark of each picture by `change(id, mark)` in one act called `what`; how many changed.

    Args:
        made: when, by which `undo_marks` finds the act among those of others; None for now.

    Raises:
        BadParameter: no pictures. NotFound: an id is no picture of the collection.
    """
    wanted = list(dict.fromkeys(map(int, ids)))
    if not wanted:
        raise BadParameter("number of pictures", "tags and stars", "at least 1", 0)
    there = _hashes(collection, {}, wanted)
    gone = next((id for id in wanted if id not in there), None)
    if gone is not None:
        raise NotFound(f"There is no picture {gone} in the collection {collection.title!r} any more.")
    with _writing(collection) as db:
        marked = _read(db, _path(collection))
        hashes = there | _hashes(collection, marked)
        known = _with_returned(marked, hashes)
        changed = {id: (known.get(id, Mark()), change(id, known.get(id, Mark()))) for id in wanted}
        changed = {id: pair for id, pair in changed.items() if pair[0] != pair[1]}
        _put(db, {id: after for id, (_, after) in changed.items()}, hashes)
        if what and any(_given(before) != _given(after) for before, after in changed.values()):
            given = {str(id): [*_given(before), *_given(after)] for id, (before, after) in changed.items()}
            _note(db, what, given, made)
    return len(changed)


def marks(collection: Collection) -> dict[int, Mark]:
    """The marks of the collection's pictures by id, without unmarked pictures; Corrupt if they are damaged."""
    path = _path(collection)
    if not path.exists():
        return {}
    with _connection(path, "ro") as db:
        marked = _read(db, path)
    return _with_returned(marked, _hashes(collection, marked))


def last_act(collection: Collection) -> dict[str, Any] | None:
    """What `undo_marks` would revert: `made`, `what` and `count`; None if there is nothing."""
    path = _path(collection)
    if not path.exists():
        return None
    with _connection(path, "ro") as db:
        act = _last(db, path)
    return act and {"made": act["made"], "what": act["what"], "count": len(act["changes"])}


def undo_marks(collection: Collection, made: float | None = None) -> int:
    """Revert an act for pictures whose marks have not changed since; how many changed.

    Args:
        made: when the act was made, as it was given or `last_act` says it; None for the last.

    Raises:
        NotFound: there is no such act, or nothing to revert.
    """
    path, act = _path(collection), None
    if path.exists():
        with _writing(collection) as db:
            act = _last(db, path, made)
            if act is not None:
                marked = _read(db, path)
                hashes = _hashes(collection, marked, map(int, act["changes"]))
                known = _with_returned(marked, hashes)
                former = dict(_restored(act["changes"], known, hashes))
                _put(db, former, hashes)
                _hand_on(db, path, act, act["changes"].keys() - set(map(str, former)))
                db.execute("DELETE FROM acts WHERE number=?", (act["number"],))
    if act is None:
        raise NotFound(f"No tags or stars of {collection.title!r} have been changed that could be restored.")
    return len(former)


def _restored(
    changes: Mapping[str, list[Any]], known: Mapping[int, Mark], there: Mapping[int, str]
) -> Iterator[tuple[int, Mark]]:
    for key, (tags, stars, later_tags, later_stars) in changes.items():
        mark = known.get(int(key), Mark())
        if int(key) in there and _given(mark) == [later_tags, later_stars]:
            yield int(key), replace(mark, tags=tuple(tags), stars=stars)


def _hand_on(db: sqlite3.Connection, path: Path, act: Mapping[str, Any], left: set[str]) -> None:
    """Let the next acts on pictures that were changed again lead back to before this one, which is forgotten."""
    asked = "SELECT number, made, what, changes, seal FROM acts WHERE number>? ORDER BY number"
    for number, *line, sealed in db.execute(asked, (act["number"],)).fetchall():
        if seal_of(*line) != sealed:
            raise damaged(path)
        changes = json.loads(line[-1])
        for key in left & changes.keys():
            before, after = act["changes"][key][:2], act["changes"][key][2:]
            if changes[key][:2] == after:
                changes[key][:2] = before
        left = left - changes.keys()
        text = json.dumps(changes)
        if text != line[-1]:
            values = text, seal_of(*line[:-1], text), number
            db.execute("UPDATE acts SET changes=?, seal=? WHERE number=?", values)


def _described(added: set[str], removed: set[str], stars: int | None) -> str:
    """What an act did, for people: "tagged lake · removed the tag boat · 3 stars"."""
    parts = ["tagged " + ", ".join(sorted(added))] if added else []
    parts += ["removed the tag " + ", ".join(sorted(removed))] if removed else []
    parts += [f"{stars} star{'' if stars == 1 else 's'}"] if stars is not None else []
    return " · ".join(parts)


def _given(mark: Mark) -> list[Any]:
    return [list(mark.tags), mark.stars]


def _with_returned(known: Mapping[int, tuple[str, Mark]], hashes: Mapping[int, str]) -> dict[int, Mark]:
    """Marks by current ids: those of a removed picture pass to a new one with the same contents."""
    found = {id: mark for id, (_, mark) in known.items() if id in hashes}
    orphans = {hash: mark for id, (hash, mark) in known.items() if id not in hashes}
    if orphans:
        found |= {id: orphans[hash] for id, hash in hashes.items() if hash in orphans and id not in known}
    return {id: mark for id, mark in found.items() if mark != Mark()}


def _hashes(collection: Collection, marked: Mapping[int, tuple[str, Mark]], ids: Iterable[int] = ()) -> dict[int, str]:
    """The content hash of the readable ones of these pictures, and of all with the content of a marked one, by id."""
    wanted, contents = {*marked, *ids}, {hash for hash, _ in marked.values()}
    with collection.catalogue.reading() as reading:
        if len(wanted) + len(contents) > _FEW:
            return dict(reading.db.execute(_READABLE))
        asked = [("id", id) for id in sorted(wanted)] + [("hash", hash) for hash in sorted(contents)]
        found = [reading.db.execute(f"{_READABLE} AND {column}=?", (value,)).fetchall() for column, value in asked]
    return dict(sorted(row for rows in found for row in rows))


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _path(collection: Collection) -> Path:
    return collection.folder / FILE


def _read(db: sqlite3.Connection, path: Path) -> dict[int, tuple[str, Mark]]:
    found = db.execute("SELECT id, hash, tags, stars, synced, seal FROM marks").fetchall()
    if any(seal_of(*line[:-1]) != line[-1] for line in found):
        raise damaged(path)
    return {
        id: (hash, Mark(tuple(json.loads(tags)), stars, *_agreed(json.loads(synced))))
        for id, hash, tags, stars, synced, _ in found
    }


def _agreed(stored: list[Any]) -> tuple[Given | None, Given | None]:
    """`synced` and `writing` from [tags, stars, tags, stars], of which the last two or all may be missing."""
    synced, writing = stored[:2], stored[2:]
    return (tuple(synced[0]), synced[1]) if synced else None, (tuple(writing[0]), writing[1]) if writing else None


def _stored(mark: Mark) -> str:
    return json.dumps([*(mark.synced or ((), 0)), *mark.writing] if mark.writing else mark.synced or [])


def _put(db: sqlite3.Connection, changed: Mapping[int, Mark], hashes: Mapping[int, str]) -> None:
    lines = [(id, hashes[id], json.dumps(mark.tags), mark.stars, _stored(mark)) for id, mark in changed.items()]
    sealed = [(*line, seal_of(*line)) for line in lines]
    db.executemany("INSERT OR REPLACE INTO marks VALUES (?,?,?,?,?,?)", sealed)


def _note(db: sqlite3.Connection, what: str, changes: Mapping[str, list[Any]], made: float | None) -> None:
    line = (time.time() if made is None else made, what, json.dumps(changes))
    db.execute("INSERT INTO acts (made, what, changes, seal) VALUES (?,?,?,?)", (*line, seal_of(*line)))
    db.execute("DELETE FROM acts WHERE number <= (SELECT max(number) FROM acts) - ?", (_ACTS_KEPT,))


def _last(db: sqlite3.Connection, path: Path, made: float | None = None) -> dict[str, Any] | None:
    """The last act, or the last one that was made then."""
    among = "WHERE made=? " if made is not None else ""
    asked = f"SELECT number, made, what, changes, seal FROM acts {among}ORDER BY number DESC LIMIT 1"
    line = db.execute(asked, () if made is None else (made,)).fetchone()
    if line is None:
        return None
    if seal_of(*line[1:-1]) != line[-1]:
        raise damaged(path)
    return {"number": line[0], "made": line[1], "what": line[2], "changes": json.loads(line[3])}


@contextmanager
def _writing(collection: Collection) -> Iterator[sqlite3.Connection]:
    """One transaction: everything or, on any error, nothing."""
    path = _path(collection)
    if not path.exists():
        _create(path)
    with _connection(path, "rw") as db:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.rollback()
            raise
        db.commit()


def _create(path: Path) -> None:
    """Make the file whole before it has its name: one without tables would be a damaged one."""
    for old in path.parent.glob(f"{_BEGUN}*"):  # of a process that was killed
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _BEGUN_SECONDS:
                old.unlink()
    begun = path.with_name(f"{_BEGUN}{secrets.token_hex(4)}")
    try:
        with _connection(begun, "rwc", path) as db:
            db.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
        with suppress(FileExistsError):  # somebody else was faster
            move_without_replacing(begun, path)
    finally:
        with suppress(OSError):  # also on a disk that is read-only
            begun.unlink()


@contextmanager
def _connection(path: Path, mode: str, named: Path | None = None) -> Iterator[sqlite3.Connection]:
    """An open connection; errors name the file `named`, or this one."""
    db, said = None, named or path
    if mode == "ro" and os.path.exists(f"{path}-journal"):
        mode = "rw"  # a writer was killed, and who may only read cannot take back what it left
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=30, isolation_level=None)
        db.execute("PRAGMA synchronous=FULL")
        yield db
    except sqlite3.OperationalError as error:
        raise _refused(said, error) from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise damaged(said) from error
    finally:
        if db is not None:
            db.close()


def _refused(path: Path, error: sqlite3.OperationalError) -> BenzerError:
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return BenzerError(f"The file {path} is in use by other work.", way_out="Try again in a moment.")
    if "no such" in text or "malformed" in text:
        return damaged(path)
    return StorageFull(
        f"The disk refused to store {path.name} ({text}); its previous content is intact.",
        way_out="The folder must be one that can be written to, with free space.",
    )


def damaged(path: Path) -> Corrupt:
    return Corrupt(
        f"The file {path} has been damaged: it no longer matches its checksums.",
        way_out="python -m engine check --repair keeps it aside; tags and stars then come from sidecar files alone.",
    )
