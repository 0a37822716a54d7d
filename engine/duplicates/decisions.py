"""The user's decisions about duplicates: pictures that are not duplicates, and protected folders.

They are stored in datasets/<collection>/duplicates.json, sealed; pictures are named by their content, so that a
decision holds wherever the files are moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from filelock import FileLock

from engine.collections.collection import Collection
from engine.core.storage import full_disk_named, read_object, write_json

Contents = tuple[str, ...]


@dataclass(frozen=True)
class Decisions:
    """Sets of contents of which no two are duplicates, and protected folders below the source.

    A set is in ascending order; one of a single content says that its files are no duplicates of each other.
    """

    apart: frozenset[Contents] = frozenset()
    protected: tuple[str, ...] = ()

    def are_apart(self, one: str, other: str) -> bool:
        """Whether two contents are no duplicates; a content and itself: whether its files are all to stay."""
        if one == other:
            return (one,) in self.apart
        return not self._sets_of.get(one, frozenset()).isdisjoint(self._sets_of.get(other, frozenset()))

    @cached_property
    def _sets_of(self) -> dict[str, set[Contents]]:
        """The sets in which each content is."""
        found: dict[str, set[Contents]] = {}
        for contents in self.apart:
            for content in contents:
                found.setdefault(content, set()).add(contents)
        return found


def decisions_of(collection: Collection) -> Decisions:
    """The decisions so far; Corrupt if the file is damaged."""
    try:
        body = read_object(_path(collection), apart=list, protected=list)
    except FileNotFoundError:
        return Decisions()
    return Decisions(frozenset(_ordered(contents) for contents in body["apart"]), tuple(body["protected"]))


def say_apart(collection: Collection, contents: Iterable[str]) -> None:
    """Remember that the pictures of these contents are no duplicates of each other; a content given alone of itself."""
    said = _ordered(contents)
    _change(collection, lambda now: Decisions(now.apart | ({said} if said else set()), now.protected))


def forget_apart(collection: Collection, contents: Iterable[str] | None = None) -> None:
    """Delete the decisions about these contents, or all of them if none are given."""
    gone = None if contents is None else set(contents)

    def without(now: Decisions) -> Decisions:
        kept = (part for said in now.apart if gone is not None for part in _parts(said, gone))
        return Decisions(frozenset(kept), now.protected)

    _change(collection, without)


def _parts(said: Contents, gone: set[str]) -> Iterator[Contents]:
    """What remains of a set after the decisions on pairs of these contents are withdrawn."""
    others, forgotten = set(said) - gone, set(said) & gone
    if others:
        yield from {_ordered({*others, one}) for one in forgotten} or {said}


def _ordered(contents: Iterable[str]) -> Contents:
    return tuple(sorted(set(contents)))


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
            apart = sorted([*said] if len(said) > 1 else [*said, *said] for said in now.apart)
            write_json(_path(collection), {"apart": apart, "protected": list(now.protected)})


def _path(collection: Collection) -> Path:
    return collection.folder / "duplicates.json"
