"""How similarly two encoders arrange the same pictures: linear centred kernel alignment (CKA)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter

Floats = NDArray[np.float64]


def linear_cka(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """The debiased linear CKA of (n, d) and (n, e) vectors of the same n pictures; None where one arranges nothing.

    1 for arrangements that are the same but for rotation and scale, about 0 for unrelated ones, also where there are
    fewer pictures than dimensions, in which the plain estimate is near 1 for any two. Memory for three (n, n) matrices.

    Raises:
        BadParameter: fewer than four pictures, or different numbers of them.

    Source: Kornblith et al., "Similarity of neural network representations revisited", 2019; the unbiased estimate of
    HSIC is that of Song et al., "Feature selection via dependence maximization", 2012.
    """
    one, other = (np.asarray(vectors, dtype=np.float64) for vectors in (first, second))
    if one.ndim != 2 or other.ndim != 2 or len(one) != len(other) or len(one) < 4:
        wanted = "(n, d) and (n, e), of the same pictures, at least 4"
        raise BadParameter("shapes of the vectors", "a comparison of encoders", wanted, (one.shape, other.shape))
    grams = _gram(one), _gram(other)
    both, own, beside = _hsic(*grams), _hsic(grams[0], grams[0]), _hsic(grams[1], grams[1])
    return both / float(np.sqrt(own * beside)) if own > 0 and beside > 0 else None


def _gram(vectors: Floats) -> Floats:
    """(n, n) products of the centred vectors, without those with themselves."""
    centred = vectors - vectors.mean(0)
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0)
    return np.asarray(gram)


def _hsic(first: Floats, second: Floats) -> float:
    """The unbiased estimate of the Hilbert–Schmidt independence criterion, times n (n − 3)."""
    n = len(first)
    sums = float(first.sum()) * float(second.sum()) / ((n - 1) * (n - 2))
    crossed = 2 / (n - 2) * float(first.sum(0) @ second.sum(0))
    return float((first * second).sum()) + sums - crossed
