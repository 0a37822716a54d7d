"""Two systems on the same queries: the difference of their means, with a paired bootstrap and a permutation test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.statistics.decision import Decision, Values, checked_pairs

_FINEST = 100  # steps in 1 up to which differences count as whole steps, such as the eighths of precision@8
_MOST_STEPS = 2**18  # of the sum of all differences: beyond, its distribution is drawn
_ALL_SIGNS = 12  # differences up to which every choice of signs is tried
_ROUNDS, _LEAST_ROUNDS, _SIGNS = 9_999, 999, 2 * 10**7
_BLOCK = 2**20  # signs in memory at once


def paired_difference(first: ArrayLike, second: ArrayLike, *, seed: int = 0) -> Decision:
    """How the mean of `first` differs from that of `second`; (q,) each, the figures of the same queries in one order.

    Raises:
        BadParameter: no values, different numbers of values, or values that are not finite.
    """
    one, other = checked_pairs(first, second, "a paired comparison")
    leads = one - other
    return Decision(float(leads.mean()), bootstrap_interval(leads, seed=seed), sign_flip(leads, seed=seed), len(leads))


def sign_flip(differences: Values, *, seed: int = 0) -> float:
    """The two-sided p-value that the (n,) differences are as likely negative as positive.

    Exact, over all 2ⁿ choices of signs, for up to twelve differences that are not 0 and for differences that are
    whole steps, such as those of precision@k; else over up to 9,999 random choices. Both keep the level: without a
    difference p is at most .05 in no more than 5 % of all cases, a little less often for few or coarse differences.
    Source: Fisher, "The Design of Experiments", 1935; Smucker, Allan and Carterette, CIKM 2007.
    """
    there = differences[differences != 0]
    if not len(there):
        return 1.0
    least = abs(there.sum()) * (1 - 1e-12)  # another order of summation must not make an equal sum smaller
    if len(there) <= _ALL_SIGNS:
        choices = np.arange(2 ** len(there))[:, None] >> np.arange(len(there)) & 1
        return float((np.abs((1 - 2 * choices) @ there) >= least).mean())
    steps = _whole_steps(there)
    return _drawn(there, least, seed) if steps is None else _exact(steps)


def _whole_steps(differences: Values) -> NDArray[np.int64] | None:
    """The differences as multiples of the largest step 1/1, 1/2 … 1/100 they all share; None if there is none."""
    for parts in range(1, _FINEST + 1):
        steps = np.rint(differences * parts)
        if np.abs(differences * parts - steps).max() < 1e-9 * parts:
            return steps.astype(np.int64) if np.abs(steps).sum() <= _MOST_STEPS else None
    return None


def _exact(steps: NDArray[np.int64]) -> float:
    """p by the distribution of the sum of ± steps, from its characteristic function Π cos(step · t)."""
    reach = int(np.abs(steps).sum())
    times = np.pi * np.arange(reach + 1) / (reach + 1)  # of 2 (reach + 1) points; the other half mirrors them
    product = np.ones(reach + 1)
    for size, count in zip(*np.unique(np.abs(steps), return_counts=True), strict=True):
        product *= np.cos(size * times) ** count
    whole = np.concatenate([product, [(-1.0) ** reach], product[:0:-1]])
    chances = np.fft.rfft(whole).real / len(whole)  # of the sums 0 to reach + 1, each as likely as its negative
    tail = abs(int(steps.sum()))
    p = 2 * float(np.clip(chances[max(tail, 1) : reach + 1], 0, None).sum())
    return min(1.0, p + float(chances[0]) if tail == 0 else p)


def _drawn(there: Values, least: float, seed: int) -> float:
    rounds = int(min(_ROUNDS, max(_LEAST_ROUNDS, _SIGNS // len(there))))
    rng, step = np.random.default_rng(seed), max(1, _BLOCK // len(there))
    sizes = [min(step, rounds - start) for start in range(0, rounds, step)]
    extreme = sum(int((np.abs(_signs(rng, size, len(there)) @ there) >= least).sum()) for size in sizes)
    return (1 + extreme) / (1 + rounds)


def _signs(rng: np.random.Generator, rounds: int, count: int) -> Values:
    bits = np.unpackbits(rng.integers(0, 256, (rounds, -(-count // 8)), dtype=np.uint8), axis=1, count=count)
    return 1.0 - 2.0 * bits.astype(np.float64)
