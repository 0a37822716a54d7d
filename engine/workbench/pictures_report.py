"""Pictures as one page of HTML that opens without a server and without a network: the pictures are inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from engine.collections.collection import Collection
from engine.collections.facts.table import PictureTable
from engine.collections.reading.workers import preview_in_worker
from engine.comparisons.html import render
from engine.core.errors import BadParameter, BenzerError
from engine.core.humanize import count_of
from engine.search.answer import Answer, Hit

MOST = 1000  # pictures of a report
_LARGE_UP_TO = 100  # pictures that are shown larger than their thumbnails
_SIDE = 640  # pixels of these

Section = tuple[str, list["ShownPicture"]]


@dataclass(frozen=True)
class ShownPicture:
    """A picture of a report: its bytes in base 64, its name, and lines below it."""

    webp: str
    name: str
    lines: tuple[str, ...] = ()


def search_report(collection: Collection, table: PictureTable, answer: Answer, further: Sequence[Hit] = ()) -> str:
    """The results of a search, with its query and receipt; `further` are results that follow those of the answer."""
    hits = [*answer.hits, *further]
    show = _Shower(collection, table, len(hits) + len(answer.written))
    query = show.query(answer)
    parts: list[Section] = [("Query", query)] if query else []
    parts += [("Results" if query else "", show.hits(hits))] if hits else []
    parts += [("By names, labels and texts", show.hits(answer.written))] if answer.written else []
    verdict = [answer.calibration.sentence()] if answer.calibration is not None else []
    sentences = [*verdict, f"{collection.title} · {answer.sentence()}", *_described(answer)]
    return render("workbench/pictures_report.html", title=_title(answer), sentences=sentences, parts=parts)


def selection_report(
    collection: Collection, table: PictureTable, title: str, parts: Mapping[str, Iterable[int]], note: str = ""
) -> str:
    """Chosen pictures under headings, "" for none; the ids in the order in which they are shown.

    Raises:
        BadParameter: no pictures, or too many. NotFound: an id is no picture.
    """
    ids = {heading: list(map(int, members)) for heading, members in parts.items()}
    count = sum(map(len, ids.values()))
    if not count:
        raise BadParameter("number of pictures", "a report", "at least 1", 0)
    show = _Shower(collection, table, count)
    shown = [(heading, [show.picture(id) for id in members]) for heading, members in ids.items()]
    sentences = [f"{collection.title} · {count_of(count, 'picture')}", *filter(None, [note])]
    return render("workbench/pictures_report.html", title=title, sentences=sentences, parts=shown)


def _title(answer: Answer) -> str:
    query = answer.query
    return f"Similar to {query.name or query.text}" if not query.text else f"Search for “{query.text}”"


def _described(answer: Answer) -> list[str]:
    narrowed = [f"Label: {answer.label}"] if answer.label else []
    narrowed += [f"Filter: {answer.where}"] if answer.where else []
    return [*narrowed, f"Configuration: {answer.recipe}"]


class _Shower:
    """Pictures of one collection as parts of a page; larger ones where there are few."""

    def __init__(self, collection: Collection, table: PictureTable, count: int) -> None:
        if count > MOST:
            raise BadParameter("number of pictures", "a report", f"at most {MOST:,}", count)
        self.collection, self.table, self.large = collection, table, count <= _LARGE_UP_TO

    def hits(self, hits: Iterable[Hit]) -> list[ShownPicture]:
        return [self.picture(hit.id, f"{hit.rank} · distance {hit.distance:.4f}") for hit in hits]

    def query(self, answer: Answer) -> list[ShownPicture]:
        """The query pictures; a query of words has none."""
        query = answer.query
        if query.examples:
            found = [(one.image_id, one.data, one.name, f"weight {one.weight:+g}") for one in query.examples]
        else:
            found = [(query.image_id, query.data, query.name, "")]
        return [self._asked(*one) for one in found if one[0] is not None or one[1] is not None]

    def _asked(self, id: int | None, data: bytes | None, name: str, line: str) -> ShownPicture:
        if data is None:
            return self.picture(id or 0, line)
        return ShownPicture(_encoded(preview_in_worker(data, _SIDE)), name, tuple(filter(None, [line])))

    def picture(self, id: int, *before: str) -> ShownPicture:
        row = self.table.row(id)
        name = self.table.names[row] if row is not None else str(id)
        lines = [*before, *(self._lines(row) if row is not None else ())]
        return ShownPicture(_encoded(self._bytes(id)), name, tuple(filter(None, lines)))

    def _lines(self, row: int) -> list[str]:
        table = self.table
        mark, taken = table.marks[row], table.exif[row].taken.replace("T", " ")
        return [table.labels[row], table.texts[row][:300], taken, "★" * mark.stars, ", ".join(mark.tags)]

    def _bytes(self, id: int) -> bytes:
        if self.large:
            with suppress(BenzerError):  # of a file that has gone the thumbnail is left
                return preview_in_worker(self.collection.picture(id), _SIDE)
        return self.collection.thumbnail(id)


def _encoded(webp: bytes) -> str:
    return base64.b64encode(webp).decode()
