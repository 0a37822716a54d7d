"""Checking a collection for bit rot: every stored byte is compared with the checksum taken when it was written.

In use, a damaged row, thumbnail or picture is refused on its own and a damaged pixel store is rebuilt; this check finds
damage before it is met, and also damage that does no harm.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.collections.catalogue import Catalogue, is_settled
from engine.collections.collection import Collection
from engine.collections.facts.former_sidecars import acts
from engine.collections.facts.marks import FILE as MARKS
from engine.collections.facts.marks import last_act, marks
from engine.collections.folders import DERIVED
from engine.collections.labelling import damaged_labels, rescue_labels
from engine.collections.seal import seal, seal_path
from engine.core.errors import BenzerError, Corrupt, StorageFull, checksum_mismatch
from engine.core.progress import Reporter
from engine.core.storage import file_digest, read_object, set_aside, write_json
from engine.core.store import Store

_NO_UNDO = "Deleted: that these sidecar files were written can no longer be undone."
_GIVEN = ("own_vectors", "groupings")  # what cannot be made again from the pictures alone


@dataclass(frozen=True)
class Finding:
    """Damage to one file: the sentence that names it, and the repair, None if it cannot be repaired."""

    sentence: str
    repair: Callable[[], object] | None = None
    repaired: str = "Deleted: it is made again when it is needed."


def check(collection: Collection, reporter: Reporter | None = None) -> list[str]:
    """Compare everything with its checksums; one sentence per damaged file.

    The collection must not be changed meanwhile; Stopped on request.
    """
    return [finding.sentence for finding in check_and_repair(collection, reporter, repair=False)]


def check_and_repair(collection: Collection, reporter: Reporter | None = None, repair: bool = True) -> list[Finding]:
    """As `check`, and repair what can be repaired; findings that remain have no `repair`."""
    with ExitStack() as held:
        try:
            held.enter_context(collection.alone())
        except StorageFull:  # what cannot be written, nobody changes meanwhile
            if repair:
                raise
        found = list(_damage(collection, reporter or Reporter()))
        for finding in found if repair else ():
            if finding.repair is not None:
                finding.repair()
    return found


def _damage(collection: Collection, reporter: Reporter) -> Iterator[Finding]:
    try:
        _check_answers(collection)
    except BenzerError as error:
        yield Finding(str(error))
    else:
        yield from _seal(collection.catalogue)
        yield from _pictures(collection, reporter)
        if labels := damaged_labels(collection):
            yield Finding(labels, partial(rescue_labels, collection), "Kept aside; the labels as they are were noted.")
        yield from _marks(collection)
    yield from _stores(collection)
    yield from _edits(collection)
    for act in acts(collection):
        yield from (Finding(sentence, partial(_delete, act.folder), _NO_UNDO) for sentence in act.damage())


def _marks(collection: Collection) -> Iterator[Finding]:
    try:
        marks(collection)
        last_act(collection)
    except Corrupt as error:
        yield Finding(error.message, partial(set_aside, collection.folder / MARKS), "Kept aside.")


def _seal(catalogue: Catalogue) -> Iterator[Finding]:
    path = seal_path(catalogue.path)
    if not path.exists():
        return
    try:
        known = read_object(path, generation=int, sha256=str)
    except Corrupt as error:
        again = "Sealed again: every row matches its own checksum."
        yield Finding(str(error), partial(seal, catalogue), again)
        return
    try:
        _check_seal(catalogue, known)
    except BenzerError as error:  # of the catalogue itself: a new checksum would only hide it
        yield Finding(str(error))


def _check_seal(catalogue: Catalogue, known: dict[str, Any]) -> None:
    with catalogue.reading() as reading:
        current = reading.generation()
    # After a crash the catalogue may be newer than its seal; its rows still carry their own.
    is_sealed = current == known["generation"] and is_settled(catalogue.path)
    if is_sealed and file_digest(catalogue.path) != known["sha256"]:
        raise catalogue.damaged()


def _check_answers(collection: Collection) -> None:
    rows = collection.rows()
    with collection.catalogue.reading() as reading:
        for row in rows:
            if row.status == "image" and reading.thumbnail(row.hash) is None:
                raise collection.catalogue.damaged()


def _pictures(collection: Collection, reporter: Reporter) -> Iterator[Finding]:
    rows = [row for row in collection.rows("image") if row.stored]
    for number, row in enumerate(rows, 1):
        path = collection.path_of(row)
        if not path.is_file():
            yield Finding(f"The file {path} is missing.")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != row.hash:
            yield Finding(checksum_mismatch(path).message)
        reporter.update("Checking pictures", number, len(rows), "pictures")


def _stores(collection: Collection) -> Iterator[Finding]:
    for kind in (*DERIVED, *_GIVEN):
        for folder in sorted((collection.folder / kind).glob("[!.]*")):
            for store in _stores_in(folder):
                try:
                    Store(store, format="", version=0).verify()
                except (Corrupt, OSError) as error:
                    yield Finding(str(error), partial(_delete, store) if kind in DERIVED else None)


def _stores_in(folder: Path) -> list[Path]:
    """A store and the stores nested in it, which are the parts of an index."""
    return [folder, *sorted({path.parent for path in folder.rglob("current.json")} - {folder})]


def _edits(collection: Collection) -> Iterator[Finding]:
    """The titles and edits of groupings; without them, the original groups remain."""
    for folder in sorted((collection.folder / "groupings").glob("[!.]*/")):
        path = folder / "person.json"
        try:
            read_object(path, title=str, edits=list)
        except FileNotFoundError:
            continue
        except Corrupt as error:
            yield Finding(
                f"{error.message} The groups are kept, without their edits.",
                partial(_without_edits, path),
                "Kept aside; the groups are as they were found, without their edits.",
            )


def _without_edits(path: Path) -> None:
    set_aside(path)
    write_json(path, {"title": path.parent.name, "edits": []})


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
