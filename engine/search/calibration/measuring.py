"""A calibration from the vectors of a collection, with or without labels, in a second or two for any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.distances import pairwise_distances_float64
from engine.core.errors import BadParameter
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.statistics.decision import ALPHA, Values
from engine.evaluation.statistics.group_limit import upper_limit_of_groups
from engine.evaluation.statistics.lower_tail import LowerTail, fit_lower_tail
from engine.evaluation.statistics.proportion import at_least
from engine.evaluation.statistics.tolerance import lower_limit, upper_limit
from engine.search.calibration.calibration import NEAREST, OFTEN, Calibration
from engine.search.calibration.kinds import kinds_of

LEAST = 20  # fewest pictures for a calibration
_DRAWN = 1000  # pictures, whose pairs serve as random pairs
_QUERIES, _FEWEST = 1000, 100
_PRODUCTS = 1.2e10  # multiplications in all distances of the queries: a second
_BLOCK = 2**24  # distances in memory at once: each pass over the vectors costs as much as fifty queries
_LABELLED = 0.5  # share of labelled pictures from which labels are used
_RESULTS = 8  # results of a query that the probability of its label is fitted to: those shown first
_CHANCE = 0.05  # most pictures expected by chance within the distance of the same picture
_BY_MISTAKE = 0.01  # share of pictures that may have a different one within that distance
_BULK = 0.3  # share of nearest distances that the tail is fitted to
_COPIES = 0.95  # share of altered copies within the distance of the same picture
_STEPS = 200  # points of the curve of label probabilities
_SURE = 1 - ALPHA / 2  # confidence of each bound of a verdict, so that both hold with 95 % (Bonferroni)

Matrix = NDArray[np.float32]
Codes = NDArray[np.int64]  # of kinds; -1 for none


def calibrate(vectors: Matrix, metric: str, labels: Sequence[str], altered: ArrayLike = ()) -> Calibration | None:
    """The calibration of (n, d) vectors with n labels, "" for none; None for too few pictures.

    Every query picture is searched with twice: among all others, and among those not of its kind. The kind is the
    label if most pictures have one that others share, else a group of similar vectors. Without labels there is a coarse
    and a fine grouping: the coarse one decides whether "nothing similar" is offered, the fine one everything else.

    Args:
        altered: distances of altered copies to their originals, ascending.

    Raises:
        BadParameter: no such metric, or the number of labels differs from that of the vectors.
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
    queries = _queries(vectors, codes[0], rng)
    present, without, results = _asked(vectors, metric, codes, queries)
    curve = alike_curve(*results) if labelled else (np.zeros(0), np.zeros(0))
    absent = without[-1]
    far, near, offered = verdict_limits(present, codes[-1][queries], without[0], absent)
    given = np.sort(np.asarray(altered, dtype=np.float64))
    same = _same_within(pairs, len(vectors), present[0], given)
    return Calibration(len(vectors), labelled, same, pairs, present, absent, far, near, offered, given, *curve)


def verdict_limits(
    present: Values, kinds: Codes, coarse: Values, absent: Values
) -> tuple[Values, Values, NDArray[np.bool_]]:
    """The limits (h,) of "nothing similar here" and (h,) of "similar", and (2, h) whether these verdicts are offered.

    For an offered verdict two bounds hold together with a confidence of 95 %: it is given to at most 5 % of the
    searches for which it is wrong, and to at least OFTEN of those for which it is right. "Nothing" is moreover given to
    at most 5 % of the searches for pictures of a kind that was not calibrated with, on average over kinds; what is
    farther than the kinds that were, but not that far, is not told "similar" either.

    Args:
        present: (h, p) scores with similar pictures. kinds: (p,) the kinds of their queries. coarse, absent: (h, a)
            scores without, by the coarse groups, which decide whether "nothing" is offered, and by the fine groups,
            which give the limit of "similar".
    """
    alike = [upper_limit(scores, confidence=_SURE) for scores in present]
    unseen = [upper_limit_of_groups(scores, kinds, confidence=_SURE) for scores in present]
    far = np.maximum(alike, unseen)
    near = np.minimum(alike, [lower_limit(scores, confidence=_SURE) for scores in absent])
    return far, near, np.array([_often(coarse > far[:, None]), _often(present < near[:, None])])


def label_codes(labels: Sequence[str]) -> Codes:
    """A number for each label that enough pictures share, -1 for the others; all -1 if too few pictures have one."""
    names, codes, counts = np.unique(np.asarray(labels, dtype=str), return_inverse=True, return_counts=True)
    usable = (counts > NEAREST) & (names != "")
    kept = np.where(usable[codes], codes, -1).astype(np.int64)
    enough = usable.sum() > 1 and (kept >= 0).mean() >= _LABELLED
    return kept if enough else np.full(len(codes), -1, np.int64)


def alike_curve(distances: Values, alike: NDArray[np.bool_]) -> tuple[Values, Values]:
    """(j,) ascending distances and the non-increasing probability that a result there has the query's label.

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
    """The distance within which nearly all altered copies are, but hardly any different picture by chance.

    Chance is estimated twice: from random pairs, and from the nearest other picture of each. The tail of the latter is
    fitted to the smallest third, so that duplicates in the collection influence it little.
    """
    if not pairs.informative:
        return -1.0
    tails = [pairs.distance(_CHANCE / pictures), fit_lower_tail(nearest, _BULK).distance(_BY_MISTAKE)]
    return min([*tails, *([float(np.quantile(altered, _COPIES))] if len(altered) else [])])


def _often(told: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h,) for each row of (h, q) searches, whether their verdict is given to at least OFTEN of all such searches."""
    return np.array([len(row) > 0 and at_least(int(row.sum()), len(row), _SURE) >= OFTEN for row in told])


def _queries(vectors: Matrix, codes: Codes, rng: np.random.Generator) -> NDArray[np.int64]:
    possible = np.flatnonzero(codes >= 0)
    most = int(np.clip(_PRODUCTS / vectors.size, _FEWEST, _QUERIES))
    return np.sort(rng.choice(possible, min(most, len(possible)), replace=False))


def _asked(
    vectors: Matrix, metric: str, codes: Codes, queries: NDArray[np.int64]
) -> tuple[Values, list[Values], tuple[Values, NDArray[np.bool_]]]:
    """The scores of (q,) queries, and the results that label probabilities are fitted to.

    Returns:
        (NEAREST, q) scores among all others; for each of the (g, n) codes, scores without the query's kind; and by the
        first codes the (q, r) distances of results, and whether these are of the query's kind.
    """
    parts = list(_blocks(vectors, metric, codes, queries))
    absent, near, alike = (np.concatenate(part, axis=-2) for part in zip(*parts, strict=True))
    without = [_means(one[np.isfinite(one).all(1)]) for one in absent]
    return _means(near[:, :NEAREST]), without, (near, alike)


def _blocks(
    vectors: Matrix, metric: str, codes: Codes, queries: NDArray[np.int64]
) -> Iterator[tuple[Values, Values, NDArray[np.bool_]]]:
    """By blocks: (g, q, NEAREST) distances without the query's kind, (q, r) of results, and whether of its kind."""
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
