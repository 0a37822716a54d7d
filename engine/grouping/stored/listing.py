"""The groupings of a collection: all of them, one by its name, and those that cannot be read."""

from __future__ import annotations

from pathlib import Path

from engine.collections.collection import Collection
from engine.core.errors import BenzerError, NotFound
from engine.core.settings import check_text
from engine.grouping.stored.grouping import Grouping


def groupings(collection: Collection) -> list[Grouping]:
    """Every readable grouping of a collection, newest first."""
    found = []
    for path in (collection.folder / "groupings").glob("*/person.json"):
        try:
            one = Grouping(path.parent)
            one.title  # noqa: B018 - to pass over what cannot be read
            found.append(one)
        except (BenzerError, OSError):
            continue
    return sorted(found, key=lambda grouping: -grouping.made)


def damaged_groupings(collection: Collection) -> list[tuple[str, str]]:
    """Name and sentence of every grouping that `groupings` passes over."""
    readable = {one.name for one in groupings(collection)}
    found = []
    for path in sorted((collection.folder / "groupings").glob("[!.]*/")):
        if path.name not in readable:
            try:
                grouping(collection, path.name).title  # noqa: B018 - for what it says
            except (BenzerError, OSError) as error:
                found.append((path.name, str(error)))
    return found


def grouping(collection: Collection, name: str) -> Grouping:
    """The grouping of that name; NotFound if there is none, Corrupt if it is damaged."""
    folder = grouping_folder(collection, name)
    if not (folder / "person.json").exists():
        raise NotFound(f"There is no grouping {name!r}.")
    return Grouping(folder)


def grouping_folder(collection: Collection, name: str) -> Path:
    """The folder of a grouping, however damaged it is; NotFound when there is none."""
    check_text("name", "a grouping", name)
    folder = collection.folder / "groupings" / name
    if name != Path(name).name or not folder.is_dir():
        raise NotFound(f"There is no grouping {name!r}.")
    return folder
