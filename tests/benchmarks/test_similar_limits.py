"""Limits of "similar" that hold between labels: one label that lies beside another lowers them."""

from __future__ import annotations

import numpy as np

from benchmarks.similar_limits import between_labels
from engine.search.calibration.measuring import verdict_limits


def test_a_label_beside_another_lowers_the_limit_for_all() -> None:
    rng, kinds = np.random.default_rng(0), np.repeat(range(10), 100)
    present = 1 + rng.random((1, 1000))
    absent = np.where(kinds == 0, 1.5, 3) + rng.random((1, 1000))
    usual = verdict_limits(present, kinds, absent, absent)
    mean = between_labels(verdict_limits, 0.5, present, kinds, absent, absent)
    bound = between_labels(verdict_limits, 0.975, present, kinds, absent, absent)
    assert usual[1][0] > bound[1][0]
    assert mean[1][0] >= bound[1][0]
    assert (absent[0, kinds == 0] < bound[1][0]).mean() < 0.25  # of one label in ten: 2.5 % on average
    assert (bound[0], bound[2][0]) == (usual[0], usual[2][0]), "the other verdict is left alone"
