"""Two learners over the same folds: the corrected resampled t-test."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Decision, checked_values


def corrected_resampled_t(leads: ArrayLike, learned: float, asked: float) -> Decision:
    """How much better the first learner is, from its (f,) leads over the folds; each learns from `learned` items.

    Folds share most of what they learn from, so that the plain t-test is too sure; the variance is enlarged by
    `asked` / `learned`. Source: Nadeau and Bengio, "Inference for the generalization error", 2003.

    Raises:
        BadParameter: fewer than two folds, or nothing learned or asked.
    """
    from scipy.stats import t as student

    found = checked_values(leads, "a corrected t-test", least=2)
    if learned <= 0 or asked <= 0:
        raise BadParameter("number of items", "a corrected t-test", "positive", min(learned, asked))
    folds, mean = len(found), float(found.mean())
    error = math.sqrt((1 / folds + asked / learned) * float(found.var(ddof=1)))
    if not error:
        return Decision(mean, (mean, mean), 1.0 if mean == 0 else 0.0, folds)
    half = float(student.ppf(0.975, folds - 1)) * error
    return Decision(mean, (mean - half, mean + half), 2 * float(student.sf(abs(mean) / error, folds - 1)), folds)
