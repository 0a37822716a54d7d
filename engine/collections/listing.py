"""All collections of a home: those that can be read, and those that are damaged."""

from __future__ import annotations

from collections.abc import Iterator

from engine.collections.collection import Collection
from engine.collections.folders import collection_folders
from engine.core.errors import BenzerError
from engine.core.home import Home


def collections(home: Home) -> list[Collection]:
    """Every readable collection by title; those with a damaged catalogue are left out (see `damaged`).

    Raises:
        BenzerError: the folder of the collections cannot be read.
    """
    readable = [opened for _, opened in _all(home) if isinstance(opened, Collection)]
    return sorted(readable, key=lambda collection: collection.title.lower())


def damaged(home: Home) -> list[tuple[str, str]]:
    """The names of collections that cannot be read, each with the sentence that says why."""
    errors = ((name, _row_damage(opened) if isinstance(opened, Collection) else opened) for name, opened in _all(home))
    return [(name, str(error)) for name, error in errors if error is not None]


def _all(home: Home) -> Iterator[tuple[str, Collection | BenzerError]]:
    for folder in collection_folders(home.datasets):
        try:
            yield folder.name, Collection(folder)
        except BenzerError as error:
            yield folder.name, error


def _row_damage(collection: Collection) -> BenzerError | None:
    try:
        collection.images()  # which verifies all rows
    except BenzerError as error:
        return error
    return None
