"""HNSW by faiss: what the library does not promise by itself."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from engine.core.errors import Corrupt, MissingPackage, NotFound
from engine.core.storage import read_json, write_json
from engine.indexes.hnsw import HNSW


def test_without_the_library_the_pip_line_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingPackage, match="pip install faiss-cpu"):
        HNSW("cosine").build(np.arange(2), np.eye(2, dtype=np.float32))


def test_k_answers_come_even_where_the_walk_ends_early():
    rng = np.random.default_rng(0)
    groups = rng.standard_normal((40, 4)) * 1e4
    vectors = (groups[rng.integers(0, 40, 800)] + 1e-3 * rng.standard_normal((800, 4))).astype(np.float32)
    index = HNSW("euclidean", links=2, effort=1).build(np.arange(800), vectors)
    index.remove(np.arange(0, 800, 2))
    answer = index.search(vectors[:20], 400)
    assert (np.sort(answer.ids, axis=1) == np.arange(1, 800, 2)).all()


def test_more_effort_finds_more():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3000, 32)).astype(np.float32)
    queries = rng.standard_normal((50, 32)).astype(np.float32)
    truth = np.argsort(((queries[:, None] - vectors[None]) ** 2).sum(-1), axis=1)[:, :8]
    shares = []
    for effort in (8, 400):
        found = HNSW("euclidean", links=4, effort=effort).build(np.arange(3000), vectors).search(queries, 8).ids
        shares.append(np.mean([len(set(a) & set(b)) / 8 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))
    assert shares[0] < shares[1]
    assert shares[1] >= 0.95


def drawn(count: int, dimensions: int = 16) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, dimensions)).astype(np.float32)


def nearest(vectors: np.ndarray, query: np.ndarray, among: np.ndarray, k: int) -> list[int]:
    order = np.argsort(((vectors[among].astype(np.float64) - query) ** 2).sum(1), kind="stable")
    return among[order[:k]].tolist()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_same_vectors_give_the_same_bytes(tmp_path, metric):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        HNSW(metric).build(np.arange(500), drawn(500)).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_it_counts_what_it_compares_and_a_batch_is_the_sum_of_its_queries():
    vectors = drawn(4000)
    index = HNSW("euclidean", links=8, effort=20).build(np.arange(4000), vectors)
    together = index.search(vectors[:9], 5).examined
    alone = [int(index.search(vectors[i : i + 1], 5).examined[0]) for i in range(9)]
    assert len(set(alone)) > 1
    assert sum(alone) == together.sum()
    assert together.max() - together.min() <= 1  # the library counts a batch as a whole
    assert (together > 20).all()
    assert (together < 2000).all()
    assert (
        HNSW("euclidean", links=8, effort=200).build(np.arange(4000), vectors).search(vectors[:9], 5).examined
        > together
    ).all()


@pytest.mark.parametrize("share", [1, 2])
def test_a_batch_is_searched_by_the_library_at_once_and_answers_as_single_queries(monkeypatch, share):
    import faiss

    vectors, asked = drawn(3000), []
    index = HNSW("euclidean", links=2, effort=6).build(np.arange(3000), vectors)
    allowed = np.arange(0, 3000, share)
    alone = [index.search_among(allowed, query[None], 6) for query in vectors[:300]]
    search = faiss.IndexHNSWFlat.search
    monkeypatch.setattr(
        faiss.IndexHNSWFlat,
        "search",
        lambda self, queries, k, **more: asked.append(len(queries)) or search(self, queries, k, **more),
    )
    together = index.search_among(allowed, vectors[:300], 6)
    np.testing.assert_array_equal(together.ids, np.concatenate([answer.ids for answer in alone]))
    np.testing.assert_array_equal(together.distances, np.concatenate([answer.distances for answer in alone]))
    assert together.examined.sum() == sum(answer.examined.sum() for answer in alone)
    assert max(asked) == 256  # and no more: other searches get their turn in between
    assert len(asked) < 20


@pytest.mark.parametrize(("every", "links", "effort"), [(2, 16, 100), (10, 16, 100), (500, 16, 100), (40, 2, 10)])
def test_only_allowed_ids_are_found_while_walking(every, links, effort):
    vectors = drawn(4000)
    index = HNSW("euclidean", links=links, effort=effort).build(np.arange(4000), vectors)
    allowed = np.arange(0, 4000, every)
    found = index.search_among(allowed, vectors[1:41], 8).ids
    assert np.isin(found, allowed).all()
    truth = [nearest(vectors, query, allowed, 8) for query in vectors[1:41]]
    share = np.mean([len(set(a) & set(b)) / 8 for a, b in zip(found.tolist(), truth, strict=True)])
    assert share >= (0.95 if links == 16 else 0.7)


def test_allowed_ids_far_from_the_query_are_found_all_the_same():
    rng = np.random.default_rng(3)
    vectors = np.concatenate([rng.standard_normal((2000, 8)), 50 + rng.standard_normal((1000, 8))]).astype(np.float32)
    index = HNSW("euclidean", links=4, effort=10).build(np.arange(3000), vectors)
    found = index.search_among(np.arange(2000, 3000), vectors[:5], 8).ids
    assert found.tolist() == [nearest(vectors, query, np.arange(2000, 3000), 8) for query in vectors[:5]]


def test_of_few_allowed_ids_those_that_are_there_are_found_and_unknown_ones_refused():
    index = HNSW("cosine").build(np.arange(900), drawn(900))
    index.remove(np.array([3]))
    answer = index.search_among(np.array([5, 7]), drawn(900)[:1], 4)
    assert sorted(answer.ids[0].tolist()) == [-1, -1, 5, 7]
    assert answer.examined.tolist() == [2]
    assert (index.search_among(np.empty(0, np.int64), drawn(900)[:1], 4).ids == -1).all()
    with pytest.raises(NotFound):
        index.search_among(np.array([3]), drawn(900)[:1], 4)


def test_removed_vectors_leave_the_graph_when_a_fifth_is_gone(tmp_path):
    index = HNSW("euclidean").build(np.arange(1000), drawn(1000))
    index.remove(np.arange(200))
    index.save(tmp_path)
    assert len(np.load(tmp_path / "ids.npy")) == 1000  # masked: still waypoints
    index.remove(np.array([200]))
    index.save(tmp_path)
    assert np.load(tmp_path / "ids.npy").tolist() == list(range(201, 1000))
    fresh = HNSW("euclidean").build(np.arange(201, 1000), drawn(1000)[201:])
    np.testing.assert_array_equal(index.search(drawn(1000)[:50], 8).ids, fresh.search(drawn(1000)[:50], 8).ids)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_very_large_and_very_small_vectors_have_their_direction(scale):
    vectors = drawn(600)
    plain = HNSW("cosine").build(np.arange(600), vectors).search(vectors[:20], 5).ids
    scaled = HNSW("cosine").build(np.arange(600), vectors * np.float32(scale)).search(vectors[:20], 5).ids
    assert (plain == scaled).mean() >= 0.95


def test_a_damaged_graph_is_refused_before_the_library_reads_it(tmp_path, monkeypatch):
    import faiss

    HNSW("euclidean").build(np.arange(300), drawn(300)).save(tmp_path)
    path = tmp_path / "graph.faiss"
    whole = path.read_bytes()
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("the library read a damaged file"))
    for damaged in (whole[:-1], whole[:50], b"", whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], whole + b"\0"):
        path.write_bytes(damaged)
        with pytest.raises(Corrupt, match="damaged"):
            HNSW("euclidean").load(tmp_path)


def test_a_graph_over_other_vectors_or_of_another_version_is_refused(tmp_path):
    HNSW("euclidean").build(np.arange(300), drawn(300)).save(tmp_path)
    with pytest.raises(Corrupt, match="not a graph over these vectors"):
        HNSW("euclidean", links=8).load(tmp_path)
    facts = read_json(tmp_path / "hnsw.json")
    for other in ({**facts, "version": 3}, {"count": 300, "dimensions": 16}):  # the second is hnswlib's
        write_json(tmp_path / "hnsw.json", other)
        with pytest.raises(Corrupt, match="another version"):
            HNSW("euclidean").load(tmp_path)
