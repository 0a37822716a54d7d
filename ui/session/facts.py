"""The facts of a picture as the pages show them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO, Any

from engine.collections.facts import marks
from engine.core.cache import Cache, file_stamp
from engine.core.errors import BenzerError, NotFound
from engine.core.humanize import count_of, file_size, percent
from engine.core.spelling import folded
from engine.core.tables import csv_text
from engine.workbench.pictures import PictureFacts
from ui.session.opened import open_collection, workbench

_COLLECTIONS_KEPT = 8
_stars: Cache[dict[int, int]] = Cache(_COLLECTIONS_KEPT)


def stars_of(collection: str) -> Mapping[int, int]:
    """The stars of a collection's pictures by id, without those that have none; none where they are damaged."""
    stamp = file_stamp(workbench().home.datasets / collection / marks.FILE)
    return _stars.get((collection, stamp), lambda: _read_stars(collection))


def _read_stars(collection: str) -> dict[int, int]:
    try:
        return {id: mark.stars for id, mark in marks.marks(open_collection(collection)).items() if mark.stars}
    except BenzerError:  # the facts of a picture say so
        return {}


def facts_shown(facts: PictureFacts) -> dict[str, Any]:
    """Facts as display texts in JSON types; unknown ones are "" or left out."""
    shown: dict[str, Any] = {
        "name": facts.name,
        "folder": facts.folder,
        "path": os.fsencode(facts.path).decode("utf-8", "replace"),
        "label": facts.label,
        "text": facts.text,
        "date": date_shown(facts.exif.taken),
        "camera": facts.exif.camera,
        "lens": facts.exif.lens,
        "size": f"{facts.width:,} × {facts.height:,} · {file_size(facts.bytes)}",
        "tags": list(facts.tags),
        "stars": facts.stars,
        "columns": facts.columns,
        "exif": [list(pair) for pair in facts.exif_table],
    }
    if facts.exif.latitude is not None and facts.exif.longitude is not None:
        shown |= {"latitude": facts.exif.latitude, "longitude": facts.exif.longitude}
    return shown


def suggestions_shown(collection: str, facts: PictureFacts) -> list[list[str]]:
    """Each label that is suggested for a picture, without the one it has, and how probable it is; [] if unknown."""
    try:
        found = workbench().suggested_labels(collection, facts.id)
    except (BenzerError, OSError):  # no vectors of the network, or nothing can be stored
        return []
    return [[label, percent(chance)] for label, chance in found if folded(label) != folded(facts.label)]


def date_shown(taken: str) -> str:
    """A date of EXIF for people.

    >>> date_shown("2023-07-02T09:05:00"), date_shown("")
    ('2 July 2023, 09:05', '')
    """
    if not taken:
        return ""
    date = datetime.fromisoformat(taken)
    return f"{date.day} {date:%B %Y, %H:%M}"  # %-d exists on POSIX systems only


def taken_away(collection: str, ids: Sequence[int], kind: str) -> tuple[str | bytes | IO[bytes], str]:
    """An export of pictures with its media type: "txt" (paths), "csv" (facts), "html" (a report) or "zip".

    Paths are bytes, as the name of a file may be no text; a ZIP is a temporary file, which the caller closes.

    Raises:
        NotFound: no such collection, picture or kind. BadParameter: more than a report or a ZIP holds.
    """
    if kind == "txt":
        return b"\n".join(map(os.fsencode, workbench().paths(collection, ids))), "text/plain"
    if kind == "csv":
        return "\ufeff" + _table(collection, ids), "text/csv"
    if kind == "html":
        title = f"{count_of(len(ids), 'picture')} of {open_collection(collection).title}"
        return workbench().selection_report(collection, title, {"": ids}), "text/html"
    if kind == "zip":
        return workbench().zipped(collection, ids), "application/zip"
    raise NotFound(f"Pictures cannot be had as {kind!r}.")


def _table(collection: str, ids: Sequence[int]) -> str:
    table = workbench().picture_table(collection)
    rows = []
    for id in ids:
        if (row := table.row(id)) is None:
            raise NotFound(f"There is no picture {id} in this collection.")
        mark, exif = table.marks[row], table.exif[row]
        facts = [table.names[row], table.labels[row], table.texts[row], exif.taken, exif.camera]
        rows.append([id, *facts, table.widths[row], table.heights[row], ", ".join(mark.tags), mark.stars or ""])
    head = ["id", "name", "label", "text", "date", "camera", "width", "height", "tags", "stars"]
    return csv_text(head, rows)
