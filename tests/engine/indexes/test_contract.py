"""What holds for every search method that the folder `engine/indexes` holds."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter, BenzerError, NotFound, NotReady
from engine.core.settings import Choice
from engine.indexes import make_index, methods

METRICS = ("cosine", "euclidean")
CASES = [(name, metric) for name, kind in methods().items() for metric in METRICS if metric in kind.metrics]
MAY_FIND_FEWER = {"lshash"}  # the textbook method has no way to look further


def clustered(count: int = 600, dimensions: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ids that are no row numbers, and vectors around twelve centres."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((12, dimensions)) * 3
    vectors = centres[rng.integers(0, 12, count)] + rng.standard_normal((count, dimensions))
    ids = rng.choice(2**62, count, replace=False).astype(np.int64)
    return ids, vectors.astype(np.float32)


def true_distances(queries: np.ndarray, vectors: np.ndarray, metric: str) -> np.ndarray:
    """(q, n), the slow and plain way in double precision."""
    a, b = queries.astype(np.float64)[:, None, :], vectors.astype(np.float64)[None, :, :]
    if metric == "euclidean":
        return np.sqrt(((a - b) ** 2).sum(-1))
    lengths = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    cosines = np.divide((a * b).sum(-1), lengths, out=np.zeros(lengths.shape), where=lengths > 0)
    return np.where((a == b).all(-1), 0, 1 - cosines)


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


@pytest.fixture(scope="module")
def built() -> dict:
    ids, vectors = clustered()
    return {case: make_index(*case).build(ids, vectors) for case in CASES}


@pytest.fixture(params=CASES, ids=["-".join(case) for case in CASES])
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


def test_the_folder_holds_the_methods_that_are_promised():
    assert {"exact", "lsh", "lshash", "kmeans", "hnsw"} <= set(methods())
    for kind in methods().values():
        assert kind.title
        assert kind.summary.endswith(".")


def test_answers_have_the_shapes_and_types_of_the_contract(built, case):
    _, vectors = clustered()
    answer = built[case].search(vectors[:5], 8)
    assert (answer.ids.shape, answer.distances.shape, answer.examined.shape) == ((5, 8), (5, 8), (5,))
    assert (answer.ids.dtype, answer.distances.dtype, answer.examined.dtype) == (np.int64, np.float32, np.int64)
    assert built[case].size == len(vectors)
    assert (answer.examined <= len(vectors)).all()
    assert ((answer.examined >= 8) | (answer.examined == -1)).all()


def test_distances_are_sorted_and_true(built, case):
    ids, vectors = clustered()
    queries = clustered(seed=1)[1][:20]
    answer = built[case].search(queries, 8)
    assert (answer.ids >= 0).all()
    assert (np.diff(answer.distances, axis=1) >= 0).all()
    assert all(len(set(row)) == 8 for row in answer.ids.tolist())
    row_of = {id: row for row, id in enumerate(ids.tolist())}
    for query, found, distances in zip(queries, answer.ids, answer.distances, strict=True):
        chosen = vectors[[row_of[id] for id in found.tolist()]]
        np.testing.assert_allclose(distances, true_distances(query[None], chosen, case[1])[0], rtol=2e-6, atol=2e-7)


def test_most_true_neighbours_are_found(built, case):
    ids, vectors = clustered()
    rng = np.random.default_rng(7)
    queries = (vectors[::6] + 0.3 * rng.standard_normal(vectors[::6].shape)).astype(np.float32)
    truth = ids[np.argsort(true_distances(queries, vectors, case[1]), axis=1, kind="stable")[:, :8]]
    assert recall(built[case].search(queries, 8).ids, truth) >= (1.0 if case[0] == "exact" else 0.9)


def test_a_stored_vector_finds_itself_first(built, case):
    ids, vectors = clustered()
    answer = built[case].search(vectors[:50], 1)
    assert (answer.ids[:, 0] == ids[:50]).mean() >= 0.98
    assert answer.distances[:, 0].min() == pytest.approx(0, abs=1e-6)


def test_more_than_there_are_is_filled_with_minus_one_and_inf(case):
    ids, vectors = clustered(5)
    answer = make_index(*case).build(ids, vectors).search(vectors[:3], 8)
    there = answer.ids >= 0
    assert np.isinf(answer.distances[~there]).all()
    assert np.isfinite(answer.distances[there]).all()
    assert not there[:, 5:].any()
    if case[0] not in MAY_FIND_FEWER:
        assert there[:, :5].all()
        assert (np.sort(answer.ids[:, :5], axis=1) == np.sort(ids)).all()


def test_an_empty_index_answers_nothing_and_can_be_added_to(case):
    index = make_index(*case).build(np.empty(0, np.int64), np.empty((0, 24), np.float32))
    ids, vectors = clustered(40)
    assert index.size == 0
    answer = index.search(vectors[:2], 3)
    assert (answer.ids == -1).all()
    assert np.isinf(answer.distances).all()
    index.add(ids, vectors)
    assert index.size == 40
    assert (index.search(vectors[:5], 1).ids[:, 0] == ids[:5]).all()


def test_no_queries_no_answers(built, case):
    answer = built[case].search(np.empty((0, 24), np.float32), 8)
    assert (answer.ids.shape, answer.distances.shape, answer.examined.shape) == ((0, 8), (0, 8), (0,))


def test_added_vectors_are_found_and_removed_ones_are_not(case):
    ids, vectors = clustered(400)
    index = make_index(*case).build(ids[:300], vectors[:300])
    index.add(ids[300:], vectors[300:])
    assert index.size == 400
    assert (index.search(vectors[300:], 1).ids[:, 0] == ids[300:]).mean() >= 0.97
    index.remove(ids[100:350])
    assert index.size == 150
    found = index.search(vectors, 20).ids
    assert not np.isin(found, ids[100:350]).any()
    index.add(ids[100:101], vectors[100:101])
    assert index.search(vectors[100:101], 1).ids[0, 0] == ids[100]


def test_removing_everything_leaves_an_empty_index(case):
    ids, vectors = clustered(30)
    index = make_index(*case).build(ids, vectors)
    index.remove(ids)
    assert index.size == 0
    assert (index.search(vectors[:2], 3).ids == -1).all()


def test_saved_and_loaded_it_answers_the_same(built, case, tmp_path):
    queries = clustered(seed=1)[1][:30]
    built[case].save(tmp_path)
    loaded = make_index(*case).load(tmp_path)
    before, after = built[case].search(queries, 8), loaded.search(queries, 8)
    for name in ("ids", "distances", "examined"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert loaded.chosen == built[case].chosen
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".pkl", ".pickle", ".npz"}]


def test_what_was_changed_and_loaded_again_can_be_changed_further(case, tmp_path):
    ids, vectors = clustered(300)
    index = make_index(*case).build(ids[:200], vectors[:200])
    index.add(ids[200:250], vectors[200:250])
    index.remove(ids[:50])
    index.save(tmp_path)
    loaded = make_index(*case).load(tmp_path)
    assert loaded.size == 200
    loaded.add(ids[250:], vectors[250:])
    loaded.remove(ids[60:70])
    assert loaded.size == 240
    found = loaded.search(vectors, 10).ids
    assert not np.isin(found, np.concatenate([ids[:50], ids[60:70]])).any()
    assert (loaded.search(vectors[250:], 1).ids[:, 0] == ids[250:]).mean() >= 0.9


def test_loading_does_not_change_the_files(built, case, tmp_path):
    built[case].save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    loaded = make_index(*case).load(tmp_path)
    ids, vectors = clustered(10, seed=3)
    loaded.add(ids, vectors)
    loaded.search(vectors, 3)
    loaded.remove(ids[:2])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_the_same_is_built_and_answered_twice(built, case):
    ids, vectors = clustered()
    queries = clustered(seed=2)[1][:40]
    again = make_index(*case).build(ids, vectors)
    assert again.chosen == built[case].chosen
    np.testing.assert_array_equal(again.search(queries, 8).ids, built[case].search(queries, 8).ids)


def test_a_query_gets_the_same_answer_alone_and_among_others(built, case):
    queries = clustered(seed=2)[1][:12]
    together = built[case].search(queries, 8)
    for i, query in enumerate(queries):
        alone = built[case].search(query[None], 8)
        np.testing.assert_array_equal(alone.ids[0], together.ids[i])
        np.testing.assert_array_equal(alone.distances[0], together.distances[i])


def test_zero_vectors_are_at_cosine_distance_one_from_all_but_their_equals(case):
    ids, vectors = clustered(50)
    vectors = vectors.copy()
    vectors[[7, 9]] = 0
    index = make_index(*case).build(ids, vectors)
    for query in (vectors[7:8], vectors[:1]):
        answer = index.search(query, 50)
        assert not np.isnan(answer.distances).any()
        if case[1] == "cosine":
            zero, asked = np.isin(answer.ids, ids[[7, 9]]), not query.any()
            np.testing.assert_allclose(answer.distances[zero], 0 if asked else 1, atol=1e-6)
            if asked:
                np.testing.assert_allclose(answer.distances[~zero & (answer.ids >= 0)], 1, atol=1e-6)


def test_equal_vectors_are_all_found(case):
    vectors = np.ones((20, 6), np.float32)
    answer = make_index(*case).build(np.arange(20), vectors).search(vectors[:1], 8)
    assert len(set(answer.ids[0].tolist())) == 8
    np.testing.assert_allclose(answer.distances, 0, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(built, case, bad):
    ids, vectors = clustered(20)
    broken = vectors.copy()
    broken[3, 4] = bad
    with pytest.raises(BadParameter, match="row 3"):
        make_index(*case).build(ids, broken)
    with pytest.raises(BadParameter, match="row 3"):
        built[case].search(broken, 3)
    with pytest.raises(BadParameter, match="row 3"):
        built[case].add(ids, broken)
    assert built[case].size == 600


@pytest.mark.parametrize("shape", [(24,), (3, 23), (3, 25), (3, 0), (2, 3, 24)])
def test_wrong_shapes_are_refused(built, case, shape):
    with pytest.raises(BadParameter):
        built[case].search(np.zeros(shape, np.float32), 3)
    with pytest.raises(BadParameter):
        built[case].add(np.arange(shape[0]), np.zeros(shape, np.float32))
    assert built[case].size == 600


@pytest.mark.parametrize("ids", [[1, 1, 2], [1, 2], [-1, 2, 3], [[1, 2, 3]]])
def test_wrong_ids_are_refused(case, ids):
    with pytest.raises(BadParameter, match="ids"):
        make_index(*case).build(np.array(ids), np.ones((3, 4), np.float32))


def test_an_id_that_is_there_already_is_refused(built, case):
    ids, vectors = clustered()
    with pytest.raises(BadParameter, match="already"):
        built[case].add(ids[:1], vectors[:1])
    assert built[case].size == 600


@pytest.mark.parametrize("k", [0, -1, 1002, 2.5, True, "8", None])
def test_a_k_out_of_range_is_refused(built, case, k):
    with pytest.raises(BadParameter, match="The k of the search"):
        built[case].search(np.zeros((1, 24), np.float32), k)


def test_removing_the_unknown_removes_nothing(built, case):
    ids, _ = clustered()
    with pytest.raises(NotFound):
        built[case].remove(np.array([ids[0], 5]))
    assert built[case].size == 600


def test_an_unknown_metric_or_setting_is_refused(case):
    name, metric = case
    with pytest.raises(BadParameter, match="metric"):
        make_index(name, "chebyshev")
    with pytest.raises(BadParameter, match="setting"):
        make_index(name, metric, nonsense=3)
    for setting in methods()[name].settings:
        words = isinstance(setting, Choice)
        for value in ("nothing", 1) if words else (setting.low - 1, setting.high + 1, 1.5, "many"):
            with pytest.raises(BadParameter, match=setting.name):
                make_index(name, metric, **{setting.name: value})


def test_settings_are_honoured(case):
    name, metric = case
    ids, vectors = clustered(100)
    for setting in methods()[name].settings:
        words = isinstance(setting, Choice)
        value = list(setting.options)[-1] if words else min(setting.high, max(setting.low, 3))
        assert make_index(name, metric, **{setting.name: value}).build(ids, vectors).chosen[setting.name] == value


def test_searching_before_building_is_named(case):
    with pytest.raises(NotReady):
        make_index(*case).search(np.zeros((1, 4), np.float32), 3)


def test_every_refusal_is_one_typed_sentence(built, case):
    with pytest.raises(BenzerError) as caught:
        built[case].search(np.zeros((1, 3), np.float32), 8)
    assert str(caught.value).endswith("got 3.")
