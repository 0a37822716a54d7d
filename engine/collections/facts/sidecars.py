"""Tags and stars synchronised with sidecar files beside the pictures: `lake.jpg` has `lake.jpg.xmp`.

Both sides may have changed since they last agreed: what was added on either side is kept, what was removed on either
side is dropped, and the stars are those of the side that changed them (the file's, if both did).
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.facts.former_sidecars import SidecarAct, Written, act_of, new_act
from engine.collections.facts.marks import Mark, change_marks, marks
from engine.collections.facts.xmp import Sidecar, read_sidecar, with_sidecar
from engine.collections.reading.regular_files import read_bytes
from engine.collections.reading.workers import chunks
from engine.core.errors import Corrupt, StorageFull, Unreadable, UnreadableImage
from engine.core.home import home_of
from engine.core.humanize import count_of
from engine.core.progress import Reporter
from engine.core.storage import write_bytes

SUFFIX = ".xmp"
_AT_A_TIME = 1000  # files whose writing is noted together


@dataclass
class SidecarReport:
    """How many files were written and how many needed no change, and which were skipped, each with the reason.

    `act` is the name by which `undo_sidecars` takes it back, "" if nothing was written.
    """

    written: int = 0
    unchanged: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)
    act: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def read_sidecars(collection: Collection) -> list[str]:
    """Import tags and stars from the sidecar files of pictures that are referenced in place.

    Returns:
        Sentences for the report: how many pictures changed, and which files could not be read.
    """
    found, notes = dict[int, Sidecar](), list[str]()
    for row, path in _beside(collection):
        try:
            found[row.id] = read_sidecar(read_bytes(path, collection.root_of(row)))
        except (Unreadable, UnreadableImage) as error:
            notes.append(f"{path.name}: {error.message}")
    known = marks(collection)
    changed = [id for id, theirs in found.items() if _merged(known.get(id), theirs) != known.get(id)]
    if changed:  # merged with the marks of that moment: others may have changed them meanwhile
        change_marks(collection, changed, lambda id, mark: _merged(mark, found[id]), "")
        notes.insert(0, f"Tags and stars of {count_of(len(changed), 'picture')} were read from sidecar files.")
    return notes


def keep_embedded(collection: Collection, found: Mapping[bytes, Sidecar]) -> list[str]:
    """Give pictures without tags and stars the embedded ones, by key; returns a sentence for the report."""
    rows = collection.rows("image") if found else []
    given = {row.id: found[row.key] for row in rows if row.key in found}
    known = marks(collection) if given else {}
    bare = [id for id in given if not (id in known and (known[id].tags or known[id].stars))]
    if not bare:
        return []
    change_marks(collection, bare, lambda id, mark: replace(mark, tags=given[id].tags, stars=given[id].stars), "")
    return [f"Tags and stars of {count_of(len(bare), 'picture')} were read from inside the files."]


def write_sidecars(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Write the tags and stars of the pictures `ids` of `collection` (None: all marked ones) to their sidecar files.

    Other contents of a file stay; a file that is not XMP is skipped and named in the report.
    """
    collection, wanted = Collection.open(home_of(arguments), arguments["collection"]), arguments.get("ids")
    known, report = marks(collection), SidecarReport()
    rows = {row.id: row for row in collection.rows("image")}
    ids = [id for id in (known if wanted is None else map(int, wanted)) if id in rows]
    done, act = 0, new_act(collection)
    for some in chunks(ids, _AT_A_TIME):
        plans = _plans(collection, [rows[id] for id in some], known, report)
        act.keep({id: (plan.data, plan.new) for id, plan in plans.items() if plan.new is not None})
        with _noted(collection, plans) as written:
            for id, plan in plans.items():
                try:
                    written[id] = _write(plan, report)
                except (Unreadable, UnreadableImage, StorageFull, OSError) as error:
                    report.left.append((rows[id].name, str(error)))
                reporter.update("Writing sidecar files", done + len(written), len(ids), "files")
        done += len(some)
    report.act = act.name
    return report.as_dict()


