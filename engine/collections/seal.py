"""The seal of a catalogue: the checksum of the whole file, kept beside it."""

from __future__ import annotations

from pathlib import Path

from engine.collections.catalogue import Catalogue, Reading, is_settled
from engine.core.storage import file_digest, write_json


def seal(catalogue: Catalogue) -> None:
    """Store the checksum of the whole catalogue beside it; skipped while the catalogue is in use."""
    with catalogue.connection() as db:
        if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            return
        # While this transaction is open nobody else can write, so the file and its generation belong together.
        db.execute("BEGIN IMMEDIATE")
        if is_settled(catalogue.path):
            generation = Reading(catalogue.path, db).generation()
            facts = {"generation": generation, "sha256": file_digest(catalogue.path)}
            write_json(seal_path(catalogue.path), facts)
        db.rollback()


def seal_path(path: Path) -> Path:
    """The file with the checksum of a catalogue."""
    return path.with_suffix(".seal.json")
