"""Ways to search that the hashing benchmark compares."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
K = 100
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


Group = tuple[str, list[Way]]


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
