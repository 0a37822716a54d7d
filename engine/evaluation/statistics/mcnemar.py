"""Two classifiers over the same items: the exact test of McNemar."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.statistics.decision import Decision, checked_pairs


def mcnemar(first: ArrayLike, second: ArrayLike) -> Decision:
    """How the accuracy of `first` differs from that of `second`; (n,) each, whether the same items were right.

    Only the items that one of them got right count: without a difference, each is as likely right alone.
    Source: McNemar, Psychometrika 12, 1947 (exact binomial form); the interval is a paired bootstrap.

    Raises:
        BadParameter: no items, or different numbers of items.
    """
    from scipy.stats import binomtest

    one, other = checked_pairs(first, second, "a comparison of classifiers")
    leads = one - other
    alone = int((leads > 0).sum()), int((leads < 0).sum())
    p = float(binomtest(alone[0], sum(alone), 0.5).pvalue) if sum(alone) else 1.0
    return Decision(float(np.mean(leads)), bootstrap_interval(leads), p, len(leads))
