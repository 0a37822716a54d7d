"""RDH on Ray: what the fan-out costs, batches, and what happens when a part is killed: `python -m benchmarks.rdh`.

    python -m benchmarks.rdh [--count 200000] [--parts 2,4,10] [--seconds 20]

On real SIFT descriptors where they are there, else on drawn vectors. The overhead is a query through Ray minus the time
of the slowest part inside its own process; the floor is the same parts asked one after the other in this process. One
Ray on this computer: the figures are those of the fan-out, not of a network.
"""

from __future__ import annotations

import argparse
import os
import threading
import time

import numpy as np

from benchmarks._machine import facts
from benchmarks.search import vectors_and_queries
from engine.home import PROJECT
from engine.indexes import make_index
from engine.indexes.rdh import RDH

K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--parts", default="2,4,10")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long queries go on while parts are killed")
    wanted = parser.parse_args()
    vectors, queries, what = vectors_and_queries(large=False)
    vectors = vectors[: wanted.count]
    lines = [f"# RDH on Ray\n\n{facts()}\n\n{len(vectors):,} {what}, 16 tables of 12 bits in each part.\n", *header()]
    os.environ["BENZER_RAY"] = "local"
    for parts in map(int, wanted.parts.split(",")):
        lines.append(row(vectors, queries, parts))
        print(lines[-1], flush=True)
    lines += ["", killed(vectors, queries, wanted.seconds), ""]
    print(lines[-2])
    (PROJECT / "benchmarks" / "results" / "rdh.md").write_text("\n".join(lines), encoding="utf-8")


def header() -> list[str]:
    """The head of the table."""
    columns = [
        "parts",
        "build s",
        "one query p50 (p99) ms",
        "an empty call to all parts p50 (p99) ms",
        "100 queries at once, ms a query",
        "in this process, ms a query",
        "recall@10",
    ]
    return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]


def row(vectors: np.ndarray, queries: np.ndarray, parts: int) -> str:
    """A line of the table."""
    settings = {"parts": parts, "tables": 16, "bits": 12}
    began = time.perf_counter()
    index = RDH("euclidean", **settings).build(np.arange(len(vectors)), vectors)
    built = time.perf_counter() - began
    one = times(lambda n: index.search(queries[n : n + 1], K), 300)
    empty = times(lambda n: index._check_all_there(), 300)
    batch = times(lambda n: index.search(queries[100 * n : 100 * n + 100], K), 10)
    truth = make_index("exact", "euclidean").build(np.arange(len(vectors)), vectors).search(queries[:200], K).ids
    found = index.search(queries[:200], K).ids
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), truth.tolist(), strict=True)])
    here = beside(vectors, queries, settings)
    shown = [f"{np.percentile(taken, 50):.1f} ({np.percentile(taken, 99):.1f})" for taken in (one, empty)]
    return f"| {parts} | {built:.1f} | {' | '.join(shown)} | {np.median(batch) / 100:.2f} | {here:.2f} | {recall:.3f} |"


def beside(vectors: np.ndarray, queries: np.ndarray, settings: dict[str, int]) -> float:
    """Milliseconds a query where the same parts live in this process and are asked one after the other."""
    asked = os.environ.pop("BENZER_RAY")
    index = RDH("euclidean", **settings).build(np.arange(len(vectors)), vectors)
    os.environ["BENZER_RAY"] = asked
    return float(np.median(times(lambda n: index.search(queries[n : n + 1], K), 100)))


def times(work, repeats: int) -> list[float]:
    """Milliseconds of each repeat, after three to warm up."""
    taken = []
    for number in range(-3, repeats):
        began = time.perf_counter()
        work(max(number, 0))
        taken.append(1000 * (time.perf_counter() - began))
    return taken[3:]


def killed(vectors: np.ndarray, queries: np.ndarray, seconds: float) -> str:
    """What queries see while one of two parts is killed every five seconds."""
    import ray

    index = RDH("euclidean", parts=2, tables=16, bits=12).build(np.arange(len(vectors)), vectors)
    kills, stop = [0], threading.Event()

    def kill() -> None:
        while not stop.wait(5):
            handle = index._built[kills[0] % 2].handles[0]
            os.kill(ray.get(handle.process.remote()), 9)
            kills[0] += 1

    threading.Thread(target=kill, daemon=True).start()
    shares, errors, until = [], 0, time.monotonic() + seconds
    gaps, full_since = [], time.monotonic()
    while time.monotonic() < until:
        try:
            shares.append(index.search(queries[len(shares) % 1000][None], K).share)
        except Exception:
            errors += 1
            continue
        if shares[-1] == 1.0:
            gaps.append(time.monotonic() - full_since)
            full_since = time.monotonic()
    stop.set()
    partial = sum(share < 1 for share in shares)
    return (
        f"One of two parts killed {kills[0]} times in {seconds:.0f} s under load: {len(shares):,} answers, {errors} "
        f"errors, {partial:,} answers said that they cover half the vectors, full service within {max(gaps):.1f} s."
    )


if __name__ == "__main__":
    main()
