"""Saved searches, and the history of the last hundred searches.

searches/saved.json      each saved search by its name (sealed)
searches/history.json    the last searches, newest first (sealed)
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.core.errors import BadParameter, Corrupt, NameTaken, NotFound
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.core.storage import read_json, set_aside, shape_checked, write_json

HISTORY_KEPT = 100
_LONGEST = 100  # characters of a name


@dataclass(frozen=True)
class SavedSearch:
    """A search as values of an address, so that it can be made again.

    Attributes:
        recipe: as `Recipe` prints it. query: as `print_examples` writes it, with its words in quotes.
        label, where: what it is narrowed to. made: when, in seconds since 1970. name: "" in the history.
    """

    recipe: str
    query: str
    label: str = ""
    where: str = ""
    include_query: bool = False
    local_scaling: bool = False
    name: str = ""
    made: float = 0.0

    @property
    def collection(self) -> str:
        """The name of the collection that is searched."""
        return Recipe.parse(self.recipe).collection


def save_search(home: Home, name: str, search: SavedSearch) -> SavedSearch:
    """Save a search under a name.

    Raises:
        BadParameter: no name, or one that is too long. NameTaken: another search has it.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST:
        raise BadParameter("name", "a saved search", f"a text of 1 to {_LONGEST} characters", name)
    with _locked(home):
        known = saved_searches(home)
        if any(one.name.casefold() == name.casefold() for one in known):
            raise NameTaken(f"There is a saved search named {name!r} already.", way_out="Choose another name.")
        kept = _with(search, name=name, made=time.time())
        write_json(_saved(home), [asdict(one) for one in [*known, kept]])
    return kept


def saved_searches(home: Home) -> list[SavedSearch]:
    """Every saved search, in the order of saving; Corrupt when the file is damaged."""
    return _read(_saved(home))


def saved_search(home: Home, name: str) -> SavedSearch:
    """The saved search of that name, capitals aside; NotFound if there is none."""
    found = next((one for one in saved_searches(home) if one.name.casefold() == name.strip().casefold()), None)
    if found is None:
        raise NotFound(f"There is no saved search {name!r}.")
    return found


def forget_search(home: Home, name: str) -> SavedSearch:
    """Delete a saved search and return it, so that it can be saved again; NotFound if there is none."""
    with _locked(home):
        gone = saved_search(home, name)
        write_json(_saved(home), [asdict(one) for one in saved_searches(home) if one != gone])
    return gone


def remember(home: Home, search: SavedSearch) -> None:
    """Put a search at the head of the history; an equal one moves up."""
    with _locked(home):
        now = _with(search, name="", made=time.time())
        others = [one for one in history(home) if _with(one, made=now.made) != now]
        write_json(_history(home), [asdict(one) for one in [now, *others][:HISTORY_KEPT]])


def history(home: Home) -> list[SavedSearch]:
    """The last hundred searches, newest first; a damaged history is set aside and restarted."""
    try:
        return _read(_history(home))
    except Corrupt:
        with suppress(OSError):  # another tab has put it aside already, or nothing can be written there
            set_aside(_history(home))
        return []


def clear_history(home: Home) -> None:
    """Forget which searches were made."""
    with _locked(home):
        _history(home).unlink(missing_ok=True)


def _with(search: SavedSearch, **changes: Any) -> SavedSearch:
    return SavedSearch(**{**asdict(search), **changes})


def _read(path: Path) -> list[SavedSearch]:
    try:
        found = read_json(path)
    except FileNotFoundError:
        return []
    with shape_checked(path):
        return [SavedSearch(**one) for one in found]


def _locked(home: Home) -> FileLock:
    home.searches.mkdir(parents=True, exist_ok=True)
    return FileLock(home.searches / ".lock")


def _saved(home: Home) -> Path:
    return home.searches / "saved.json"


def _history(home: Home) -> Path:
    return home.searches / "history.json"
