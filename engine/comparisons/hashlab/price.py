"""Recall and cost of hash codes: the share of pictures compared and the time of one query."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.comparisons.hashlab.hashed import Hashed, Hashing
from engine.evaluation.statistics.proportion import mean_share_interval
from engine.indexes.hashing.buckets import Buckets
from engine.indexes.index import Vectors
from engine.indexes.table.rows import Rows

STEPS = (0, 1, 2, 4, 8, 16, 32, 64)  # probes at which the curve is measured
_SECONDS = 0.06  # for the single queries of one method
_LEAST_TIMED = 5


@dataclass(frozen=True)
class Point:
    """With that many probes: the mean recall of the nearest, and the mean share compared."""

    probes: int
    recall: float
    share: float


@dataclass(frozen=True)
class Price:
    """Recall and cost of one hashing.

    Attributes:
        method: written with its numbers. here: with its own number of probes; low, high: the interval of its recall
            (95 %). curve: with other numbers, ascending.
        milliseconds: of one query, the median; timed: of how many. used, largest: how many buckets of the first table
            hold a picture, and how many pictures the fullest holds.
    """

    method: str
    here: Point
    low: float
    high: float
    curve: tuple[Point, ...]
    milliseconds: float
    timed: int
    used: int
    largest: int

    @property
    def hashing(self) -> Hashing:
        return Hashing.parse(self.method)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Questions:
    """Query rows (q,) of the collection, their vectors, and their nearest rows (q, k) without themselves; −1 if there
    are fewer.
    """

    rows: Rows
    vectors: Vectors
    near: Rows


def price_of(hashed: Hashed, hashing: Hashing, questions: Questions) -> Price:
    """Recall and cost of a hashing over these queries, each excluded from its own results."""
    steps = sorted({step for step in STEPS if step < 2**hashing.bits} | {hashing.searched})
    reached = {step: _reached(hashed.buckets, questions, step) for step in steps}
    curve = {step: Point(step, float(recall.mean()), float(share.mean())) for step, (recall, share) in reached.items()}
    interval = mean_share_interval(reached[hashing.searched][0])
    times = _timed(hashed.buckets, questions, hashing.searched)
    return Price(
        str(hashing), curve[hashing.searched], *interval, tuple(curve.values()), float(np.median(times)), len(times),
        hashed.used(), hashed.largest(),
    )  # fmt: skip


def _reached(buckets: Buckets, questions: Questions, probes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(q,) the recall of each query, and (q,) the share of the other pictures that it is compared with."""
    counts, found = buckets.reached(questions.vectors, questions.near, probes)
    exist = (questions.near >= 0).sum(1)
    recall = np.where(exist > 0, found.sum(1) / np.maximum(exist, 1), 1.0)
    return recall, (counts - 1).clip(0) / max(buckets.table.size - 1, 1)


def _timed(buckets: Buckets, questions: Questions, probes: int) -> NDArray[np.float64]:
    """Milliseconds of single queries, as many as a moment allows; the first is a warm-up."""
    k = questions.near.shape[1] + 1
    times: list[float] = []
    began = time.perf_counter()
    for number in (0, *range(len(questions.rows))):
        query = questions.vectors[number : number + 1]
        distances, rows = np.full((1, k), np.inf), np.full((1, k), -1, np.int64)
        start = time.perf_counter()
        buckets.look_wider(query, distances, rows, np.zeros(1, np.int64), probes)
        times.append(1000 * (time.perf_counter() - start))
        if len(times) > _LEAST_TIMED and time.perf_counter() - began > _SECONDS:
            break
    return np.array(times[1:])
