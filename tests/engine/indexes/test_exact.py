"""Exact search against the slow and plain way, on data that the bounds find easy, hard and impossible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.indexes import exact
from engine.indexes.exact import Exact
from engine.indexes.kernels import threads
from engine.indexes.table.rows import RowTable
from engine.indexes.table.screening import CodeScreen, ProductScreen, centre_of, holds_bytes

METRICS = ("cosine", "euclidean")


@pytest.fixture(autouse=True)
def screened(monkeypatch):
    """The data of these tests is little; it is screened all the same."""
    monkeypatch.setattr(exact, "_FEW", -1)


def naive(queries: np.ndarray, vectors: np.ndarray, metric: str) -> np.ndarray:
    """(q, n) distances in double precision."""
    a, b = queries.astype(np.float64)[:, None, :], vectors.astype(np.float64)[None, :, :]
    if metric == "euclidean":
        return np.sqrt(((a - b) ** 2).sum(-1))
    lengths = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    cosines = np.divide((a * b).sum(-1), lengths, out=np.zeros(lengths.shape), where=lengths > 0)
    return np.where((a == b).all(-1), 0, 1 - cosines)


def drawn(kind: str, count: int, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    normal = rng.standard_normal((count, dimensions))
    vectors = {
        "normal": lambda: normal,
        "far from the origin": lambda: normal + 300,
        "bytes": lambda: rng.integers(0, 256, (count, dimensions)),
        "few values, many ties": lambda: rng.integers(0, 3, (count, dimensions)),
        "lengths of all sizes": lambda: normal * rng.exponential(1, (count, 1)) ** 4,
        "one value outweighs all": lambda: np.concatenate([normal[:, :1] * 1e4, normal[:, 1:]], axis=1),
        "tight clusters": lambda: rng.standard_normal((5, dimensions))[rng.integers(0, 5, count)] + 1e-4 * normal,
        "all equal": lambda: np.ones((count, dimensions)),
        "all zero": lambda: np.zeros((count, dimensions)),
        "tiny": lambda: normal * 1e-20,
        "large": lambda: normal * 1e14,
        "larger than squares fit": lambda: normal * 1e25,
        "sparse": lambda: np.maximum(normal - 1, 0),
    }[kind]()
    return vectors.astype(np.float32)


KINDS = (
    "normal", "far from the origin", "bytes", "few values, many ties", "lengths of all sizes",
    "one value outweighs all", "tight clusters", "all equal", "all zero", "tiny", "large", "larger than squares fit",
    "sparse",
)  # fmt: skip


def check(
    queries: np.ndarray, vectors: np.ndarray, metric: str, k: int, ids: np.ndarray, distances: np.ndarray
) -> None:
    """The answer is the naive one: the same distances, and ids that have these distances, each once."""
    truth = naive(queries, vectors, metric)
    there = min(k, len(vectors))
    wanted = np.sort(truth, axis=1)[:, :there]
    scale = 1.0 if metric == "cosine" else max(float(np.abs(vectors).max(initial=0)), 1e-30)
    np.testing.assert_allclose(distances[:, :there], wanted, rtol=1e-6, atol=2e-7 * scale)
    own = np.take_along_axis(truth, ids[:, :there], axis=1)
    np.testing.assert_allclose(own, wanted, rtol=1e-12, atol=1e-14 * scale)
    assert all(len(set(row)) == there for row in ids[:, :there].tolist())
    assert (ids[:, there:] == -1).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("few", [-1, exact._FEW], ids=["screened", "compared plainly"])
def test_it_equals_the_naive_search(kind, metric, few, monkeypatch):
    monkeypatch.setattr(exact, "_FEW", few)
    rng = np.random.default_rng(5)
    for count, dimensions, k in ((1, 1, 3), (33, 7, 8), (700, 40, 8), (1500, 129, 100)):
        vectors = drawn(kind, count, dimensions, rng)
        near = vectors[rng.integers(0, count, 11)]
        others = drawn(kind, 6, dimensions, rng)
        queries = np.concatenate([near, near[:3] + 0.1 * others[:3], others]).astype(np.float32)
        answer = Exact(metric).build(np.arange(count), vectors).search(queries, k)
        check(queries, vectors, metric, k, answer.ids, answer.distances)
        assert (answer.examined == count).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["normal", "far from the origin", "bytes", "sparse", "lengths of all sizes"])
@pytest.mark.parametrize("screen", [CodeScreen, ProductScreen])
def test_each_screen_alone_gives_exact_results_where_it_answers(screen, kind, metric):
    rng = np.random.default_rng(6)
    vectors = drawn(kind, 2000, 33, rng)
    queries = drawn(kind, 20, 33, rng)
    table = RowTable(np.arange(2000), vectors)
    distances, rows = np.full((20, 10), np.inf), np.full((20, 10), -1)
    compared = screen(table, metric).build().search(queries, distances, rows)
    answered = compared >= 0
    assert answered.mean() >= (0.9 if kind in {"normal", "bytes", "sparse"} else 0)
    if answered.any():
        shown = np.sqrt(distances[answered]) if metric == "euclidean" else distances[answered]
        check(queries[answered], vectors, metric, 10, rows[answered], shown)


def test_the_codes_spare_most_of_the_comparisons():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((20_000, 64)).astype(np.float32)
    screen = CodeScreen(RowTable(np.arange(20_000), vectors), "euclidean").build()
    compared = screen.search(vectors[:50], np.full((50, 8), np.inf), np.full((50, 8), -1))
    assert (compared >= 8).all()
    assert compared.max() < 200


def test_bytes_are_coded_without_loss():
    rng = np.random.default_rng(0)
    vectors = rng.integers(0, 256, (500, 30)).astype(np.float32)
    screen = CodeScreen(RowTable(np.arange(500), vectors), "euclidean").build()
    assert screen.facts[:, 2].max() == 0
    assert holds_bytes(vectors)
    for broken in (-1, 256, 0.5):
        vectors[400, 3] = broken
        assert not holds_bytes(vectors)


def test_a_byte_index_that_gets_other_numbers_stays_right():
    rng = np.random.default_rng(0)
    vectors = rng.integers(0, 256, (300, 20)).astype(np.float32)
    more = (rng.standard_normal((40, 20)) * 900).astype(np.float32)
    index = Exact("euclidean").build(np.arange(300), vectors)
    index.add(np.arange(300, 340), more)
    both = np.concatenate([vectors, more])
    answer = index.search(both[::7] + 0.3, 8)
    check(both[::7] + np.float32(0.3), both, "euclidean", 8, answer.ids, answer.distances)


def test_the_instruction_and_its_spelled_out_form_agree():
    from llvmlite import ir
    from numba import njit, types
    from numba.extending import intrinsic

    from engine.indexes.kernels import screening as kernels

    if not kernels.has_vnni():
        pytest.skip("this processor has no vpdpbusd")

    def lanes(vnni):
        @intrinsic
        def run(typingctx, a, b, out):
            def emit(context, builder, signature, args):
                kind = ir.VectorType(ir.IntType(32), 16)
                left, right, total = (kernels._load(builder, address, kind) for address in args)
                kernels._store(builder, kernels.multiply_add_bytes(builder, total, left, right, vnni=vnni), args[2])
                return context.get_dummy_value()

            return types.void(types.int64, types.int64, types.int64), emit

        return njit(lambda a, b, out: run(a.ctypes.data, b.ctypes.data, out.ctypes.data))

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, 64, dtype=np.uint8), rng.integers(-128, 128, 64, dtype=np.int8)
    a[:4], b[:4] = 255, -128
    start = rng.integers(-1000, 1000, 16).astype(np.int32)
    wanted = start + (a.astype(int) * b.astype(int)).reshape(16, 4).sum(1)
    for vnni in (True, False):
        out = start.copy()
        lanes(vnni)(a, b, out)
        np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_one_thread_and_several_agree(metric):
    import numba

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((5000, 48)).astype(np.float32)
    index = Exact(metric).build(np.arange(5000), vectors)
    answers, worth = [], threads._WORTH_THREADS
    try:
        for threads._WORTH_THREADS in (0.0, 1e9):
            answers.append(index.search(vectors[:30] * 1.1, 12))
    finally:
        threads._WORTH_THREADS = worth
    np.testing.assert_array_equal(answers[0].ids, answers[1].ids)
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


def test_vectors_in_falling_order_of_distance_are_no_trap():
    """Every row is nearer than all before it, so no early limit ever drops one."""
    vectors = (np.linspace(100, 0, 20_000)[:, None] * np.ones(8)).astype(np.float32)
    answer = Exact("euclidean").build(np.arange(20_000), vectors).search(np.zeros((3, 8), np.float32), 5)
    assert (answer.ids == [19_999, 19_998, 19_997, 19_996, 19_995]).all()


def test_a_screen_made_by_a_later_batch_leaves_out_what_was_removed(monkeypatch):
    monkeypatch.setattr(exact, "_FEW", 20_000)
    vectors = np.random.default_rng(0).standard_normal((600, 16)).astype(np.float32)
    index = Exact("euclidean").build(np.arange(600), vectors)
    index.remove(np.arange(0, 600, 2))
    assert index.search(vectors[:2], 1).ids[:, 0].tolist()[1] == 1
    assert index._screen is None
    answer = index.search(vectors, 4)
    assert isinstance(index._screen, CodeScreen)
    check(vectors, vectors[1::2], "euclidean", 4, (answer.ids - 1) // 2, answer.distances)
    index.add(np.array([600]), np.zeros((1, 16), np.float32))
    assert index.search(np.zeros((60, 16), np.float32), 1).ids[0, 0] == 600


def test_equal_distances_come_in_the_order_of_the_vectors():
    vectors = np.tile(np.eye(4, dtype=np.float32), (50, 1))
    answer = Exact("euclidean").build(np.arange(200), vectors).search(vectors[:1], 60)
    assert answer.ids[0, :50].tolist() == list(range(0, 200, 4))
    assert answer.ids[0, 50:].tolist() == [1, 2, 3, 5, 6, 7, 9, 10, 11, 13]


def test_the_centre_is_the_mean():
    vectors = np.random.default_rng(0).standard_normal((70_000, 3)).astype(np.float32)
    np.testing.assert_allclose(centre_of(vectors, "euclidean"), vectors.astype(float).mean(0), rtol=1e-9)


def test_a_loaded_index_reads_its_codes_from_the_disk(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((3000, 32)).astype(np.float32)
    index = Exact("cosine").build(np.arange(3000), vectors)
    index.save(tmp_path)
    loaded = Exact("cosine").load(tmp_path)
    assert isinstance(loaded._screen, CodeScreen)
    np.testing.assert_array_equal(loaded._screen.codes, index._screen.codes)
    assert loaded._screen.search(vectors[:4], np.full((4, 3), np.inf), np.full((4, 3), -1)).min() >= 3


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 120),
    dimensions=st.integers(1, 20),
    k=st.integers(1, 130),
    metric=st.sampled_from(METRICS),
    kind=st.sampled_from(KINDS),
    gone=st.integers(0, 40),
)
def test_any_data_any_k_after_adding_and_removing(seed, count, dimensions, k, metric, kind, gone):
    rng = np.random.default_rng(seed)
    vectors = drawn(kind, count, dimensions, rng)
    first = int(rng.integers(1, count + 1))
    index = Exact(metric).build(np.arange(first), vectors[:first])
    index.add(np.arange(first, count), vectors[first:])
    removed = rng.permutation(count)[: min(gone, count - 1)]
    index.remove(removed)
    kept = np.setdiff1d(np.arange(count), removed)
    queries = np.concatenate([vectors[rng.integers(0, count, 3)], drawn(kind, 2, dimensions, rng)])
    answer = index.search(queries, k)
    places = np.where(answer.ids >= 0, np.searchsorted(kept, answer.ids), -1)
    check(queries, vectors[kept], metric, k, places, answer.distances)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["normal", "bytes", "sparse", "few values, many ties", "tight clusters"])
def test_the_screen_of_the_card_is_right_on_any_device(kind, metric):
    """Its arithmetic runs on the processor here; a card adds no rule of its own."""
    from engine.indexes.table.screening_cuda import CudaScreen

    rng = np.random.default_rng(8)
    vectors = drawn(kind, 1200, 20, rng)
    index = Exact(metric).build(np.arange(1000), vectors[:1000])
    index._screen = CudaScreen(index._rows, metric, device="cpu").build()
    index.add(np.arange(1000, 1200), vectors[1000:])
    index.remove(np.arange(100))
    queries = np.concatenate([vectors[:9], drawn(kind, 5, 20, rng)])
    answer = index.search(queries, 12)
    check(queries, vectors[100:], metric, 12, answer.ids - 100, answer.distances)
    compared = index._screen.search(
        index._rows.checked_queries(queries), np.full((14, 12), np.inf), np.full((14, 12), -1)
    )
    assert (compared >= 12).mean() >= (0.8 if kind in {"normal", "bytes"} else 0)


@pytest.mark.gpu
def test_a_real_card_gives_the_same_answer():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    from engine.indexes.table.screening_cuda import CudaScreen

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((200_000, 64)).astype(np.float32)
    index = Exact("cosine").build(np.arange(200_000), vectors)
    assert isinstance(index._screen, CudaScreen)
    answer = index.search(vectors[:50], 8)
    check(vectors[:50], vectors, "cosine", 8, answer.ids, answer.distances)
