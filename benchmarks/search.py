"""Search against what others offer, in one interleaved run: `python -m benchmarks.search [--large] [--repeats 5]`.

Exact search beside NumPy, scikit-learn and faiss; our LSH beside lshashpy3 with the same planes, and its recall and MAP
against time beside HNSW and k-means. On real SIFT descriptors where they are there (with --large a million, made from
them by tiling and noise), else on drawn vectors. Ratios within one run count; milliseconds depend on what else runs.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks._machine import facts
from benchmarks._ways import Answer, Way, measured
from engine.core.humanize import percent
from engine.evaluation.recall import recall_at_k
from engine.indexes import make_index
from engine.indexes.hashing.hyperplanes import Hyperplanes
from engine.indexes.index import Index, Neighbours
from engine.indexes.lsh import LSH
from engine.indexes.lshash_reference import LSHashReference

HERE = Path(__file__).resolve().parent
SIFT = Path(os.environ.get("BENZER_TEST_DATA", HERE.parent.parent / "shared" / "data")) / "sift"
BATCHES = (1, 4, 16, 100, 1000)
K = 10
Asked = Callable[[np.ndarray], object]


def vectors_and_queries(large: bool) -> tuple[np.ndarray, np.ndarray, str]:
    """(n, 128) and (1000, 128) float32, and what they are."""
    rng = np.random.default_rng(0)
    if not (SIFT / "base.npy").exists():
        centres = rng.standard_normal((1000, 128)) * 2
        drawn = centres[rng.integers(0, 1000, 101_000)] + rng.standard_normal((101_000, 128))
        return drawn[1000:].astype(np.float32), drawn[:1000].astype(np.float32), "drawn clusters (no SIFT data here)"
    base, queries = (
        np.load(SIFT / "base.npy", allow_pickle=False),
        np.load(SIFT / "queries.npy", allow_pickle=False).astype(np.float32),
    )
    if not large:
        return base.astype(np.float32), queries, "real SIFT descriptors"
    tiles = [np.clip(base.astype(np.int16) + rng.integers(-8, 9, base.shape, dtype=np.int16), 0, 255) for _ in range(5)]
    return np.concatenate(tiles).astype(np.float32), queries, "SIFT descriptors, five times with noise of ±8"


def interleaved(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The median milliseconds of each way, taken in turns so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(taken) for name, taken in times.items()}


def exact_ways(vectors: np.ndarray) -> dict[str, Asked]:
    import faiss
    from sklearn.neighbors import NearestNeighbors

    ours = make_index("exact", "euclidean").build(np.arange(len(vectors)), vectors)
    flat, packed = faiss.IndexFlatL2(vectors.shape[1]), faiss.IndexScalarQuantizer(vectors.shape[1], 0)
    flat.add(vectors)
    packed.train(vectors[:50_000])
    packed.add(vectors)
    near = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(vectors)
    squares = np.einsum("ij,ij->i", vectors, vectors)

    def plain(queries: np.ndarray) -> np.ndarray:
        parts = []
        for i in range(0, len(queries), 64):
            scores = squares - 2 * (queries[i : i + 64] @ vectors.T)
            parts.append(np.argpartition(scores, K, axis=1)[:, :K])
        return np.concatenate(parts)

    def flat_at_its_best(queries: np.ndarray) -> object:
        faiss.cvar.distance_compute_blas_threshold, former = 4, faiss.cvar.distance_compute_blas_threshold
        answer = flat.search(queries, K)
        faiss.cvar.distance_compute_blas_threshold = former
        return answer

    return {
        "ours": lambda queries: ours.search(queries, K),
        "NumPy": plain,
        "faiss Flat": lambda queries: flat.search(queries, K),
        "faiss Flat, BLAS from 4 on": flat_at_its_best,
        "faiss SQ8 (not exact)": lambda queries: packed.search(queries, K),
        "scikit-learn": lambda queries: near.kneighbors(queries),
    }


def bandwidth(vectors: np.ndarray, repeats: int) -> float:
    """GB/s at which the vectors can be read from memory once, as NumPy's matrix-vector product does."""
    query = vectors[0].copy()
    return vectors.nbytes / 1e6 / interleaved({"read": lambda: vectors @ query}, repeats)["read"]


