"""A part of an index as measured here: its times, bytes and opening, and what asking many of them costs.

Times are those of the processor, so that other work on the computer does not count.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._simulation import Times
from benchmarks.search import vectors_and_queries
from engine.cluster.rpc import Connection, RpcServer, packed
from engine.indexes import make_index
from engine.indexes.distributed.partition import merged

K = 100  # neighbours that each part returns
BATCHES = (1, 10, 100, 1000)
_HIGHEST_ID = 1_000_000_000
_ROUNDS = 5
_KINDS = {"vectors.npy": "vectors, float32", "ids.npy": "ids", "bytes": "8-bit copies", "table": "tables"}


@dataclass(frozen=True)
class Part:
    """What was measured of one part.

    Attributes:
        times: ms of each query. batches: ms a query in batches of so many. bytes: a vector, by kind.
        build, opening: seconds of the processor to build it, and to open it again from its files.
    """

    count: int
    chosen: str
    recall: float
    times: Times
    batches: dict[int, float]
    bytes: dict[str, float]
    build: float
    opening: float

    @property
    def kept(self) -> float:
        """Bytes a vector of everything."""
        return sum(self.bytes.values())


def measured(count: int) -> Part:
    """An LSH part of so many vectors, its numbers chosen from the data as the app does."""
    vectors, queries, _ = vectors_and_queries(large=count > 200_000)
    make_index("lsh", "euclidean").build(np.arange(5000), vectors[:5000]).search(queries[:100], K)  # compiles
    vectors = vectors[:count]
    began = time.process_time()
    index = make_index("lsh", "euclidean").build(np.arange(len(vectors)), vectors)
    build = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder))
        bytes_by_kind = sizes(Path(folder), len(vectors))
        began = time.process_time()
        make_index("lsh", "euclidean").load(Path(folder)).search(queries[:1], K)
        opening = time.process_time() - began
    truth = make_index("exact", "euclidean").build(np.arange(len(vectors)), vectors).search(queries[:200], K).ids
    found = index.search(queries[:200], K).ids
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), truth.tolist(), strict=True)])
    chosen = ", ".join(
        f"{name} {value}" for name, value in index.chosen.items() if name in ("tables", "bits", "probes")
    )
    batches = {size: float(np.median(spent(index.search, queries, size))) / size for size in BATCHES}
    times = spent(index.search, queries, 1)
    return Part(len(vectors), chosen, float(recall), times, batches, bytes_by_kind, build, opening)


def spent(search: Callable[..., object], queries: NDArray[np.float32], size: int, rounds: int = 3) -> Times:
    """The processor's milliseconds for each batch of so many queries, all queries once: the least of some rounds.

    What else runs on the computer lengthens even the processor's time, through its caches; the least is its own.
    """
    search(queries[:size], K)
    taken = np.full((rounds, -(-len(queries) // size)), np.inf)
    for turn in range(rounds):
        for number, start in enumerate(range(0, len(queries), size)):
            began = time.thread_time()
            search(queries[start : start + size], K)
            taken[turn, number] = 1000 * (time.thread_time() - began)
    return np.asarray(taken.min(axis=0))


def sizes(folder: Path, count: int) -> dict[str, float]:
    """Bytes a vector of what an index keeps in its files, by kind."""
    found = dict.fromkeys([*_KINDS.values(), "other"], 0.0)
    for path in folder.rglob("*"):
        kind = next((kind for name, kind in _KINDS.items() if path.name.startswith(name)), "other")
        found[kind] += path.stat().st_size / count if path.is_file() else 0.0
    return found


class _Answering:
    """A part that always has the same answer at hand."""

    direct = ("search",)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[object, ...]:
        count = len(queries)
        return np.zeros((count, k), np.int64), np.zeros((count, k), np.float32), np.zeros(count, np.int64), 0.001


def message_cost(queries: int = 1) -> float:
    """The processor's milliseconds to send so many queries on a direct line of the project's and to take the answer in.

    Over TCP inside this computer: what the sender spends, not how long the way is.
    """
    board = RpcServer(_Answering(), "127.0.0.1")
    line = Connection.to(board.address)
    question = packed(["search", np.zeros((queries, 128), np.float32), K])

    def ask() -> None:
        line.send(question)
        line.receive()

    cost = least(ask, repeats=100)
    line.close()
    board.close()
    return cost


@cache
def merge_cost(parts: int, queries: int = 1) -> float:
    """The processor's milliseconds to merge the answers of so many parts to so many queries."""
    rng = np.random.default_rng(0)
    shape = (queries, K)
    answers = [
        (rng.integers(0, _HIGHEST_ID, shape), np.sort(rng.random(shape, dtype=np.float32)), np.ones(queries, np.int64))
        for _ in range(parts)
    ]
    return least(lambda: merged(answers, K, 1.0), repeats=1 if queries > 1 else 10)


def least(work: Callable[[], object], repeats: int, rounds: int = _ROUNDS) -> float:
    """The thread's milliseconds of work that is repeated, the least of some rounds."""
    taken = []
    for _ in range(rounds):
        began = time.thread_time()
        for _ in range(repeats):
            work()
        taken.append(1000 * (time.thread_time() - began) / repeats)
    return min(taken)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_times(path: Path, parts: Sequence[Part]) -> None:
    """The distribution of each part's times: setting, quantile, ms."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["setting", "quantile", "ms"])
        for part in parts:
            for share in [*np.arange(0, 1, 0.01), 0.995, 0.999, 1.0]:
                row = [f"{part.count} vectors, {part.chosen}", f"{share:.3f}", f"{np.quantile(part.times, share):.4f}"]
                rows.writerow(row)


def read_times(path: Path) -> Times:
    """A sample whose distribution is that of the file's last setting."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = [row for row in rows if row["setting"] == rows[-1]["setting"]]
    shares, ms = (np.array([float(row[name]) for row in chosen]) for name in ("quantile", "ms"))
    return np.asarray(np.interp(np.linspace(0, 1, 2001), shares, ms))
