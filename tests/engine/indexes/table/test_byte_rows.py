"""Ruling out candidates by one byte a value: nothing that belongs to the nearest may be lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.indexes.lsh import LSH
from engine.indexes.table.byte_rows import ByteRows
from engine.indexes.table.rows import RowTable

KINDS = ("plain", "bytes", "spikes", "equal", "huge", "tiny")
METRICS = ("cosine", "euclidean")


def drawn(seed: int, count: int, dimensions: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, dimensions)) * rng.exponential(1, dimensions) + rng.standard_normal(
        dimensions
    )
    if kind == "bytes":
        vectors = np.clip(np.rint(30 * np.abs(vectors)), 0, 255)
    if kind == "spikes":
        vectors[:: max(1, count // 5)] *= 1e4
    if kind == "huge":
        vectors *= 1e17
    if kind == "tiny":
        vectors *= 1e-36
    if kind == "equal":
        vectors = np.round(vectors / 3)
    return vectors.astype(np.float32)


def in_order(vectors: np.ndarray, query: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """All rows by distance in double precision (ties: the earlier first), and the distances."""
    a, b = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean":
        distances = ((a - b) ** 2).sum(axis=1)
    else:
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b)
        distances = np.where(lengths > 0, 1 - (a @ b) / np.where(lengths > 0, lengths, 1), 1.0)
    return np.lexsort((np.arange(len(a)), distances)), distances


def left_of(rows: ByteRows, query: np.ndarray, found: np.ndarray, k: int) -> np.ndarray:
    from engine.indexes.kernels.byte_rows import promising

    asked, blur = rows.asked(query[None])
    found = found.astype(np.int32)
    return found[: promising(asked[0], blur[0], rows.parts(), found, len(found), k)]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 900), dimensions=st.integers(1, 70), k=st.integers(1, 60),
    kind=st.sampled_from(KINDS), metric=st.sampled_from(METRICS), far=st.booleans(),
)  # fmt: skip
def test_the_nearest_are_never_ruled_out(seed, count, dimensions, k, kind, metric, far):
    vectors = drawn(seed, count + 1, dimensions, kind)
    query, vectors = vectors[0] * np.float32(1e9 if far else 1.01), vectors[1:]
    rows = ByteRows(RowTable(np.arange(count), vectors), metric)
    rows.fill()
    order, distances = in_order(vectors, query, metric)
    left = left_of(rows, query, np.random.default_rng(seed).permutation(count), k)
    assert len(set(left.tolist())) == len(left)
    beyond = distances[order[min(k, count) - 1]] * (1 - 1e-9) - 1e-14  # equally far ones may stand for each other
    assert set(np.flatnonzero(distances < beyond)) <= set(left.tolist())
    assert len(left) >= min(k, count)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["plain", "bytes"])
def test_most_others_are_ruled_out(kind, metric):
    vectors = drawn(0, 20_001, 40, kind)
    rows = ByteRows(RowTable(np.arange(20_000), vectors[1:]), metric)
    rows.fill()
    assert len(left_of(rows, vectors[0], np.arange(20_000), 10)) < 60


def test_the_stored_error_of_a_row_is_its_distance_from_its_bytes():
    vectors = drawn(0, 500, 12, "spikes")
    rows = ByteRows(RowTable(np.arange(500), vectors), "euclidean")
    rows.fill()
    codes, errors, scale, worst = rows.parts()
    away = np.linalg.norm(vectors - (rows.lows + scale * codes.astype(np.float64)), axis=1)
    assert (away <= errors).all()
    np.testing.assert_allclose(errors, away, rtol=1e-5, atol=1e-12)
    assert worst == errors.max()


def test_bytes_lose_nothing_of_bytes():
    vectors = drawn(0, 500, 12, "bytes")
    rows = ByteRows(RowTable(np.arange(500), vectors), "euclidean")
    rows.fill()
    codes, errors, scale, _ = rows.parts()
    np.testing.assert_array_equal(codes, vectors)
    assert (errors == 0).all()
    assert scale == 1


def test_a_direction_that_a_zero_vector_does_not_have_is_never_relied_on():
    vectors = drawn(0, 300, 8, "plain")
    vectors[7] = 0
    rows = ByteRows(RowTable(np.arange(300), vectors), "cosine")
    rows.fill()
    assert 7 in left_of(rows, vectors[3], np.arange(300), 1)
    assert len(left_of(rows, vectors[7], np.arange(300), 1)) == 300


@pytest.mark.parametrize("metric", METRICS)
def test_added_saved_and_loaded_they_bound_the_same(metric, tmp_path):
    vectors = drawn(0, 600, 10, "plain")
    table = RowTable(np.arange(200), vectors[:200])
    rows = ByteRows(table, metric)
    rows.fill()
    for first in range(200, 600, 100):
        rows.append(table.add(np.arange(first, first + 100), vectors[first : first + 100]))
    order, _ = in_order(vectors, vectors[450] * np.float32(1.1), metric)
    assert set(order[:5]) <= set(left_of(rows, vectors[450] * np.float32(1.1), np.arange(600), 5))
    rows.save(tmp_path, np.arange(100, 600))
    loaded = ByteRows(RowTable(np.arange(500), vectors[100:]), metric)
    loaded.load(tmp_path)
    found = left_of(loaded, vectors[450] * np.float32(1.1), np.arange(500), 5)
    assert set(order[:5][order[:5] >= 100] - 100) <= set(found)


def test_an_index_stored_before_there_were_bytes_can_be_loaded(tmp_path):
    vectors = drawn(0, 400, 10, "plain")
    index = LSH("euclidean", tables=3, bits=4, probes=1).build(np.arange(400), vectors)
    index.save(tmp_path)
    for path in tmp_path.glob("bytes*"):
        path.unlink()
    loaded = LSH("euclidean", tables=3, bits=4, probes=1).load(tmp_path)
    np.testing.assert_array_equal(loaded.search(vectors[:20], 5).ids, index.search(vectors[:20], 5).ids)
