"""All pairs of pictures in a collection that show the same, with their likeness: computed once and stored.

datasets/<collection>/indexes/same-pictures/ holds them by content, so that they stay valid when files are moved, moved
to the trash or restored; only new content requires another search.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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
from engine.duplicates.candidates import candidates
from engine.duplicates.overlay import Overlay, part, whole
from engine.duplicates.prints import Look, Prints, look_at, prints_of, thumbnails_named

LEAST = 0.5  # likeness of a pair that is stored
_SURE = 0.9  # likeness of two whole pictures that needs no second opinion
_DECODED = 1024  # thumbnails kept decoded: 64 KB each
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
    missing = set(thumbnails_named(collection)) - set(found.contents if found else ())
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
    looks: Cache[Look] = Cache(_DECODED)
    ids = thumbnails_named(collection)
    pairs = {pair: how for pair, how in candidates(prints, reporter).items() if _is_there(prints, pair, ids)}

    def look(row: int) -> Look:
        return looks.get(row, lambda: look_at(collection.thumbnail(ids[prints.contents[row]])))

    def laid(candidate: tuple[tuple[int, int], int]) -> Overlay:
        pair, orientation = candidate
        return _best(prints, pair, orientation, look(pair[0]), look(pair[1]))

    ordered = sorted(pairs.items())
    overlays = in_threads(laid, ordered, partial(_compared, reporter, len(ordered)))
    found = [(pair, overlay) for (pair, _), overlay in zip(ordered, overlays, strict=True) if overlay.likeness >= LEAST]
    return _table(prints, found)


def _compared(reporter: Reporter, total: int, done: int) -> None:
    reporter.update("Comparing pictures", done, total, "pairs")


def _is_there(prints: Prints, pair: tuple[int, int], ids: dict[str, int]) -> bool:
    """Whether the collection still has both: prints outlive their pictures."""
    return all(prints.contents[row] in ids for row in pair)


def _best(prints: Prints, pair: tuple[int, int], orientation: int, first: Look, second: Look) -> Overlay:
    """The better of the two ways to align one picture with the other."""
    overlay = whole(first, second, orientation) if orientation >= 0 else Overlay(0.0)
    if overlay.likeness >= _SURE:
        return overlay
    features = [prints.features(row) for row in pair]
    return max(overlay, part(first, second, *features), key=lambda one: one.likeness)


def _table(prints: Prints, found: list[tuple[tuple[int, int], Overlay]]) -> SamePictures:
    overlays = [overlay for _, overlay in found]
    return SamePictures(
        prints.contents,
        np.array([pair for pair, _ in found], np.int64).reshape(-1, 2),
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
