"""Hash functions of every family, in buckets and by Hamming distance, against slow and plain versions."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import BadParameter
from engine.indexes import make_index
from engine.indexes.exact import Exact
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.hash_index import HashIndex
from engine.indexes.hashing.hyperplanes import Hyperplanes, draw_hyperplanes
from engine.indexes.hashing.lookup import Growth
from engine.indexes.itq import ITQ, learned_rotation
from engine.indexes.lsh import LSH
from engine.indexes.pcah import PCAH
from engine.indexes.spectral import SpectralHashing, longest_waves, wave_margins

FAMILIES = (LSH, PCAH, SpectralHashing, ITQ)
LEARNING = (PCAH, SpectralHashing, ITQ)
LOOKUPS = ("buckets", "hamming")


def some(count: int = 400, dimensions: int = 20, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((10, dimensions)) * 2
    return (centres[rng.integers(0, 10, count)] + rng.standard_normal((count, dimensions))).astype(np.float32)


def bits_of(functions: HashFunctions, vectors: np.ndarray, metric: str) -> np.ndarray:
    """(T, n, b), from the margins alone."""
    margins = functions.margins(functions.points(vectors, metric))
    return (margins > 0).reshape(len(vectors), functions.tables, functions.bits).transpose(1, 0, 2)


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
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_codes_do_not_depend_on_how_many_are_hashed_at_once(kind, metric):
    vectors = some(300, 70)
    functions = kind(metric, tables=8, bits=33, probes=0).fitted(vectors)
    together = functions.words(vectors, metric)
    alone = np.concatenate([functions.words(vector[None], metric) for vector in vectors], axis=1)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(functions.only_codes(vectors, metric), functions.codes(vectors, metric)[0])


@pytest.mark.parametrize("kind", LEARNING)
def test_another_seed_turns_other_tables_and_the_first_is_the_plain_one(kind):
    vectors = some(300, 70)
    first, second = (kind("euclidean", tables=3, bits=8, seed=seed).fitted(vectors) for seed in (0, 1))
    a, b = (bits_of(functions, vectors, "euclidean") for functions in (first, second))
    assert ((a[0] == b[0]).all(axis=0) | (a[0] != b[0]).all(axis=0)).all() or kind is ITQ
    assert not np.array_equal(a[1], b[1])
    assert not np.array_equal(a[1], a[2])


def test_a_bit_of_pca_hashing_is_a_side_along_a_principal_component():
    vectors = (np.random.default_rng(0).standard_normal((500, 12)) * np.linspace(6, 1, 12)).astype(np.float32) + 3
    codes = bits_of(PCAH("euclidean", tables=1, bits=12).fitted(vectors), vectors, "euclidean")[0]
    centred = vectors - vectors.mean(axis=0)
    wanted = centred @ np.linalg.svd(centred, full_matrices=False)[2].T > 0
    agree = (codes == wanted).mean(axis=0)
    np.testing.assert_allclose(np.maximum(agree, 1 - agree), 1, atol=0.005)


def test_the_learned_rotation_finds_corners_that_were_turned_away():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    corners = np.where(rng.random((2000, 6)) > 0.5, 1.0, -1.0)
    points = (corners + 0.1 * rng.standard_normal(corners.shape)) @ turn
    rotation = learned_rotation(points, np.eye(6))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(6), atol=1e-5)

    def lost(rotation: np.ndarray) -> float:
        return float(((np.sign(points @ rotation) - points @ rotation) ** 2).mean())

    assert lost(rotation) < 0.02 < lost(np.eye(6))


def test_the_longest_waves_of_a_box():
    axes, frequencies = longest_waves(np.array([0.0, 5.0]), np.array([2.0, 6.0]), 4)  # lengths 2 and 1
    assert axes.tolist() == [0, 0, 1, 0]
    np.testing.assert_allclose(frequencies, np.pi * np.array([1 / 2, 2 / 2, 1 / 1, 3 / 2]))
    assert len(longest_waves(np.zeros(3), np.zeros(3), 5)[0]) == 5  # all vectors equal


def test_the_side_and_the_margin_of_a_wave():
    along, frequencies = np.linspace(-3, 7, 501)[:, None], np.array([[0.7, 2.0]])
    margins = wave_margins(along, frequencies[0])
    np.testing.assert_array_equal(margins > 0, np.cos(along * frequencies) > 0)
    zeros = (np.arange(-20, 40) + 0.5) * np.pi
    wanted = np.abs(along[:, :, None] - zeros / frequencies[0][:, None]).min(axis=2)
    np.testing.assert_allclose(np.abs(margins), wanted, atol=1e-9)


def test_selected_planes_split_in_half():
    vectors = (np.random.default_rng(0).exponential(1, (2000, 12)) ** 2).astype(np.float32)  # far from symmetric
    uneven = {}
    for selection in ("plain", "balanced", "median"):
        planes = draw_hyperplanes(vectors, "euclidean", 4, 16, 0, selection)
        uneven[selection] = np.abs(bits_of(planes, vectors, "euclidean").mean(axis=1) - 0.5).mean()
    assert uneven["median"] < 0.002
    assert uneven["balanced"] < 0.6 * uneven["plain"]


def test_planes_are_drawn_in_as_many_directions_as_wanted():
    vectors = some(300, 40)
    for directions, wanted in ((5, 5), (40, 40), (4096, 40)):
        index = LSH("euclidean", tables=2, bits=4, probes=0, directions=directions)
        assert index.fitted(vectors).basis.shape == (wanted, 40)


def test_planes_stored_without_thresholds_pass_through_the_centre(tmp_path: Path):
    planes = draw_hyperplanes(some(), "euclidean", 2, 5, 0)
    planes.save(tmp_path)
    (tmp_path / "thresholds.npy").unlink()
    np.testing.assert_array_equal(
        Hyperplanes.load(tmp_path).codes(some(), "euclidean")[0], planes.codes(some(), "euclidean")[0]
    )


def test_planes_moved_to_the_median_are_refused_by_the_reference():
    planes = draw_hyperplanes(some() ** 2, "euclidean", 2, 5, 0, "median")
    from engine.indexes.lshash_reference import LSHashReference

    with pytest.raises(BadParameter, match="through the centre"):
        LSHashReference("euclidean", planes=planes).build(np.arange(400), some())


@pytest.mark.parametrize("name", ["pcah", "itq"])
def test_more_bits_than_dimensions_are_refused(name):
    with pytest.raises(BadParameter, match=r"^The bits of the method \w+ must be at most 20, .*; got 21\.$"):
        make_index(name, "cosine", bits=21).build(np.arange(400), some())


def test_spectral_hashing_may_have_more_bits_than_dimensions():
    index = make_index("spectral", "cosine", bits=50).build(np.arange(400), some())
    assert index.chosen["bits"] == 50


@pytest.mark.parametrize("name", ["lsh", "pcah", "spectral", "itq"])
def test_bits_that_no_bucket_can_have_are_refused(name):
    with pytest.raises(BadParameter, match=r"at most 64 for buckets; got 65\.$"):
        make_index(name, "cosine", bits=65, lookup="buckets")
    for bits in (0, 129):
        with pytest.raises(BadParameter, match="bits"):
            make_index(name, "cosine", bits=bits, lookup="hamming")


def test_more_tables_than_can_be_ranked_are_refused():
    with pytest.raises(BadParameter, match=r"at most 102 by Hamming distance with 80 bits; got 103\.$"):
        make_index("lsh", "cosine", lookup="hamming", tables=103, bits=80).build(np.arange(400), some())
    many = make_index("lsh", "cosine", lookup="hamming", tables=102, bits=80, rerank=5).build(np.arange(400), some())
    assert (many.search(some()[:5], 1).ids[:, 0] == np.arange(5)).all()


def test_functions_of_another_kind_or_for_other_vectors_are_refused():
    planes = draw_hyperplanes(some(), "euclidean", 2, 5, 0)
    with pytest.raises(BadParameter, match="functions"):
        SpectralHashing("euclidean").with_functions(planes).build(np.arange(400), some())
    with pytest.raises(BadParameter, match=r"for 21 dimensions; got 20\.$"):
        ITQ("euclidean").with_functions(planes).build(np.arange(400), some(400, 21))
    long = draw_hyperplanes(some(), "euclidean", 1, 80, 0)
    with pytest.raises(BadParameter, match="at most 64 for buckets"):
        LSH("euclidean", functions=long).build(np.arange(400), some())


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
