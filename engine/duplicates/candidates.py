"""Pairs of pictures worth comparing: with near perceptual hashes in any orientation, or shared local features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.progress import Reporter
from engine.duplicates.perceptual_hash import ORIENTATIONS
from engine.duplicates.prints import Prints

HASH_BITS = 14  # of 64 by which the hashes of two duplicates may differ
FEATURE_BITS = 36  # of 256 by which the descriptors of one point may differ
VOTES = 10  # features of either that must be near one of the other, for two pictures to be compared
_MOST = 60  # pictures near one by its hash that are compared with it
_NEAREST = 8  # descriptors looked at for each
_BY_LISTS = 100_000  # descriptors from which only some lists of them are searched
_LISTS_SEARCHED = 8
_AT_ONCE = 65_536  # descriptors searched at a time
_HITS_AT_ONCE = 1 << 24  # near hashes that are held at a time, 12 bytes each

Rows = NDArray[np.int64]
Pairs = dict[tuple[int, int], int]  # (row, larger row): the orientation, −1 where only features are shared


def candidates(prints: Prints, reporter: Reporter) -> Pairs:
    """The pairs to compare, each once, with the orientation in which their hashes are nearest."""
    pairs = dict.fromkeys(_sharing_features(prints, reporter), -1)
    return pairs | _near_by_hash(prints, reporter)


def _near_by_hash(prints: Prints, reporter: Reporter) -> Pairs:
    import faiss

    if len(prints) < 2:
        return {}
    index = faiss.IndexBinaryFlat(prints.hashes.shape[2] * 8)
    index.add(np.ascontiguousarray(prints.hashes.reshape(-1, prints.hashes.shape[2])))
    pairs: Pairs = {}
    # Blank pages are all near each other: only so many rows at a time that all their neighbours have room.
    at_once = max(1, _HITS_AT_ONCE // index.ntotal)
    for start in range(0, len(prints), at_once):
        reporter.update("Looking for near hashes", start, len(prints))
        asked = np.ascontiguousarray(prints.hashes[start : start + at_once, 0])
        limits, bits, found = index.range_search(asked, HASH_BITS + 1)
        for place in range(len(asked)):
            part = slice(int(limits[place]), int(limits[place + 1]))
            _note(pairs, start + place, found[part], bits[part])
    return pairs


def _note(pairs: Pairs, row: int, found: Rows, bits: NDArray[Any]) -> None:
    """Note the rows found near a row, the nearest first, each in its best orientation."""
    later = found >= (row + 1) * len(ORIENTATIONS)
    found, bits = found[later], bits[later].astype(np.uint8)
    noted = 0
    for place in np.argsort(bits, kind="stable"):
        other, orientation = divmod(int(found[place]), len(ORIENTATIONS))
        if (row, other) in pairs:
            continue
        pairs[row, other] = orientation
        noted += 1
        if noted == _MOST:
            return


def _sharing_features(prints: Prints, reporter: Reporter) -> list[tuple[int, int]]:
    """The pairs with at least VOTES features in common, counted from both sides."""
    owners = np.repeat(np.arange(len(prints)), prints.counts)
    if len(owners) < 2:
        return []
    descriptors = np.concatenate([prints.features(row)[1] for row in range(len(prints))])
    index = _index(descriptors)
    votes: list[Rows] = []
    for start in range(0, len(owners), _AT_ONCE):
        reporter.update("Looking for shared details", start, len(owners))
        bits, found = index.search(descriptors[start : start + _AT_ONCE], _NEAREST)
        votes.append(_votes(owners, start, bits, found, len(prints)))
    pairs, count = np.unique(np.concatenate(votes), return_counts=True)
    return [(int(pair) // len(prints), int(pair) % len(prints)) for pair in pairs[count >= VOTES]]


def _index(descriptors: NDArray[np.uint8]) -> Any:
    import faiss

    width = descriptors.shape[1] * 8
    index: Any = faiss.IndexBinaryFlat(width)
    if len(descriptors) >= _BY_LISTS:
        lists = int(4 * np.sqrt(len(descriptors)))
        index = faiss.IndexBinaryIVF(index, width, lists)
        index.nprobe = _LISTS_SEARCHED
        index.train(descriptors[:: max(1, len(descriptors) // (40 * lists))])
    index.add(descriptors)
    return index


def _votes(owners: Rows, start: int, bits: NDArray[Any], found: Rows, count: int) -> Rows:
    """The pairs that features of one batch vote for, as smaller · count + larger; a feature votes once for each."""
    near = (found >= 0) & (bits <= FEATURE_BITS)
    line, _ = np.nonzero(near)
    own, other = owners[start + line], owners[found[near]]
    ballots = np.unique(np.stack([start + line, np.minimum(own, other), np.maximum(own, other)], axis=1), axis=0)
    apart = ballots[ballots[:, 1] != ballots[:, 2]]
    return np.asarray(apart[:, 1] * count + apart[:, 2], dtype=np.int64)
