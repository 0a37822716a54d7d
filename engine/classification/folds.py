"""Stratified samples and stratified folds of items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter

Rows = NDArray[np.int64]


def drawn(codes: Rows, each: int | None, seed: int) -> Rows:
    """(m,) rows, ascending: `each` random ones of every class; all if that is None or a class has no more."""
    if each is None:
        return np.arange(len(codes))
    random = np.random.default_rng([seed, 1])
    kept = [random.permutation(np.flatnonzero(codes == code))[:each] for code in np.unique(codes)]
    return np.sort(np.concatenate([np.empty(0, np.int64), *kept]).astype(np.int64))


def folds(codes: Rows, count: int, seed: int) -> Rows:
    """(n,) the fold of each item, from 0, stratified: the counts of a class in any two folds differ by at most one.

    Raises:
        BadParameter: a class has fewer items than there are folds.
    """
    _, sizes = np.unique(codes, return_counts=True)
    if len(sizes) and sizes.min() < count:
        raise BadParameter("number of folds", "a classification", f"at most {sizes.min()}", count)
    random = np.random.default_rng([seed, 2])
    found = np.empty(len(codes), np.int64)
    begun = 0  # the next class goes on where this one ended, so that the folds are equally large
    for code in np.unique(codes):
        own = random.permutation(np.flatnonzero(codes == code))
        found[own] = (begun + np.arange(len(own))) % count
        begun += len(own)
    return found


def held_out(codes: Rows, rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """(learning, held out) parts of the rows, ascending: `share` of every class is held out, but never all of one."""
    random = np.random.default_rng([seed, 7])
    apart: list[int] = []
    for code in np.unique(codes[rows]):
        own = random.permutation(rows[codes[rows] == code])
        apart += own[: min(round(len(own) * share), len(own) - 1)].tolist()
    kept_apart = np.sort(np.array(apart, dtype=np.int64))
    return np.sort(np.setdiff1d(rows, kept_apart)), kept_apart
