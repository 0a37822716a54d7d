"""Copying chosen pictures into a folder, and removing the copies again.

Names that are taken are numbered, and nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path, PurePath
from typing import IO, Any

from engine.collections.collection import Collection
from engine.collections.facts.marks import Mark, marks
from engine.collections.facts.sidecars import SUFFIX
from engine.collections.facts.xmp import Sidecar, with_sidecar
from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.home import home_of
from engine.core.humanize import file_size
from engine.core.moving import move_without_replacing
from engine.core.progress import Reporter
from engine.core.storage import file_digest, full_disk_named, write_durably
from engine.duplicates.acts.checking import Refusal, Refused
from engine.grouping.stored.exporting import names_and_size
from engine.grouping.stored.exports import Entry, check_room, entries
from engine.grouping.stored.exports import Part as _Part

MOST_ZIPPED = 512_000_000  # bytes, which a visitor may take of the disk for temporary files at a time
_TRIES = 10_000  # numbers after a name


def copy_files(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Copy the pictures `ids` of `collection` into the existing `folder`, with `sidecars` where asked for.

    Returns:
        `path` of the folder, `count`, the `files` that were written, `left_out`: names with the reason, and `made`
        for `remove_copies`: name, id and sha256 of every file, sidecars included.

    Raises:
        NotFound: no such folder, or none of the pictures can be read. BadParameter: no pictures. StorageFull: they do
        not fit; files that were written before stay.
    """
    collection = Collection.open(home_of(arguments), arguments["collection"])
    ids, folder = [int(id) for id in arguments["ids"]], Path(arguments["folder"]).expanduser()
    if not ids:
        raise BadParameter("number of pictures", "a copy", "at least 1", 0)
    names, size = names_and_size(collection, ids)
    check_room(folder, size)
    known = marks(collection) if arguments.get("sidecars") else {}
    files, made, left_out = list[str](), list[list[Any]](), list[list[str]]()
    for number, place in enumerate(entries([_Part("", ids)], names), 1):
        try:
            copies = _copied(collection, place, folder, known.get(place.id))
            files.append(copies[0][0])
            made += [[name, place.id, digest] for name, digest in copies]
        except NotFound as error:
            left_out.append([place.file, error.message])
        reporter.update("Copying pictures", number, len(ids), "pictures")
    if not files:
        raise NotFound(f"None of the pictures can be copied: {left_out[0][1]}")
    return {"path": str(folder), "count": len(files), "files": files, "left_out": left_out, "made": made}


def zipped(collection: Collection, ids: Sequence[int]) -> IO[bytes]:
    """The files of pictures as one ZIP, duplicate names numbered: a temporary file that is deleted when closed.

    Raises:
        NotFound: no such picture, or its file is gone. BadParameter: more than MOST_ZIPPED bytes, or no pictures.
        StorageFull: the disk for temporary files refused.
    """
    names, size = names_and_size(collection, ids)
    if size > MOST_ZIPPED:
        raise BadParameter("size", "a ZIP of pictures", f"at most {file_size(MOST_ZIPPED)}", file_size(size))
    with full_disk_named("the ZIP"), ExitStack() as opened:
        out = opened.enter_context(tempfile.TemporaryFile())
        with zipfile.ZipFile(out, "w") as packed:  # stored: pictures are compressed already
            for place in entries([_Part("", ids)], names):
                packed.writestr(place.file, collection.picture(place.id))
        out.seek(0)
        opened.pop_all()
    return out


def remove_copies(collection: Collection, folder: Path, made: Sequence[Sequence[Any]]) -> tuple[int, list[Refusal]]:
    """Remove the files that `copy_files` has `made` in the folder; how many, and which were left, with the reason.

    A file is left if it has changed since, or if its picture can no longer be read: it may be the last copy.
    """
    removed, left = 0, list[Refusal]()
    for name, id, digest in made:
        try:
            _remove(collection, folder / PurePath(str(name)).name, int(id), str(digest))
            removed += 1
        except FileNotFoundError:
            left.append(Refusal(str(name), "It is no longer there."))
        except OSError as error:
            left.append(Refusal(str(name), f"The disk refused: {(error.strerror or str(error)).lower()}."))
        except BenzerError as error:
            left.append(Refusal(str(name), error.message))
    return removed, left


def _remove(collection: Collection, path: Path, id: int, digest: str) -> None:
    if path.is_symlink() or file_digest(path) != digest:
        raise Refused("It has changed since it was copied.")
    collection.picture(id)
    path.unlink()


def _copied(collection: Collection, place: Entry, folder: Path, mark: Mark | None) -> list[tuple[str, str]]:
    """Name and sha256 of the copy, and of its sidecar file if it has one."""
    data, modified = collection.picture(place.id), _modified(collection, place.id)
    marked = mark is not None and bool(mark.tags or mark.stars)
    target = _put(data, folder, place.file, SUFFIX if marked else "")
    os.utime(target, ns=(modified, modified))
    made = [(target.name, hashlib.sha256(data).hexdigest())]
    if mark is not None and marked:
        beside = with_sidecar(None, Sidecar(mark.tags, mark.stars))
        made.append((_put(beside, folder, target.name + SUFFIX).name, hashlib.sha256(beside).hexdigest()))
    return made


def _modified(collection: Collection, id: int) -> int:
    try:
        return os.stat(collection.image(id).path).st_mtime_ns
    except OSError as error:
        raise NotFound("The file is not there.") from error


def _put(data: bytes, folder: Path, name: str, beside: str = "") -> Path:
    """Write a whole file under the name, numbered if it, or the name with `beside` appended, is taken."""
    with full_disk_named(name):
        handle, part = tempfile.mkstemp(dir=folder, prefix=".benzer-copy-")
        try:
            write_durably(handle, data)
            os.chmod(part, 0o644)
            return _named(Path(part), name, beside)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise


def _named(part: Path, name: str, beside: str) -> Path:
    """Give a file the first free name atomically: no other file is overwritten, and no empty one left behind."""
    stem, suffix = os.path.splitext(name)
    for number in range(_TRIES):
        target = part.with_name(name if not number else f"{stem} ({number + 1}){suffix}")
        if beside and target.with_name(target.name + beside).exists():
            continue
        with suppress(FileExistsError):
            move_without_replacing(part, target)
            return target
    raise BadParameter("name", "a copy", f"free with a number up to {_TRIES}", name)
