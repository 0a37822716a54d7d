"""RDH on Ray: what asking many parts costs, batches, building, parts that are killed and parts that join.

    python -m benchmarks.rdh [--count 200000] [--parts 2,4,10] [--kills 50] [--only ways,batches,…]

On real SIFT descriptors where they are there, else on drawn vectors; one Ray on this computer, so the figures are those
of the fan-out and not of a network. Writes benchmarks/results/rdh.md, and part-service-times.csv beside it: how long a
part of 250,000 vectors takes for a query, in processor time, so that other work on the computer does not count.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from benchmarks._machine import facts
from benchmarks._pipes import Pipes
from benchmarks.search import vectors_and_queries
from engine.cluster import ASKED, LOCAL
from engine.cluster.workers import Lost
from engine.core.home import PROJECT
from engine.indexes import make_index
from engine.indexes.rdh import RDH

K = 10
RESULTS = PROJECT / "benchmarks" / "results"
SETTINGS: dict[str, Any] = {"tables": 16, "bits": 12, "probes": 0}
SERVICE = (1, 2, 4, 8, 16, 32, 50, 100)  # tables of a part whose service times are kept
SERVED, SERVICE_BITS = 250_000, 14
_BATCHES = (100, 1000)
AT_ONCE = 0.25  # seconds for an answer: Ray refuses a call to a process that is not there yet only after two
QUANTILES = (*np.arange(0, 1, 0.01).round(2), 0.995, 0.999, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--parts", default="2,4,10")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", default="ways,batches,building,kills,joining,service")
    wanted = parser.parse_args()
    vectors, queries, what = vectors_and_queries(large=False)
    vectors, parts = vectors[: wanted.count], [int(number) for number in wanted.parts.split(",")]
    os.environ |= {ASKED: LOCAL, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    sections = {
        "ways": lambda: ways(vectors, queries, parts),
        "batches": lambda: batches(vectors, queries, parts),
        "building": building,
        "kills": lambda: kills(vectors, queries, wanted.kills),
        "joining": lambda: joining(vectors, queries),
        "service": service,
    }
    said = f"{len(vectors):,} {what}, {SETTINGS['tables']} tables of {SETTINGS['bits']} bits in each part, k = {K}."
    written = former(list(sections)) if wanted.only != ",".join(sections) else {}
    for name in wanted.only.split(","):
        written[name] = "\n".join(sections[name]()) + f"\n\nLoad of the computer then: {os.getloadavg()[0]:.1f}."
        print(written[name], end="\n\n", flush=True)
    lines = [f"# RDH on Ray\n\n{facts()}\n\n{said}", *(written[name] for name in sections if name in written)]
    (RESULTS / "rdh.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def former(names: list[str]) -> dict[str, str]:
    """The sections of the last run, by name: what is not measured again stays."""
    path = RESULTS / "rdh.md"
    found = path.read_text(encoding="utf-8").split("\n\n## ")[1:] if path.is_file() else []
    return (
        {name: f"## {text.strip()}" for name, text in zip(names, found, strict=False)}
        if len(found) == len(names)
        else {}
    )


def built(vectors: np.ndarray, **settings: Any) -> RDH:
    return RDH("euclidean", **(SETTINGS | settings)).build(np.arange(len(vectors)), vectors)


def table(*columns: str) -> str:
    head = " | ".join(columns)
    return f"| {head} |\n|" + "---|" * (head.count("|") + 1)


def spread(milliseconds: list[float]) -> str:
    """The median, and the 99th percentile in brackets."""
    return f"{np.percentile(milliseconds, 50):.2f} ({np.percentile(milliseconds, 99):.2f})" if milliseconds else "—"


# ── one query to all parts ───────────────────────────────────────────────────────────────────────────────────────────


def ways(vectors: np.ndarray, queries: np.ndarray, parts: list[int]) -> Iterator[str]:
    """The overhead of each way to ask all parts, beside the slowest part's own time."""
    yield "## One query: milliseconds over the slowest part, p50 (p99)\n"
    yield table(
        "parts", "slowest part", "direct lines", "Ray's calls", "compiled graph", "pipes, empty", "whole search"
    )
    for number in parts:
        index, pipes = built(vectors, parts=number), Pipes(number)
        whole, slowest, lines = asked(index, queries)
        by_ray, by_graph = plain(index, queries), compiled(index, queries)
        floor = [pipes.ask(queries[:1]) for _ in range(330)][30:]
        shown = [spread(taken) for taken in (slowest, lines, by_ray, by_graph, floor, whole)]
        yield f"| {number} | {' | '.join(shown)} |"
        pipes.close()


