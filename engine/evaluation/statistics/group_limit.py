"""A limit that few members exceed of a group that was not seen, from a sample of other groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.statistics.decision import ALPHA, Values, checked_values

_CONFIDENCE = 0.95


def upper_limit_of_groups(
    sample: ArrayLike, groups: ArrayLike, share: float = ALPHA, confidence: float = _CONFIDENCE
) -> float:
    """What at most this share of the members of a group exceeds, on average over the groups there are.

    The groups of the sample are themselves a sample: the upper bound of the mean over them of the share beyond the
    limit, by Student's t between groups, is at most `share`. It is approximate, as such shares are skewed. −inf for a
    single group, which says nothing about others.

    Args:
        sample: (n,) values. groups: (n,) codes of the group of each.

    Raises:
        BadParameter: values that are not finite.
    """
    from scipy.stats import t

    values = checked_values(sample, "a limit of groups", least=0)
    _, codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    count = len(sizes)
    if count < 2:
        return -np.inf
    order = np.argsort(-values, kind="stable")
    shares, squares = _beyond(codes[order], sizes)
    mean = shares / count
    deviation = np.sqrt(np.maximum(squares - count * mean**2, 0) / (count - 1))
    bound = mean + float(t.ppf(confidence, count - 1)) * deviation / np.sqrt(count)
    ranked = values[order]
    last = np.append(ranked[1:] != ranked[:-1], True)  # of equal values all are beyond a limit or none
    return float(ranked[np.argmax(last & (bound > share))])  # with all of them beyond, the bound is 1


def _beyond(codes: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[Values, Values]:
    """(n,) of the groups' shares among the first one, two, … of these members: their sum, and that of their squares."""
    place = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    before = np.empty(len(codes))  # members of the same group that come earlier
    before[place] = np.arange(len(codes)) - starts[codes[place]]
    own = sizes[codes].astype(np.float64)
    return np.cumsum(1 / own), np.cumsum((2 * before + 1) / own**2)
