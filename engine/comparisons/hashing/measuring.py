"""Measuring a search method over one set of vectors: quality against exact search, time, and index size."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.comparisons.hashing.plan import StudyCell, title_of
from engine.comparisons.hashing.timing import SingleQueries, nothing_found, time_single_queries
from engine.core.errors import BadParameter, BenzerError, StorageFull
from engine.core.humanize import percent
from engine.core.progress import Reporter
from engine.core.storage import full_disk_named
from engine.evaluation.metrics import average_precision
from engine.evaluation.recall import recall_at_k, right_places
from engine.evaluation.statistics.proportion import mean_share_interval
from engine.indexes import Index, Neighbours

Matrix = NDArray[np.float32]

BATCH = 100  # queries per timed batch, and between checks for a stop
HERE = "this process"
_SECONDS_BATCHES = 5.0  # from which no further batch is timed
_LEAST_BATCHES = 3


@dataclass(frozen=True)
class Data:
    """Indexed (n, d) vectors, (q, d) queries, and the ground truth, (q, R), once known."""

    vectors: Matrix
    queries: Matrix
    metric: str
    neighbours: int
    truth: Neighbours | None = None


@dataclass(frozen=True)
class StudyRow:
    """One measured cell.

    Attributes:
        key, method, fold: the cell's. title: the method for display. chosen: the settings in force.
        size: vectors indexed. queries: how many were run. neighbours: how many were judged (R).
        map: mean average precision divided by the number of correct results. strict_map: divided by R.
        recall: mean recall@R. recall_10: mean recall@10.
        candidates: mean number of vectors compared with a query, and `share` of all; None if not counted.
        p50, p99, mean_ms: milliseconds of a single query, in shuffled order. batch_ms: in batches of 100.
        p50_low, p50_high: the 95 % confidence interval of the median. exact_ms, exact_low, exact_high: the median and
            interval of exact search, which took turns with the method; None for exact search itself and in older rows.
        slowest_ms: median time of the slowest part itself, None without parts.
        build_seconds: of the index alone. megabytes: the index without vectors. vectors_megabytes: the vectors.
        workers: where parts ran. made_of: changes when the vectors do. note: caveats of the figures.
        error: why it could not be measured (all figures are 0 then), else "".
        made_with: what made the vectors of a collection, as `engine.search.provenance.Provenance`; empty for a file's.
        empty: share of queries without any result. found: how many of the R true neighbours each query found, if every
            query has R (means over draws). recall_low, recall_high: the 95 % interval of the recall. All
            missing in older rows.
    """

    key: str
    method: str
    title: str
    chosen: Mapping[str, Any] = field(default_factory=dict)
    size: int = 0
    dimensions: int = 0
    fold: int = 0
    queries: int = 0
    neighbours: int = 0
    map: float = 0.0
    strict_map: float = 0.0
    recall: float = 0.0
    recall_10: float = 0.0
    candidates: float | None = None
    share: float | None = None
    p50: float = 0.0
    p50_low: float = 0.0
    p50_high: float = 0.0
    p99: float = 0.0
    mean_ms: float = 0.0
    slowest_ms: float | None = None
    batch_ms: float = 0.0
    build_seconds: float = 0.0
    megabytes: float = 0.0
    vectors_megabytes: float = 0.0
    workers: str = HERE
    made_of: str = ""
    note: str = ""
    error: str = ""
    made_with: Mapping[str, Any] = field(default_factory=dict)
    empty: float | None = None
    found: tuple[float, ...] = ()
    recall_low: float | None = None
    recall_high: float | None = None
    exact_ms: float | None = None
    exact_low: float | None = None
    exact_high: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StudyRow:
        """The row of `as_dict`; BadParameter for unknown keys."""
        if not set(values) <= set(cls.__dataclass_fields__):
            raise BadParameter("keys", "a row of results", "those that rows have", sorted(values))
        return cls(**{**values, "found": tuple(values.get("found", ()))})


def unmeasured(cell: StudyCell, **known: Any) -> StudyRow:
    """The row of a cell before its figures are known."""
    return StudyRow(cell.key, cell.method, title_of(cell.method), fold=cell.fold, **known)


def true_neighbours(exact: Index, data: Data, reporter: Reporter) -> Neighbours:
    """The results of exact search, (q, R), in blocks of queries."""
    return _in_batches(exact, data, np.arange(len(data.queries)), reporter, "Finding the true neighbours")[0]


def measure(index: Index, data: Data, reporter: Reporter, below: Path, exact: Index | None = None) -> dict[str, Any]:
    """The figures of a built index as fields of `StudyRow`, except the cell's own and the build time.

    Args:
        data: with the ground truth. below: a folder to write the index to temporarily. exact: exact search, which takes
            turns with the index while single queries are timed; None for exact search itself.

    Raises:
        Stopped: on request.
    """
    alone = time_single_queries(index, data.queries, data.neighbours, reporter, exact)
    found, left = alone.found, np.flatnonzero(~alone.asked)
    others, batch_ms = _in_batches(index, data, left, reporter, "Measuring in batches", timed=True)
    if len(left):
        for name in ("ids", "distances", "examined"):
            getattr(found, name)[left] = getattr(others, name)
    megabytes, note = kept_megabytes(index, below)
    caveats = _caveats(len(alone.milliseconds), len(data.queries), min(alone.covered, others.share))
    return {
        **quality(found, data),
        **_times(alone),
        "chosen": dict(index.chosen),
        "size": len(data.vectors),
        "dimensions": int(data.vectors.shape[1]),
        "queries": len(data.queries),
        "neighbours": data.neighbours,
        "batch_ms": batch_ms,
        "megabytes": megabytes,
        "vectors_megabytes": data.vectors.nbytes / 1e6,
        "note": " ".join(filter(None, [caveats, note])),
    }


def _times(alone: SingleQueries) -> dict[str, Any]:
    """The times of single queries, and those of exact search between them, as fields of `StudyRow`."""
    times = alone.milliseconds
    figures = dict(zip(("p50", "p50_low", "p50_high"), _median(times), strict=True))
    if len(alone.exact):
        figures |= dict(zip(("exact_ms", "exact_low", "exact_high"), _median(alone.exact), strict=True))
    slowest = None if alone.slowest is None else float(np.median(alone.slowest))
    return figures | {"p99": float(np.quantile(times, 0.99)), "mean_ms": float(times.mean()), "slowest_ms": slowest}


def _median(times: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(np.median(times)), *median_interval(times)


def quality(neighbours: Neighbours, data: Data) -> dict[str, Any]:
    """The quality of (q, R) results against the ground truth, and their cost in comparisons."""
    truth = data.truth
    if truth is None:
        raise ValueError("the truth is neighbours before anything is measured")
    right, shares = right_places(neighbours, truth), recall_at_k(neighbours, truth)
    places, whole = min(10, data.neighbours), bool((truth.ids >= 0).all())
    low, high = mean_share_interval(shares)
    examined = neighbours.examined
    counted = not (examined < 0).any()
    return {
        "map": float(average_precision(right, right.sum(axis=1)).mean()),
        "strict_map": float(average_precision(right, (truth.ids >= 0).sum(axis=1)).mean()),
        "recall": float(shares.mean()),
        "recall_low": low,
        "recall_high": high,
        "found": tuple(np.rint(shares * data.neighbours).astype(int).tolist()) if whole else (),
        "empty": float((neighbours.ids < 0).all(axis=1).mean()),
        "recall_10": float(recall_at_k(_first(neighbours, places), _first(truth, places)).mean()),
        "candidates": float(examined.mean()) if counted else None,
        "share": float(examined.mean() / max(len(data.vectors), 1)) if counted else None,
    }


def median_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % confidence interval of the median, as two order statistics.

    Source: the normal approximation to the binomial number of values below the median.
    """
    ordered, half = np.sort(values), 0.98 * math.sqrt(len(values))
    low, high = math.floor(len(values) / 2 - half), math.ceil(len(values) / 2 + half)
    return float(ordered[max(low, 0)]), float(ordered[min(high, len(values) - 1)])