def _plans(
    collection: Collection, rows: Sequence[ImageRow], known: Mapping[int, Mark], report: SidecarReport
) -> dict[int, _Plan]:
    """What is to be written beside each picture, by its id, without those that have to be left."""
    plans = dict[int, _Plan]()
    for row in rows:
        try:
            plan = _plan(collection, row, known.get(row.id))
            plan.new  # noqa: B018 - raises for a file that cannot be changed, which is no plan then
            plans[row.id] = plan
        except (Unreadable, UnreadableImage, OSError) as error:
            report.left.append((row.name, str(error)))
    return plans


def undo_sidecars(collection: Collection, name: str = "") -> tuple[int, list[tuple[str, str]]]:
    """Restore the previous contents of sidecar files that an operation has written, or remove new ones.

    Args:
        name: of the act, as in the report; "" for the last one that has not been taken back.

    Returns:
        How many, and the pictures whose files were left, each with the reason: a file that has changed since is left.

    Raises:
        NotFound: no such act is kept.
    """
    act, rows = act_of(collection, name), {row.id: row for row in collection.rows("image")}
    left, former = list[tuple[str, str]](), dict[int, bytes | None]()
    for one in act.written():
        try:
            former |= _taken_back(collection, rows.get(one.id), one, act)
        except (Unreadable, UnreadableImage, Corrupt, OSError) as error:
            left.append((rows[one.id].name if one.id in rows else f"Picture {one.id}", str(error)))
    if former:  # first, so that tags that leave a file count at no moment as removed there
        agreed = {id: None if data is None else read_sidecar(data) for id, data in former.items()}
        change_marks(collection, former, lambda id, mark: _unwritten(mark, agreed[id]), "")
    for id, data in former.items():
        try:
            _restore(_path_beside(collection, rows[id]), data)
        except (StorageFull, OSError) as error:
            left.append((rows[id].name, str(error)))
    act.note_undone()
    return len(act.written()) - len(left), left


def _taken_back(collection: Collection, row: ImageRow | None, one: Written, act: SidecarAct) -> dict[int, bytes | None]:
    """By the id of the picture, what a file is to hold again; empty if it does, Unreadable if it has changed."""
    if row is None:
        raise Unreadable("It is no longer in the collection.")
    former, now = act.former(one), _contents(_path_beside(collection, row))
    if now == former:
        return {}
    if now is None or hashlib.sha256(now).hexdigest() != one.new:
        raise Unreadable("The sidecar file has changed since.")
    return {one.id: former}


@dataclass(frozen=True)
class _Plan:
    """What a sidecar file holds, None if there is none, its tags and stars, and those that it is to hold."""

    path: Path
    data: bytes | None
    theirs: Sidecar | None
    ours: Sidecar

    @cached_property
    def new(self) -> bytes | None:
        """The new content of the file, None if it is unchanged; Unreadable if the file is not XML."""
        return None if self.ours == (self.theirs or Sidecar()) else with_sidecar(self.data, self.ours)


@contextmanager
def _noted(collection: Collection, plans: Mapping[int, _Plan]) -> Iterator[dict[int, _Plan]]:
    """Note in the marks what is about to be written, and afterwards, also of work that was stopped, what was."""
    if plans:
        change_marks(collection, plans, lambda id, mark: _about_to_write(mark, plans[id]), "")
    written = dict[int, _Plan]()
    try:
        yield written
    finally:
        if written:
            change_marks(collection, written, lambda id, mark: _settled(mark, written[id].theirs, written[id].ours), "")


def _plan(collection: Collection, row: ImageRow, mark: Mark | None) -> _Plan:
    if row.stored:
        raise Unreadable("Benzer keeps this picture itself; copy it to a folder to get a sidecar file beside it.")
    path = collection.path_of(row)
    if not path.is_file():
        raise Unreadable("The picture is not there.")
    beside = _path_beside(collection, row)
    data = _contents(beside)
    theirs = read_sidecar(data) if data is not None else None
    agreed = _settled(mark or Mark(), theirs, Sidecar())
    return _Plan(beside, data, theirs, Sidecar(agreed.tags, agreed.stars))


