"""The part of the workbench for the folders that collections are read from: found again, and watched."""

from __future__ import annotations

from pathlib import Path

from engine.collections.collection import Collection
from engine.collections.sources import relinking
from engine.core.errors import BadParameter
from engine.core.home import Home


class FolderMethods:
    """Methods for the folders of collections, mixed into `Workbench`."""

    home: Home

    def relink(self, collection: str, folder: str | Path) -> int:
        """Find a collection's pictures again in the folder where they lie now; see `relinking.relink`."""
        return relinking.relink(Collection.open(self.home, collection), folder)

    def watch(self, collection: str, wanted: bool = True) -> None:
        """Take changes of a collection's folder over by themselves from now on, or no longer, while the app runs.

        Raises:
            NotFound: no such collection. BadParameter: its pictures are not read in place.
        """
        opened = Collection.open(self.home, collection)
        if not opened.source.get("folder"):
            raise BadParameter("collection", "watching", "one whose pictures are read in place", opened.title)
        opened.set_facts(watched=wanted)