def _caveats(timed: int, count: int, covered: float) -> str:
    """Caveats of the times."""
    few = f"Timed with {timed:,} of the {count:,} queries, one at a time." if timed < count else ""
    lost = f"Some results covered only {percent(covered)} of the vectors." if covered < 1 else ""
    return " ".join(filter(None, [few, lost]))


def _in_batches(
    index: Index, data: Data, rows: NDArray[np.int64], reporter: Reporter, stage: str, *, timed: bool = False
) -> tuple[Neighbours, float]:
    """Run these query rows in batches; the results in their order, and the median milliseconds per query.

    With `timed`, further queries are run while time remains if the rows make too few batches to time.
    """
    blocks = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    found, times = nothing_found(len(rows), data.neighbours), []
    for number, block in enumerate(blocks):
        answer, took = _batch(index, data, block)
        place = slice(number * BATCH, number * BATCH + len(block))
        found.ids[place], found.distances[place], found.examined[place] = answer.ids, answer.distances, answer.examined
        found = replace(found, share=min(found.share, answer.share))
        times.append(took / len(block))
        reporter.update(stage, number * BATCH + len(block), len(rows), "queries")
    began = time.perf_counter()
    while timed and len(times) < _LEAST_BATCHES and (not times or time.perf_counter() - began < _SECONDS_BATCHES):
        start = BATCH * len(times) % len(data.queries)
        block = np.arange(start, min(start + BATCH, len(data.queries)))
        times.append(_batch(index, data, block)[1] / len(block))
        reporter.stop_if_asked()
    return found, float(np.median(times)) if times else 0.0


def _batch(index: Index, data: Data, rows: NDArray[np.int64]) -> tuple[Neighbours, float]:
    """The results for these query rows, and the milliseconds they took."""
    queries = np.ascontiguousarray(data.queries[rows])
    start = time.perf_counter()
    answer = index.search(queries, data.neighbours)
    return answer, 1000 * (time.perf_counter() - start)


def kept_megabytes(index: Index, below: Path) -> tuple[float, str]:
    """The size of a saved index without the vectors, in megabytes, and any caveat.

    Raises:
        StorageFull: the disk is full.
    """
    below.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below, prefix=".weighed-", ignore_cleanup_errors=True) as folder:
        try:
            with full_disk_named("an index to weigh it"):
                index.save(Path(folder))
        except StorageFull:
            raise
        except (OSError, BenzerError):  # a part on another machine may not see this folder
            return 0.0, "The files of its parts could not be read from this computer."
        return bytes_in(Path(folder)) / 1e6, ""


def bytes_in(folder: Path) -> int:
    """The bytes of all files below a folder, without copies of the vectors, which are counted already."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() and path.name != "vectors.npy" else 0
    return total


def _first(neighbours: Neighbours, places: int) -> Neighbours:
    return Neighbours(neighbours.ids[:, :places], neighbours.distances[:, :places], neighbours.examined)
