"""The figures of a cell against a slow version, for exact and for approximate search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.core.distances import METRICS
from engine.core.errors import BadParameter
from engine.evaluation import measuring
from engine.evaluation.measuring import Questions, nearest, questions
from engine.evaluation.retrieval import evaluate
from engine.indexes import Index, make_index
from engine.indexes.index import Neighbours

K = 5


def made(count: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Vectors, ids with gaps, and labels that the vectors tell a little."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(["cat", "dog", "panda"], count).tolist()
    labels[3] = "alone"
    centres = {label: rng.standard_normal(6) for label in {*labels}}
    vectors = np.array([centres[label] + rng.standard_normal(6) for label in labels], dtype=np.float32)
    return vectors, np.arange(count) * 3 + 2, labels


def report(done: int, total: int) -> None:
    assert 0 < done <= total


def measure(*arguments: Any, **named: Any) -> dict[str, Any]:
    """The fields of a row; each figure is the mean of those of the queries."""
    found, single_queries = measuring.measure(*arguments, **named)
    assert {name: found[name] for name in single_queries.figures} == pytest.approx(single_queries.means)
    return found


def slow(vectors: np.ndarray, labels: list[str], metric: str) -> tuple[float, float]:
    precisions, averages = [], []
    for i, label in enumerate(labels):
        if labels.count(label) < 2:
            continue
        near = METRICS[metric].between(vectors[i : i + 1], vectors)[0]
        order = sorted((j for j in range(len(labels)) if j != i), key=lambda j: near[j])
        right = [labels[j] == label for j in order]
        precisions.append(sum(right[:K]) / K)
        averages.append(np.mean([sum(right[: p + 1]) / (p + 1) for p, r in enumerate(right) if r]))
    return float(np.mean(precisions)), float(np.mean(averages))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [1, 7, 256])
def test_exact_search_against_a_slow_version(metric: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_BLOCK_ROWS", block)
    monkeypatch.setattr(measuring, "_BLOCK_BYTES", 100 * block)
    vectors, ids, labels = made()
    index = make_index("exact", metric).build(ids, vectors)
    found = measure(index, vectors, questions(ids, labels), K, truth=None, report=report)
    precision, average = slow(vectors, labels, metric)
    assert found["precision"] == pytest.approx(precision)
    assert found["map"] == pytest.approx(average, rel=1e-6)
    assert (found["images"], found["queries"], found["recall"], found["examined"]) == (80, 79, None, 1.0)
    assert found["interval"][0] <= precision <= found["interval"][1]
    assert set(found["per_class"]) == {"cat", "dog", "panda"}
    assert found["milliseconds"] > 0


class Silent(Index):
    """A method that answers with at most three neighbours, however many are asked for."""

    settings = ()
    metrics = frozenset({"cosine", "euclidean"})

    def __init__(self, inner: Index) -> None:
        super().__init__(inner.metric)
        self.inner = inner

    def search(self, queries: np.ndarray, k: int) -> Neighbours:
        found = self.inner.search(queries, k)
        ids, distances = found.ids.copy(), found.distances.copy()
        ids[:, 4:], distances[:, 4:] = -1, np.inf  # the query itself and three more
        return Neighbours(ids, distances, np.full(len(queries), -1))

    name, title, summary, size, chosen = "silent", "", "", 0, {}
    build = add = remove = save = load = None  # type: ignore[assignment]


def test_what_a_method_does_not_return_counts_as_wrong() -> None:
    vectors, ids, labels = made()
    exact = make_index("exact", "cosine").build(ids, vectors)
    asked = questions(ids, labels)
    truth = nearest(exact, vectors, asked, K, report)
    whole = measure(exact, vectors, asked, K, truth=None, report=report)
    part = measure(Silent(exact), vectors, asked, K, truth=truth, report=report)
    assert part["recall"] == pytest.approx(3 / K)
    assert part["precision"] <= 3 / K
    right = asked.codes[np.searchsorted(ids, truth.ids[:, :3])] == asked.codes[asked.rows][:, None]
    sums = (np.where(right, right.cumsum(1) / [1, 2, 3], 0)).sum(1)
    assert part["map_at_k"] == pytest.approx((sums / np.minimum(asked.others[asked.rows], K)).mean())
    assert part["map_at_k"] < whole["map_at_k"]
    assert part["map"] is None  # asked for a thousand places, it would look at everything
    assert part["examined"] is None


class Wide(Silent):
    """A method that finds three of five, but everything when it is asked for many."""

    def search(self, queries: np.ndarray, k: int) -> Neighbours:
        return self.inner.search(queries, k) if k > 10 else super().search(queries, k)


def test_average_precision_is_that_of_the_configured_search() -> None:
    vectors, ids, labels = made()
    exact = make_index("exact", "cosine").build(ids, vectors)
    asked = questions(ids, labels)
    truth = nearest(exact, vectors, asked, K, report)
    narrow, wide = (measure(kind(exact), vectors, asked, K, truth=truth, report=report) for kind in (Silent, Wide))
    assert wide["map_at_k"] == narrow["map_at_k"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [100, 3000])
def test_a_large_common_offset_costs_no_digits(metric: str, offset: float) -> None:
    rng = np.random.default_rng(1)
    labels = rng.choice(list("abcd"), 200).tolist()
    vectors = np.array([[ord(label) * (place % 2) for place in range(32)] for label in labels], dtype=np.float32)
    vectors = ((vectors + rng.standard_normal((200, 32))) / 8 + offset).astype(np.float32)
    exactly = vectors.astype(np.float64)  # what the float32 vectors are, to the last digit
    if metric == "cosine":
        exactly /= np.linalg.norm(exactly, axis=1, keepdims=True)
    differences = exactly[:, None] - exactly[None]
    apart = (differences**2).sum(2)
    np.fill_diagonal(apart, np.inf)
    right = np.array(labels)[np.argsort(apart, axis=1, kind="stable")[:, :-1]] == np.array(labels)[:, None]
    precisions = np.where(right, right.cumsum(1) / np.arange(1, 200), 0)
    wanted = (precisions.sum(1) / right.sum(1)).mean()
    asked = questions(np.arange(200), labels)
    index = make_index("exact", metric).build(np.arange(200), vectors)
    assert measure(index, vectors, asked, K, truth=None, report=report)["map"] == pytest.approx(wanted, abs=2e-4)
    assert evaluate(vectors, labels, metric, K).map == pytest.approx(wanted, abs=2e-4)


def test_the_query_is_never_among_its_answers_and_the_worst_come_first() -> None:
    vectors, ids, labels = made()
    vectors[10] = vectors[11]  # a twin may stand before the query itself
    index = make_index("exact", "euclidean").build(ids, vectors)
    asked = questions(ids, labels, query=int(ids[20]))
    found = measure(index, vectors, asked, K, truth=None, report=report)
    answers = nearest(index, vectors, asked, K, report).ids
    assert not (answers == ids[asked.rows][:, None]).any()
    assert len(found["worst"]) == 8
    assert [w["precision"] for w in found["worst"]] == sorted(w["precision"] for w in found["worst"])
    assert found["worst"][0]["precision"] <= found["precision"]
    own = dict(zip(ids.tolist(), labels, strict=True))
    single = found["single"]
    assert single["query"] == ids[20]
    assert single["hits"] == sum(own[id] == own[single["query"]] for id in single["answers"])


def test_few_images_still_divide_by_k() -> None:
    vectors, ids = np.eye(3, dtype=np.float32), np.arange(3)
    found = measure(
        make_index("exact", "cosine").build(ids, vectors),
        vectors,
        questions(ids, ["a"] * 3),
        8,
        truth=None,
        report=report,
    )
    assert (found["precision"], found["chance"], found["map"]) == (0.25, 0.25, 1.0)
    assert found["ceiling"] == 0.25  # two others can never fill eight places


def test_a_label_of_few_pictures_has_a_ceiling() -> None:
    vectors = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
    labels = ["a"] * 6 + ["b"] * 6 + ["c"] * 12
    index = make_index("exact", "cosine").build(np.arange(24), vectors)
    found = measure(index, vectors, questions(np.arange(24), labels), 8, truth=None, report=report)
    assert found["ceiling"] == pytest.approx((12 * 5 / 8 + 12) / 24)
    six = measure(index, vectors, questions(np.arange(24), [x or "c" for x in labels[:12]] + list("defghijklmno")), 8,
                  truth=None, report=report)  # fmt: skip
    assert six["ceiling"] == 0.625
    assert six["precision"] <= 0.625


def test_exact_search_has_the_measures_of_a_whole_ranking() -> None:
    vectors, ids, labels = made()
    exact = make_index("exact", "euclidean").build(ids, vectors)
    asked = questions(ids, labels)
    whole = measure(exact, vectors, asked, K, truth=None, report=report)
    truth = nearest(exact, vectors, asked, K, report)
    part = measure(Silent(exact), vectors, asked, K, truth=truth, report=report)
    assert {"r_precision", "map_at_r", "hit_10"} <= set(whole)
    assert not {"r_precision", "map_at_r", "hit_10"} & set(part)
    assert whole["map_at_r"] <= whole["r_precision"]
    assert whole["hit_1"] <= whole["hit_5"] <= whole["hit_10"]
    hits = nearest(exact, vectors, asked, 1, report).ids[:, 0]
    own = dict(zip(ids.tolist(), labels, strict=True))
    asking = [labels[row] for row in asked.rows]
    assert whole["hit_1"] == pytest.approx(np.mean([own[id] == label for id, label in zip(hits, asking, strict=True)]))


def test_who_is_asked() -> None:
    ids, labels = np.array([2, 5, 9, 11, 14]), ["b", "a", "a", "b", "c"]
    asked = questions(ids, labels)
    assert asked.rows.tolist() == [0, 1, 2, 3]
    assert asked.single == 1  # of the largest labels the first by name
    drawn = questions(ids, labels, queries=2, seed=3)
    assert isinstance(drawn, Questions)
    assert len(drawn.rows) == 2
    assert drawn.rows.tolist() == questions(ids, labels, queries=2, seed=3).rows.tolist()
    for bad in ({"ids": ids, "labels": list("abcde")}, {"ids": ids[:0], "labels": []}):
        with pytest.raises(BadParameter, match="at least two with the same label"):
            questions(**bad)
    with pytest.raises(BadParameter, match="query"):
        questions(ids, labels, query=3)


@pytest.mark.parametrize("metric", METRICS)
def test_queries_and_gallery_are_apart_against_a_slow_version(metric: str) -> None:
    vectors, ids, labels = made()
    asks = np.arange(80) % 4 == 0
    asked = questions(ids, labels, asked=asks)
    index = make_index("exact", metric).build(ids[~asks], vectors[~asks])
    found = measure(index, vectors, asked, K, truth=None, report=report)
    gallery, precisions, averages = np.flatnonzero(~asks), [], []
    for row in asked.rows:
        near = METRICS[metric].between(vectors[row : row + 1], vectors[gallery])[0]
        right = [labels[gallery[place]] == labels[row] for place in np.argsort(near, kind="stable")]
        precisions.append(sum(right[:K]) / K)
        averages.append(np.mean([sum(right[: p + 1]) / (p + 1) for p, hit in enumerate(right) if hit]))
    assert asks[asked.rows].all()
    assert (found["images"], found["queries"]) == (60, len(asked.rows))
    assert found["precision"] == pytest.approx(np.mean(precisions))
    assert found["map"] == pytest.approx(np.mean(averages), rel=1e-6)
    answers = nearest(index, vectors, asked, K, report).ids
    assert not np.isin(answers, ids[asks]).any()


def test_a_split_without_common_labels_is_refused() -> None:
    ids = np.arange(4)
    with pytest.raises(BadParameter, match="queries with a label of the gallery"):
        questions(ids, ["a", "a", "b", "b"], asked=np.array([True, True, False, False]))
    one_each = questions(ids, ["a", "a", "b", "b"], asked=np.array([True, False, True, False]))
    assert one_each.rows.tolist() == [0, 2]
    assert one_each.others.tolist() == [1, 1, 1, 1]
