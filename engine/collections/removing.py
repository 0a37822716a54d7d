"""Deleting a collection, even a damaged one, of which the user's own work is rescued first.

rescued/<collection>-<date>/
    labels.csv      the picture and label of every row that can still be read
    labels.json     the record of labels that the user gave
    marks.sqlite    tags and stars
    groupings/      the groups, with their titles and edits
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from engine.collections.collection import Collection
from engine.collections.folders import delete_folder, hold, is_collection
from engine.core.errors import Corrupt, NotFound
from engine.core.home import Home
from engine.core.settings import check_text
from engine.core.storage import full_disk_named, time_stamp, write_bytes
from engine.core.tables import csv_text


def remove_collection(home: Home, name: str) -> Path | None:
    """Delete a collection and everything derived from it; the folder with what was rescued, else None.

    Pictures that are referenced in place are not touched.

    Raises:
        NotFound: no such collection. BenzerError: other work changes it right now. StorageFull: there is no room for
        the rescued files; nothing is deleted then.
    """
    check_text("name", "a collection", name)
    folder = home.datasets / name
    if name != Path(name).name or name.startswith(".") or not folder.is_dir() or not is_collection(folder):
        raise NotFound(f"There is no collection {name!r}.")
    with hold(folder, name):
        kept = rescue(folder, home.root / "rescued") if is_damaged(folder) else None
        delete_folder(folder)
    return kept


def rescue(folder: Path, root: Path) -> Path | None:
    """Copy the user's labels, marks and groups to a new folder below `root`; that folder, None if there are none."""
    place = root / f"{folder.name}-{time_stamp()}-{time.time_ns() % 1000:03d}"
    labels = _labels(folder / "catalogue.sqlite")
    with full_disk_named(f"what was rescued of {folder.name}"):
        if labels:
            write_bytes(place / "labels.csv", csv_text(["file_name", "label"], labels).encode("utf-8-sig"))
        for name in ("labels.json", "marks.sqlite"):
            if (folder / name).is_file():
                place.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, place / name)
        if (folder / "groupings").is_dir() and any((folder / "groupings").iterdir()):
            shutil.copytree(folder / "groupings", place / "groupings")
    return place if place.is_dir() else None


def is_damaged(folder: Path) -> bool:
    """Whether the catalogue of a collection is missing or cannot be trusted."""
    try:
        if (folder / "catalogue.sqlite").is_file():
            Collection(folder).rows()
            return False
    except Corrupt:
        pass
    return True


def _labels(path: Path) -> list[list[str]]:
    """The name and label of every labelled row up to the first unreadable one; checksums are ignored."""
    found: list[list[str]] = []
    with suppress(sqlite3.Error, OSError):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            for name, label in db.execute("SELECT name, label FROM files"):
                if isinstance(name, str) and isinstance(label, str) and label:
                    found.append([name, label])
        finally:
            db.close()
    return found
