"""The part of the workbench for duplicates and the trash, independent of the encoder chosen for search."""

from __future__ import annotations

import os
from collections.abc import Collection as Some
from collections.abc import Iterable, Sequence

from engine.collections.reading.regular_files import read_bytes
from engine.collections.reading.workers import shown_in_worker
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import NotFound, NotReady
from engine.core.home import Home
from engine.duplicates.acts.checking import Drop, trash_refused
from engine.duplicates.acts.journal import Batch, batch_of, batches
from engine.duplicates.acts.trash import Outcome, move_to_trash, restore, share_files
from engine.duplicates.decisions import decisions_of
from engine.duplicates.groups import FoundDuplicates, group_duplicates
from engine.duplicates.pairs import SamePictures, same_pictures
from engine.duplicates.rules import Rule, least_likeness
from engine.workbench.part import Part

_KEPT = 4


class TidyingMethods(Part):
    """Methods for duplicates and the trash, mixed into `Workbench`."""

    def __init__(self, home: Home | None = None) -> None:
        super().__init__(home)
        self._same: Cache[SamePictures | None] = Cache(_KEPT)
        self._found: Cache[FoundDuplicates] = Cache(_KEPT)

    def same_pictures(self, collection: str) -> SamePictures | None:
        """The pairs of pictures that show the same; None where the job "perceptual" has not looked at all of them."""

        def opened() -> SamePictures | None:
            try:
                return same_pictures(self.collection(collection))
            except NotReady:
                return None

        return self._same.get((collection, self._stamp(collection)), opened)

    def duplicate_groups(
        self, collection: str, strength: str | float = "normal", rule: Rule | None = None
    ) -> FoundDuplicates:
        """Groups of files that show the same; of equal content only, as long as `same_pictures` is None.

        Args:
            strength: strict, normal, loose, or the least likeness of two duplicates.

        Raises:
            BadParameter: no such strength. NotFound: no such collection.
        """
        least, rule = least_likeness(strength), rule or Rule()

        def grouped() -> FoundDuplicates:
            opened = self.collection(collection)
            return group_duplicates(opened, self.same_pictures(collection), least, rule, decisions_of(opened))

        return self._found.get((collection, least, rule, self._stamp(collection)), grouped)

    def drop_duplicates(
        self, collection: str, drops: Sequence[Drop], rule: Rule | None = None, *, link: bool = False
    ) -> Outcome:
        """Move pictures to the trash folder, or let them share the file of the kept one; see engine.duplicates.acts."""
        return (share_files if link else move_to_trash)(self.collection(collection), drops, rule)

    def to_trash(self, collection: str, ids: Iterable[int]) -> list[Drop]:
        """What `drop_duplicates` and the job "tidy" take to move pictures away for their own sake, none being kept."""
        images = self.collection(collection).images()
        rows = {id: images.row(id) for id in dict.fromkeys(map(int, ids))}
        return [Drop(id, images.hashes[row] if row is not None else "") for id, row in rows.items()]

    def trash_refused(self, collection: str) -> str:
        """Why no picture can be moved away for its own sake, as a sentence; "" if nothing speaks against it."""
        return trash_refused(self.collection(collection))

    def dropped(self, collection: str) -> list[Batch]:
        """What was done and can be restored, newest first."""
        return [batch for batch in batches(self.collection(collection)) if batch.waiting]

    def restore_dropped(self, collection: str, batch: str, paths: Some[str] | None = None) -> Outcome:
        """Put back what an act took away, all of it or the files of these paths, as its entries name them."""
        return restore(self.collection(collection), batch, paths)

    def look_dropped(self, collection: str, batch: str, number: int, side: int = 320) -> bytes:
        """The file of an act's entry with that number, in the trash or in place, as an upright JPEG.

        Args:
            side: its most pixels.

        Raises:
            NotFound: no such act or entry. UnreadableImage: the file has vanished or cannot be decoded.
        """
        act = batch_of(self.collection(collection), batch)
        if not 0 <= number < len(act.entries):
            raise NotFound(f"The act {batch!r} has no file number {number}.")
        entry = act.entries[number]
        inside = act.inside(entry)
        path, root = (inside, act.folder) if os.path.lexists(inside) else (act.at(entry), act.root)
        return shown_in_worker(read_bytes(path, root.resolve()), side)

    def _stamp(self, collection: str) -> tuple[object, ...]:
        folder = self.home.datasets / collection
        pairs = folder / "indexes" / "same-pictures" / "current.json"
        return catalogue_stamp(folder), file_stamp(pairs, folder / "duplicates.json")
