"""Local scaling takes hubs out of results, and its effect is decided by a paired test."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.distances import euclidean
from engine.core.errors import BadParameter
from engine.evaluation.local_scaling import NEIGHBOURS, scaled, scaling_effect


def reach_of(vectors: np.ndarray) -> np.ndarray:
    apart = euclidean(vectors, vectors)
    np.fill_diagonal(apart, np.inf)
    return np.sort(apart, axis=1)[:, :NEIGHBOURS].mean(1)


def two_kinds(seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """A dense kind in the middle of a wide one, so that the dense one is among everybody's results."""
    rng = np.random.default_rng(seed)
    dense, wide = 0.45 * rng.standard_normal((150, 30)), rng.standard_normal((150, 30))
    return np.concatenate([dense, wide]).astype(np.float32), ["dense"] * 150 + ["wide"] * 150


def test_of_equally_far_pictures_the_one_that_is_nearer_to_others_goes_last() -> None:
    ranked = scaled(np.array([1.0, 1.0, 2.0]), np.array([0.2, 0.9, 0.9]))
    assert np.argsort(ranked).tolist() == [1, 0, 2]
    assert scaled(np.array([[1.0, 3.0]]), np.array([1.0, 1.0])).tolist() == [[1.0, 5.0]]


def test_it_helps_where_hubs_hinder() -> None:
    vectors, labels = two_kinds()
    found = scaling_effect(vectors, labels, "euclidean", reach_of(vectors))
    assert found is not None
    assert found.scaled > found.plain + 0.1
    assert found.decision.outcome == "better"
    assert found.sentence().startswith("precision@8 0.")


def test_where_nothing_is_to_be_gained_nothing_is_decided() -> None:
    vectors = np.random.default_rng(1).standard_normal((200, 10)).astype(np.float32)
    found = scaling_effect(vectors, ["a", "b"] * 100, "euclidean", reach_of(vectors))
    assert found is not None
    assert found.decision.outcome == "not decided"
    same = scaling_effect(vectors, ["a", "b"] * 100, "euclidean", np.ones(200))
    assert same is not None
    assert (same.plain, same.decision.effect) == (same.scaled, 0)


def test_bad_input() -> None:
    vectors, labels = two_kinds()
    assert scaling_effect(vectors, [f"{number}" for number in range(300)], "cosine", np.ones(300)) is None
    assert scaling_effect(vectors, [""] * 300, "cosine", np.ones(300)) is None
    with pytest.raises(BadParameter, match="local scaling"):
        scaling_effect(vectors, labels[:-1], "cosine", np.ones(300))
    with pytest.raises(BadParameter, match="local scaling"):
        scaling_effect(vectors[:8], labels[:8], "cosine", np.ones(8))
