"""Near duplicates, outliers and hubs of a collection, read from its stored nearest-neighbour lists.

datasets/<collection>/indexes/nearest-<hash>/ holds the lists: one store per encoder, weights, embedding and metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.blank import blank_contents
from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.core.cache import Cache
from engine.core.errors import BadParameter, NoIndex, NotFound, StaleVectors, StorageFull
from engine.core.humanize import count_of, examples, file_size
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.core.storage import digest_of
from engine.core.store import Store
from engine.core.tables import csv_text
from engine.encoders.encoder import EncoderInfo
from engine.encoders.vectors.store import Vectors, stored
from engine.grouping.neighbourhoods.hubs import Hubs, occurrences
from engine.grouping.neighbourhoods.near_duplicates import (
    NearDuplicateGroup,
    Share,
    Suggestion,
    near_duplicate_groups,
    share_within,
    suggest,
)
from engine.grouping.neighbourhoods.nearest_lists import NearestLists, measure
from engine.grouping.neighbourhoods.outliers import Outlier, outliers_of
from engine.indexes import Index
from engine.search import opening

_VERSION = 2  # of the stored lists; in the first, rounding errors counted as distance
WHILE_WAITING = 1e11  # n · n · d up to which the lists are computed on the spot: a second or two

Mask = NDArray[np.bool_]

_ANSWERS_KEPT = 4  # per collection, by threshold and keepers: a page keeps asking


@dataclass(frozen=True)
class NearDuplicates:
    """The groups of copies under one threshold, most certain first, and what that threshold means."""

    recipe: Recipe
    share: Share
    suggestion: Suggestion
    groups: tuple[NearDuplicateGroup, ...]
    pictures: dict[int, ImageRow]
    nearness: NearestLists
    precision: str = ""  # of the encoder

    @cached_property
    def copies(self) -> frozenset[int]:
        """The ids of all copies, without the keepers."""
        return frozenset(id for group in self.groups for id in group.copies)

    @property
    def kept(self) -> list[int]:
        """The ids of all images that are not copies, ascending."""
        return [id for id in self.nearness.ids.tolist() if id not in self.copies]

    @property
    def bytes(self) -> int:
        """The size of the copies' files."""
        return sum(self.pictures[id].size for id in self.copies)

    def sentence(self) -> str:
        """E.g. "12 groups with 15 duplicates (3.1 MB) among 1,500 pictures.", and how many could not be compared."""
        groups, duplicates = count_of(len(self.groups), "group"), count_of(len(self.copies), "duplicate")
        found = f"{groups} with {duplicates} ({file_size(self.bytes)})" if self.groups else "No duplicates"
        return " ".join([f"{found} among {count_of(len(self.nearness), 'picture')}.", *_left_out_note(self.left_out)])

    @cached_property
    def left_out(self) -> list[str]:
        """The names of the images without a vector, which were not compared."""
        return _without_vector(self.pictures, self.nearness)

    def rows(self) -> list[list[object]]:
        """A row for each picture of a group, the keeper first; columns as in HEADER."""
        lines: list[list[object]] = []
        for number, group in enumerate(self.groups, 1):
            members = [(group.keeper, "yes", 0.0)]
            members += [(id, "no", far) for id, far in zip(group.copies, group.distances, strict=True)]
            lines += [[number, keep, f"{far:.6f}", id, *_facts(self.pictures[id])] for id, keep, far in members]
        return lines

    def to_csv(self) -> str:
        """One row per picture of a group; columns as in HEADER."""
        return csv_text(HEADER, self.rows())

    def as_dict(self) -> dict[str, Any]:
        """What the command line prints with --json."""
        return {
            "recipe": self.recipe.as_dict(),
            "precision": self.precision,
            "threshold": self.share.threshold,
            "suggestion": {"threshold": self.suggestion.threshold, "reason": self.suggestion.reason},
            "share_of_pictures": self.share.images,
            "share_of_random_pairs": self.share.pairs,
            "pictures": len(self.nearness),
            "copies": len(self.copies),
            "left_out": self.left_out,
            "groups": [vars(group) for group in self.groups],
            "names": {id: self.pictures[id].name for group in self.groups for id in (group.keeper, *group.copies)},
        }


def _left_out_note(names: list[str]) -> list[str]:
    return [f"{count_of(len(names), 'picture')} without a vector left out: {examples(names)}."] if names else []


def _without_vector(pictures: dict[int, ImageRow], nearness: NearestLists) -> list[str]:
    compared = set(nearness.ids.tolist())
    return [row.name for id, row in pictures.items() if id not in compared]


