"""Search in k-means clusters, and the help for choosing their number."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.distances import euclidean
from engine.indexes.exact import Exact
from engine.indexes.kmeans import KMeansIndex, choose_clusters


def blobs(count: int, centres: int, seed: int = 0, dimensions: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((centres, dimensions)) * 10
    return (middles[np.arange(count) % centres] + rng.standard_normal((count, dimensions))).astype(np.float32)


def test_it_ranks_the_members_of_the_nearest_clusters():
    vectors, queries = blobs(400, 6), blobs(20, 6, seed=0) + 0.2
    index = KMeansIndex("euclidean", clusters=12, probes=2).build(np.arange(400), vectors)
    own = np.argmin(euclidean(vectors, index._centres), axis=1)
    answer = index.search(queries, 5)
    for query, ids, examined in zip(queries, answer.ids, answer.examined, strict=True):
        nearest = np.argsort(euclidean(query[None], index._centres)[0])[:2]
        members = np.flatnonzero(np.isin(own, nearest))
        ranked = members[np.argsort(((vectors[members].astype(float) - query) ** 2).sum(1), kind="stable")]
        assert ids.tolist() == ranked[:5].tolist()
        assert examined == len(members)


def test_with_all_clusters_it_is_exact():
    vectors, queries = blobs(300, 5), blobs(30, 5, seed=4)
    for metric in ("cosine", "euclidean"):
        index = KMeansIndex(metric, clusters=9, probes=9).build(np.arange(300), vectors)
        truth = Exact(metric).build(np.arange(300), vectors).search(queries, 8)
        np.testing.assert_array_equal(index.search(queries, 8).ids, truth.ids)


def test_one_small_cluster_is_not_enough_for_k_and_more_are_searched():
    vectors = np.concatenate([blobs(3, 1), blobs(50, 1, seed=1) + 100])
    index = KMeansIndex("euclidean", clusters=2, probes=1).build(np.arange(53), vectors)
    answer = index.search(vectors[:1], 8)
    assert (answer.ids >= 0).all()
    assert answer.examined[0] == 53
    assert index.search(vectors[:1], 3).examined[0] == 3


def test_the_chosen_probes_reach_the_recall():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((4000, 12)).astype(np.float32)
    index = KMeansIndex("cosine").build(np.arange(3800), vectors[:3800])
    truth = Exact("cosine").build(np.arange(3800), vectors[:3800]).search(vectors[3800:], 8)
    found = index.search(vectors[3800:], 8)
    hits = [len(set(a) & set(b)) / 8 for a, b in zip(found.ids.tolist(), truth.ids.tolist(), strict=True)]
    assert np.mean(hits) >= 0.95
    assert found.examined.mean() < 0.6 * 3800


@pytest.mark.slow
def test_large_collections_are_clustered_in_batches():
    vectors = blobs(25_000, 20)
    index = KMeansIndex("euclidean", clusters=20).build(np.arange(25_000), vectors)
    assert index.chosen["clusters"] == 20
    assert (index.search(vectors[:100], 1).ids[:, 0] == np.arange(100)).all()


def test_the_true_number_of_groups_stands_out():
    table = choose_clusters(blobs(600, 5), [2, 3, 4, 5, 6, 7, 8, 10, 700, 1])
    assert [row["clusters"] for row in table] == [2, 3, 4, 5, 6, 7, 8, 10]
    assert max(table, key=lambda row: row["silhouette"])["clusters"] == 5
    assert [row["clusters"] for row in table if row["elbow"]] == [5]
    inertias = [row["inertia"] for row in table]
    assert (np.diff(inertias) < 0).all()


def test_nothing_to_choose_from_is_an_empty_table():
    assert choose_clusters(np.ones((2, 3), np.float32), [2, 3]) == []
