"""Asking with every image: a slow version, a perfect and a blind encoder, and who takes part."""

from __future__ import annotations

import numpy as np
import pytest

import engine.evaluation.retrieval as retrieval
from engine.core.distances import METRICS
from engine.core.errors import BadParameter
from engine.evaluation.retrieval import leave_one_out
from engine.evaluation.statistics.proportion import clopper_pearson


def slow(vectors: np.ndarray, labels: list[str], metric: str, k: int) -> tuple[float, float]:
    precisions, averages = [], []
    for i in range(len(vectors)):
        if not labels[i] or labels.count(labels[i]) < 2:
            continue
        others = [j for j in range(len(vectors)) if j != i and labels[j]]
        near = METRICS[metric].between(vectors[i : i + 1], vectors)[0]
        others.sort(key=lambda j: near[j])
        right = [labels[j] == labels[i] for j in others]
        precisions.append(sum(right[:k]) / k)
        hits = [sum(right[: place + 1]) / (place + 1) for place in range(len(right)) if right[place]]
        averages.append(sum(hits) / len(hits))
    return float(np.mean(precisions)), float(np.mean(averages))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [1, 1000, 2**26])
def test_against_a_slow_version(metric: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "_BLOCK_BYTES", block)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((60, 6)).astype(np.float32)
    labels = rng.choice(["cat", "dog", "", "panda"], 60).tolist()
    labels[7] = "alone"
    scores = leave_one_out(vectors, labels, metric, 5)
    precision, mean_average = slow(vectors, labels, metric, 5)
    assert scores.precision == pytest.approx(precision)
    assert scores.map == pytest.approx(mean_average, rel=1e-6)
    assert scores.interval[0] <= precision <= scores.interval[1]
    assert [labels[row] for row in scores.queries if not labels[row] or labels[row] == "alone"] == []
    assert set(scores.per_class) == {"cat", "dog", "panda"}
    weights = [labels.count(kind) for kind in scores.per_class]
    assert np.average(list(scores.per_class.values()), weights=weights) == pytest.approx(precision)


def test_a_perfect_encoder() -> None:
    labels = ["a"] * 10 + ["b"] * 10
    vectors = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)
    scores = leave_one_out(vectors, labels, "cosine")
    assert (scores.precision, scores.map, scores.interval) == (1, 1, clopper_pearson(20, 20))
    assert scores.chance == pytest.approx(9 / 19)


def test_a_blind_encoder_is_at_chance() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(list("abcd"), 2000).tolist()
    scores = leave_one_out(rng.standard_normal((2000, 8)).astype(np.float32), labels, "euclidean")
    assert scores.precision == pytest.approx(scores.chance, abs=0.01)


def test_the_query_is_left_out_even_among_copies() -> None:
    """With all vectors equal, the query must not count as its own hit."""
    labels = ["a", "a", "b", "b", "b"]
    scores = leave_one_out(np.ones((5, 3), np.float32), labels, "cosine", k=4)
    assert scores.precisions.tolist() == pytest.approx([1 / 4, 1 / 4, 2 / 4, 2 / 4, 2 / 4])


@pytest.mark.parametrize(
    ("count", "labels", "metric", "k"),
    [(5, ["a"] * 4, "cosine", 2), (4, ["a"] * 4, "cosine", 4), (4, ["a", "b", "c", "d"], "cosine", 2),
     (4, [""] * 4, "cosine", 2), (4, ["a"] * 4, "manhattan", 2), (4, ["a"] * 4, "cosine", 0)],
)  # fmt: skip
def test_what_cannot_be_measured(count: int, labels: list[str], metric: str, k: int) -> None:
    with pytest.raises(BadParameter):
        leave_one_out(np.ones((count, 3), np.float32), labels, metric, k)
