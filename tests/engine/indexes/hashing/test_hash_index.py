"""Indexes of hash functions of every family, in buckets and by Hamming distance, against slow and plain versions."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import BadParameter
from engine.indexes.exact import Exact
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.hash_index import HashIndex
from engine.indexes.hashing.hyperplanes import Hyperplanes
from engine.indexes.hashing.lookup import Growth
from engine.indexes.itq import ITQ
from engine.indexes.lsh import LSH
from tests.engine.indexes.hashing.conftest import FAMILIES, bits_of, some

LOOKUPS = ("buckets", "hamming")


def index_of(kind: type[HashIndex], lookup: str, **options) -> HashIndex:
    options = {"tables": 3, "bits": 6, "probes": 0, "rerank": 30} | options
    return kind("euclidean", lookup=lookup, **options)


def in_dictionary(functions: HashFunctions, vectors: np.ndarray, queries: np.ndarray) -> list[list[int]]:
    """Candidates by a dictionary from code to rows, table by table."""
    stored, asked = bits_of(functions, vectors, "euclidean"), bits_of(functions, queries, "euclidean")
    tables = [defaultdict(list) for _ in stored]
    for table, codes in zip(tables, stored, strict=True):
        for row, code in enumerate(codes):
            table[code.tobytes()].append(row)
    hits = [
        set().union(*(t[codes[i].tobytes()] for t, codes in zip(tables, asked, strict=True)))
        for i in range(len(queries))
    ]
    return [sorted(found) for found in hits]


def by_hamming_distance(functions: HashFunctions, vectors: np.ndarray, queries: np.ndarray, wanted: int) -> np.ndarray:
    """(q, wanted) rows with the nearest codes of all tables together; ties: the earlier row."""
    stored, asked = (np.concatenate(list(bits_of(functions, part, "euclidean")), axis=1) for part in (vectors, queries))
    differ = (asked[:, None, :] != stored[None, :, :]).sum(axis=2)
    return np.sort(np.argsort(differ, axis=1, kind="stable")[:, :wanted], axis=1)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize(("tables", "bits"), [(1, 8), (4, 5), (2, 20)])
def test_buckets_are_those_of_a_dictionary(kind, tables, bits):
    vectors = some()
    queries = vectors[:20] + np.float32(0.02)
    index = index_of(kind, "buckets", tables=tables, bits=bits).build(np.arange(400), vectors)
    wanted = in_dictionary(index.fitted(vectors), vectors, queries)
    assert [found.tolist() for found in index.candidates(queries)] == wanted
    assert 0 < np.mean([len(found) for found in wanted]) < 400


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize(("tables", "bits", "rerank"), [(1, 8, 50), (1, 20, 7), (7, 20, 399), (2, 3, 1)])
def test_hamming_ranking_is_that_of_numpy(kind, tables, bits, rerank):
    vectors, queries = some(), some(20, seed=1)
    index = index_of(kind, "hamming", tables=tables, bits=bits, rerank=rerank).build(np.arange(400), vectors)
    wanted = by_hamming_distance(index.fitted(vectors), vectors, queries, rerank)
    np.testing.assert_array_equal(index.candidates(queries), wanted)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(1, 40), rerank=st.integers(1, 700), few=st.booleans())
def test_hamming_ranking_with_any_size_and_gone_rows(seed, bits, rerank, few):
    vectors, queries = some(5000, 8, seed), some(3, 8, seed + 1)
    if few:  # almost all codes equal
        vectors, queries = np.round(vectors / 8), np.round(queries / 8)
    gone = np.random.default_rng(seed).random(5000) < 0.5
    index = index_of(LSH, "hamming", tables=2, bits=bits, rerank=rerank).build(np.arange(5000), vectors)
    functions = index.fitted(vectors)
    index.remove(np.flatnonzero(gone))
    here = np.flatnonzero(~gone)
    wanted = here[by_hamming_distance(functions, vectors[here], queries, rerank)]
    np.testing.assert_array_equal(index.candidates(queries), wanted)


@pytest.mark.parametrize("kind", FAMILIES)
def test_more_buckets_only_add_candidates(kind):
    vectors, queries = some(), some(20, seed=1)
    former = [set() for _ in queries]
    for probes in (0, 1, 5, 20, 63):
        index = index_of(kind, "buckets", probes=probes).build(np.arange(400), vectors)
        now = [set(found.tolist()) for found in index.candidates(queries)]
        assert all(a <= b for a, b in zip(former, now, strict=True))
        former = now
    assert all(len(found) == 400 for found in former)  # all 2^6 buckets


def divided(stored: np.ndarray, code: np.ndarray, bits: int, largest: int) -> np.ndarray:
    """Rows of one bucket: all that share the first bits, of more than `largest` those that share one bit more …"""
    while (found := np.flatnonzero((stored[:, :bits] == code[:bits]).all(axis=1))).size > largest and bits < len(code):
        bits += 1
    return found


@pytest.mark.parametrize(("bits", "largest"), [(1, 1), (3, 20), (3, 399), (18, 1), (60, 2), (64, 1)])
def test_large_buckets_are_hashed_once_more_inside(bits, largest, tmp_path):
    vectors, queries = some(), some()[::20] + np.float32(0.02)
    index = index_of(LSH, "buckets", bits=bits, largest=largest).build(np.arange(300), vectors[:300])
    index.add(np.arange(300, 400), vectors[300:])
    functions = index.fitted(vectors[:300])
    assert (functions.bits, index.chosen["bits"]) == (min(bits + 16, 64), bits)
    index.save(tmp_path)  # which sorts the late rows in
    whole = index_of(LSH, "buckets", bits=bits, largest=largest).load(tmp_path)
    stored, asked = bits_of(functions, vectors, "euclidean"), bits_of(functions, queries, "euclidean")
    for i, found in enumerate(whole.candidates(queries)):
        wanted = set().union(
            *(divided(table, codes[i], bits, largest) for table, codes in zip(stored, asked, strict=True))
        )
        assert found.tolist() == sorted(wanted)
    shared = index_of(LSH, "buckets", bits=bits, largest=largest, functions=functions).build(np.arange(400), vectors)
    np.testing.assert_array_equal(shared.search(queries, 5).ids, whole.search(queries, 5).ids)


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_nearest_buckets_come_first(kind):
    vectors, query = some(), some(1, seed=1)
    functions = index_of(kind, "buckets", tables=1).fitted(vectors)
    margins = functions.margins(functions.points(query, "euclidean"))[0]
    index = index_of(kind, "buckets", tables=1, probes=1).build(np.arange(400), vectors)
    own = bits_of(functions, query, "euclidean")[0, 0]
    near = own.copy()
    near[np.argmin(np.abs(margins))] ^= True
    stored = bits_of(functions, vectors, "euclidean")[0]
    wanted = np.flatnonzero((stored == own).all(axis=1) | (stored == near).all(axis=1))
    np.testing.assert_array_equal(index.candidates(query)[0], wanted)


def directions_of(functions: HashFunctions) -> np.ndarray:
    """(b, p), what each function of the first table looks along."""
    if isinstance(functions, Hyperplanes):
        return functions.normals[0].astype(np.float64)
    return functions.turns[0].T[functions.axes[0]]


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_margin_is_how_far_it_is_to_the_other_side(kind):
    vectors = some()
    functions = index_of(kind, "buckets", tables=1, bits=8).fitted(vectors)
    points = functions.points(vectors, "euclidean")
    margins = functions.margins(points)
    for j, direction in enumerate(directions_of(functions)):
        way = np.abs(margins[:, j]) / (direction @ direction)  # a margin grows with the length of the normal
        for step, share in ((0.9, 0.0), (1.1, 1.0)):  # nearly there keeps the bit, a little further changes it
            changed = np.zeros(len(points), dtype=bool)
            for sign in (1, -1):
                moved = (points + sign * step * way[:, None] * direction).astype(points.dtype)
                changed |= (functions.margins(moved)[:, j] > 0) != (margins[:, j] > 0)
            assert changed.mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("lookup", LOOKUPS)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_numbers_are_chosen_that_find_what_exact_search_finds(kind, lookup, metric):
    vectors = some(3000, 24)
    stored, queries = vectors[200:], vectors[:200]
    index = kind(metric, lookup=lookup).build(np.arange(len(stored)), stored)
    truth = Exact(metric).build(np.arange(len(stored)), stored).search(queries, 8).ids
    found = index.search(queries, 8)
    hits = [len(set(a) & set(b)) / 8 for a, b in zip(found.ids.tolist(), truth.tolist(), strict=True)]
    assert np.mean(hits) >= 0.94
    assert found.examined.mean() < 0.6 * len(stored)


def recall_at(index: HashIndex, truth: np.ndarray, queries: np.ndarray) -> float:
    found = index.search(queries, truth.shape[1]).ids
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(truth, found, strict=True)]))


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("lookup", LOOKUPS)
def test_numbers_are_chosen_for_the_wanted_recall_of_any_number_of_neighbours(kind, lookup):
    vectors = some(3200, 24)
    stored, queries = vectors[200:], vectors[:200]
    exact = Exact("euclidean").build(np.arange(3000), stored)
    for neighbours, wanted in ((1, 0.5), (100, 0.99)):
        index = kind("euclidean", lookup=lookup, neighbours=neighbours, recall=wanted).build(np.arange(3000), stored)
        assert recall_at(index, exact.search(queries, neighbours).ids, queries) >= wanted - 0.02
    easy = kind("euclidean", lookup=lookup, neighbours=1, recall=0.5).build(np.arange(3000), stored)
    assert easy.search(queries, 1).examined.mean() < 0.7 * index.search(queries, 1).examined.mean()
    assert index.tuned(stored) == index.chosen


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("lookup", LOOKUPS)
def test_who_asks_for_more_neighbours_than_tuned_for_makes_it_look_further(kind, lookup, tmp_path):
    vectors = some(3200, 24)
    stored, queries = vectors[200:], vectors[:200]
    truth = Exact("euclidean").build(np.arange(3000), stored).search(queries, 300).ids
    index = kind("euclidean", lookup=lookup).build(np.arange(3000), stored)
    index.save(tmp_path)
    for each in (index, kind("euclidean", lookup=lookup).load(tmp_path)):
        assert recall_at(each, truth[:, :100], queries) >= 0.94
        assert recall_at(each, truth, queries) >= 0.9
        assert each.search(queries, 8).examined.mean() < each.search(queries, 300).examined.mean()
    numbers = {name: index.chosen[name] for name in ("tables", "bits", "probes", "rerank") if name in index.chosen}
    given = kind("euclidean", lookup=lookup, **numbers).build(np.arange(3000), stored)
    few, many = (given.search(queries, k).examined for k in (8, 60))
    assert (few == many).mean() > 0.9  # numbers that were given stay


def test_a_chosen_number_grows_with_the_neighbours_asked_for_and_a_given_one_stays():
    assert [Growth(8, 24).of(8, k) for k in (1, 8, 9, 100, 250)] == [8, 8, 24, 24, 60]
    assert [Growth(200, 24).of(24, k) for k in (200, 300)] == [24, 36]
    assert Growth().of(8, 1000) == 8


@pytest.mark.parametrize(("name", "value"), [("recall", 0), ("recall", 1.5), ("neighbours", 0), ("neighbours", 1.5)])
def test_a_wish_that_cannot_be_is_refused(name, value):
    with pytest.raises(BadParameter):
        ITQ("cosine", **{name: value})


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("lookup", LOOKUPS)
def test_changed_saved_and_loaded_it_answers_the_same(kind, lookup, tmp_path):
    vectors, queries = some(900), some(30, seed=1)
    functions = index_of(kind, lookup).fitted(vectors)
    whole = index_of(kind, lookup).with_functions(functions).build(np.arange(900), vectors)
    pieces = index_of(kind, lookup).with_functions(functions).build(np.arange(500), vectors[:500])
    pieces.add(np.arange(500, 900), vectors[500:])
    for index in (whole, pieces):
        index.remove(np.arange(100, 300))
    pieces.save(tmp_path)
    for index in (pieces, index_of(kind, lookup).load(tmp_path)):
        for a, b in zip(index.candidates(queries), whole.candidates(queries), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(index.search(queries, 8).ids, whole.search(queries, 8).ids)


@pytest.mark.parametrize("kind", FAMILIES)
def test_parts_with_the_same_functions_have_the_candidates_of_the_whole(kind):
    vectors, queries = some(), some(20, seed=1)
    functions = index_of(kind, "buckets").fitted(vectors)
    whole = index_of(kind, "buckets", probes=2).with_functions(functions).build(np.arange(400), vectors)
    parts = [
        index_of(kind, "buckets", probes=2).with_functions(functions).build(rows, vectors[rows])
        for rows in np.array_split(np.random.default_rng(0).permutation(400), 3)
    ]
    together = [
        np.sort(np.concatenate(found)) for found in zip(*(part.candidates(queries) for part in parts), strict=True)
    ]
    for a, b in zip(together, whole.candidates(queries), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", FAMILIES)
def test_only_the_own_buckets_answer_where_nothing_further_is_wanted(kind, tmp_path):
    vectors = some()
    queries = vectors[:20] + np.float32(0.02)
    built = index_of(kind, "buckets", bits=9, tables=1, further="no").build(np.arange(400), vectors)
    built.save(tmp_path)
    again = index_of(kind, "buckets", bits=9, tables=1, further="no").load(tmp_path)
    own = built.candidates(queries)
    for index in (built, again):
        found = index.search(queries, 200)
        assert index.chosen["further"] == "no"
        assert found.examined.tolist() == [len(rows) for rows in own]
        assert [np.sort(ids[ids >= 0]).tolist() for ids in found.ids] == [rows.tolist() for rows in own]
    further = index_of(kind, "buckets", bits=9, tables=1).build(np.arange(400), vectors).search(queries, 200)
    assert (further.ids >= 0).all()
    assert min(len(rows) for rows in own) < 200
