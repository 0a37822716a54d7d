"""Ways to search that the hashing benchmark compares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
K = 100
TURN = 10  # queries a way answers before it is another one's turn
Answer = Callable[[np.ndarray], np.ndarray]


@dataclass
class Way:
    """One way to search: what it is called, how it answers (1, d) with (1, k) ids, and what that cost."""

    name: str
    settings: str
    answer: Answer
    build: float
    examined: str = ""
    own: float = 0.0  # seconds of the processor that building took


@dataclass(frozen=True)
class Measured:
    """A way's answers (q, k), and for each query the milliseconds and those of the processor."""

    found: np.ndarray
    taken: np.ndarray
    own: np.ndarray


Group = tuple[str, list[Way]]


def measured(ways: Sequence[Way], queries: np.ndarray) -> list[Measured]:
    """What each way answers and takes, in turns."""
    found: list[list[np.ndarray]] = [[] for _ in ways]
    taken: list[list[tuple[float, float]]] = [[] for _ in ways]
    for first in range(0, len(queries), TURN):
        for i, way in enumerate(ways):
            way.answer(queries[first : first + 1])  # what another way left in the caches is not this one's
            for query in queries[first : first + TURN]:
                began, own = time.perf_counter(), time.process_time()
                answer = way.answer(query[None])
                taken[i].append((1000 * (time.perf_counter() - began), 1000 * (time.process_time() - own)))
                found[i].append(answer)
    return [Measured(np.concatenate(a), *np.array(t).T) for a, t in zip(found, taken, strict=True)]


def reranked(vectors: np.ndarray, found: Answer) -> Answer:
    """The k nearest of what another way finds, by NumPy."""

    def answer(query: np.ndarray) -> np.ndarray:
        rows = found(query)[0]
        rows = rows[rows >= 0]
        distances = ((vectors[rows] - query) ** 2).sum(axis=1)
        best = rows[np.argsort(distances, kind="stable")[:K]]
        return np.pad(best, (0, K - len(best)), constant_values=-1)[None]

    return answer


def installed(package: str) -> bool:
    """Whether an optional peer is there; says so where it is skipped."""
    found = find_spec(package) is not None
    if not found:
        print(f"{package}: skipped, not installed.", file=sys.stderr)
    return found
