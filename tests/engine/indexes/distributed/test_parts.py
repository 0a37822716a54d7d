"""Parts join and leave while the index is asked: every answer is whole, and no vector is in it twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine import cluster
from engine.cluster import Lost
from engine.core.errors import BadParameter, NotReady
from engine.indexes import make_index
from engine.indexes.distributed.partition import merged, shares_for
from engine.indexes.distributed.read_write_lock import ReadWriteLock
from engine.indexes.hashing.hyperplanes import draw_hyperplanes
from engine.indexes.lsh import LSH
from engine.indexes.rdh import RDH


def made(count: int = 600, dimensions: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return 3 * np.arange(count), rng.normal(size=(count, dimensions)).astype(np.float32)


def held(index: RDH) -> list[np.ndarray]:
    return [piece.ids for piece in index._built.pieces]


def really(index: RDH) -> list[list[int]]:
    """The ids that each part really holds, by each of its copies."""
    return [sorted(handle.index.ids.tolist()) for handle in index._built.handles]


# ── who gives what ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("sizes", "more"), [([100, 100], 1), ([7, 7, 6], 2), ([10], 5), ([50, 3, 40], 1), ([5, 5], 3)])
def test_new_parts_take_even_shares(sizes: list[int], more: int) -> None:
    ends = np.cumsum([0, *sizes])
    parts = [np.arange(a, b) for a, b in pairwise(ends)]
    shares = shares_for(parts, more, seed=1)
    given = [np.concatenate(one) for one in shares]
    for ids, gone in zip(parts, given, strict=True):
        assert len(np.unique(gone)) == len(gone)
        assert np.isin(gone, ids).all()
    kept = [len(ids) - len(gone) for ids, gone in zip(parts, given, strict=True)]
    taken = [sum(len(share[j]) for share in shares) for j in range(more)]
    assert sum(kept) + sum(taken) == sum(sizes)
    even = sum(sizes) / (len(sizes) + more)
    assert max(kept) <= even + 1
    assert max(taken) - min(taken) <= len(sizes)
    if min(sizes) >= even:
        assert max(kept + taken) - min(kept + taken) <= len(sizes)


def test_a_vector_that_two_parts_hold_is_answered_once() -> None:
    one = np.array([[4, 9, -1]]), np.array([[0.1, 0.2, np.inf]], dtype=np.float32), np.array([2])
    two = np.array([[9, 4, 6]]), np.array([[0.2, 0.10001, 0.5]], dtype=np.float32), np.array([3])
    assert merged([one, two], 3, 1.0, repeats=True).ids.tolist() == [[4, 9, 6]]
    assert merged([one, two], 5, 1.0, repeats=True).ids.tolist() == [[4, 9, 6, -1, -1]]


# ── in this process ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("runs", ["exact", "lsh", "itq"])
@pytest.mark.parametrize("functions", ["same", "different"])
def test_after_growing_every_vector_is_in_one_part_and_found(runs: str, functions: str) -> None:
    ids, vectors = made()
    index = RDH("euclidean", parts=2, runs=runs, functions=functions, tables=8, bits=4).build(ids, vectors)
    assert index.grow(2) == 2
    assert index.chosen["parts"] == 4
    assert index.size == 600
    assert sorted(map(len, held(index))) == [150] * 4
    assert np.array_equal(np.sort(np.concatenate(held(index))), ids)
    assert [sorted(one.tolist()) for one in held(index)] == really(index)
    found = index.search(vectors[::7], 1)
    assert (found.ids[:, 0] == ids[::7]).all()
    assert index.part_seconds.shape == (4,)


def test_with_the_same_functions_the_candidates_stay_those_of_one_lsh() -> None:
    ids, vectors = made(2000)
    planes = draw_hyperplanes(vectors, "euclidean", 5, 3, 0)
    one = LSH("euclidean", probes=0, planes=planes).build(ids, vectors).search(vectors[:40], 5)
    index = RDH("euclidean", parts=2, tables=5, bits=3).build(ids, vectors)
    for change in (lambda: index.grow(3), index.shrink, index.shrink):
        change()
        many = index.search(vectors[:40], 5)
        assert np.array_equal(one.ids, many.ids)
        assert np.array_equal(one.examined, many.examined)


def test_what_has_grown_and_shrunk_is_changed_saved_and_loaded_as_any_other(tmp_path: Path) -> None:
    ids, vectors = made()
    index = RDH("euclidean", parts=3, runs="exact", copies=2).build(ids, vectors)
    index.grow()
    index.add(np.array([1, 2]), vectors[:2] + 50)
    index.remove(ids[:90])
    index.shrink()
    index.grow(2)
    index.save(tmp_path)
    again = RDH("euclidean", parts=3, runs="exact", copies=2).load(tmp_path)
    whole = make_index("exact", "euclidean").build(ids[90:], vectors[90:])
    whole.add(np.array([1, 2]), vectors[:2] + 50)
    for one in (index, again):
        assert one.chosen["parts"] == 5
        found = one.search(vectors[:60] + 25, 7)
        assert np.array_equal(found.ids, whole.search(vectors[:60] + 25, 7).ids)
        assert found.share == 1.0
    assert len(really(again)) == 10


class Slow(cluster.InThisProcess):
    """Workers that take their time, so that searches fall into every step of a change; some may not answer."""

    def __init__(self) -> None:
        self.gone: list[object] = []

    def ask(self, calls, seconds=None):  # type: ignore[no-untyped-def]
        if any(method not in ("search", "size") for _, method, _ in calls):
            time.sleep(0.02)
        return [Lost("gone") if call[0] in self.gone else super(Slow, self).ask([call])[0] for call in calls]


@contextmanager
def searching(index: RDH, queries: np.ndarray, right: np.ndarray) -> Iterator[list[float]]:
    """Threads that ask all the time; the shares of the answers, each of which is compared with the right one."""
    shares, wrong, stop = [], [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                found = index.search(queries, right.shape[1])
                wrong.extend([] if np.array_equal(found.ids, right) else [found.ids])
                shares.append(found.share)
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield shares
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[0]


def test_searches_during_changes_are_whole_and_hold_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.indexes.distributed.parts.workers", Slow)
    ids, vectors = made(300)
    right = make_index("exact", "euclidean").build(ids, vectors).search(vectors[:5], 9).ids
    index = RDH("euclidean", parts=2, runs="exact").build(ids, vectors)
    with searching(index, vectors[:5], right) as shares:
        for change in (index.grow, index.grow, index.shrink, lambda: index.grow(2), index.shrink):
            change()
    assert len(shares) > 20
    assert set(shares) == {1.0}
    assert [sorted(one.tolist()) for one in held(index)] == really(index)


def test_a_part_lost_while_it_gives_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Slow()
    monkeypatch.setattr("engine.indexes.distributed.parts.workers", lambda: workers)
    ids, vectors = made(100)
    index = RDH("euclidean", parts=2, runs="exact").build(ids, vectors)
    before = held(index)
    workers.gone = [index._built.pieces[1].handles[0]]
    for change in (index.grow, index.shrink):
        with pytest.raises(Lost):
            change()
    workers.gone = []
    assert all(np.array_equal(a, b) for a, b in zip(before, held(index), strict=True))
    assert len(list(index._built.folder.iterdir())) == 2
    index.remove(ids[:1])
    assert not np.isin(ids[0], np.concatenate(really(index)))


def test_a_part_lost_before_it_drops_what_moved_answers_nothing_twice_and_drops_it_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Slow()
    monkeypatch.setattr("engine.indexes.distributed.parts.workers", lambda: workers)
    ids, vectors = made(100)
    right = make_index("exact", "euclidean").build(ids, vectors).search(vectors[:9], 30).ids
    index = RDH("euclidean", parts=2, runs="exact").build(ids, vectors)
    giver = index._built.pieces[0].handles[0]
    monkeypatch.setattr(type(giver), "keep_only", lambda self, ids: Lost("gone"))
    index.grow()
    assert giver.size() == 50
    until = time.monotonic() + 10
    while (found := index.search(vectors[:9], 30)).share < 1 and time.monotonic() < until:
        time.sleep(0.01)  # what did not answer is asked again once it has
    assert np.array_equal(found.ids, right)
    monkeypatch.undo()
    index.remove(ids[:10])
    assert [sorted(one.tolist()) for one in held(index)] == really(index)


def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, vectors = made(5)
    with pytest.raises(NotReady):
        RDH("cosine").grow()
    index = RDH("cosine", parts=2, runs="exact").build(ids, vectors)
    for more in (0, -1, 1.5, "two"):
        with pytest.raises(BadParameter, match="of the method rdh must be"):
            index.grow(more)  # type: ignore[arg-type]
    with pytest.raises(BadParameter, match="at most 3 for 5 vectors in 2 parts"):
        index.grow(4)
    assert index.join() == 0
    index.shrink()
    with pytest.raises(BadParameter, match="2 or more for one to leave"):
        index.shrink()
    assert index.search(vectors, 1).ids.ravel().tolist() == ids.tolist()


@pytest.mark.parametrize("settings", [{"bits": 0}, {"parts": 0}, {"copies": 0}, {"tables": 0}, {"bits": 65}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(BadParameter):
        make_index("rdh", "euclidean", **settings)


def test_bad_queries_and_vectors_are_refused_and_change_nothing() -> None:
    ids, vectors = made(40)
    index = RDH("euclidean", parts=2).build(ids, vectors)
    bad = vectors[:1].copy()
    bad[0, 0] = np.nan
    for wrong in (bad, vectors[:1, :3], np.full((1, 8), np.inf)):
        with pytest.raises(BadParameter):
            index.search(wrong, 1)
        with pytest.raises(BadParameter):
            index.add(np.array([1]), wrong)
        with pytest.raises(BadParameter):
            RDH("euclidean").build(
                ids[:2], np.concatenate([vectors[:1, : wrong.shape[1]], wrong]) if wrong is bad else wrong
            )
    assert index.size == 40


# ── locks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_readers_hold_the_lock_together_and_a_writer_alone() -> None:
    lock, inside, seen = ReadWriteLock(), [0, 0], []

    def read() -> None:
        for _ in range(200):
            with lock.reading():
                inside[0] += 1
                seen.append(tuple(inside))
                inside[0] -= 1

    def write() -> None:
        for _ in range(50):
            with lock.writing():
                inside[1] += 1
                seen.append((inside[0], inside[1]))
                time.sleep(1e-4)
                seen.append((inside[0], inside[1]))
                inside[1] -= 1

    both = threading.Barrier(2, timeout=5)

    def meet() -> None:
        with lock.reading():
            both.wait()

    threads = [threading.Thread(target=one) for one in (read, read, write, write, meet, meet)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not both.broken
    assert all(writers <= 1 for _, writers in seen)
    assert all(readers == 0 for readers, writers in seen if writers)