HEADER = ("group", "keep", "distance", "id", "file", "label", "width", "height", "bytes")
OUTLIER_HEADER = ("rank", "score", "distance", "lof", "id", "file", "label", "width", "height", "bytes")


@dataclass(frozen=True)
class Outliers:
    """The pictures without near neighbours, by descending score.

    Attributes:
        left_out: the names of those without a vector. blank: of those of one colour. unseen: of those whose vector
            is zero. None of them is judged: that nothing is near to nothing makes no outlier.
    """

    recipe: Recipe
    ones: tuple[Outlier, ...]
    pictures: dict[int, ImageRow]
    precision: str = ""  # of the encoder
    left_out: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def sentence(self) -> str:
        """How many pictures could not be compared, and why, "" where all were."""
        notes = _left_out_note(list(self.left_out))
        if self.blank:
            notes.append(f"{count_of(len(self.blank), 'blank picture')} left out: {examples(self.blank)}.")
        if self.unseen:
            count = count_of(len(self.unseen), "picture")
            notes.append(f"{count} left out, in which the encoder sees nothing: {examples(self.unseen)}.")
        return " ".join(notes)

    def rows(self) -> list[list[object]]:
        """A row for each picture; columns as in OUTLIER_HEADER."""
        return [
            [rank, f"{one.score:.3f}", f"{one.distance:.6f}", f"{one.lof:.3f}", one.id, *_facts(self.pictures[one.id])]
            for rank, one in enumerate(self.ones, 1)
        ]

    def to_csv(self) -> str:
        """One row per picture; columns as in OUTLIER_HEADER."""
        return csv_text(OUTLIER_HEADER, self.rows())

    def as_dict(self) -> dict[str, Any]:
        """What the command line prints with --json."""
        ones = [{**vars(one), "name": self.pictures[one.id].name} for one in self.ones]
        found = {"recipe": self.recipe.as_dict(), "precision": self.precision, "odd_ones": ones}
        return found | {"left_out": list(self.left_out), "blank": list(self.blank), "unseen": list(self.unseen)}


def _facts(row: ImageRow) -> list[object]:
    return [row.name, row.label, row.width, row.height, row.size]


