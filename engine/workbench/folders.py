"""The part of the workbench for the folders that collections are read from: relinking and watching."""

from __future__ import annotations

from pathlib import Path

from engine.collections.collection import Collection
from engine.collections.sources import relinking
from engine.core.errors import BadParameter
from engine.workbench.part import Part


class FolderMethods(Part):
    """Methods for the folders of collections, mixed into `Workbench`."""

    def relink(self, collection: str, folder: str | Path) -> int:
        """Use another folder as the place of a collection's pictures; see `relinking.relink`."""
        return relinking.relink(Collection.open(self.home, collection), folder)

    def watch(self, collection: str, wanted: bool = True) -> None:
        """Import changes in a collection's folder automatically while the app runs, or stop doing so.

        Raises:
            NotFound: no such collection. BadParameter: its pictures are not read in place.
        """
        opened = Collection.open(self.home, collection)
        if not opened.source.get("folder"):
            raise BadParameter("collection", "watching", "one whose pictures are read in place", opened.title)
        opened.set_facts(watched=wanted)
