"""A calibration from the vectors of a collection, with or without labels, in a second or two for any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.distances import precisely
from engine.core.errors import BadParameter
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.statistics.decision import Values
from engine.evaluation.statistics.lower_tail import LowerTail, fit_lower_tail
from engine.evaluation.statistics.tolerance import lower_limit, upper_limit
from engine.search.calibration.calibration import NEAREST, Calibration
from engine.search.calibration.kinds import kinds_of

LEAST = 20  # pictures below which there is nothing to calibrate by
_DRAWN = 1000  # pictures whose pairs are the random pairs
_QUERIES, _FEWEST = 1000, 100
_PRODUCTS = 2e10  # of two numbers, in all distances of the queries: a second
_BLOCK = 2**23  # distances in memory at once
_LABELLED = 0.5  # of the pictures have a label, where labels are used
_RESULTS = 8  # of a query, as many as are shown first, from which the probability of its label is learned
_CHANCE = 0.05  # pictures expected by chance, at most, at the distance of the same picture
_BY_MISTAKE = 0.01  # of pictures have another one so near
_BULK = 0.3
_COPIES = 0.95  # of altered copies are nearer than the farthest distance of the same picture
_STEPS = 200  # of the curve of that probability

Matrix = NDArray[np.float32]
Codes = NDArray[np.int64]  # of kinds; -1 for none


def calibrate(vectors: Matrix, metric: str, labels: Sequence[str], altered: ArrayLike = ()) -> Calibration | None:
    """The calibration of (n, d) vectors with n labels, "" for none; None for too few pictures.

    Every picture that is asked with is asked twice: with all others, and without those of its kind. The kind is the
    label where most pictures have one that is shared, else a group of similar vectors.

    Args:
        altered: distances of altered copies to their originals, ascending.

    Raises:
        BadParameter: no such metric, or another number of labels.
    """
    if len(labels) != len(vectors):
        raise BadParameter("number of labels", "a calibration", f"that of the vectors, {len(vectors):,}", len(labels))
    if len(vectors) < LEAST:
        return None
    codes, rng = label_codes(labels), np.random.default_rng(0)
    labelled = bool((codes >= 0).any())
    rows = np.sort(rng.choice(len(vectors), min(_DRAWN, len(vectors)), replace=False))
    between = precisely(np.ascontiguousarray(vectors[rows], dtype=np.float32), metric)
    pairs = fit_lower_tail(between[np.triu_indices(len(between), 1)])
    codes = codes if labelled else kinds_of(vectors, rows, between, metric)
    present, absent, results = _asked(vectors, metric, codes, _queries(vectors, codes, labelled, rng))
    curve = alike_curve(*results) if labelled else (np.zeros(0), np.zeros(0))
    far = np.array([upper_limit(scores) for scores in present])
    near = np.array([lower_limit(scores) for scores in absent])
    given = np.sort(np.asarray(altered, dtype=np.float64))
    same = _same_within(pairs, len(vectors), present[0], given)
    return Calibration(len(vectors), labelled, same, pairs, present, absent, far, near, given, *curve)


def label_codes(labels: Sequence[str]) -> Codes:
    """A number for each label that enough pictures share, -1 for the others; all -1 where too few have one."""
    names, codes, counts = np.unique(np.asarray(labels, dtype=str), return_inverse=True, return_counts=True)
    usable = (counts > NEAREST) & (names != "")
    kept = np.where(usable[codes], codes, -1).astype(np.int64)
    enough = usable.sum() > 1 and (kept >= 0).mean() >= _LABELLED
    return kept if enough else np.full(len(codes), -1, np.int64)


def alike_curve(distances: Values, alike: NDArray[np.bool_]) -> tuple[Values, Values]:
    """(j,) ascending distances and the probability that a result there has the query's label, which never rises.

    Args:
        distances, alike: (q, r) of the results of some queries.
    """
    from scipy.optimize import isotonic_regression

    order = np.argsort(distances, axis=None, kind="stable")
    near, hits = distances.ravel()[order], alike.ravel()[order].astype(np.float64)
    if not len(near):
        return np.zeros(0), np.zeros(0)
    fitted = isotonic_regression(hits, increasing=False).x
    kept = np.unique(np.linspace(0, len(near) - 1, min(_STEPS, len(near))).astype(np.int64))
    return near[kept], np.asarray(fitted[kept], dtype=np.float64)


def _same_within(pairs: LowerTail, pictures: int, nearest: Values, altered: Values) -> float:
    """No farther than nearly all altered copies, and so near that chance hardly puts another picture there.

    Chance is judged twice: by random pairs, and by the nearest other picture of each. Of the latter the smallest third
    gives the tail, so that duplicates in the collection do not bend it much.
    """
    if not pairs.informative:
        return -1.0
    tails = [pairs.distance(_CHANCE / pictures), fit_lower_tail(nearest, _BULK).distance(_BY_MISTAKE)]
    return min([*tails, *([float(np.quantile(altered, _COPIES))] if len(altered) else [])])


def _queries(vectors: Matrix, codes: Codes, labelled: bool, rng: np.random.Generator) -> NDArray[np.int64]:
    possible = np.flatnonzero(codes >= 0)
    most = int(np.clip(_PRODUCTS / vectors.size, _FEWEST, _QUERIES))
    return np.sort(rng.choice(possible, min(most, len(possible)), replace=False))


def _asked(
    vectors: Matrix, metric: str, codes: Codes, queries: NDArray[np.int64]
) -> tuple[Values, Values, tuple[Values, NDArray[np.bool_]]]:
    """(NEAREST, q) scores with and without the query's kind; (q, r) distances of results, and which are of its kind."""
    parts = list(_blocks(vectors, metric, codes, queries))
    present, absent, near, alike = (np.concatenate(part) for part in zip(*parts, strict=True))
    has_others = np.isfinite(absent).all(1)
    return _means(present), _means(absent[has_others]), (near, alike)


def _blocks(
    vectors: Matrix, metric: str, codes: Codes, queries: NDArray[np.int64]
) -> Iterator[tuple[Values, Values, Values, NDArray[np.bool_]]]:
    step = max(1, _BLOCK // len(vectors))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        apart = distances_to_all(np.asarray(vectors[rows]), vectors, metric).astype(np.float64)
        apart[np.arange(len(rows)), rows] = np.inf
        own = codes[rows][:, None] == codes[None, :]
        results = _smallest(apart, min(_RESULTS, len(vectors) - 1))
        near = np.take_along_axis(apart, results, 1)
        others = np.where(own, np.inf, apart)
        without = np.take_along_axis(others, _smallest(others, NEAREST), 1)
        yield near[:, :NEAREST], without, near, np.take_along_axis(own, results, 1)


def _smallest(apart: Values, count: int) -> NDArray[np.int64]:
    """(q, count) columns of the smallest values of each row, ascending."""
    found = np.argpartition(apart, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(apart, found, 1), axis=1, kind="stable")
    return np.take_along_axis(found, order, 1)


def _means(near: Values) -> Values:
    """(q, NEAREST) ascending distances to (NEAREST, q) means of the first one, two, and so on."""
    return np.asarray((near.cumsum(1) / np.arange(1, near.shape[1] + 1)).T)
