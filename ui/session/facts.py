"""The facts of a picture as the pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core.humanize import file_size
from engine.workbench.pictures import PictureFacts


def facts_shown(facts: PictureFacts) -> dict[str, Any]:
    """The facts as texts for people, in JSON's types; what is not known is "" or left out."""
    shown: dict[str, Any] = {
        "name": facts.name,
        "folder": facts.folder,
        "path": str(facts.path),
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


def date_shown(taken: str) -> str:
    """A date of EXIF for people.

    >>> date_shown("2023-07-02T09:05:00"), date_shown("")
    ('2 July 2023, 09:05', '')
    """
    return f"{datetime.fromisoformat(taken):%-d %B %Y, %H:%M}" if taken else ""
