"""Single queries timed in turns with exact search, on a computer whose speed changes."""

from __future__ import annotations

import numpy as np
import pytest

from engine.comparisons.hashing import timing
from engine.comparisons.hashing.measuring import Data, measure
from engine.comparisons.hashing.timing import TURN, time_single_queries
from engine.core.progress import Reporter
from engine.indexes import make_index
from engine.indexes.index import Neighbours


class Computer:
    """A clock that only searches move on; `pace` says how many times longer everything takes at a time."""

    def __init__(self, pace=lambda _: 1.0):
        self.now, self.pace, self.asked = 0.0, pace, []

    def __call__(self):
        return self.now

    def index(self, name, seconds):
        return Searching(self, name, seconds)


class Searching:
    def __init__(self, computer, name, seconds):
        self.computer, self.name, self.seconds = computer, name, seconds

    def search(self, queries, places):
        self.computer.asked.append((self.name, int(queries[0, 0])))
        self.computer.now += self.seconds * self.computer.pace(self.computer.now)
        found = np.zeros((1, places))
        return Neighbours(found.astype(np.int64), found.astype(np.float32), np.ones(1, dtype=np.int64))


@pytest.fixture
def computer(monkeypatch):
    made = Computer()
    monkeypatch.setattr(timing, "clock", made)
    return made


def queries(count):
    return np.arange(count, dtype=np.float32)[:, None]


def timed(computer, count, method, exact):
    between = None if exact is None else computer.index("exact", exact)
    return time_single_queries(computer.index("method", method), queries(count), 1, Reporter(), between)


def test_a_computer_that_becomes_slower_changes_no_ratio(computer):
    alone = timed(computer, 200, 0.010, None)
    computer.pace = lambda now: 3 + now / 10  # three times as slow, and more so until the end
    found = timed(computer, 200, 0.005, 0.010)
    assert np.median(alone.milliseconds) == pytest.approx(10)
    assert np.median(found.milliseconds) > 12  # beside the time measured alone it would seem slower than exact search
    assert np.median(found.exact) / np.median(found.milliseconds) == pytest.approx(2, rel=0.05)


def test_both_answer_the_same_queries_in_turns(computer):
    found = timed(computer, 3 * TURN, 0.001, 0.001)
    first, second = computer.asked[3 : 3 + TURN], computer.asked[3 + TURN : 3 + 2 * TURN]
    assert [name for name, _ in first + second] == ["method"] * TURN + ["exact"] * TURN
    assert [row for _, row in first] == [row for _, row in second]
    assert (len(found.milliseconds), len(found.exact), found.asked.all()) == (3 * TURN, 3 * TURN, True)


def test_slow_exact_search_answers_one_query_a_turn_until_the_time_is_up(computer):
    found = timed(computer, 1000, 0.001, 1.0)
    assert len(found.exact) == len(found.milliseconds) / TURN == 20
    assert found.asked.sum() == 20 * TURN


def test_a_fast_method_has_exact_search_spread_over_all_queries(computer):
    found = timed(computer, 1000, 0.0001, 0.02)
    assert len(found.milliseconds) == 1000
    turns = [name for name, _ in computer.asked]
    half = len(turns) // 2
    assert turns[:half].count("exact") == pytest.approx(turns[half:].count("exact"), abs=TURN)
    assert 4 < found.exact.sum() / 1000 < 6  # seconds


def test_what_is_measured_has_the_times_of_exact_search(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 4)).astype(np.float32)
    exact = make_index("exact", "euclidean").build(np.arange(300), vectors)
    data = Data(vectors, vectors[:40], "euclidean", 5, exact.search(vectors[:40], 5))
    lsh = make_index("lsh", "euclidean", bits=4, tables=2).build(np.arange(300), vectors)
    found = measure(lsh, data, Reporter(), tmp_path, exact)
    assert 0 < found["exact_low"] <= found["exact_ms"] <= found["exact_high"]
    assert "exact_ms" not in measure(exact, data, Reporter(), tmp_path)
