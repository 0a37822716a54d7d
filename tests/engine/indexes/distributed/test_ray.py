"""RDH on a real Ray of several nodes on this computer: placing, processes and nodes that die, nodes that join."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from engine.indexes import make_index
from engine.indexes.rdh import RDH

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(280),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]
SMALL = {"object_store_memory": 80 << 20}
K = 5


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A Ray of a head without processors and three nodes with one each."""
    before = dict(os.environ)
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    os.environ.update(quiet)
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **SMALL})
    for _ in range(3):
        cluster.add_node(num_cpus=1, **SMALL)
    os.environ["BENZER_RAY"] = cluster.address
    yield cluster
    ray.shutdown()
    cluster.shutdown()
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def made(count: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids, vectors, and the ids of the nearest of the first three."""
    vectors = np.random.default_rng(1).normal(size=(count, 16)).astype(np.float32)
    ids = 2 * np.arange(count)
    return ids, vectors, make_index("exact", "euclidean").build(ids, vectors).search(vectors[:3], K).ids


def placed(index: RDH) -> list[list[str]]:
    return [[handle.node for handle in piece.handles] for piece in index._built.pieces]


def flat(lists: list[list[str]]) -> list[str]:
    return [one for some in lists for one in some]


def process(index: RDH, part: int, copy: int = 0) -> int:
    handle = index._built.pieces[part].handles[copy]
    return int(index._built.workers.ask([(handle, "process", ())])[0])


def until(what: Callable[[], bool], seconds: float = 90.0) -> bool:
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


class Asking:
    """Two threads that search all the time, and compare each whole answer with the right one."""

    def __init__(self, index: RDH, queries: np.ndarray, right: np.ndarray) -> None:
        self.shares: list[float] = []
        self.wrong: list[Any] = []
        self._asked, self._stop = (index, queries, right), threading.Event()

    def __enter__(self) -> Asking:
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]
        for thread in self._threads:
            thread.start()
        assert until(lambda: len(self.shares) > 20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        index, queries, right = self._asked
        while not self._stop.is_set():
            try:
                found = index.search(queries, K)
                if found.share == 1.0 and not np.array_equal(found.ids, right):
                    self.wrong.append(found.ids)
                self.shares.append(found.share)
            except Exception as error:
                self.wrong.append(error)


def whole_again(asking: Asking, index: RDH) -> bool:
    """Whether nobody is lost any more and the answers are whole."""
    return until(lambda: not index._built._watch._lost) and until(lambda: asking.shares[-1] == 1.0)


def test_copies_stand_on_nodes_of_their_own_and_a_killed_process_is_not_noticed(nodes: Any) -> None:
    ids, vectors, right = made()
    index = RDH("euclidean", parts=3, copies=2, runs="exact").build(ids, vectors)
    assert all(len(set(copies)) == 2 for copies in placed(index))
    assert sorted(np.unique(flat(placed(index)), return_counts=True)[1].tolist()) == [2, 2, 2]
    assert index._built.workers.title == "Ray on 3 nodes"
    with Asking(index, vectors[:3], right) as asking:
        os.kill(process(index, 0), signal.SIGKILL)
        assert until(lambda: bool(index._built._watch._lost))
        assert whole_again(asking, index)
    assert not asking.wrong
    assert set(asking.shares) == {1.0}


def test_a_part_that_hangs_is_answered_for_by_its_copy(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, vectors, right = made()
    index = RDH("euclidean", parts=1, copies=2, runs="exact").build(ids, vectors)
    for _ in range(4):
        index.search(vectors[:3], K)
    monkeypatch.setattr("engine.indexes.distributed.parts._ANSWERED_WITHIN", 1.0)
    hung = process(index, 0)
    os.kill(hung, signal.SIGSTOP)
    try:
        for _ in range(6):
            found = index.search(vectors[:3], K)
            assert found.share == 1.0
            assert np.array_equal(found.ids, right)
    finally:
        os.kill(hung, signal.SIGCONT)
    assert until(lambda: not index._built._watch._lost)


def test_a_node_joins_and_takes_its_share_and_another_is_lost(nodes: Any) -> None:
    ids, vectors, right = made()
    index = RDH("euclidean", parts=3, runs="exact").build(ids, vectors)
    with Asking(index, vectors[:3], right) as asking:
        fourth = nodes.add_node(num_cpus=1, **SMALL)
        assert until(lambda: index._built.workers.idle_nodes() == 1)
        before = len(asking.shares)
        assert index.join() == 1
        assert len(asking.shares) > before
        assert [len(piece.ids) for piece in index._built.pieces] == [225] * 4
        assert len({node for (node,) in placed(index)}) == 4
        assert not asking.wrong
        assert set(asking.shares) == {1.0}
        nodes.remove_node(fourth, allow_graceful=False)
        assert until(lambda: asking.shares[-1] < 1.0)
        assert whole_again(asking, index)
    assert not asking.wrong
    assert set(asking.shares) == {0.75, 1.0}
    assert len({node for (node,) in placed(index)}) == 3


def test_with_copies_a_lost_node_is_not_noticed_and_its_copies_come_back_elsewhere(nodes: Any) -> None:
    ids, vectors, right = made()
    index = RDH("euclidean", parts=2, copies=2, runs="exact").build(ids, vectors)
    gone = index._built.pieces[0].handles[0].node
    with Asking(index, vectors[:3], right) as asking:
        victim = next(node for node in nodes.worker_nodes if node.node_id == gone)
        nodes.remove_node(victim, allow_graceful=False)
        assert until(lambda: gone not in flat(placed(index)))
        assert whole_again(asking, index)
    assert not asking.wrong
    assert set(asking.shares) == {1.0}
    assert all(len(set(copies)) == 2 for copies in placed(index))
