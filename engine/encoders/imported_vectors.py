"""Imported vectors: computed elsewhere for one collection and offered there as an encoder.

own_vectors/<name>/000001/
    ids.npy      (n,) int64: the images they belong to
    hashes.npy   (n,) the content hash of each at that time, as ASCII
    matrix.npy   (n, d) float32
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound
from engine.core.home import Home, slug
from engine.core.humanize import count_of
from engine.core.memory import check_memory
from engine.core.progress import Reporter
from engine.core.store import Snapshot, Store
from engine.encoders.encoder import EncoderChoice, EncoderInfo
from engine.encoders.vectors.derived import Derivation, Derived
from engine.encoders.vectors.files import ARRAYS, Part
from engine.encoders.vectors.layouts import read_parts
from engine.encoders.vectors.matching import matched, without_vector
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import discard, opened

_PREFIX = "own-"
_FOLDER = "own_vectors"
_GOOD_FOR = "Vectors that you computed elsewhere."
_LONGEST_TITLE = 120
_ROWS_CHECKED_AT_ONCE = 8192
_SKIPPED = {"copy": "exact duplicate", "rejected": "unreadable file"}


@dataclass(frozen=True)
class OwnCard:
    """A description of imported vectors: the encoder's name, title, source file, count and width.

    `notes`, right after they were added, are sentences on how the file was read and what was left out.
    """

    name: str
    title: str
    file: str
    count: int
    width: int
    notes: tuple[str, ...] = ()


class OwnVectors(Derived):
    """Imported vectors as an encoder of one collection; other pictures cannot be encoded."""

    name = "own-vectors"
    rank = 70

    def __init__(self, name: str, snapshot: Snapshot | None = None) -> None:
        facts = snapshot.facts if snapshot else {}
        self.info = EncoderInfo(
            name=name,
            weights="",
            title=f"Custom embeddings · {facts.get('title', name)}",
            input_size=224,
            spatial=False,
            fingerprint=snapshot.digest[:32] if snapshot else "nowhere",
            source=str(facts.get("file", "")),
            licence="that of their source",
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """The imported vectors of every collection, each usable with that collection only."""
        folders = sorted(path for path in home.datasets.glob(f"[!.]*/{_FOLDER}") if path.is_dir())
        return [_choice(folder.parent.name, card) for folder in folders for card in _cards(folder)]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if weights:
            raise BadParameter("weights", f"the encoder {name}", "left out: it has none", weights)
        return cls(name)

    def at(self, collection: Collection) -> OwnVectors:
        return OwnVectors(self.info.name, _snapshot(collection, self.info.name, only=()))

    def made_from(self, collection: Collection) -> tuple[Path, ...]:
        return (_store(collection, self.info.name).pointer,)

    def derive(self, collection: Collection, name: str, reporter: Reporter) -> Derivation:
        given = opened(_snapshot(collection, self.info.name))
        images = collection.images()
        by_id = dict(zip(given.ids.tolist(), range(len(given.ids)), strict=True))
        rows = {}
        for id, hash in zip(images.ids.tolist(), images.hashes, strict=True):
            row = by_id.get(id)
            if row is not None and given.hashes[row] == hash:
                rows[id] = (given, row)
        without = "No vector was given for it, or it has changed since."
        return Derivation(rows, given.matrix.shape[1], without)

    def embed(self, pictures: Sequence[Any], name: str) -> NDArray[np.float32]:
        raise BenzerError(
            f"{self.info.title} were made elsewhere, so only whole pictures of the collection can be used as a query.",
            way_out="Choose a picture of the collection, or another encoder.",
        )


def add(collection: Collection, title: str, file: str, names: Sequence[str] | None, matrix: NDArray[Any]) -> OwnCard:
    """Store (n, d) vectors for the named images; without names, for all images in order of their ids.

    The same title replaces earlier vectors. A name may omit its folder if it is unambiguous. Vectors of
    exact duplicates, of files that could not be read and of other files are left out and named in the card's notes.

    Raises:
        BadParameter: not (n, d) finite numbers, a count that differs from the names, no known name, or a title too
        similar to another.
        StorageFull: nothing was stored.
    """
    title = " ".join(title.split())[:_LONGEST_TITLE]
    vectors = _checked(matrix, file)
    images, rows = collection.images(), collection.rows()
    if names is None:
        _check_count(len(vectors), rows, file)
        ids, places, notes = images.ids, np.arange(len(vectors)), list[str]()
    else:
        if len(names) != len(vectors):
            raise BadParameter("number of vectors", file, f"that of the names, {len(names):,}", len(vectors))
        found = matched(names, rows, file)
        ids = np.array(sorted(found.rows), dtype=np.int64)
        places = np.array([found.rows[id] for id in ids.tolist()])
        notes = found.notes() + without_vector(rows, ids)
    hash_of = dict(zip(images.ids.tolist(), images.hashes, strict=True))
    hashes = [hash_of[id] for id in ids.tolist()]
    store = _store(collection, _name_for(collection, title))
    facts = {"title": title, "file": file, "count": len(ids), "width": vectors.shape[1]}
    in_order = vectors if np.array_equal(places, np.arange(len(vectors))) else vectors[places]
    store.publish(lambda folder: _fill(folder, ids, hashes, in_order), facts)
    return replace(_card(store.folder.name, facts), notes=tuple(notes))


def import_vectors(
    collection: Collection, parts: Sequence[Part], title: str, reporter: Reporter, columns: Sequence[str] = ()
) -> OwnCard:
    """Import files of vectors and names (see `engine.encoders.vectors.layouts`), and prepare them for search.

    Args:
        columns: those of the values, where a table has several; () to find them.

    Raises:
        BadParameter: the files, the names or the values are invalid; the message says which.
    """
    given = read_parts(parts, columns)
    file = next((part.name for part in parts if part.ends_in(*ARRAYS)), parts[0].name)  # not the list of names
    card = add(collection, title, file, given.names, given.matrix)
    embed_collection(collection, OwnVectors(card.name).at(collection), ["max"], reporter)
    return replace(card, notes=(*given.notes, *card.notes))


def cards(collection: Collection) -> list[OwnCard]:
    """The imported vectors of a collection, by name."""
    return list(_cards(collection.folder / _FOLDER))


def remove(collection: Collection, name: str) -> None:
    """Delete imported vectors and everything derived from them; NotFound if the name does not exist."""
    if name not in {card.name for card in cards(collection)}:
        raise NotFound(f"The collection {collection.folder.name} has no custom embeddings {name!r}.")
    _store(collection, name).discard()
    discard(collection, name)


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _checked(matrix: NDArray[Any], file: str) -> NDArray[np.float32]:
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub" or not matrix.size:
        shown = f"{'×'.join(map(str, matrix.shape))} {matrix.dtype}"
        raise BadParameter("array", file, "numbers in rows and columns, one row per picture", shown)
    if matrix.dtype != np.float32:
        check_memory(4 * matrix.size, file)
    with np.errstate(over="ignore"):
        vectors = np.ascontiguousarray(matrix, dtype="<f4")
    for start in range(0, len(vectors), _ROWS_CHECKED_AT_ONCE):
        bad = np.flatnonzero(~np.isfinite(vectors[start : start + _ROWS_CHECKED_AT_ONCE]).all(1))
        if len(bad):
            raise BadParameter("vectors", file, "finite numbers", f"something else in row {start + bad[0] + 1:,}")
    return vectors


def _check_count(count: int, rows: Sequence[ImageRow], file: str) -> None:
    """Refuse vectors without names that are not as many as the pictures; they may be those of all files."""
    images = sum(row.status == "image" for row in rows)
    if count == images:
        return
    parts = [(sum(row.status == status for row in rows), what) for status, what in _SKIPPED.items()]
    skipped = " and ".join(count_of(number, what) for number, what in parts if number)
    way_out = f"The import skipped {skipped}; give a list of names." if skipped else "Give a list of names."
    wanted = f"that of the pictures of the collection, {images:,}"
    raise BadParameter("number of vectors", file, wanted, count, way_out=way_out)


def _fill(folder: Path, ids: NDArray[np.int64], hashes: list[str], vectors: NDArray[np.float32]) -> None:
    np.save(folder / "ids.npy", ids.astype(np.int64), allow_pickle=False)
    np.save(folder / "hashes.npy", np.array([hash.encode() for hash in hashes], dtype="S64"), allow_pickle=False)
    np.save(folder / "matrix.npy", vectors, allow_pickle=False)


def _name_for(collection: Collection, title: str) -> str:
    """The name for imported vectors of that title; BadParameter if vectors of another title already have it."""
    try:
        name = _PREFIX + slug(title)
    except BadParameter:
        raise BadParameter("title", "custom embeddings", "a text with at least one letter or digit", title) from None
    other = next((card.title for card in cards(collection) if card.name == name and card.file), title)
    if other != title:
        raise BadParameter("title", "custom embeddings", f"more unlike {other!r}, or just that to replace them", title)
    return name


def _store(collection: Collection, name: str) -> Store:
    return _at(collection.folder / _FOLDER / name)


def _snapshot(collection: Collection, name: str, only: tuple[str, ...] | None = None) -> Snapshot:
    """The snapshot stored under that name, with all checksums verified, or those of the files in `only`."""
    try:
        found = _store(collection, name).open(only)
    except Corrupt as error:
        raise Corrupt(error.message, way_out="Add the vectors again: python -m engine vectors add") from error
    if found is None:
        raise NotFound(f"The collection {collection.folder.name} has no custom embeddings {name!r}.")
    return found


def _at(folder: Path) -> Store:
    return Store(folder, format="own vectors", version=1)


def _cards(folder: Path) -> Iterator[OwnCard]:
    for path in sorted(folder.glob(f"{_PREFIX}*")):
        try:
            snapshot = _at(path).open(only=())
        except Corrupt:  # still offered; opening it reports the damage
            yield OwnCard(path.name, path.name.removeprefix(_PREFIX), "", 0, 0)
        else:
            if snapshot is not None:
                yield _card(path.name, snapshot.facts)


def _card(name: str, facts: dict[str, Any]) -> OwnCard:
    return OwnCard(name, facts["title"], facts["file"], facts["count"], facts["width"])


def _choice(collection: str, card: OwnCard) -> EncoderChoice:
    help = f"{card.count:,} vectors of {card.width:,} values from {card.file}. Only pictures of this collection."
    return EncoderChoice(
        card.name, "", f"Custom embeddings · {card.title}", help, ready=True, collection=collection, good_for=_GOOD_FOR
    )
