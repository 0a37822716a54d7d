"""A filter scopes the search itself: the results are those of exact search over the pictures that meet it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engine.collections.images import Images
from engine.core.distances import METRICS
from engine.core.errors import NothingKnown
from engine.core.recipe import Recipe
from engine.indexes import make_index
from engine.search import searcher as searching
from engine.search.answer import Answer, Query
from engine.search.examples import Example
from engine.search.limits import Limits
from engine.search.searcher import Searcher

COUNT, DIMENSIONS = 400, 16


def searcher(method: str, metric: str = "cosine") -> Searcher:
    rng = np.random.default_rng(1)
    ids = np.arange(COUNT, dtype=np.int64) * 2 + 1
    centres = rng.normal(size=(8, DIMENSIONS))
    matrix = (centres[rng.integers(0, 8, COUNT)] + 0.4 * rng.normal(size=(COUNT, DIMENSIONS))).astype(np.float32)
    labels = [["cat", "dog"][row % 2] for row in range(COUNT)]
    empty = [""] * COUNT
    images = Images(ids, empty, labels, empty, empty)
    vectors = SimpleNamespace(ids=ids, matrix=matrix, digest="d", hashes=empty)
    exact = make_index("exact", metric).build(ids, matrix)
    index = exact if method == "exact" else make_index(method, metric).build(ids, matrix)
    return Searcher(Recipe("c", "e", metric=metric, method=method), images, vectors, index, exact)  # type: ignore


def ask(opened: Searcher, among: np.ndarray, k: int = 8, label: str | None = None) -> Answer:
    limits = Limits(label=label, where="tag=some", among=among)
    return opened.answer(Query.image(5), opened.vector(5), opened.recipe.but(k=k), limits, encode_milliseconds=0.0)


def slowly(opened: Searcher, allowed: np.ndarray, k: int) -> list[int]:
    """Every allowed picture compared, in double precision."""
    ids, matrix = opened.vectors.ids, opened.vectors.matrix.astype(np.float64)
    distances = METRICS[opened.recipe.metric].between(opened.vector(5).astype(np.float64), matrix)[0]
    order = [row for row in np.argsort(distances, kind="stable") if ids[row] in allowed and ids[row] != 5]
    return [int(ids[row]) for row in order[:k]]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("method", ["exact", "hnsw", "lsh", "kmeans", "itq"])
def test_filtered_results_are_those_of_a_filtered_slow_search(method: str, metric: str, share: float) -> None:
    opened = searcher(method, metric)
    rng = np.random.default_rng(int(100 * share))
    among = np.sort(rng.choice(opened.vectors.ids, int(share * COUNT), replace=False))
    answer, truth = ask(opened, among), slowly(opened, among, 8)
    found = [hit.id for hit in answer.hits]
    assert set(found) <= set(among.tolist()) - {5}
    assert answer.receipt.total == len(set(among.tolist()) - {5})
    if method == "exact":
        assert found == truth
    elif metric in opened.index.metrics:  # the receipt's recall is the true one
        assert answer.receipt.recall == pytest.approx(len(set(found) & set(truth)) / len(truth))
    if method == "hnsw":
        assert answer.receipt.recall >= 0.9


def test_label_and_filter_hold_together() -> None:
    opened = searcher("exact")
    among = opened.vectors.ids[:100]
    answer = ask(opened, among, k=200, label="dog")
    assert {hit.id for hit in answer.hits} == set(opened.vectors.ids[1:100:2].tolist())
    assert answer.sentence().startswith("All 50 pictures")


def test_a_filter_that_nothing_meets_is_said() -> None:
    with pytest.raises(NothingKnown, match="No picture of this collection meets the filter 'tag=some'"):
        ask(searcher("hnsw"), np.array([], dtype=np.int64))
    with pytest.raises(NothingKnown, match="No picture of this collection has the label 'cow'"):
        ask(searcher("hnsw"), np.array([1]), label="cow")
    both = "No picture of this collection has the label 'dog' and meets the filter 'tag=some'"
    with pytest.raises(NothingKnown, match=both):
        ask(searcher("hnsw"), np.array([1, 5]), label="dog")


def test_a_label_that_only_pictures_beyond_reach_have_is_not_denied() -> None:
    opened = searcher("exact")
    with pytest.raises(NothingKnown, match="No other picture that can be searched meets the filter 'tag=some'"):
        ask(opened, np.array([5]))  # the query itself
    images, limits = opened.images, Limits(label="dog")
    with pytest.raises(NothingKnown, match="No other picture that can be searched has the label 'dog'"):
        limits.within(~images.labelled("dog"), images)


@pytest.mark.parametrize("method", ["exact", "lsh"])
def test_what_follows_an_answer_is_the_rest_in_order(method: str) -> None:
    opened = searcher(method)
    among = opened.vectors.ids[:300]
    answer = ask(opened, among)
    distances = METRICS["cosine"].between(opened.vector(5), opened.vectors.matrix)[0]
    further = opened.further(answer, distances, Limits(where="tag=some", among=among))
    found = [hit.id for hit in answer.hits] + [hit.id for hit in further]
    assert sorted(found) == sorted(set(among.tolist()) - {5})
    assert [hit.rank for hit in further] == list(range(9, 300))
    assert [hit.distance for hit in further] == sorted(hit.distance for hit in further)
    if method == "exact":
        assert found == slowly(opened, among, 300)


@pytest.mark.parametrize("method", ["exact", "hnsw", "lsh"])
@pytest.mark.parametrize("filtered", [False, True])
def test_examples_take_no_places_of_results(monkeypatch: pytest.MonkeyPatch, method: str, filtered: bool) -> None:
    """An index is asked for so many at most, of which all examples may be left out."""
    opened = searcher(method)
    monkeypatch.setattr(searching, "_MOST_ASKED", 9)
    vector = opened.vector(5)
    allowed = opened.vectors.ids[::2] if filtered else opened.vectors.ids
    asked = slowly(opened, allowed, 5)  # the very pictures that would be found
    query, limits = Query.of(*[Example(image_id=id) for id in asked]), Limits(label="cat" if filtered else None)
    answer = opened.answer(query, vector, opened.recipe.but(k=8), limits, encode_milliseconds=0.0)
    found = [hit.id for hit in answer.hits]
    assert len(found) == 8
    assert not set(found) & set(asked)
