"""All pairs of pictures in a collection that show the same, with their likeness: computed once and stored.

datasets/<collection>/indexes/same-pictures/ holds them by content, so that they stay valid when files are moved, moved
to the trash or restored; only new content requires another search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.cache import Cache
from engine.core.errors import NotReady
from engine.core.humanize import count_of
from engine.core.progress import Reporter
from engine.core.storage import load_array, read_json, write_json
from engine.core.store import Snapshot, Store
from engine.core.threads import in_threads
from engine.duplicates.candidates import Pairs, candidates
from engine.duplicates.overlay import Overlay, part, whole
from engine.duplicates.prints import Look, Prints, contents_of, look_at, prints_of

LEAST = 0.5  # likeness of a pair that is stored
_SURE = 0.9  # likeness of two whole pictures that needs no second opinion
_DECODED = 4096  # thumbnails kept decoded: 64 KB each, since a picture is near many others
AT_ONCE = 16  # pairs whose thumbnails are read over one connection
_FILES = ("rows", "likeness", "orientations", "shares", "tones")


@dataclass(frozen=True)
class SamePictures:
    """The p pairs among n contents whose likeness is at least LEAST.

    Attributes:
        contents: n sha256 of files, ascending.
        rows: (p, 2) int64, the contents of each pair.
        likeness: (p,) float32, from 0 to 1.
        orientations: (p,) int64, the orientation of the second on the first: an index into ORIENTATIONS.
        shares: (p,) float32, the part of the larger picture that both show.
        tones: (n, 2) float32, as in Prints.
    """

    contents: list[str]
    rows: NDArray[np.int64]
    likeness: NDArray[np.float32]
    orientations: NDArray[np.int64]
    shares: NDArray[np.float32]
    tones: NDArray[np.float32]


def same_pictures(collection: Collection) -> SamePictures:
    """The stored pairs; NotReady if pictures have not been compared yet: start the job "perceptual"."""
    found = _stored(_store(collection))
    missing = set(contents_of(collection)) - set(found.contents if found else ())
    if found is None or missing:
        raise NotReady(f"Not compared yet: {count_of(len(missing), 'picture')}.")
    return found


def find_same_pictures(collection: Collection, reporter: Reporter) -> SamePictures:
    """The pairs of the collection, computed if any picture has not been compared yet.

    Raises:
        Stopped. StorageFull: the disk refused to store them.
    """
    try:
        return same_pictures(collection)
    except NotReady:
        prints = prints_of(collection, reporter)
    found = compared(prints, collection, reporter)
    _store(collection).publish(lambda folder: _save(found, folder), {"pictures": len(prints), "pairs": len(found.rows)})
    return found


def compared(prints: Prints, collection: Collection, reporter: Reporter) -> SamePictures:
    """Compare the candidate pairs of these prints by their thumbnails."""
    pairs = candidates(prints, reporter).among(_are_there(prints, collection))
    comparison = Comparison(prints, collection, pairs, Cache(_DECODED))
    parts = range(0, len(pairs), AT_ONCE)

    def compared_so_far(done: int) -> None:
        reporter.update("Comparing pictures", min(done * AT_ONCE, len(pairs)), len(pairs), "pairs")

    return _table(prints, pairs, list(chain.from_iterable(in_threads(comparison.part, parts, compared_so_far))))


def _are_there(prints: Prints, collection: Collection) -> NDArray[np.bool_]:
    """(n,) whether the collection still has each: prints outlive their pictures."""
    there = set(contents_of(collection))
    return np.fromiter((content in there for content in prints.contents), bool, len(prints))


Alike = tuple[int, Overlay]  # the place of a pair, and how its pictures lie on each other


@dataclass(frozen=True)
class Comparison:
    """The work on all pairs, done in parts of AT_ONCE by several threads."""

    prints: Prints
    collection: Collection
    pairs: Pairs
    looks: Cache[Look]

    def part(self, start: int) -> list[Alike]:
        """Those of the pairs from `start` on that are alike enough to be kept."""
        places = range(start, min(start + AT_ONCE, len(self.pairs)))
        with self.collection.thumbnails() as thumbnail:
            overlays = [(place, self._best(place, thumbnail)) for place in places]
        return [(place, overlay) for place, overlay in overlays if overlay.likeness >= LEAST]

    def _best(self, place: int, thumbnail: Callable[[str], bytes]) -> Overlay:
        """The better of the two ways to align one picture with the other."""
        rows, orientation = self.pairs.rows[place].tolist(), int(self.pairs.orientations[place])
        one, other = (self._look(row, thumbnail) for row in rows)
        overlay = whole(one, other, orientation, LEAST) if orientation >= 0 else Overlay(0.0)
        if overlay.likeness >= _SURE:
            return overlay
        features = [self.prints.features(row) for row in rows]
        return max(overlay, part(one, other, *features), key=lambda found: found.likeness)

    def _look(self, row: int, thumbnail: Callable[[str], bytes]) -> Look:
        return self.looks.get(row, lambda: look_at(thumbnail(self.prints.contents[row])))


def _table(prints: Prints, pairs: Pairs, found: list[Alike]) -> SamePictures:
    overlays = [overlay for _, overlay in found]
    return SamePictures(
        prints.contents,
        pairs.rows[[place for place, _ in found]].astype(np.int64).reshape(-1, 2),
        np.array([overlay.likeness for overlay in overlays], np.float32),
        np.array([overlay.orientation for overlay in overlays], np.int64),
        np.array([overlay.share for overlay in overlays], np.float32),
        np.asarray(prints.tones),
    )


def _store(collection: Collection) -> Store:
    return Store(collection.folder / "indexes" / "same-pictures", format="same-pictures", version=1)


def _stored(store: Store) -> SamePictures | None:
    """The stored pairs; damaged ones count as missing."""
    snapshot = store.intact()
    return None if snapshot is None else _loaded(snapshot)


def _loaded(snapshot: Snapshot) -> SamePictures:
    folder = snapshot.folder
    return SamePictures(read_json(folder / "contents.json"), *(load_array(folder / f"{name}.npy") for name in _FILES))


def _save(pairs: SamePictures, folder: Path) -> None:
    write_json(folder / "contents.json", pairs.contents)
    for name in _FILES:
        np.save(folder / f"{name}.npy", getattr(pairs, name), allow_pickle=False)