def exact_table(vectors: np.ndarray, queries: np.ndarray, repeats: int) -> Iterator[str]:
    ways, speed = exact_ways(vectors), bandwidth(vectors, repeats)
    yield f"## Exact search, k = {K}, ms a query"
    yield ""
    yield f"| batch | {' | '.join(ways)} | ours: times faster than the best other exact one · than faiss's default |"
    yield "|---|" + "---|" * (len(ways) + 1)
    for batch in BATCHES:
        asked = np.ascontiguousarray(queries[:batch])
        bound = {name: partial(way, asked) for name, way in ways.items()}
        taken = interleaved(bound, repeats if batch < 1000 else max(2, repeats // 2))
        best = min(value for name, value in taken.items() if name not in ("ours", "faiss SQ8 (not exact)"))
        cells = " | ".join(f"{value / batch:.3f}" for value in taken.values())
        yield f"| {batch} | {cells} | {best / taken['ours']:.1f} · {taken['faiss Flat'] / taken['ours']:.1f} |"
    fp32, codes = vectors.nbytes / 1e6 / speed, vectors.size / 1e6 / speed
    limits = f"reading the vectors once takes {fp32:.1f} ms in single precision, {codes:.1f} ms as 8-bit codes"
    yield ""
    yield f"The limit for one query: memory gives {speed:.0f} GB/s here, so {limits}."


def against_lshash(repeats: int) -> list[str]:
    """The same planes, 10,000 vectors, 8 bits: equal candidates, build and query times."""
    vectors, queries, what = vectors_and_queries(False)
    vectors, queries = vectors[:10_000], queries[:50]
    ids = np.arange(len(vectors))
    # Planes in all dimensions, as lshashpy3 draws them: it then hashes and ranks the vectors themselves.
    rng, axes = np.random.default_rng(0), np.eye(vectors.shape[1], dtype=np.float32)
    normals = rng.standard_normal((10, 8, len(axes))).astype(np.float32)
    planes = Hyperplanes(vectors.mean(axis=0), axes, normals)
    ours, theirs = LSH("euclidean", probes=0, planes=planes), LSHashReference("euclidean", planes=planes)
    LSH("euclidean", probes=0, planes=planes).build(ids[:500], vectors[:500]).search(queries[:1], 8)
    build = interleaved({"ours": lambda: ours.build(ids, vectors), "theirs": lambda: theirs.build(ids, vectors)}, 3)
    same = all(np.array_equal(a, b) for a, b in zip(ours.candidates(queries), theirs.candidates(queries), strict=True))
    points = planes.points(queries, "euclidean")

    def one_by_one() -> None:
        for query in queries:
            ours.search(query[None], 8)

    def package() -> None:  # as its own users ask it: hashing, union and ranking are all its own
        for point in points:
            theirs._lsh.query(point, 8, "true_euclidean")

    query = interleaved({"ours": one_by_one, "theirs": package}, max(2, repeats // 2))
    examined = ours.search(queries, 8).examined.mean()
    return [
        f"## LSH against lshashpy3: {what}, 10,000 vectors, 10 tables of 8 bits, the same planes",
        "",
        f"Candidates are {'identical' if same else 'NOT identical'} ({examined:.0f} a query).",
        "",
        "| | ours | lshashpy3 | times faster |",
        "|---|---|---|---|",
        f"| build, ms | {build['ours']:.0f} | {build['theirs']:.0f} | {build['theirs'] / build['ours']:.0f} |",
        f"| query, ms | {query['ours'] / 50:.3f} | {query['theirs'] / 50:.2f} "
        f"| {query['theirs'] / query['ours']:.0f} |",
    ]


def strict_map(found: Neighbours, truth: Neighbours) -> float:
    """MAP@k divided by k, not by what was returned: a missing answer costs what a wrong one does."""
    right = np.array([np.isin(a, b[b >= 0]) for a, b in zip(found.ids, truth.ids, strict=True)])
    precision = np.cumsum(right, axis=1) / np.arange(1, right.shape[1] + 1)
    return float((precision * right).sum(axis=1).mean() / right.shape[1])


def approximate_table(vectors: np.ndarray, queries: np.ndarray, singles: int) -> Iterator[str]:
    ids, queries = np.arange(len(vectors)), queries[:singles]
    exact = make_index("exact", "euclidean").build(ids, vectors)
    truth, truth_100 = exact.search(queries, K), exact.search(queries, 100)
    settings = [
        ("lsh", {}), ("lsh", {"bits": 16, "tables": 50, "probes": 4}),
        ("lsh", {"bits": 16, "tables": 100, "probes": 4}), ("lsh", {"bits": 20, "tables": 100, "probes": 20}),
        ("kmeans", {}), ("hnsw", {}),
    ]  # fmt: skip
    ways = [Way("exact", "", _asked(exact), 0.0)]
    indexes = [exact]
    for method, options in settings:
        began = time.perf_counter()
        indexes.append(make_index(method, "euclidean", **options).build(ids, vectors))
        ways.append(Way(method, _chosen(indexes[-1]), _asked(indexes[-1]), time.perf_counter() - began))
    yield "## Quality against time, one query at a time, in turns"
    yield ""
    yield "| method | settings | build s | recall@10 | strict MAP@100 | compared | ms p50 | ms p99 |"
    yield "|---|---|---|---|---|---|---|---|"
    for way, index, took in zip(ways, indexes, measured(ways, queries), strict=True):
        yield _row(way, index, took.taken, queries, truth, truth_100)


def _asked(index: Index) -> Answer:
    return lambda query: index.search(query, K).ids


def _chosen(index: Index) -> str:
    return ", ".join(f"{name} {value}" for name, value in index.chosen.items())


def _row(way: Way, index: Index, taken: np.ndarray, queries: np.ndarray, truth: Neighbours, hundred: Neighbours) -> str:
    found = index.search(queries, K)
    recall, quality = recall_at_k(found, truth).mean(), strict_map(index.search(queries, 100), hundred)
    share = percent(found.examined.mean() / index.size, 1) if found.examined.min() >= 0 else "not told"
    low, high = np.percentile(taken, [50, 99])
    build = f"{way.build:.1f}" if way.build else "–"
    return (
        f"| {way.name} | {way.settings} | {build} | {recall:.3f} | {quality:.3f} | {share} | {low:.2f} | {high:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="a million vectors instead of 200,000")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--singles", type=int, default=300, help="queries asked one at a time")
    asked = parser.parse_args()
    vectors, queries, what = vectors_and_queries(asked.large)
    command = "python -m benchmarks.search" + (" --large" if asked.large else "") + f" --repeats {asked.repeats}"
    machine = re.sub(r"[^A-Za-z0-9]+", "-", ", ".join(facts().split(", ")[:2])).strip("-").lower()
    target = HERE / "results" / f"search-{machine}{'-large' if asked.large else ''}.md"
    target.parent.mkdir(exist_ok=True)
    head = ["# Search", "", f"`{command}`", "", facts(), "", f"{len(vectors):,} × {vectors.shape[1]}: {what}.", ""]
    exact = exact_table(vectors, queries, asked.repeats)
    quality = approximate_table(vectors, queries, asked.singles)
    with open(target, "w", encoding="utf-8") as file:
        for line in chain(head, against_lshash(asked.repeats), [""], exact, [""], quality):
            print(line, flush=True)
            print(line, file=file, flush=True)


if __name__ == "__main__":
    main()