def _contents(path: Path) -> bytes | None:
    return read_bytes(path) if os.path.lexists(path) else None


def _write(plan: _Plan, report: SidecarReport) -> _Plan:
    """Bring one sidecar file up to date."""
    if plan.new is None:
        report.unchanged += 1
    elif _contents(plan.path) != plan.data:
        raise Unreadable("The sidecar file has just been changed by another program; write it again.")
    else:
        write_bytes(plan.path, plan.new)
        report.written += 1
    return plan


def _path_beside(collection: Collection, row: ImageRow) -> Path:
    path = collection.path_of(row)
    return path.with_name(path.name + SUFFIX)


def _restore(path: Path, former: bytes | None) -> None:
    if former is None:
        path.unlink()
    else:
        write_bytes(path, former)


def _unwritten(mark: Mark, former: Sidecar | None) -> Mark:
    """The mark when its sidecar file holds what it held before."""
    return replace(mark, synced=None if former is None else (former.tags, former.stars), writing=None)


def _about_to_write(mark: Mark, plan: _Plan) -> Mark:
    """Record what a sidecar file holds, including changes of an interrupted operation, before it is written."""
    read = mark if plan.theirs is None else _merged(mark, plan.theirs)
    return replace(read, writing=(plan.ours.tags, plan.ours.stars))


def _settled(mark: Mark, theirs: Sidecar | None, ours: Sidecar) -> Mark:
    """The mark after its sidecar file held `theirs` and holds `ours` now; a file that was not there removes nothing."""
    merged = mark if theirs is None else _merged(mark, theirs)
    return replace(merged, synced=(ours.tags, ours.stars), writing=None)


def _merged(mark: Mark | None, theirs: Sidecar) -> Mark:
    """Three-way: what either side changed since both were equal, which may be in a writing that was cut off."""
    mark = mark or Mark()
    tags, stars = mark.writing if mark.writing == (theirs.tags, theirs.stars) else mark.synced or ((), 0)
    gone, new = set(tags) - set(theirs.tags), set(theirs.tags) - set(tags)
    merged = tuple(sorted((set(mark.tags) - gone) | new))
    return Mark(merged, theirs.stars if theirs.stars != stars else mark.stars, (theirs.tags, theirs.stars))


def _beside(collection: Collection) -> Iterator[tuple[ImageRow, Path]]:
    """Every picture that has a sidecar file: `a.jpg.xmp`, or else `a.xmp` as Lightroom names it.

    Capitals matter only where both ways of writing are there: `A.jpg.xmp` is not read for `a.jpg` beside `A.jpg`.
    """
    rows = defaultdict[bytes, list[ImageRow]](list)
    for row in collection.rows("image"):
        if not row.stored:
            rows[row.key.split(b"\0")[0].rpartition(b"/")[0]].append(row)
    for inside in rows.values():
        if names := _sidecar_names(collection.path_of(inside[0]).parent):  # most folders have none
            yield from _beside_in([(row, collection.path_of(row)) for row in inside], names)


def _beside_in(
    pictures: list[tuple[ImageRow, Path]], names: Mapping[str, list[str]]
) -> Iterator[tuple[ImageRow, Path]]:
    """The same for the pictures of one folder with these sidecar files."""
    owned = {path.with_name(path.name + SUFFIX) for _, path in pictures}
    for row, path in pictures:
        for wanted in (path.name + SUFFIX, path.stem + SUFFIX):
            written = {path.with_name(name) for name in names.get(wanted.lower(), ())}
            own = path.with_name(wanted)
            if found := [own] if own in written else sorted(written - owned):
                yield row, found[0]
                break


def _sidecar_names(folder: Path) -> dict[str, list[str]]:
    """The names of the sidecar files of a folder, by their lower-case form."""
    names = defaultdict[str, list[str]](list)
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.lower().endswith(SUFFIX):
                names[name.lower()].append(name)
    return names
