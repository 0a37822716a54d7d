"""A table inside an archive, beside the pictures it lists: a single one is used, several are only pointed out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from engine.collections.reading.regular_files import MAX_BYTES, opened
from engine.collections.reading.worker_tasks import Failure
from engine.collections.report import Reject
from engine.collections.sources import staged
from engine.collections.sources.archives import SUFFIXES as ARCHIVES
from engine.collections.sources.items import Item
from engine.collections.sources.table_rows import Listed, joined
from engine.collections.sources.tables import Table, is_table, table_of
from engine.core.errors import UnreadableImage, UnreadableTable
from engine.core.progress import Reporter

_NOTES = ".txt"  # most are no tables
_JSON = (".json", ".jsonl")
_JSON_SENTENCE = "This is JSON, not a picture; a data set of another program is imported as such, with its format."


def labelled(items: Iterable[Item], reporter: Reporter) -> Listed:
    """The items of an archive, with labels from the table among them; several tables are ambiguous and not used."""
    found = list(counted(items, reporter))
    readable = {item.key: table for item in found if isinstance(table := _table(item), Table)}
    rest = [item for item in found if item.key not in readable]
    if len(readable) == 1:
        [(key, table)] = readable.items()
        listed = joined(table, map(pointed_out, rest), _folder_of(table.name))
        if any(not item.failure for item in listed.items):
            staged.remove(next(Path(item.location) for item in found if item.key == key))
            return Listed(listed.items, [*listed.notes, f"Labels and texts come from {table.name} in the archive."])
        return Listed([_unmatched(item, table) if item.key == key else pointed_out(item) for item in found])
    return Listed([pointed_out(item, readable.get(item.key)) for item in found])


def counted(items: Iterable[Item], reporter: Reporter) -> Iterator[Item]:
    """The same items, with their number reported; all must be unpacked before the first line can be matched."""
    for number, item in enumerate(items, 1):
        reporter.update("Unpacking", 0, 0, "files", f"{number:,} files")
        yield item


def pointed_out(item: Item, table: Table | None = None) -> Item:
    """An item that is a table, JSON or an archive fails with a sentence that says so; any other is unchanged.

    Args:
        table: what it is, as one of several tables.
    """
    if not item.failure and item.name.lower().endswith(ARCHIVES):
        message = "This is an archive, which is not unpacked here; import it by itself."
        return replace(item, failure=Failure("header", "not-a-picture", message))
    if not item.failure and item.name.lower().endswith(_JSON):
        return replace(item, failure=Failure("header", "not-a-picture", _JSON_SENTENCE))
    if item.failure or not is_table(item.name):
        return item
    found = table or _table(item)
    if isinstance(found, str):
        return replace(item, failure=Failure("header", "not-a-picture", found)) if found else item
    headings = ", ".join(name for name in found.header[:8] if name)
    way = "import it or keep only this one" if table else "import it"
    message = f"This is a table ({headings}) that was not used; for its labels, {way}."
    return replace(item, failure=Failure("table", "table", message))


def _unmatched(item: Item, table: Table) -> Item:
    """The table itself, of which no line names a picture beside it."""
    names = ", ".join(repr(table.picture_of(line)[:60]) for line in table.lines[:1])
    why = f"none of its lines names a picture of the archive, as the first, {names}" if names else "it has no lines"
    message = f"This is a table that was not used: {why}."
    return replace(item, failure=Failure("table", "table", message))


def unused_tables(rejects: Iterable[Reject]) -> list[str]:
    """A sentence on the tables of a folder that was imported without them; empty if there are none."""
    names = [reject.path for reject in rejects if reject.code == "table"]
    if not names:
        return []
    shown, several = ", ".join(names[:3]) + (", …" if len(names) > 3 else ""), len(names) > 1
    words = "are tables that were" if several else "is a table that was"
    return [f"{shown} {words} not used; for labels and texts, import {'one of them' if several else 'it'} instead."]


def _folder_of(name: str) -> str:
    """The beginning of the names of what lies in the same folder of an archive, however its folders are written."""
    return name[: max(name.rfind("/"), name.rfind("\\")) + 1]


def _table(item: Item) -> Table | str:
    """The table, or why it is none; "" for what need not be one."""
    if item.failure or not item.location or not is_table(item.name):
        return ""
    try:
        with opened(Path(item.location), Path(item.bounds)) as file:
            return table_of(item.name, file.read(MAX_BYTES))
    except UnreadableTable as error:
        return "" if item.name.lower().endswith(_NOTES) else error.message
    except (OSError, UnreadableImage):
        return ""
