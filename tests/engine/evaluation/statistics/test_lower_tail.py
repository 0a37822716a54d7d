"""The distribution of distances and its extrapolated tail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import powerlaw

from engine.core.errors import BadParameter
from engine.evaluation.statistics.lower_tail import fit_lower_tail


def test_the_counted_part_is_that_of_the_slow_way() -> None:
    distances = np.random.default_rng(0).gamma(4, 1, 5000)
    tail = fit_lower_tail(distances)
    for asked in (1.0, 2.5, 4.0, 9.0):
        assert tail.share(asked) == pytest.approx((distances <= asked).mean(), abs=2e-3)
    assert tail.share(0.0) == 0
    assert tail.share(99.0) == 1


def test_the_tail_continues_where_nothing_was_seen() -> None:
    """Distances from the origin to uniform points in five dimensions: P(D ≤ d) = d⁵."""
    distances = np.random.default_rng(1).random(100_000) ** (1 / 5)
    tail = fit_lower_tail(distances)
    assert tail.shape == pytest.approx(5, abs=0.4)
    assert tail.share(0.05) == pytest.approx(0.05**5, rel=0.6)
    assert tail.distance(float(tail.share(0.05))) == pytest.approx(0.05)
    assert tail.distance(0.5) == pytest.approx(0.5**0.2, abs=0.01)


def test_the_shape_is_the_maximum_likelihood_of_scipy() -> None:
    distances = np.sort(np.random.default_rng(2).gamma(3, 1, 4000))
    tail = fit_lower_tail(distances)
    start = tail.knots[0]
    shape, _, _ = powerlaw.fit(distances[distances < start], floc=0, fscale=start)
    assert tail.shape == pytest.approx(shape, rel=1e-3)


def test_the_share_never_falls_with_the_distance() -> None:
    tail = fit_lower_tail(np.round(np.random.default_rng(3).random(300), 2))
    shares = tail.share(np.linspace(0, 1.2, 500))
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] == 1


def test_equal_vectors_say_nothing() -> None:
    tail = fit_lower_tail(np.zeros(100))
    assert not tail.informative
    assert tail.share([0.0, 1.0]).tolist() == [1.0, 1.0]


def test_some_duplicates_do_not_bend_the_tail() -> None:
    distances = np.random.default_rng(4).gamma(8, 1, 20_000)
    with_copies = np.concatenate([distances, np.zeros(20)])
    assert fit_lower_tail(with_copies).shape == pytest.approx(fit_lower_tail(distances).shape, rel=0.1)


def test_bad_distances_are_named() -> None:
    for distances in ([], [np.nan, 1.0], [-1.0, 2.0]):
        with pytest.raises(BadParameter, match="distribution of distances"):
            fit_lower_tail(distances)
