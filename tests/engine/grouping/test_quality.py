"""How well groups agree with labels, against what chance alone gives."""

from __future__ import annotations

import numpy as np
import pytest

from engine.grouping.quality import ami, chance, nmi, purity, quality


def test_random_groups_reach_a_high_nmi_and_no_ami() -> None:
    rng = np.random.default_rng(0)
    truth = [str(kind) for kind in rng.integers(0, 20, 200)]
    groups = rng.integers(0, 40, 200)
    assert nmi(groups, truth) > 0.4
    assert ami(groups, truth) == pytest.approx(0, abs=0.05)
    assert ami(np.unique(truth, return_inverse=True)[1], truth) == pytest.approx(1)
    found = quality(groups, truth, rng.standard_normal((200, 3)).astype(np.float32), "euclidean")
    assert set(found) == {"purity", "nmi", "ami", "ari", "silhouette"}


def test_chance_equals_random_groups_of_the_same_sizes() -> None:
    rng = np.random.default_rng(0)
    truth = [str(kind) for kind in rng.integers(0, 20, 200)]
    groups = rng.integers(0, 40, 200)
    found = chance(groups, truth)
    drawn = [rng.permutation(groups) for _ in range(30)]
    assert found["nmi"] == pytest.approx(np.mean([nmi(one, truth) for one in drawn]), abs=0.02)
    assert found["purity"] == pytest.approx(np.mean([purity(one, truth) for one in drawn]), abs=0.02)
    assert found["nmi"] > 0.4
    assert (found["ami"], found["ari"]) == (pytest.approx(0, abs=0.03), pytest.approx(0, abs=0.03))
    assert chance(groups, truth) == found  # the same draws every time


@pytest.mark.parametrize("truth", [[""] * 6, ["a"] * 6, ["a", "", "", "", "", ""]])
def test_without_two_labels_there_is_no_chance_to_compare_with(truth: list[str]) -> None:
    assert chance(np.array([0, 0, 0, 1, 1, 1]), truth) == {}


def test_labels_for_some_pictures_are_enough() -> None:
    found = chance(np.array([0, 0, 1, 1, 1, 0]), ["a", "b", "", "", "a", "b"])
    assert set(found) == {"purity", "nmi", "ami", "ari"}
    assert all(np.isfinite(value) for value in found.values())
