"""How much of the labels a linear classifier reads out of vectors: the linear probe."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter

MOST = 2_000  # vectors that are used; more are drawn
_FOLDS = 5
_ROUNDS = 200  # of the solver at most


def linear_probe(
    vectors: NDArray[np.float32], codes: NDArray[np.int64], *, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Whether logistic regression, learned from the other folds, predicts the label of each vector.

    Labels of a single vector are left out. Values are standardised on the folds that are learned from.
    Source: Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016.

    Args:
        vectors: (n, d). codes: (n,) their labels as numbers.

    Returns:
        (m,) the rows that were used, ascending, at most 2,000 drawn with the seed; (m,) whether each is right.

    Raises:
        BadParameter: values that are not finite, or fewer than two labels with at least two vectors each.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = _usable(codes, seed)
    kinds = np.unique(codes[rows])
    if len(kinds) < 2:
        raise BadParameter(
            "labels", "a linear probe", "at least two with two pictures each", f"{len(kinds)} such label"
        )
    chosen = np.asarray(vectors[rows], dtype=np.float64)
    if not np.isfinite(chosen).all():
        raise BadParameter("vectors", "a linear probe", "finite numbers", "NaN or Inf")
    folds = StratifiedKFold(min(_FOLDS, int(np.bincount(codes[rows]).max())), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rare labels miss in some folds; an unfinished solver is near its end
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ROUNDS))
        predicted = cross_val_predict(model, chosen, codes[rows], cv=folds)
    return rows, np.asarray(predicted == codes[rows])


def _usable(codes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The rows whose label another row shares, at most MOST drawn with the seed."""
    rows = np.arange(len(codes))
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST, replace=False))
    counts = np.bincount(codes[rows], minlength=int(codes.max(initial=0)) + 1)
    return np.asarray(rows[counts[codes[rows]] > 1])