def asked(index: RDH, queries: np.ndarray, repeats: int = 500) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of whole searches, of the slowest part in each, and what is left."""
    whole, slowest = [], []
    for number in range(-30, repeats):
        began = time.perf_counter()
        index.search(queries[number % 1000][None], K)
        if number >= 0:
            whole.append(1000 * (time.perf_counter() - began))
            slowest.append(1000 * float(index.part_seconds.max()))
    return whole, slowest, [a - b for a, b in zip(whole, slowest, strict=True)]


def plain(index: RDH, queries: np.ndarray) -> list[float]:
    """The overhead where each part is asked by a call of Ray's own."""
    workers: Any = index._built.workers
    workers.read = workers.ask
    overhead = asked(index, queries, 200)[2]
    del workers.read
    return overhead


def compiled(index: RDH, queries: np.ndarray) -> list[float]:
    """The overhead by one of Ray's compiled graphs over all parts; nothing where it does not answer in ten seconds."""
    import ray
    from ray.dag import InputNode, MultiOutputNode

    taken = []
    try:
        with InputNode() as what:
            calls = [handle.actor.call.bind("search", what[0], what[1]) for handle in index._built.handles]
            graph = MultiOutputNode(calls).experimental_compile()
        for number in range(230):
            began = time.perf_counter()
            answers = ray.get(graph.execute(queries[number % 1000][None].copy(), K), timeout=10)
            slowest = max(answer[3] for answer in answers)
            taken.append(1000 * (time.perf_counter() - began - slowest))
            del answers  # they lie in the graph's own memory, and hold the next ones up
        graph.teardown()
    except Exception as error:
        print(f"No compiled graph over {len(index._built.handles)} parts: {type(error).__name__}")
    return taken[30:]


# ── batches and building ─────────────────────────────────────────────────────────────────────────────────────────────


def batches(vectors: np.ndarray, queries: np.ndarray, parts: list[int]) -> Iterator[str]:
    """A batch over all parts, beside what the parts reach one after the other, and what they take when all work."""
    cores = os.cpu_count() or 1
    yield f"## Batches: milliseconds a query, and the share of the parts' summed throughput on {cores} cores\n"
    yield (
        "*Alone*: of what the parts reach while the others rest; cores share their memory, so parts that work at once "
        "are slower. *At once*: of what they reach then; what is missing is the price of asking and merging.\n"
    )
    yield table("parts", *(f"{size:,} at once | alone | at once" for size in _BATCHES))
    for number in parts:
        index, cells = built(vectors, parts=number), []
        for size in _BATCHES:
            rounds, busy = [_batch(index, queries[:size]) for _ in range(5)], min(cores, number)
            whole, together, _ = min(rounds)
            apart = min(seconds for _, _, seconds in rounds)
            # More parts than cores wait for each other, and their own times with them.
            shared = f"{together / busy / whole:.2f}" if number <= cores else "–"
            cells.append(f"{1000 * whole / size:.3f} | {apart / busy / whole:.2f} | {shared}")
        yield f"| {number} | {' | '.join(cells)} |"


def _batch(index: RDH, batch: np.ndarray) -> tuple[float, float, float]:
    """Seconds of a batch, and of its parts added up: all at once, and each asked while the others rest."""
    whole = timed(partial(index.search, batch, K))
    return whole, float(index.part_seconds.sum()), alone(index, batch)


def alone(index: RDH, batch: np.ndarray) -> float:
    """The parts' own seconds for a batch, added up, where each is asked while the others rest."""
    workers = index._built.workers
    return sum(float(workers.ask([(handle, "search", (batch, K))])[0][3]) for handle in index._built.handles)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Timed(RDH):
    """Tells the seconds in which its workers start apart from those of the build."""

    starting = 0.0

    def _made(self, *given: Any) -> Any:
        began = time.perf_counter()
        parts = super()._made(*given)
        parts.all_of([(piece, "process", ()) for piece in parts.pieces])
        self.starting = time.perf_counter() - began
        return parts


def building() -> Iterator[str]:
    """Building with one part and with more of them, each with one thread, of vectors mapped from their file."""
    vectors, _, what = vectors_and_queries(large=True)
    yield f"## Building over {len(vectors):,} {what} in a file, best of three\n"
    yield table("parts", "seconds", "times as fast as one part", "seconds until the workers stand")
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/vectors.npy", vectors, allow_pickle=False)
        del vectors
        mapped = np.load(f"{folder}/vectors.npy", mmap_mode="r", allow_pickle=False)
        taken = {number: min(built_apart(mapped, number) for _ in range(3)) for number in (1, 2, 4)}
    for number, (seconds, starting) in taken.items():
        yield f"| {number} | {seconds:.2f} | {taken[1][0] / seconds:.2f} | {starting:.2f} |"


def built_apart(vectors: np.ndarray, number: int) -> tuple[float, float]:
    """(seconds of the build, seconds until its workers stood)."""
    index = Timed("euclidean", **SETTINGS, parts=number)
    seconds = timed(partial(index.build, np.arange(len(vectors)), vectors))
    return seconds - index.starting, index.starting


