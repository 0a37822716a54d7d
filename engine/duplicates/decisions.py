"""The user's decisions about duplicates: pictures that are not duplicates, and protected folders.

They are stored in datasets/<collection>/duplicates.json, sealed; pictures are named by their content, so that a
decision holds wherever the files are moved.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock

from engine.collections.collection import Collection
from engine.core.storage import full_disk_named, read_object, write_json

Pair = tuple[str, str]


@dataclass(frozen=True)
class Decisions:
    """Pairs of contents, each in ascending order, that are not duplicates, and protected folders below the source."""

    apart: frozenset[Pair] = frozenset()
    protected: tuple[str, ...] = ()

    def are_apart(self, one: str, other: str) -> bool:
        """Whether two contents are not duplicates; for a content and itself: whether all its files are to stay."""
        return (min(one, other), max(one, other)) in self.apart


def decisions_of(collection: Collection) -> Decisions:
    """The decisions so far; Corrupt if the file is damaged."""
    try:
        body = read_object(_path(collection), apart=list, protected=list)
    except FileNotFoundError:
        return Decisions()
    return Decisions(frozenset((one, other) for one, other in body["apart"]), tuple(body["protected"]))


def say_apart(collection: Collection, contents: Iterable[str]) -> None:
    """Record that the pictures of these contents are not duplicates of each other, or that all files of one stay."""
    found = sorted(set(contents))
    pairs = {*itertools.combinations(found, 2)} if len(found) > 1 else {(one, one) for one in found}
    _change(collection, lambda now: Decisions(now.apart | pairs, now.protected))


def forget_apart(collection: Collection, contents: Iterable[str] | None = None) -> None:
    """Delete the decisions about these contents, or all of them if none are given."""
    gone = None if contents is None else set(contents)

    def without(now: Decisions) -> Decisions:
        kept = (pair for pair in now.apart if gone is not None and not set(pair) <= gone)
        return Decisions(frozenset(kept), now.protected)

    _change(collection, without)


def protect(collection: Collection, folders: Iterable[str]) -> None:
    """Protect exactly these folders."""
    chosen = tuple(sorted({folder_key(folder) for folder in folders}))
    _change(collection, lambda now: Decisions(now.apart, chosen))


def folder_key(folder: str) -> str:
    """A folder below the source in canonical form: no slash at either end, "" for the source itself.

    >>> folder_key("./holiday/2019/")
    'holiday/2019'
    """
    return "" if (text := str(PurePosixPath(folder.strip()))) == "." else text.strip("/")


def _change(collection: Collection, change: Callable[[Decisions], Decisions]) -> None:
    with full_disk_named("what was decided about duplicates"):
        folder = collection.folder / "indexes"
        folder.mkdir(exist_ok=True)
        with FileLock(folder / ".decisions.lock"):
            now = change(decisions_of(collection))
            write_json(_path(collection), {"apart": sorted(map(list, now.apart)), "protected": list(now.protected)})


def _path(collection: Collection) -> Path:
    return collection.folder / "duplicates.json"
