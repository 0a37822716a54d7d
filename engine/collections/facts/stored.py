"""Facts in the catalogue: EXIF by content hash, and the further columns of a table by id.

Both are separate tables in `catalogue.sqlite`, created when first written: a catalogue of an earlier version lacks
them, and reads as if nothing were known yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engine.collections.catalogue import Catalogue, Reading, Writing, seal_of
from engine.collections.facts.exif import Exif

_EXIF = "CREATE TABLE IF NOT EXISTS exif (hash TEXT PRIMARY KEY, value TEXT NOT NULL, seal INTEGER NOT NULL)"
_COLUMNS = "CREATE TABLE IF NOT EXISTS columns (id INTEGER PRIMARY KEY, value TEXT NOT NULL, seal INTEGER NOT NULL)"


def keep_exif(writing: Writing, found: Iterable[tuple[str, Exif]]) -> None:
    """Store the EXIF of files under the hashes of their contents."""
    _keep(writing, _EXIF, "exif", [(hash, exif.as_dict()) for hash, exif in found])


def keep_columns(writing: Writing, found: Iterable[tuple[int, Mapping[str, str]]]) -> None:
    """Store the further columns of a table for the rows with these ids; rows without any store nothing."""
    found = list(found)
    _keep(writing, _COLUMNS, "columns", [(id, dict(cells)) for id, cells in found if cells])
    if _exists(writing, "columns"):
        writing.db.executemany("DELETE FROM columns WHERE id=?", [(id,) for id, cells in found if not cells])


def exif_by_hash(reading: Reading) -> dict[str, Exif]:
    """The known EXIF by content hash; Corrupt if a seal does not match."""
    try:
        known: dict[str, Exif] = {}  # most pictures have none, or share all but the time
        found = {}
        for hash, text in _read(reading, "exif", "hash"):
            if text not in known:
                known[text] = Exif(**json.loads(text))
            found[hash] = known[text]
        return found
    except TypeError as error:
        raise Catalogue(reading.path).damaged() from error


def columns_by_id(reading: Reading) -> dict[int, dict[str, str]]:
    """The cells of further columns by id; Corrupt if a seal does not match."""
    return {id: json.loads(text) for id, text in _read(reading, "columns", "id")}


def drop_unused_facts(writing: Writing) -> None:
    """Delete the facts about files that no longer have a row."""
    if _exists(writing, "exif"):
        writing.db.execute("DELETE FROM exif WHERE hash NOT IN (SELECT hash FROM files WHERE status<>'rejected')")
    if _exists(writing, "columns"):
        writing.db.execute("DELETE FROM columns WHERE id NOT IN (SELECT id FROM files)")


def _keep(writing: Writing, schema: str, table: str, values: list[tuple[Any, dict[str, Any]]]) -> None:
    if not values:
        return
    writing.db.execute(schema)
    texts = [(key, json.dumps(value, sort_keys=True)) for key, value in values]
    sealed = [(key, text, seal_of(key, text)) for key, text in texts]
    writing.db.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?,?,?)", sealed)


def _read(reading: Reading, table: str, key_name: str) -> list[tuple[Any, str]]:
    """Each key with the JSON of its value."""
    if not _exists(reading, table):
        return []
    found = []
    for key, text, seal in reading.db.execute(f"SELECT {key_name}, value, seal FROM {table}"):
        if seal_of(key, text) != seal:
            raise Catalogue(reading.path).damaged()
        found.append((key, text))
    return found


def _exists(reading: Reading, table: str) -> bool:
    asked = "SELECT 1 FROM sqlite_master WHERE type='table' AND name=?"
    return reading.db.execute(asked, (table,)).fetchone() is not None
