"""Pairs of pictures worth comparing: with near perceptual hashes in any orientation, or shared local features."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.progress import Reporter
from engine.duplicates.perceptual_hash import INVERSE, ORIENTATIONS
from engine.duplicates.prints import Prints

HASH_BITS = 14  # of 64 by which the hashes of two duplicates may differ
FEATURE_BITS = 36  # of 256 by which the descriptors of one point may differ
VOTES = 10  # features of either that must be near one of the other, for two pictures to be compared
MOST = 60  # pictures near one by its hash that are compared with it, the nearest first
FEWEST = 2  # the same of many pictures,
_PAIRS = 1_500_000  # so that all of them are about so many pairs
_HASHES_BY_LISTS = 1_000_000  # hashes, eight of each picture, from which only some lists of them are searched
_HASH_LISTS, _HASH_LISTS_SEARCHED = 4096, 64
_ROWS_AT_ONCE = 4096  # pictures whose hashes are searched for at a time in lists
_HASHES_ADDED = 1 << 19  # at a time
_NEAREST = 8  # descriptors looked at for each
_BY_LISTS = 100_000  # descriptors from which only some lists of them are searched
_LISTS_SEARCHED = 8
_AT_ONCE = 65_536  # descriptors searched at a time
_HITS_AT_ONCE = 1 << 24  # near hashes that are held at a time, 12 bytes each

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """p pairs of pictures in ascending order, nine bytes each.

    Attributes:
        rows: (p, 2) int32, the smaller row first.
        orientations: (p,) int8, in which their hashes are nearest; −1 where only features are shared.
    """

    rows: NDArray[np.int32]
    orientations: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.rows)

    def among(self, there: NDArray[np.bool_]) -> Pairs:
        """Those of which both are there, by row."""
        both = there[self.rows].all(axis=1)
        return Pairs(self.rows[both], self.orientations[both])


def candidates(prints: Prints, reporter: Reporter) -> Pairs:
    """The pairs to compare, each once, with the orientation in which their hashes are nearest."""
    sharing = sharing_features(prints, reporter)
    near, orientations = _near_by_hash(prints, reporter)
    keys, places = np.unique(np.concatenate([near, sharing]), return_index=True)  # of a pair's two the first
    rows = np.stack(np.divmod(keys, max(len(prints), 1)), axis=1).astype(np.int32)
    return Pairs(rows, np.concatenate([orientations, np.full(len(sharing), -1, np.int8)])[places])


def _near_by_hash(prints: Prints, reporter: Reporter) -> tuple[Rows, NDArray[np.int8]]:
    """The nearest pictures of each by hash, as smaller · n + larger, and the orientation in which they are nearest.

    Two pictures of a million are near each other by chance far more often than of a thousand, so that fewer of them
    are worth a comparison: of so many only the nearest, found in some lists of the hashes.
    """
    pairs, orientations = array("q"), array("b")
    if len(prints) > 1:
        most = min(MOST, max(FEWEST, _PAIRS // len(prints)))
        by_lists = prints.hashes.shape[0] * len(ORIENTATIONS) > _HASHES_BY_LISTS
        for row, found, bits in (near_in_lists if by_lists else near_in_all)(prints, most, reporter):
            for other, how in nearest(row, found, bits, most).items():
                pairs.append(row * len(prints) + other if row < other else other * len(prints) + row)
                orientations.append(how if row < other else INVERSE[how])
    return np.array(pairs, np.int64), np.array(orientations, np.int8)


Near = tuple[int, Rows, NDArray[Any]]  # a row, the places of hashes near its own, and by how many bits they differ


def near_in_all(prints: Prints, most: int, reporter: Reporter) -> Iterator[Near]:
    """Of each row all near hashes of later rows."""
    import faiss

    codes = _codes(prints)
    index = faiss.IndexBinaryFlat(codes.shape[1] * 8)
    index.add(codes)
    # Blank pages are all near each other: only so many rows at a time that all their neighbours have room.
    at_once = max(1, _HITS_AT_ONCE // index.ntotal)
    for start in range(0, len(prints), at_once):
        reporter.update("Looking for near hashes", start, len(prints))
        limits, bits, found = index.range_search(_upright(prints, start, at_once), HASH_BITS + 1)
        for place in range(len(limits) - 1):
            part = slice(int(limits[place]), int(limits[place + 1]))
            later = found[part] >= (start + place + 1) * len(ORIENTATIONS)
            yield start + place, found[part][later], bits[part][later]


def near_in_lists(prints: Prints, most: int, reporter: Reporter) -> Iterator[Near]:
    """Of each row the nearest hashes of other rows, as far as they are in the lists that are searched."""
    codes = _codes(prints)
    index = _in_lists(codes, _HASH_LISTS, _HASH_LISTS_SEARCHED)
    for start in range(0, len(codes), _HASHES_ADDED):
        reporter.update("Sorting hashes", start, len(codes))
        index.add(codes[start : start + _HASHES_ADDED])
    for start in range(0, len(prints), _ROWS_AT_ONCE):
        reporter.update("Looking for near hashes", start, len(prints))
        asked = _upright(prints, start, _ROWS_AT_ONCE)
        bits, found = index.search(asked, (most + 1) * len(ORIENTATIONS))  # its own and others' in all orientations
        for place in range(len(asked)):
            near = (found[place] >= 0) & (bits[place] <= HASH_BITS)
            yield start + place, found[place][near], bits[place][near]


def _codes(prints: Prints) -> NDArray[np.uint8]:
    return np.ascontiguousarray(prints.hashes.reshape(-1, prints.hashes.shape[2]))


def _upright(prints: Prints, start: int, count: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(prints.hashes[start : start + count, 0])


def nearest(row: int, found: Rows, bits: NDArray[Any], most: int) -> dict[int, int]:
    """Up to `most` rows found near a row, the nearest first, each with its best orientation."""
    others: dict[int, int] = {}
    for place in np.argsort(bits.astype(np.uint8), kind="stable"):
        other, orientation = divmod(int(found[place]), len(ORIENTATIONS))
        if other != row:
            others.setdefault(other, orientation)
        if len(others) == most:
            break
    return others


def sharing_features(prints: Prints, reporter: Reporter) -> Rows:
    """The pairs with at least VOTES features in common, counted from both sides, as smaller · n + larger."""
    owners = np.repeat(np.arange(len(prints)), prints.counts)
    if len(owners) < 2:
        return np.empty(0, np.int64)
    descriptors = np.concatenate([prints.features(row)[1] for row in range(len(prints))])
    index = _index(descriptors)
    votes: list[Rows] = []
    for start in range(0, len(owners), _AT_ONCE):
        reporter.update("Looking for shared details", start, len(owners))
        bits, found = index.search(descriptors[start : start + _AT_ONCE], _NEAREST)
        votes.append(_votes(owners, start, bits, found, len(prints)))
    pairs, count = np.unique(np.concatenate(votes), return_counts=True)
    return pairs[count >= VOTES]


def _index(descriptors: NDArray[np.uint8]) -> Any:
    """All descriptors, to be searched whole, or in lists if they are many."""
    import faiss

    if len(descriptors) >= _BY_LISTS:
        index = _in_lists(descriptors, int(4 * np.sqrt(len(descriptors))), _LISTS_SEARCHED)
    else:
        index = faiss.IndexBinaryFlat(descriptors.shape[1] * 8)
    index.add(descriptors)
    return index


def _in_lists(codes: NDArray[np.uint8], lists: int, searched: int) -> Any:
    """An empty index whose lists were drawn up by a sample of the codes."""
    import faiss

    width = codes.shape[1] * 8
    index: Any = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(width), width, lists)
    index.nprobe = searched
    # An odd step: hashes come by eight, one for each orientation, of all of which lists are needed.
    index.train(codes[:: max(1, len(codes) // (40 * lists)) | 1])
    return index


def _votes(owners: Rows, start: int, bits: NDArray[Any], found: Rows, count: int) -> Rows:
    """The pairs that features of one batch vote for, as smaller · count + larger; a feature votes once for each."""
    near = (found >= 0) & (bits <= FEATURE_BITS)
    line, _ = np.nonzero(near)
    own, other = owners[start + line], owners[found[near]]
    ballots = np.unique(np.stack([start + line, np.minimum(own, other), np.maximum(own, other)], axis=1), axis=0)
    apart = ballots[ballots[:, 1] != ballots[:, 2]]
    return np.asarray(apart[:, 1] * count + apart[:, 2], dtype=np.int64)
