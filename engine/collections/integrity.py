"""Looking a collection over for bit rot: every stored byte is compared with the checksum taken when it was written.

In use, a damaged row, thumbnail or picture is refused on its own and a damaged pixel store is made anew; this finds
damage before it is met, and also where it does no harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from engine.collections.catalogue import Catalogue, is_settled, seal_path
from engine.collections.collection import Collection
from engine.core.errors import BenzerError, Corrupt
from engine.core.progress import Reporter
from engine.core.storage import Store, file_digest, read_json

_STORES = ("pixels", "own_vectors")  # what nobody would notice before it is used


def check(collection: Collection, reporter: Reporter | None = None) -> list[str]:
    """Compare everything with its checksums; one sentence for each damaged file, none when all is well.

    The collection must not be changed meanwhile; Stopped when a person asked for it.
    """
    with collection.alone():
        return list(_damage(collection, reporter or Reporter()))


def _damage(collection: Collection, reporter: Reporter) -> Iterator[str]:
    steps = [lambda: _check_seal(collection.catalogue), lambda: _check_answers(collection)]
    for step in steps:
        try:
            step()
        except BenzerError as error:
            yield str(error)
            return
    yield from _pictures(collection, reporter)
    yield from _stores(collection)


def _check_seal(catalogue: Catalogue) -> None:
    path = seal_path(catalogue.path)
    if not path.exists():
        return
    known = read_json(path)
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


def _pictures(collection: Collection, reporter: Reporter) -> Iterator[str]:
    rows = [row for row in collection.rows("image") if row.stored]
    for number, row in enumerate(rows, 1):
        path = collection.path_of(row)
        if not path.is_file():
            yield f"The file {path} is missing."
        elif hashlib.sha256(path.read_bytes()).hexdigest() != row.hash:
            yield f"The file {path} has been damaged: it no longer matches its checksum."
        reporter.update("Checking pictures", number, len(rows), "images")


def _stores(collection: Collection) -> Iterator[str]:
    for name in _STORES:
        for folder in sorted((collection.folder / name).glob("*")):
            try:
                Store(folder, format=name.replace("_", " "), version=1).open()
            except Corrupt as error:
                yield str(error)
