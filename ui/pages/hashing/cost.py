"""About how long a study takes: building and asking every cell, from rough rates of two processor cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.comparisons.hashing.plan import StudyPlan
from engine.core.recipe import parse_method

_WIDTH = 512  # of vectors that are not there yet
_IMAGES_A_SECOND = 60.0  # embedded
_START = 6.0  # seconds until the first cell is measured: libraries, compiled kernels
_A_CASE = 0.4  # seconds
_A_COMPARISON = 2.5e-10  # seconds for each value of a vector, in exact search
_LARGEST = 20.0  # seconds after which the single queries of a cell are cut short
_CHOOSING = 2.0  # seconds to choose numbers from the data
_TABLES, _BITS = 32, 14  # where they are chosen from the data
_A_BIT = 6e-9  # seconds for each vector, table and bit
_GRAPH, _CLUSTERS = 2.2e-4, 1.2e-5  # seconds a vector for HNSW's graph and k-means, of 128 dimensions


def seconds(plan: StudyPlan, count: int, width: int | None) -> float:
    """Of measuring every cell of a plan over so many vectors, embedding included where `width` is None."""
    wide = width or _WIDTH
    total = _START + (count / _IMAGES_A_SECOND if width is None else 0.0)
    for cell in plan.cells():
        rows = min(cell.size or count, count)
        queries = min(plan.queries, max(1, rows // 5))
        exact = queries * rows * wide * _A_COMPARISON
        asking = exact if cell.method == "exact" else 0.4 * exact
        total += _A_CASE + _building(cell.method, rows, wide) + min(2 * asking, _LARGEST)
    return total


def _building(method: str, rows: int, width: int) -> float:
    name, given = parse_method(method)
    options: Mapping[str, Any] = dict(given)
    if name == "exact":
        return 0.0
    if name in ("hnsw", "kmeans"):
        return rows * width / 128 * (_GRAPH if name == "hnsw" else _CLUSTERS)
    tables, bits = float(options.get("tables", _TABLES)), float(options.get("bits", _BITS))
    chosen = _CHOOSING if "tables" not in options or "bits" not in options else 0.0
    return rows * tables * bits * _A_BIT + min(chosen, rows / 5000)
