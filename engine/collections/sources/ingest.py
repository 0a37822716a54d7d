"""From files to catalogue rows: the one pipeline behind every import and rescan.

A source yields Items in order; workers read the files; results are written in small transactions, so that interrupted
work keeps all finished batches and can be continued.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from engine.collections.catalogue import ImageRow, Writing
from engine.collections.collection import Collection
from engine.collections.facts.sidecars import keep_embedded
from engine.collections.facts.stored import columns_by_id, drop_unused_facts, keep_columns, keep_exif
from engine.collections.facts.xmp import Sidecar
from engine.collections.reading.on_cluster import looked_at
from engine.collections.reading.safely import READING
from engine.collections.reading.worker_tasks import Failure, FileRef, Seen, look
from engine.collections.report import ImportReport, Reject
from engine.collections.sources import staged
from engine.collections.sources.items import Item
from engine.collections.sources.moves import Moves
from engine.core.progress import Reporter
from engine.core.storage import full_disk_named

Drawing = tuple[str, str, str, Image.Image]  # name, label, text, picture

BATCH = 64
_STAGING = ".incoming"
_BATCH_SECONDS = 2.0
_SUFFIX = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}


def ingest(
    collection: Collection, items: Iterable[Item], reporter: Reporter, total: int = 0, moves: Moves | None = None
) -> ImportReport:
    """Read every item and store the outcome; the report counts each exactly once."""
    return _Ingest(collection, reporter, total, moves or Moves()).run(items)


class _Ingest:
    def __init__(self, collection: Collection, reporter: Reporter, total: int, moves: Moves) -> None:
        self.moves = moves
        self.rejected: dict[int, ImageRow] = {}  # by the id of the row they had
        self.embedded: dict[bytes, Sidecar] = {}  # tags and stars inside the files, by key
        self.collection = collection
        self.reporter = reporter
        self.total = total
        self.report = ImportReport(collection.name)
        self.sent: deque[Item] = deque()  # with the workers
        self.settled: list[tuple[Item, Seen | Failure]] = []  # not yet written
        self.written = time.monotonic()

    def run(self, items: Iterable[Item]) -> ImportReport:
        with self.collection.catalogue.connection():  # while one is open, the journal is not put away after each batch
            for _, result in looked_at(look, self._readable(items), self._tell):
                self.settled.append((self.sent.popleft(), result))
                if len(self.settled) >= BATCH or time.monotonic() - self.written > _BATCH_SECONDS:
                    self._write()
            self._write()
        self._settle_moves()
        with self.collection.catalogue.writing() as writing:
            writing.promote_copies()
        self.report.notes += keep_embedded(self.collection, self.embedded)
        return self.report

    def _settle_moves(self) -> None:
        """Write what waited until all was seen: a known content under another name keeps its row."""
        with self.collection.catalogue.writing() as writing, full_disk_named(self.collection.title):
            moved, others = self.moves.settled()
            writing.remove([former.id for _, _, former in moved] + self.moves.displaced)
            for item, row, former in moved:
                writing.put_back(replace(row, id=former.id, status=former.status, label=self.moves.label(item, former)))
            for item, row in others:
                self._place(writing, item, row)
            for row in (self.rejected[id] for id in self.moves.taken & self.rejected.keys()):
                writing.add(self.moves.own_label(row))
        self.report.moved += len(moved)
        self.report.removed += len(self.moves.displaced)

    def _readable(self, items: Iterable[Item]) -> Iterator[FileRef]:
        for item in items:
            if item.failure:
                self.settled.append((item, item.failure))
                continue
            self.sent.append(item)
            yield FileRef(item.location, item.bounds)

    def _write(self) -> None:
        batch, self.settled = self.settled, []
        with self.collection.catalogue.writing() as writing, full_disk_named(self.collection.title):
            for item, result in batch:
                self._record(writing, item, result)
        self.written = time.monotonic()
        self._tell()

    def _tell(self) -> None:
        self.reporter.update("Reading pictures", self.report.inputs, max(self.total, self.report.inputs), "pictures")

    def _record(self, writing: Writing, item: Item, result: Seen | Failure) -> None:
        if isinstance(result, Failure):
            self._reject(writing, item, result)
            return
        if result.marks != Sidecar():
            self.embedded[item.key] = result.marks
        # Size and time as they were before the file was read: a change during the read is noticed by the next rescan.
        size, mtime_ns = item.size or result.size, item.mtime_ns or result.mtime_ns
        width, height, hash = result.width, result.height, result.hash
        row = replace(_blank(item), size=size, mtime_ns=mtime_ns, width=width, height=height, hash=hash)
        twin = writing.image_of(result.hash)
        if twin is None or (item.former is not None and twin.id == item.former.id):
            writing.keep_thumbnail(result.hash, result.thumbnail)
            keep_exif(writing, [(result.hash, result.exif)])
            row = self._moved_in(item, row, result)
        if not self.moves.waits(item, row):
            self._place(writing, item, row)
        _discard(item)

    def _place(self, writing: Writing, item: Item, row: ImageRow) -> None:
        twin = writing.image_of(row.hash)
        if twin is not None and (item.former is None or twin.id != item.former.id):
            again = item.former is not None and (item.former.status, item.former.hash) == ("copy", row.hash)
            self._keep(writing, item, replace(row, status="copy"), "unchanged" if again else "copies")
            if not again:
                self.report.duplicates.append([item.name, twin.name])
        else:
            self._keep(writing, item, replace(row, status="image"), self._fate(item, row))

    def _fate(self, item: Item, row: ImageRow) -> str:
        if item.former is None:
            return "added"
        return "unchanged" if item.former.hash == row.hash else "changed"

    def _keep(self, writing: Writing, item: Item, row: ImageRow, counted: str) -> None:
        if item.former is None:
            row = writing.add(row)
        else:
            row = replace(row, id=item.former.id)
            writing.replace(row)
        if item.columns or item.former is not None:
            keep_columns(writing, [(row.id, item.columns)])
        setattr(self.report, counted, getattr(self.report, counted) + 1)

    def _reject(self, writing: Writing, item: Item, failure: Failure) -> None:
        row = replace(_blank(item), stage=failure.stage, code=failure.code, message=failure.message)
        if item.former is not None and row == replace(item.former, id=0) and failure.stage != "worker":
            self.report.unchanged += 1
            return
        if item.former is None:
            writing.add(row)
        else:
            self.rejected[item.former.id] = row
            writing.replace(replace(row, id=item.former.id))
        self.report.rejects.append(Reject(item.name, failure.stage, failure.code, failure.message))
        _discard(item)

    def _moved_in(self, item: Item, row: ImageRow, seen: Seen) -> ImageRow:
        if not item.owned:
            return row
        stored = f"{seen.hash[:2]}/{seen.hash}{_SUFFIX.get(seen.format, '.' + seen.format.lower())}"
        target = self.collection.folder / "images" / stored
        target.parent.mkdir(exist_ok=True)
        staged.move(Path(item.location), target)
        return replace(row, stored=stored)


def _blank(item: Item) -> ImageRow:
    return ImageRow(0, item.key, item.name, item.label, item.text, size=item.size, mtime_ns=item.mtime_ns)


def _discard(item: Item) -> None:
    if item.owned:
        staged.remove(Path(item.location))


def drawings(drawn: Iterable[Drawing], folder: Path) -> Iterator[Item]:
    """Pictures from memory, each written to `folder` as PNG."""
    for number, (name, label, text, picture) in enumerate(drawn):
        place = folder / str(number)
        with full_disk_named(name), staged.created(place) as file:
            picture.save(file, "PNG", compress_level=1)
            size = file.tell()
        yield Item(name.encode(), label, text, location=str(place), owned=True, size=size)


def staging(collection: Collection) -> Path:
    """An empty folder inside the collection for files that have not been read yet, by a path without links."""
    remove_staging(collection)
    folder = (collection.folder / "images").resolve() / _STAGING
    folder.mkdir(parents=True)
    return folder


def remove_staging(collection: Collection) -> None:
    """Delete the folder of files that have not been read yet, or whatever stands in its place."""
    folder = collection.folder / "images" / _STAGING
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # a link or a file, whose target stays
        folder.unlink()


def clear_staging(collection: Collection) -> None:
    """Delete files that a finished or interrupted import left waiting, and copied files without a row."""
    images = collection.folder / "images"
    remove_staging(collection)
    known = {row.stored for row in collection.rows() if row.stored}
    for path in images.glob("*/*"):
        if path.relative_to(images).as_posix() not in known:
            path.unlink(missing_ok=True)


def synchronise(
    collection: Collection,
    found: Iterable[Item],
    reporter: Reporter,
    given: Mapping[int, str] | None = None,
    *,
    verify: bool = False,
) -> ImportReport:
    """Make the catalogue agree with a full list of its source: only new and changed files are read.

    A file counts as unchanged if its size and modification time are; one whose worker died is tried again, and so is
    one that an earlier version could not read. A new label or text of a known file is stored without reading the file,
    and counts as changed. Known content under another name keeps its row and counts as moved.

    Args:
        given: labels by id that the user has given, instead of the source's own.
        verify: whether all files are read, whatever their sizes and times.
    """
    looked_ns, given = _now_ns(), given or {}
    known = {row.key: row for row in collection.rows()}
    found = list(found)
    labels = {item.key: item.label for item in found}
    found = [_with_former(item, known.get(item.key), given) for item in found]
    unchanged = [] if verify else _unchanged(collection, found, looked_ns)
    as_before = {item.key for item in unchanged}
    fresh = [item for item in found if item.key not in as_before]
    retold = _relabelled(unchanged)
    gone = [known[key] for key in known.keys() - {item.key for item in found}]
    moves = Moves(gone, [item.former for item in fresh if item.former], labels, given)
    report = ingest(collection, fresh, reporter, total=len(fresh), moves=moves)
    _rewrite(collection, retold)
    _keep_further_cells(collection, unchanged)
    report.changed += len(retold)
    report.unchanged += len(found) - len(fresh) - len(retold)
    left = [row.id for row in gone if row.id not in moves.taken]
    report.removed += len(left)
    forget(collection, left, given)
    with collection.catalogue.writing() as writing:
        writing.set_facts(looked_ns=looked_ns, reading=READING)
    return report


def _unchanged(collection: Collection, found: Sequence[Item], looked_ns: int) -> list[Item]:
    """The files that need not be read, as they are what they were when the source was last looked at."""
    since = math.inf if (last := collection.looked_ns) is None else last
    since = -math.inf if last is not None and last > looked_ns else since  # the clock was set back
    again = collection.reading < READING
    return [item for item in found if _is_known(item, since, again)]


def _now_ns() -> int:
    """The time by the clock that files are stamped with, which is a few milliseconds behind the exact one."""
    coarse = getattr(time, "CLOCK_REALTIME_COARSE", 5 if sys.platform == "linux" else None)
    return time.time_ns() if coarse is None else time.clock_gettime_ns(coarse)


def _with_former(item: Item, former: ImageRow | None, given: Mapping[int, str]) -> Item:
    return replace(item, former=former, label=given.get(former.id, item.label)) if former else item


def _is_known(item: Item, since: float, rejects_again: bool) -> bool:
    row = item.former
    if row is None or row.stage == "worker" or (rejects_again and row.stage in ("header", "decode")):
        return False
    if item.failure:
        return row.code == item.failure.code
    return (row.size, row.mtime_ns) == (item.size, item.mtime_ns) and item.ctime_ns < since


def _relabelled(items: Iterable[Item]) -> list[ImageRow]:
    """The rows of those items whose source gives them another label or text now."""
    rows = [(item.former, replace(item.former, label=item.label, text=item.text)) for item in items if item.former]
    return [new for old, new in rows if new != old]


def _rewrite(collection: Collection, rows: list[ImageRow]) -> None:
    if rows:
        with collection.catalogue.writing() as writing:
            for row in rows:
                writing.replace(row)


def _keep_further_cells(collection: Collection, items: list[Item]) -> None:
    """Update the further columns of known pictures from the current table."""
    with collection.catalogue.reading() as reading:
        kept = columns_by_id(reading)
    current = [(item.former.id, item.columns) for item in items if item.former and item.former.status != "rejected"]
    changed = [(id, cells) for id, cells in current if kept.get(id, {}) != cells]
    if changed:
        with collection.catalogue.writing() as writing:
            keep_columns(writing, changed)


def forget(collection: Collection, ids: list[int], given: Mapping[int, str] | None = None) -> None:
    """Delete rows. If an image has a copy, the copy replaces it: it keeps the id, and a label of `given`."""
    if not ids:
        return
    with collection.catalogue.writing() as writing:
        gone = [row for row in map(writing.row, ids) if row is not None and row.status == "image"]
        writing.remove(ids)
        for row in gone:
            if (copy := writing.copy_of(row.hash)) is not None:
                writing.remove([copy.id])
                label = (given or {}).get(row.id, copy.label)
                writing.put_back(replace(copy, id=row.id, status="image", label=label))
        writing.promote_copies()
        writing.drop_unused_thumbnails()
        drop_unused_facts(writing)