@dataclass(frozen=True)
class Neighbourhoods:
    """The pictures of a collection under one recipe with their nearest-neighbour lists."""

    recipe: Recipe
    nearness: NearestLists
    vectors: Vectors
    pictures: dict[int, ImageRow]
    collection: Collection
    precision: str = ""
    _answers: Cache[NearDuplicates] = field(default_factory=lambda: Cache(_ANSWERS_KEPT), compare=False, repr=False)

    @cached_property
    def suggestion(self) -> Suggestion:
        """The suggested threshold."""
        return suggest(self.nearness)

    def duplicates(self, threshold: float | None = None, keepers: Sequence[int] = ()) -> NearDuplicates:
        """The groups of copies within the threshold (None: the suggested one).

        Keepers are the pictures of `keepers` first, then the largest in pixels, then in bytes, then the lowest id.

        Raises:
            BadParameter: the threshold is out of range. NotFound: a keeper is not in the collection.
        """
        limit = self.suggestion.threshold if threshold is None else threshold
        return self._answers.get((limit, *keepers), lambda: self._duplicates(limit, keepers))

    def outliers(self, most: int | None = None) -> Outliers:
        """The pictures by descending score, or the first `most`; BadParameter if `most` is less than 1."""
        if most is not None and most < 1:
            raise BadParameter("number", "the outliers", "1 or more", most)
        left_out = tuple(_without_vector(self.pictures, self.nearness))
        parts = (self._names(self._blank), self._names(self._zero & ~self._blank))
        return Outliers(self.recipe, self._outliers[:most], self.pictures, self.precision, left_out, *parts)

    def hubs(self) -> Hubs:
        """The pictures that are among the results of very many others, and of none."""
        return Hubs(self.recipe, occurrences(self.nearness), self.pictures)

    @cached_property
    def _outliers(self) -> tuple[Outlier, ...]:
        return tuple(outliers_of(self.nearness, ~(self._blank | self._zero)))

    @cached_property
    def _blank(self) -> Mask:
        """(n,) the pictures of one colour."""
        contents = blank_contents(self.collection)
        return np.array([self.pictures[id].hash in contents for id in self.nearness.ids.tolist()], dtype=bool)

    @cached_property
    def _zero(self) -> Mask:
        """(n,) the pictures whose vector is zero."""
        return np.asarray(np.einsum("nd,nd->n", self.vectors.matrix, self.vectors.matrix) == 0)

    def _names(self, chosen: Mask) -> tuple[str, ...]:
        return tuple(self.pictures[id].name for id in self.nearness.ids[chosen].tolist())

    def _duplicates(self, threshold: float, keepers: Sequence[int]) -> NearDuplicates:
        groups = near_duplicate_groups(
            self.nearness, self.vectors.matrix, self.recipe.metric, threshold, self._order(keepers)
        )
        share, parts = share_within(self.nearness, threshold), (self.pictures, self.nearness, self.precision)
        return NearDuplicates(self.recipe, share, self.suggestion, tuple(groups), *parts)

    def _order(self, keepers: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The rows, preferred keepers first."""
        unknown = [id for id in keepers if id not in self.pictures]
        if unknown:
            raise NotFound(f"There is no picture {unknown[0]} in the collection {self.recipe.collection!r}.")
        pixels, sizes = self._sizes
        chosen = np.isin(self.nearness.ids, np.array(list(keepers), dtype=np.int64))
        return np.lexsort((self.nearness.ids, -sizes, -pixels, ~chosen)).astype(np.int64)

    @cached_property
    def _sizes(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(2, n) the pixels and the bytes of each picture."""
        rows = [self.pictures[id] for id in self.nearness.ids.tolist()]
        return np.array([(row.width * row.height, row.size) for row in rows], dtype=np.int64).T


def open_neighbourhoods(
    collection: Collection,
    info: EncoderInfo,
    recipe: Recipe,
    *,
    exact: Cache[Index],
    reporter: Reporter | None = None,
) -> Neighbourhoods:
    """The neighbourhoods of a recipe, whose method and k do not matter; missing lists are computed and stored.

    With a `reporter` it may take minutes; without, it answers within seconds or raises NoIndex.

    Raises:
        NoVectors, StaleVectors: embed first. NoIndex: the lists take long; compute them first, in a job.
        NotFound: the collection has no picture with a vector.
    """
    opening.require_vectors(collection, info, recipe)
    vectors = stored(collection, info, recipe.embedding)
    pictures = {row.id: row for row in collection.rows("image")}
    if vectors is None or any(pictures[id].hash != hash for id, hash in _held(vectors) if id in pictures):
        raise StaleVectors(f"The collection {recipe.collection} is being changed right now.", way_out="Try again.")
    if not len(vectors.ids) or not set(vectors.ids.tolist()) <= pictures.keys():
        raise NotFound(f"The collection {recipe.collection} has no pictures to compare.")
    nearness = _stored(_store(collection, info, recipe), vectors)
    if nearness is None:
        nearness = _made(collection, info, recipe, vectors, exact, reporter)
    return Neighbourhoods(recipe, nearness, vectors, pictures, collection, info.computed_in)


def _held(vectors: Vectors) -> list[tuple[int, str]]:
    return list(zip(vectors.ids.tolist(), vectors.hashes, strict=True))


def _made(
    collection: Collection,
    info: EncoderInfo,
    recipe: Recipe,
    vectors: Vectors,
    exact: Cache[Index],
    reporter: Reporter | None,
) -> NearestLists:
    count, width = vectors.matrix.shape
    if reporter is None and float(count) * count * width > WHILE_WAITING:
        raise NoIndex(
            f"The nearest neighbours of the {count:,} pictures have not been computed yet.",
            way_out="This takes a minute or two, once.",
        )
    index = exact.get((vectors.digest, recipe.metric), lambda: opening.exact_index(vectors, recipe.metric))
    nearness = measure(vectors.ids, vectors.matrix, recipe.metric, index.search, reporter or Reporter())
    with suppress(StorageFull):  # it still answers, and is recomputed next time
        _store(collection, info, recipe).publish(nearness.save, {"vectors": vectors.digest})
    return nearness


def _store(collection: Collection, info: EncoderInfo, recipe: Recipe) -> Store:
    key = digest_of(info.name, info.weights, recipe.embedding, recipe.metric)
    return Store(collection.folder / "indexes" / f"nearest-{key}", format="nearest", version=_VERSION)


def _stored(store: Store, vectors: Vectors) -> NearestLists | None:
    """The stored lists if they are intact and of these vectors; damaged ones count as missing."""
    snapshot = store.intact(vectors=vectors.digest)
    return None if snapshot is None else NearestLists.load(snapshot.folder)
