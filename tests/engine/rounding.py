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
