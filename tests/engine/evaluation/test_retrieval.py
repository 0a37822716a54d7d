"""Asking with every image: a slow version, a perfect and a blind encoder, and who takes part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import engine.evaluation.retrieval as retrieval
from engine.core.distances import METRICS
from engine.core.errors import BadParameter
from engine.evaluation.retrieval import evaluate
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
    scores = evaluate(vectors, labels, metric, 5)
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
    scores = evaluate(vectors, labels, "cosine")
    assert (scores.precision, scores.map, scores.interval) == (1, 1, clopper_pearson(20, 20))
    assert scores.chance == pytest.approx(9 / 19)


def test_a_blind_encoder_is_at_chance() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(list("abcd"), 2000).tolist()
    scores = evaluate(rng.standard_normal((2000, 8)).astype(np.float32), labels, "euclidean")
    assert scores.precision == pytest.approx(scores.chance, abs=0.01)


def test_the_query_is_left_out_even_among_copies() -> None:
    """With all vectors equal, the query must not count as its own hit."""
    labels = ["a", "a", "b", "b", "b"]
    scores = evaluate(np.ones((5, 3), np.float32), labels, "cosine", k=4)
    assert scores.precisions.tolist() == pytest.approx([1 / 4, 1 / 4, 2 / 4, 2 / 4, 2 / 4])


@pytest.mark.parametrize(
    ("count", "labels", "metric", "k"),
    [(5, ["a"] * 4, "cosine", 2), (4, ["a"] * 4, "cosine", 4), (4, ["a", "b", "c", "d"], "cosine", 2),
     (4, [""] * 4, "cosine", 2), (4, ["a"] * 4, "manhattan", 2), (4, ["a"] * 4, "cosine", 0)],
)  # fmt: skip
def test_what_cannot_be_measured(count: int, labels: list[str], metric: str, k: int) -> None:
    with pytest.raises(BadParameter):
        evaluate(np.ones((count, 3), np.float32), labels, metric, k)


def test_labels_of_any_kind_and_lists_do_as_well() -> None:
    vectors = np.repeat(np.eye(2), 3, axis=0).tolist()
    assert evaluate(vectors, [1, 1, 1, 2, 2, 2], k=2).per_class == {"1": 1, "2": 1}
    assert evaluate(vectors, np.array(list("ababab")), k=2).precision == pytest.approx(1 / 3)
    partly = evaluate(vectors, pd.Series([1, 1, None, 2, 2, None]), k=1)
    assert (partly.precision, partly.queries.tolist()) == (1, [0, 1, 3, 4])


@pytest.mark.parametrize(
    ("named", "given"),
    [
        ("labels", (np.eye(2), "ab")),
        ("labels", (np.eye(2), 3)),
        ("labels", (np.eye(2), {"a": 1})),
        ("values of the vectors", ("ab", [1, 2])),
        ("shape of the vectors", (np.ones(2), [1, 2])),
        ("metric", (np.eye(2), [1, 1], 3)),
        ("k", (np.eye(2), [1, 1], "cosine", "1")),
        ("k", (np.eye(2), [1, 1], "cosine", 0)),
    ],
)
def test_a_wrong_call_names_the_argument(named: str, given: tuple[Any, ...]) -> None:
    with pytest.raises(BadParameter, match=rf"^The {named}\b.* must be .+; got "):
        evaluate(*given)
