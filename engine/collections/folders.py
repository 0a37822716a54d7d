"""The folders of collections: created atomically, locked by one writer at a time, and deleted in one step."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from engine.core.errors import BenzerError, InUse, NameTaken, reason_of
from engine.core.storage import full_disk_named

_CREATING, _REMOVED = ".creating-", ".removed-"
_PATIENCE = 1.0  # seconds that a writer waits for another
_LEFTOVER_SECONDS = 3600  # an interrupted creation or removal is cleaned up after this long
# Folders of what can be made again from the images.
DERIVED = (
    "pixels",
    "vectors",
    "text_vectors",
    "blurred_vectors",
    "class_probabilities",
    "vocabularies",
    "side_by_side",
    "indexes",
    "calibrations",
)
_LEFT_BEHIND = {*DERIVED, "best_encoder.json", ".lock"}
_MARKS = {"catalogue.sqlite", "catalogue.seal.json", "labels.json", "marks.sqlite", "groupings", "vectors", "indexes"}


def collection_folders(root: Path) -> list[Path]:
    """The folders of collections in `root` by name, including those that have lost their catalogue.

    Raises:
        BenzerError: `root` exists and cannot be read.
    """
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        reason = reason_of(error)
        raise BenzerError(f"The collections in {root} cannot be read: {reason}.") from error
    return [folder for folder in folders if is_collection(folder)]


def is_collection(folder: Path) -> bool:
    """Whether a folder belongs to a collection, even one without its catalogue; other folders may be beside it."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError:
        return True  # list what cannot be read, so that its damage is reported
    return bool(names & _MARKS) and not names <= _LEFT_BEHIND


def create_folder(folder: Path, title: str, fill: Callable[[Path], None]) -> Path:
    """Create the folder of a collection, which `fill(folder)` writes before it appears under its name.

    Raises:
        NameTaken: a collection of that name exists.
        StorageFull: the disk refused; nothing is left behind.
    """
    root = folder.parent
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    with full_disk_named(f"the collection {title}"):
        building = Path(tempfile.mkdtemp(dir=root, prefix=_CREATING))
        try:
            fill(building)
            _move_into_place(building, folder, title)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
    return folder


@contextmanager
def hold(folder: Path, title: str) -> Iterator[None]:
    """Lock the folder of a collection; InUse if other work holds it."""
    lock = FileLock(folder / ".lock")
    try:
        with full_disk_named(f"the collection {title}"):
            lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise InUse(
            f"The collection {title!r} is being changed by other work.", way_out="Wait until that has ended."
        ) from None
    try:
        yield
    finally:
        lock.release()


def delete_folder(folder: Path) -> None:
    """Delete the folder of a collection, which disappears from its place in one step."""
    aside = folder.with_name(f"{_REMOVED}{folder.name}-{time.time_ns()}")
    os.rename(folder, aside)
    shutil.rmtree(aside, ignore_errors=True)


def _move_into_place(building: Path, target: Path, title: str) -> None:
    # Work that still ran when a collection was removed may leave a folder that would block the name.
    if target.is_dir() and {path.name for path in target.iterdir()} <= _LEFT_BEHIND:
        delete_folder(target)
    try:
        os.rename(building, target)  # fails if a folder that is not empty stands there
    except OSError as error:
        if not target.exists():
            raise
        raise NameTaken(f"There is a collection named {title!r} already.", way_out="Choose another name.") from error


def _sweep(root: Path) -> None:
    for path in root.iterdir():
        if path.name.startswith((_CREATING, _REMOVED)):
            with suppress(FileNotFoundError):  # other work has just come to its end
                if time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
