"""Hashing, bits and time, in one interleaved run: `python -m benchmarks.hashing [--large] [--count 200000]`.

LSH, PCA hashing, spectral hashing and ITQ, in buckets and by Hamming distance, beside the binary indexes, IVF and HNSW
of faiss and hnswlib. Every way answers the same queries one at a time, in turns, so that a busy moment hits all alike.
On real SIFT descriptors where they are there, else on drawn vectors; with --large on a million made from them (other
methods and settings, see `_hashing_large.py`, and a picture in docs/figures).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks._machine import facts
from benchmarks._ways import HERE, Answer, Group, K, Measured, Way, installed, measured, reranked
from benchmarks.search import strict_map, vectors_and_queries
from engine.indexes import Neighbours, make_index
from engine.indexes.hashing.hash_index import HashIndex

RERANK = 2000  # codes that are compared exactly where the quality of codes is the question
_NOT_DRAWN = ("planes", "tables 1,", "flip")  # what differs in more than how hard is looked, or finds too little


def timed(name: str, settings: str, make: Callable[[], Answer]) -> Way:
    began, own = time.perf_counter(), time.process_time()
    answer = make()
    print(f"built {name}, {settings}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    return Way(name, settings, answer, time.perf_counter() - began, own=time.process_time() - own)


def own(vectors: np.ndarray, queries: np.ndarray, method: str, **options: float | str) -> Way:
    began, spent = time.perf_counter(), time.process_time()
    index = make_index(method, "euclidean", **options).build(np.arange(len(vectors)), vectors)
    way = Way(index.title, "", lambda query: index.search(query, K).ids, time.perf_counter() - began)
    way.own = time.process_time() - spent
    wanted = (
        ("bits", "tables", "probes", "largest")
        if index.chosen.get("lookup") == "buckets"
        else ("bits", "tables", "rerank")
    )
    way.settings = ", ".join(f"{name} {index.chosen[name]}" for name in wanted if name in index.chosen)
    way.examined = f"{index.search(queries[:100], K).examined.mean():,.0f}"
    print(f"built {way.name}, {way.settings}: {way.build:.1f} s", file=sys.stderr, flush=True)
    return way


def own_ways(vectors: np.ndarray, queries: np.ndarray) -> Iterator[tuple[str, list[Way]]]:
    """Headings with the ways below them."""
    exact = make_index("exact", "euclidean").build(np.arange(len(vectors)), vectors)
    yield "Everything", [Way("Exact", "", lambda query: exact.search(query, K).ids, 0.0, f"{len(vectors):,}")]
    learned = ("pcah", "spectral", "itq")
    yield (
        f"By Hamming distance: one code, {RERANK:,} compared exactly",
        [
            own(vectors, queries, method, lookup="hamming", bits=bits, tables=1, rerank=RERANK)
            for bits in (16, 32, 64, 128)
            for method in ("lsh", *learned)
        ],
    )
    yield (
        "By Hamming distance: numbers chosen from the data",
        [own(vectors, queries, method, lookup="hamming") for method in ("lsh", *learned)],
    )
    thesis = [{"bits": bits, "tables": 1, "probes": 0} for bits in (8, 16)]
    yield (
        "In buckets: one table, no extra buckets",
        [own(vectors, queries, method, lookup="buckets", **options) for options in thesis for method in learned],
    )
    yield (
        "In buckets: numbers chosen from the data",
        [own(vectors, queries, method, lookup="buckets") for method in ("lsh", *learned)],
    )
    settings: list[dict[str, float | str]] = [
        {"bits": 16, "tables": 100, "probes": 0}, {"bits": 16, "tables": 100, "probes": 4},
        {"bits": 24, "tables": 100, "probes": 0}, {"bits": 24, "tables": 100, "probes": 20},
        {"bits": 16, "tables": 50, "probes": 4}, {"bits": 16, "tables": 50, "probes": 4, "selection": "median"},
        {"bits": 16, "tables": 50, "probes": 4, "selection": "balanced"},
        {"bits": 16, "tables": 50, "probes": 4, "directions": 128},
        {"bits": 14, "tables": 50, "probes": 4, "largest": 100}, {"bits": 14, "tables": 64, "probes": 8, "largest": 50},
    ]  # fmt: skip
    ways = [own(vectors, queries, "lsh", **options) for options in settings]
    for way, note in zip(ways[5:8], ("median thresholds", "balanced planes", "planes in all dimensions"), strict=True):
        way.settings += f", {note}"
    yield "LSH in buckets", ways


def faiss_binary(vectors: np.ndarray) -> Iterator[Way]:
    """The binary indexes of faiss over our own ITQ codes, and its LSH; all re-ranked by NumPy."""
    import faiss

    bits = min(64, vectors.shape[1])
    itq = make_index("itq", "euclidean", bits=bits, tables=1, rerank=RERANK)
    assert isinstance(itq, HashIndex)
    functions = itq.fitted(vectors)
    codes = np.ascontiguousarray(functions.words(vectors, "euclidean").T).view(np.uint8)

    def over(index: Any) -> Answer:
        index.add(codes)

        def found(query: np.ndarray) -> np.ndarray:
            asked = np.ascontiguousarray(functions.words(query, "euclidean").T).view(np.uint8)
            return np.asarray(index.search(asked, RERANK)[1])

        return reranked(vectors, found)

    def hashed(flips: int) -> Answer:
        index = faiss.IndexBinaryHash(64, 16)
        index.nflip = flips
        return over(index)

    def several(flips: int) -> Answer:
        index = faiss.IndexBinaryMultiHash(64, 4, 16)
        index.nflip = flips
        return over(index)

    yield timed("faiss BinaryFlat", f"ITQ {bits} bits, {RERANK:,} re-ranked", lambda: over(faiss.IndexBinaryFlat(64)))
    for flips in (0, 2):
        yield timed("faiss BinaryHash", f"ITQ, 16 of {bits} bits, {flips} flips", partial(hashed, flips))
        yield timed("faiss BinaryMultiHash", f"ITQ, 4 × 16 bits, {flips} flips", partial(several, flips))
    for length in (64, 256):
        yield timed("faiss LSH", f"{length} bits, {RERANK:,} re-ranked", partial(faiss_lsh, vectors, length))


def faiss_lsh(vectors: np.ndarray, bits: int) -> Answer:
    import faiss

    index = faiss.IndexLSH(vectors.shape[1], bits)
    index.add(vectors - vectors.mean(axis=0))
    centre = vectors.mean(axis=0)
    return reranked(vectors, lambda query: index.search(query - centre, RERANK)[1])


def others(vectors: np.ndarray) -> Iterator[Way]:
    """What does not hash."""
    import faiss

    def inverted(probes: int) -> Answer:
        cells = round(np.sqrt(len(vectors)))
        coarse = faiss.IndexFlatL2(vectors.shape[1])
        index = faiss.IndexIVFFlat(coarse, vectors.shape[1], cells)
        index.train(vectors[:50_000])
        index.add(vectors)
        index.nprobe = probes
        return lambda query: index.search(query, K)[1]

    def graph() -> Answer:
        index = faiss.IndexHNSWFlat(vectors.shape[1], 16)
        index.hnsw.efConstruction, index.hnsw.efSearch = 100, 200
        index.add(vectors)
        return lambda query: index.search(query, K)[1]

    def library() -> Answer:
        import hnswlib

        index = hnswlib.Index(space="l2", dim=vectors.shape[1])
        index.init_index(len(vectors), M=16, ef_construction=100, random_seed=0)
        index.add_items(vectors, np.arange(len(vectors)))
        index.set_ef(200)
        return lambda query: index.knn_query(query, K, num_threads=1)[0].astype(np.int64)

    for probes in (16, 64):
        yield timed(
            "faiss IVFFlat", f"{round(np.sqrt(len(vectors)))} cells, {probes} probes", partial(inverted, probes)
        )
    yield timed("faiss HNSW", "16 links, ef 200", graph)
    if installed("hnswlib"):
        yield timed("hnswlib", "16 links, ef 200", library)


def as_answer(ids: np.ndarray) -> Neighbours:
    return Neighbours(ids, np.zeros(ids.shape, np.float32), np.full(len(ids), -1))


def row(way: Way, got: Measured, truth: np.ndarray) -> str:
    ten = np.mean([np.isin(b[:10], a[:10]).mean() for a, b in zip(got.found, truth, strict=True)])
    low, high = np.percentile(got.taken, [50, 99])
    build, own = (f"{way.build:.1f}", f"{way.own:.1f}") if way.build else ("–", "–")
    return (
        f"| {way.name} | {way.settings} | {build} | {own} | {ten:.3f} | {quality(got, truth):.3f} "
        f"| {way.examined or '–'} | {low:.2f} | {high:.2f} | {np.median(got.own):.2f} |"
    )


def quality(got: Measured, truth: np.ndarray) -> float:
    return strict_map(as_answer(got.found), as_answer(truth))


def table(groups: list[Group], results: list[Measured]) -> Iterator[str]:
    left = iter(results)
    for heading, members in groups:
        yield f"## {heading}"
        yield ""
        yield (
            "| method | settings | build s | processor s | recall@10 | strict MAP@100 | compared | ms p50 | ms p99 "
            "| processor ms p50 |"
        )
        yield "|---|---|---|---|---|---|---|---|---|---|"
        yield from (row(way, next(left), results[0].found) for way in members)
        yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="a million vectors")
    parser.add_argument("--count", type=int, default=None, help="at most so many vectors")
    parser.add_argument("--queries", type=int, default=200, help="asked one at a time")
    asked = parser.parse_args()
    vectors, queries, what = vectors_and_queries(asked.large)
    vectors, queries = vectors[: asked.count], queries[: asked.queries]
    groups = _large(vectors, queries) if asked.large else _usual(vectors, queries)
    results = measured([way for _, members in groups for way in members], queries)
    lines = [
        "# Hashing", "", f"`python -m benchmarks.hashing{' --large' * asked.large} --queries {asked.queries}`", "",
        facts(), "", f"{len(vectors):,} × {vectors.shape[1]}: {what}; {len(queries)} queries, one at a time, k = {K}.",
        "*strict MAP@100* is divided by 100, *compared* is how many vectors a query is compared with. The seconds and",
        "milliseconds of the processor leave out what others made it wait; those of all its cores are added up.",
        "What the hashing of faiss finds is re-ranked by NumPy; the seconds of its binary indexes leave out the codes.",
        "",
        *table(groups, results),
    ]  # fmt: skip
    if asked.large:
        _draw(groups, results)
    target = HERE / "results" / ("hashing-million.md" if asked.large else "hashing.md")
    target.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n".join(lines))


def _usual(vectors: np.ndarray, queries: np.ndarray) -> list[Group]:
    binary, rest = ("Binary indexes of faiss", faiss_binary), ("Without hashing", others)
    return [*own_ways(vectors, queries), *((name, list(make(vectors))) for name, make in (binary, rest))]


def _large(vectors: np.ndarray, queries: np.ndarray) -> list[Group]:
    from benchmarks import _hashing_large

    made = []
    for heading, ways in _hashing_large.groups(vectors, queries):
        print(f"built {heading}", file=sys.stderr, flush=True)
        made.append((heading, ways))
    return made


def _draw(groups: list[Group], results: list[Measured]) -> None:
    """The picture of the settings that differ only in how hard is looked."""
    from benchmarks import _hashing_large

    ways = [(heading, way) for heading, members in groups for way in members]
    rows = [
        (_line(heading, way), float(np.median(got.own)), quality(got, results[0].found))
        for (heading, way), got in zip(ways, results, strict=True)
        if "chosen" not in heading and not any(word in f"{way.name} {way.settings}" for word in _NOT_DRAWN)
    ]
    figure = HERE.parent / "docs" / "figures" / "hashing-million.svg"
    figure.write_text(_hashing_large.picture(rows), encoding="utf-8")


def _line(heading: str, way: Way) -> str:
    """What the line that a way is a point of is called."""
    look_up = next((word for word in ("buckets", "Hamming") if word in heading), "")
    return f"{way.name}, {look_up}" if look_up else way.name


if __name__ == "__main__":
    main()
