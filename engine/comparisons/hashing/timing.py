"""Timing a search method one query at a time, in turns with exact search over the same queries.

A computer is not equally fast for an hour: what else runs on it and how warm it is change. Whatever slows the minutes
of a method slows the exact search between its turns alike, so that the ratio of both stays what it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.core.progress import Reporter
from engine.indexes import Index, Neighbours

TURN = 10  # queries that one answers before it is the other's turn
_WARM = 3  # searches before the clock starts
_SECONDS = 20.0  # from which no further turn begins
SECONDS_BETWEEN = 5.0  # of exact search; it answers at least one query a turn
_LEAST_TIMED = 20
_LOOKED_EVERY = 0.2  # seconds between checks for a stop
_SEED = 0
Matrix = NDArray[np.float32]
clock = time.perf_counter


@dataclass(frozen=True)
class SingleQueries:
    """What was found by queries asked one at a time, in shuffled order, and how long that took.

    Attributes:
        found: (q, k) results, empty for queries that were not asked. asked: (q,) which were.
        milliseconds: (t,). slowest: (t,) those of the slowest part, None without parts.
        exact: (u,) milliseconds of exact search in the turns between, empty without it.
        covered: the smallest share of the vectors that was searched for an answer.
    """

    found: Neighbours
    asked: NDArray[np.bool_]
    milliseconds: NDArray[np.float64]
    slowest: NDArray[np.float64] | None
    exact: NDArray[np.float64]
    covered: float


def time_single_queries(
    index: Index, queries: Matrix, places: int, reporter: Reporter, exact: Index | None = None
) -> SingleQueries:
    """Ask the (q, d) queries until the time is up, `TURN` at a time, and `exact` those of every turn after it.

    Raises:
        Stopped: on request.
    """
    order = np.random.default_rng(_SEED).permutation(len(queries))
    watch = _Watch(reporter, len(queries))
    method = _Answering(index, queries, places)
    between = _Answering(exact, queries, places) if exact is not None else None
    method.warm_up(order[-_WARM:])
    began = clock()
    for start in range(0, len(order), TURN):
        turn = order[start : start + TURN]
        method.answer(turn, watch)
        watch.done = len(method.times)
        if between is not None:
            between.answer(turn, watch, until=SECONDS_BETWEEN * (start + len(turn)) / len(order))
            method.warm_up(turn[-1:])  # exact search has taken its place in the processor's caches
        if clock() - began > _SECONDS and len(method.times) >= _LEAST_TIMED:
            break
    watch.report()
    return method.so_far(between.times if between is not None else [])


@dataclass
class _Watch:
    """Reports progress now and then, which is when a request to stop is noticed."""

    reporter: Reporter
    total: int
    done: int = 0

    def __post_init__(self) -> None:
        self.looked = clock()

    def look(self) -> None:
        if clock() - self.looked > _LOOKED_EVERY:
            self.report()

    def report(self) -> None:
        self.reporter.update("Measuring", self.done, self.total, "queries")
        self.looked = clock()


@dataclass
class _Answering:
    """An index that answers single queries, and what that has found and taken so far."""

    index: Index
    queries: Matrix
    places: int
    times: list[float] = field(default_factory=list)  # milliseconds
    slowest: list[float] = field(default_factory=list)
    seconds: float = 0.0
    covered: float = 1.0

    def __post_init__(self) -> None:
        self.found, self.asked = nothing_found(len(self.queries), self.places), np.zeros(len(self.queries), dtype=bool)

    def warm_up(self, rows: NDArray[np.int64]) -> None:
        for row in rows:
            self.index.search(self.queries[row : row + 1], self.places)

    def answer(self, turn: NDArray[np.int64], watch: _Watch, until: float = np.inf) -> None:
        """Answer these queries, at least one, and no more once all answers together have taken `until` seconds."""
        for row in turn:
            start = clock()
            answer = self.index.search(self.queries[row : row + 1], self.places)
            seconds = clock() - start
            self._keep(row, answer, seconds)
            watch.look()
            if self.seconds > until:
                break

    def _keep(self, row: int, answer: Neighbours, seconds: float) -> None:
        self.seconds += seconds
        self.times.append(1000 * seconds)
        self.slowest += _slowest_part(self.index)
        self.found.ids[row], self.found.distances[row] = answer.ids[0], answer.distances[0]
        self.found.examined[row], self.asked[row] = answer.examined[0], True
        self.covered = min(self.covered, answer.share)

    def so_far(self, exact: list[float]) -> SingleQueries:
        parts = np.array(self.slowest) if len(self.slowest) == len(self.times) else None
        return SingleQueries(self.found, self.asked, np.array(self.times), parts, np.array(exact), self.covered)


def nothing_found(count: int, places: int) -> Neighbours:
    """(count, places) results to be filled in."""
    ids = np.full((count, places), -1, dtype=np.int64)
    return Neighbours(ids, np.full((count, places), np.inf, dtype=np.float32), np.zeros(count, dtype=np.int64))


def _slowest_part(index: Index) -> list[float]:
    """Milliseconds of the slowest part in the last search; empty if the index has no parts."""
    seconds = getattr(index, "part_seconds", None)
    return [1000 * float(np.nanmax(seconds))] if seconds is not None and len(seconds) else []