# ── trouble and change ───────────────────────────────────────────────────────────────────────────────────────────────


class Load:
    """A thread that asks all the time: when, how long it took, and the share that answered (−1: an error)."""

    def __init__(self, index: RDH, queries: np.ndarray) -> None:
        self.index, self.queries = index, queries
        self.seen: list[tuple[float, float, float]] = []
        self.stopped = threading.Event()

    @contextmanager
    def running(self) -> Iterator[Load]:
        thread = threading.Thread(target=self._ask)
        thread.start()
        try:
            yield self
        finally:
            self.stopped.set()
            thread.join()

    def _ask(self) -> None:
        while not self.stopped.is_set():
            began = time.monotonic()
            try:
                share = self.index.search(self.queries[len(self.seen) % 1000][None], K).share
            except Exception:
                share = -1.0
            self.seen.append((began, time.monotonic() - began, share))

    def said(self) -> str:
        shares = np.array([share for _, _, share in self.seen])
        waits = [1000 * wait for _, wait, _ in self.seen]
        return (
            f"{len(shares):,} answers, {np.sum(shares < 0)} errors, {np.sum((shares >= 0) & (shares < 1)):,} answers "
            f"({100 * np.mean(shares < 1):.1f} %) that said they cover a part, {spread(waits)} ms, the slowest "
            f"{max(waits):,.0f} ms"
        )


def kills(vectors: np.ndarray, queries: np.ndarray, count: int) -> Iterator[str]:
    """Parts killed under load, one after the other, each time when all are there again."""
    yield "## Parts killed under load"
    for copies in (1, 2):
        index = built(vectors, parts=2, copies=copies)
        with Load(index, queries).running() as load:
            back = sorted(kill(index, load, number) for number in range(count))
        yield (
            f"\nTwo parts, {copies} cop{'y' if copies == 1 else 'ies'} of each, {count} kills: {load.said()}. All "
            f"parts there again after {np.median(back):.1f} s (median), {back[-1]:.1f} s (longest)."
        )


def kill(index: RDH, load: Load, number: int) -> float:
    """Kill one worker; seconds until all of them answer again, and searches are whole."""
    time.sleep(0.5)
    handles, workers = index._built.handles, index._built.workers
    os.kill(workers.ask([(handles[number % len(handles)], "process", ())])[0], signal.SIGKILL)
    began = time.monotonic()
    while any(isinstance(one, Lost) for one in workers.ask([(handle, "size", ()) for handle in handles], AT_ONCE)):
        time.sleep(0.02)
    while load.seen[-1][0] < began or load.seen[-1][2] < 1.0:
        time.sleep(0.005)
    return time.monotonic() - began


def joining(vectors: np.ndarray, queries: np.ndarray) -> Iterator[str]:
    """A part joins three others while these are asked."""
    yield "## A fourth part joins three others, and leaves again, under load"
    index = built(vectors, parts=3)
    for what, change in (("joins", index.grow), ("leaves", index.shrink)):
        with Load(index, queries).running() as load:
            time.sleep(1)
            seconds = timed(change)
        yield f"\nIt {what} in {seconds:.1f} s: {load.said()}."


# ── a part's own times ───────────────────────────────────────────────────────────────────────────────────────────────


def service() -> Iterator[str]:
    """The quantiles of a part's processor time for one query, kept as CSV, and a few of them as a table."""
    yield f"## A part of {SERVED:,} vectors: milliseconds of one processor for a query, {SERVICE_BITS} bits\n"
    yield table("tables", "p50", "p90", "p99", "p99.9", "longest")
    vectors, queries, _ = vectors_and_queries(large=True)
    vectors, rows = vectors[:SERVED], []
    for tables in SERVICE:
        taken = processor_times(vectors, queries, tables)
        setting = f"lsh(bits={SERVICE_BITS},probes=0,tables={tables})"
        rows += [(setting, f"{q:.3f}", f"{np.quantile(taken, q):.4f}") for q in QUANTILES]
        yield f"| {tables} | {' | '.join(f'{np.quantile(taken, q):.2f}' for q in (0.5, 0.9, 0.99, 0.999, 1))} |"
    with open(RESULTS / "part-service-times.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("setting", "quantile", "ms"), *rows])


def processor_times(vectors: np.ndarray, queries: np.ndarray, tables: int) -> np.ndarray:
    """(2000,) milliseconds of this thread for single queries."""
    index = make_index("lsh", "euclidean", tables=tables, bits=SERVICE_BITS, probes=0)
    index.build(np.arange(len(vectors)), vectors)
    taken = []
    for number in range(-50, 2000):
        began = time.thread_time()
        index.search(queries[number % len(queries)][None], K)
        taken.append(1000 * (time.thread_time() - began))
    return np.array(taken[50:])


if __name__ == "__main__":
    main()
