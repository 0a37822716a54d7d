"""Two systems asked the same queries: the difference of their means, with a paired bootstrap and a permutation test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.statistics.decision import Decision, Values, checked_pairs

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

    Exact for up to twelve differences that are not 0, else over up to 9,999 random choices of their signs.
    Source: Fisher, "The Design of Experiments", 1935; Smucker, Allan and Carterette, CIKM 2007.
    """
    there = differences[differences != 0]
    if not len(there):
        return 1.0
    least = abs(there.sum()) * (1 - 1e-12)  # another order of summation must not make an equal sum smaller
    if len(there) <= _ALL_SIGNS:
        choices = np.arange(2 ** len(there))[:, None] >> np.arange(len(there)) & 1
        return float((np.abs((1 - 2 * choices) @ there) >= least).mean())
    rounds = int(min(_ROUNDS, max(_LEAST_ROUNDS, _SIGNS // len(there))))
    rng, step = np.random.default_rng(seed), max(1, _BLOCK // len(there))
    sizes = [min(step, rounds - start) for start in range(0, rounds, step)]
    extreme = sum(int((np.abs(_signs(rng, size, len(there)) @ there) >= least).sum()) for size in sizes)
    return (1 + extreme) / (1 + rounds)


def _signs(rng: np.random.Generator, rounds: int, count: int) -> Values:
    bits = np.unpackbits(rng.integers(0, 256, (rounds, -(-count // 8)), dtype=np.uint8), axis=1, count=count)
    return 1.0 - 2.0 * bits.astype(np.float64)
