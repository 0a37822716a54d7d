"""A calibration from the vectors of a collection, with or without labels, in a second or two for any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.distances import pairwise_distances_float64
from engine.core.errors import BadParameter
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.statistics.decision import ALPHA, Values
from engine.evaluation.statistics.lower_tail import LowerTail, fit_lower_tail
from engine.evaluation.statistics.proportion import at_least
from engine.evaluation.statistics.tolerance import lower_limit, upper_limit
from engine.search.calibration.calibration import NEAREST, OFTEN, Calibration
from engine.search.calibration.kinds import kinds_of

LEAST = 20  # pictures below which there is nothing to calibrate by
_DRAWN = 1000  # pictures whose pairs are the random pairs
_QUERIES, _FEWEST = 1000, 100
_PRODUCTS = 1.2e10  # of two numbers, in all distances of the queries: a second
_BLOCK = 2**24  # distances in memory at once: each pass over the vectors costs as much as fifty queries
_LABELLED = 0.5  # of the pictures have a label, where labels are used
_RESULTS = 8  # of a query, as many as are shown first, from which the probability of its label is learned
_CHANCE = 0.05  # pictures expected by chance, at most, at the distance of the same picture
_BY_MISTAKE = 0.01  # of pictures have another one so near
_BULK = 0.3
_COPIES = 0.95  # of altered copies are nearer than the farthest distance of the same picture
_STEPS = 200  # of the curve of that probability
_SURE = 1 - ALPHA / 2  # of each of the two bounds of a verdict, so that both hold together with 95 % (Bonferroni)

Matrix = NDArray[np.float32]
Codes = NDArray[np.int64]  # of kinds; -1 for none


def calibrate(vectors: Matrix, metric: str, labels: Sequence[str], altered: ArrayLike = ()) -> Calibration | None:
    """The calibration of (n, d) vectors with n labels, "" for none; None for too few pictures.

    Every picture that is asked with is asked twice: with all others, and without those of its kind. The kind is the
    label where most pictures have one that is shared, else a group of similar vectors. Groups can be coarse or fine:
    "nothing" is offered by the coarse ones, as its limit is the same for both, and everything else is of the fine ones.

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
    between = pairwise_distances_float64(np.ascontiguousarray(vectors[rows], dtype=np.float32), metric)
    pairs = fit_lower_tail(between[np.triu_indices(len(between), 1)])
    codes = codes[None] if labelled else kinds_of(vectors, rows, between, metric)
    present, without, results = _asked(vectors, metric, codes, _queries(vectors, codes[0], rng))
    curve = alike_curve(*results) if labelled else (np.zeros(0), np.zeros(0))
    absent = without[-1]
    far, near, offered = verdict_limits(present, without[0], absent)
    given = np.sort(np.asarray(altered, dtype=np.float64))
    same = _same_within(pairs, len(vectors), present[0], given)
    return Calibration(len(vectors), labelled, same, pairs, present, absent, far, near, offered, given, *curve)


def verdict_limits(present: Values, coarse: Values, absent: Values) -> tuple[Values, Values, NDArray[np.bool_]]:
    """(h,) beyond which "nothing similar here" is told, (h,) within which "similar" is, and (2, h) which are offered.

    With a confidence of 95 % two bounds hold together for a verdict that is offered: it is told of at most 5 % of the
    searches that do not deserve it, and of at least OFTEN of those that do.

    Args:
        present: (h, p) scores with similar pictures. coarse, absent: (h, a) scores without, by groups that are coarse,
            which decide whether "nothing" is offered, and by fine ones, which decide what "similar" is.
    """
    far = np.array([upper_limit(scores, confidence=_SURE) for scores in present])
    near = np.array([lower_limit(scores, confidence=_SURE) for scores in absent])
    return far, near, np.array([_often(coarse > far[:, None]), _often(present < near[:, None])])


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


def _often(told: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h,) for each row of (h, q) searches whether surely at least OFTEN of such searches are told."""
    return np.array([len(row) > 0 and at_least(int(row.sum()), len(row), _SURE) >= OFTEN for row in told])


def _queries(vectors: Matrix, codes: Codes, rng: np.random.Generator) -> NDArray[np.int64]:
    possible = np.flatnonzero(codes >= 0)
    most = int(np.clip(_PRODUCTS / vectors.size, _FEWEST, _QUERIES))
    return np.sort(rng.choice(possible, min(most, len(possible)), replace=False))


def _asked(
    vectors: Matrix, metric: str, codes: Codes, queries: NDArray[np.int64]
) -> tuple[Values, list[Values], tuple[Values, NDArray[np.bool_]]]:
    """(NEAREST, q) scores with all others, and for each of (g, n) codes without the query's kind; of the first codes
    the (q, r) distances of results, and which are of its kind.
    """
    parts = list(_blocks(vectors, metric, codes, queries))
    absent, near, alike = (np.concatenate(part, axis=-2) for part in zip(*parts, strict=True))
    without = [_means(one[np.isfinite(one).all(1)]) for one in absent]
    return _means(near[:, :NEAREST]), without, (near, alike)


def _blocks(
    vectors: Matrix, metric: str, codes: Codes, queries: NDArray[np.int64]
) -> Iterator[tuple[Values, Values, NDArray[np.bool_]]]:
    """A few queries at once: (g, q, NEAREST) distances without their kind, (q, r) of results, and whether of it."""
    step = max(1, _BLOCK // len(vectors))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        apart = distances_to_all(np.asarray(vectors[rows]), vectors, metric)
        apart[np.arange(len(rows)), rows] = np.inf
        results = _smallest(apart, min(_RESULTS, len(vectors) - 1))
        without = [_without(apart, one[rows], one) for one in codes]
        alike = codes[0][rows][:, None] == codes[0][results]
        yield np.stack(without), np.take_along_axis(apart, results, 1).astype(np.float64), alike


def _without(apart: Matrix, own: Codes, codes: Codes) -> Values:
    """(q, NEAREST) smallest distances to pictures that are not of the query's own kind; inf where there are too few."""
    others = np.where(own[:, None] == codes[None, :], np.float32(np.inf), apart)
    return np.take_along_axis(others, _smallest(others, NEAREST), 1).astype(np.float64)


def _smallest(apart: Matrix, count: int) -> NDArray[np.int64]:
    """(q, count) columns of the smallest values of each row, ascending."""
    found = np.argpartition(apart, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(apart, found, 1), axis=1, kind="stable")
    return np.take_along_axis(found, order, 1)


def _means(near: Values) -> Values:
    """(q, NEAREST) ascending distances to (NEAREST, q) means of the first one, two, and so on."""
    return np.asarray((near.cumsum(1) / np.arange(1, near.shape[1] + 1)).T)
