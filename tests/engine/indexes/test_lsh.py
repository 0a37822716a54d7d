"""LSH against its definition, against lshashpy3, and as a chooser of its own numbers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import BadParameter
from engine.indexes.exact import Exact
from engine.indexes.hashing.hyperplanes import Hyperplanes, draw_hyperplanes
from engine.indexes.lsh import LSH
from engine.indexes.lshash_reference import LSHashReference
from engine.indexes.table.sampling import prepared

METRICS = ("cosine", "euclidean")


def some(count: int = 500, dimensions: int = 20, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((10, dimensions)) * 2
    return (centres[rng.integers(0, 10, count)] + rng.standard_normal((count, dimensions))).astype(np.float32)


def naive_bits(vectors: np.ndarray, planes: Hyperplanes, metric: str) -> np.ndarray:
    """(T, n, b) which side of each plane, from the definition."""
    points = planes.points(vectors, metric).astype(np.float64)
    return np.einsum("np,tbp->tnb", points, planes.normals.astype(np.float64)) > 0


def naive_probes(margins: np.ndarray, count: int) -> list[frozenset[int]]:
    """All sets of flipped bits, the nearest first, by trying every set."""
    bits = len(margins)
    sets = [frozenset(chosen) for size in range(bits + 1) for chosen in combinations(range(bits), size)]
    return sorted(sets, key=lambda chosen: sum(float(margins[i]) ** 2 for i in chosen))[:count]


def naive_candidates(queries, vectors, planes, metric, probes):
    """The union of buckets by comparing the codes of every vector."""
    stored = naive_bits(vectors, planes, metric)
    margins = np.einsum("np,tbp->tnb", planes.points(queries, metric).astype(float), planes.normals.astype(float))
    found = []
    for i in range(len(queries)):
        hits = np.zeros(len(vectors), bool)
        for t in range(planes.tables):
            for flipped in naive_probes(margins[t, i], probes + 1):
                code = margins[t, i] > 0
                code[list(flipped)] ^= True
                hits |= (stored[t] == code).all(axis=1)
        found.append(np.flatnonzero(hits))
    return found


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("tables", "bits", "probes"), [(1, 1, 0), (3, 6, 0), (4, 7, 5), (2, 4, 15), (5, 18, 3), (2, 40, 2)]
)
def test_candidates_are_the_union_of_the_buckets(metric, tables, bits, probes):
    vectors, queries = some(), some(30, seed=1)
    planes = draw_hyperplanes(vectors, metric, tables, bits, 3)
    index = LSH(metric, probes=probes, planes=planes).build(np.arange(len(vectors)), vectors)
    if bits <= 9:
        wanted = naive_candidates(queries, vectors, planes, metric, probes)
    else:
        wanted = naive_candidates_of_long_codes(queries, vectors, planes, metric, probes)
    for found, right in zip(index.candidates(queries), wanted, strict=True):
        np.testing.assert_array_equal(found, right)


def naive_candidates_of_long_codes(queries, vectors, planes, metric, probes):
    """As above where all sets are too many: the nearest few flip only the bits with the smallest margins."""
    narrow = []
    margins = np.einsum("np,tbp->tnb", planes.points(queries, metric).astype(float), planes.normals.astype(float))
    stored = naive_bits(vectors, planes, metric)
    for i in range(len(queries)):
        hits = np.zeros(len(vectors), bool)
        for t in range(planes.tables):
            nearest = np.argsort(np.abs(margins[t, i]))[:10]
            for flipped in naive_probes(margins[t, i][nearest], probes + 1):
                code = margins[t, i] > 0
                code[nearest[list(flipped)]] ^= True
                hits |= (stored[t] == code).all(axis=1)
        narrow.append(np.flatnonzero(hits))
    return narrow


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("tables", "bits"), [(1, 3), (5, 8), (10, 12)])
def test_the_same_planes_give_the_candidates_of_lshashpy3(metric, tables, bits):
    vectors, queries = some(800, 24), some(60, 24, seed=1)
    ids = np.random.default_rng(0).permutation(10_000)[:800]
    planes = draw_hyperplanes(vectors, metric, tables, bits, 5)
    ours = LSH(metric, probes=0, planes=planes).build(ids, vectors)
    theirs = LSHashReference(metric, planes=planes).build(ids, vectors)
    sizes = []
    for a, b in zip(ours.candidates(queries), theirs.candidates(queries), strict=True):
        np.testing.assert_array_equal(a, b)
        sizes.append(len(a))
    assert 0 < np.mean(sizes) < 800
    enough = np.array(sizes) >= 8
    left, right = ours.search(queries, 8), theirs.search(queries, 8)
    np.testing.assert_array_equal(left.ids[enough], right.ids[enough])
    np.testing.assert_array_equal(left.examined[enough], right.examined[enough])


def test_the_reference_ranks_as_lshashpy3_itself_does():
    vectors, query = some(300, 12), some(5, 12, seed=2)
    planes = draw_hyperplanes(vectors, "euclidean", 4, 3, 0)
    index = LSHashReference("euclidean", planes=planes).build(np.arange(300), vectors)
    for row in query:
        theirs = index._lsh.query(planes.points(row[None], "euclidean")[0], 5, "true_euclidean")
        own = [extra - 1 for (_, extra), _ in theirs]
        assert index.search(row[None], 5).ids[0].tolist()[: len(own)] == own


@pytest.mark.parametrize("metric", METRICS)
def test_added_and_removed_rows_are_as_if_built_with(metric):
    vectors, queries = some(3000), some(40, seed=1)
    planes = draw_hyperplanes(vectors, metric, 6, 9, 0)
    whole = LSH(metric, probes=2, planes=planes).build(np.arange(3000), vectors)
    pieces = LSH(metric, probes=2, planes=planes).build(np.arange(1500), vectors[:1500])
    for first in (1500, 2000, 2900):  # the second makes the late rows many enough to be sorted in
        pieces.add(
            np.arange(first, {1500: 2000, 2000: 2900, 2900: 3000}[first]),
            vectors[first : {1500: 2000, 2000: 2900, 2900: 3000}[first]],
        )
    for index in (whole, pieces):
        index.remove(np.arange(100, 700))
    for a, b in zip(pieces.candidates(queries), whole.candidates(queries), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(pieces.search(queries, 8).ids, whole.search(queries, 8).ids)


def test_where_buckets_are_too_small_it_looks_further_and_counts_it():
    vectors = some(400)
    planes = draw_hyperplanes(vectors, "euclidean", 1, 16, 0)
    index = LSH("euclidean", probes=0, planes=planes).build(np.arange(400), vectors)
    queries = some(20, seed=3)
    narrow = np.array([len(found) for found in index.candidates(queries)])
    answer = index.search(queries, 8)
    assert narrow.min() < 8
    assert (answer.ids >= 0).all()
    assert (answer.examined[narrow < 8] >= 8).all()
    assert (answer.examined[narrow >= 8] == narrow[narrow >= 8]).all()
    far = index.search(np.full((1, 20), 1e6, np.float32), 400)
    assert far.examined[0] == 400
    assert (np.sort(far.ids[0]) == np.arange(400)).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["clusters", "no structure", "few"])
def test_the_chosen_settings_find_what_exact_search_finds(metric, kind):
    vectors = {
        "clusters": lambda: some(6000, 48),
        "no structure": lambda: np.random.default_rng(0).standard_normal((3000, 24)).astype(np.float32),
        "few": lambda: some(60, 48),
    }[kind]()
    held_out = max(10, len(vectors) // 20)
    stored, queries = vectors[held_out:], vectors[:held_out]
    index = LSH(metric).build(np.arange(len(stored)), stored)
    truth = Exact(metric).build(np.arange(len(stored)), stored).search(queries, 8)
    found = index.search(queries, 8)
    hits = [len(set(a) & set(b)) / 8 for a, b in zip(found.ids.tolist(), truth.ids.tolist(), strict=True)]
    assert np.mean(hits) >= 0.95
    if kind == "clusters":
        assert found.examined.mean() < 0.35 * len(stored)


def test_numbers_that_are_given_are_kept_and_the_others_chosen():
    vectors = some(1000)
    index = LSH("cosine", bits=5).build(np.arange(1000), vectors)
    assert index.chosen["bits"] == 5
    index = LSH("cosine", tables=6, probes=1).build(np.arange(1000), vectors)
    assert (index.chosen["tables"], index.chosen["probes"]) == (6, 1)


def test_planes_for_other_vectors_are_refused():
    planes = draw_hyperplanes(some(100, 12), "cosine", 2, 3, 0)
    with pytest.raises(BadParameter, match="functions"):
        LSH("cosine", planes=planes).build(np.arange(50), some(50, 13))


@pytest.mark.parametrize("dimensions", [5, 32, 33, 300])
def test_planes_are_drawn_in_orthonormal_directions(dimensions):
    for count in (0, 3, 40, 400):
        vectors = np.random.default_rng(0).standard_normal((count, dimensions)).astype(np.float32)
        planes = draw_hyperplanes(vectors, "euclidean", 2, 3, 0)
        product = planes.basis.astype(float) @ planes.basis.T.astype(float)
        np.testing.assert_allclose(product, np.eye(min(dimensions, 32)), atol=1e-5)


def test_the_directions_are_the_principal_ones():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    for count, dimensions in ((300, 60), (80, 200)):
        vectors = (rng.standard_normal((count, dimensions)) * np.linspace(5, 0.01, dimensions)).astype(np.float32)
        basis = draw_hyperplanes(vectors, "euclidean", 1, 1, 0).basis
        wanted = PCA(32, svd_solver="full").fit(vectors).components_
        np.testing.assert_allclose(np.linalg.svd(basis @ wanted.T)[1], 1, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), bits=st.integers(1, 9), tables=st.integers(1, 4), probes=st.integers(0, 12),
    metric=st.sampled_from(METRICS),
)  # fmt: skip
def test_any_setting_gives_the_union_of_its_buckets(seed, bits, tables, probes, metric):
    vectors, queries = some(60, 6, seed), some(4, 6, seed + 1)
    planes = draw_hyperplanes(vectors, metric, tables, bits, seed % 1000)
    index = LSH(metric, probes=probes, planes=planes).build(np.arange(60), vectors)
    wanted = naive_candidates(queries, vectors, planes, metric, min(probes, 2**bits - 1))
    for found, right in zip(index.candidates(queries), wanted, strict=True):
        np.testing.assert_array_equal(found, right)


def test_codes_do_not_depend_on_how_many_are_hashed_at_once():
    vectors = some(300, 70)
    planes = draw_hyperplanes(vectors, "cosine", 8, 16, 0)
    together = planes.codes(vectors, "cosine")[0]
    alone = np.concatenate([planes.codes(vector[None], "cosine")[0] for vector in vectors], axis=1)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(planes.only_codes(vectors, "cosine"), together)


def test_prepared_vectors_have_length_one_or_zero():
    vectors = np.array([[3, 4], [0, 0]], np.float32)
    np.testing.assert_allclose(prepared(vectors, "cosine"), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert prepared(vectors, "euclidean") is vectors
