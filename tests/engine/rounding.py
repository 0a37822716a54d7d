"""How far two ways to add up the same products may lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def of_sums(length: int, scale: float | NDArray[np.floating] = 1.0) -> float | NDArray[np.floating]:
    """The bound on the difference of two float32 sums of `length` products, in whatever order each is added up.

    `scale` is the sum of their absolute values, or more. Each sum is off by length · u · scale at the most, where
    u, half the machine epsilon, is what one rounding costs.

    Source: Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1.
    """
    return length * float(np.finfo(np.float32).eps) * scale


def of_long_sums(length: int, scale: float = 1.0) -> float:
    """The bound that holds almost surely where the errors of single roundings have either sign, for long sums.

    Each of the two sums is off by λ · √length · u · scale with a probability of 2 · exp(−λ² / 2); λ is 8 here.

    Source: Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 2019.
    """
    return 8 * length**0.5 * float(np.finfo(np.float32).eps) * scale
