"""The ways of `python -m benchmarks.hashing --large`: a million vectors, each index asked with several settings."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _chart
from benchmarks._ways import Answer, Group, K, Way, installed, reranked
from engine.indexes import make_index
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.hash_index import HashIndex

_PROBES = (0, 4, 8, 16, 32, 64)
_RERANKS = (500, 2000, 8000)
_EFFORTS = (100, 200, 400)
_WANTED = 0.95
_KEPT = Path(tempfile.gettempdir()) / "benzer-hashing"  # the graph takes minutes: a second run finds it there


def groups(vectors: np.ndarray, queries: np.ndarray) -> Iterator[Group]:
    exact = make_index("exact", "euclidean").build(np.arange(len(vectors)), vectors)
    yield "Everything", [Way("Exact", "", lambda query: exact.search(query, K).ids, 0.0, f"{len(vectors):,}")]
    yield "In buckets, several numbers of extra buckets", list(_in_buckets(vectors, queries))
    yield f"In buckets, numbers chosen for a recall of {_WANTED} at {K}", list(_chosen(vectors, queries, "buckets"))
    yield "By Hamming distance, several numbers compared exactly", list(_by_hamming(vectors, queries))
    yield "Hashing of faiss", list(_faiss_hashing(vectors))
    yield "Without hashing", list(_without_hashing(vectors))


def _index(vectors: np.ndarray, method: str, **options: Any) -> tuple[HashIndex, float, float]:
    """An index, the seconds it took and the seconds of the processor."""
    wall, own = time.perf_counter(), time.process_time()
    index = make_index(method, "euclidean", **options)
    assert isinstance(index, HashIndex)
    index.build(np.arange(len(vectors)), vectors)
    return index, time.perf_counter() - wall, time.process_time() - own


def _asked_with(built: tuple[HashIndex, float, float], queries: np.ndarray, note: str = "", **number: int) -> Way:
    """The index asked with another number of extra buckets, or of codes compared exactly, than it was built with."""
    index, wall, own = built

    def answer(query: np.ndarray) -> np.ndarray:
        for name, value in number.items():
            setattr(index._lookup, name, value)
        return index.search(query, K).ids

    answer(queries[:1])
    examined = index.search(queries[:100], K).examined.mean()
    chosen = index.chosen
    shown = [f"{name} {chosen[name]}" for name in ("bits", "tables", "probes", "rerank") if name in chosen]
    return Way(index.title, ", ".join(shown) + note, answer, wall, f"{examined:,.0f}", own)


def _in_buckets(vectors: np.ndarray, queries: np.ndarray) -> Iterator[Way]:
    plain = _index(vectors, "lsh", bits=16, tables=32, probes=0)
    yield from (_asked_with(plain, queries, probes=probes) for probes in _PROBES)
    for note, options in (
        (", balanced planes", {"selection": "balanced"}), (", planes in all dimensions", {"directions": 128}),
    ):  # fmt: skip
        yield _asked_with(_index(vectors, "lsh", bits=16, tables=32, probes=16, **options), queries, note, probes=16)
    for method in ("pcah", "spectral", "itq"):
        built = _index(vectors, method, bits=16, tables=12, probes=0, lookup="buckets")
        yield from (_asked_with(built, queries, probes=probes) for probes in _PROBES)


def _chosen(vectors: np.ndarray, queries: np.ndarray, lookup: str) -> Iterator[Way]:
    for method in ("lsh", "pcah", "spectral", "itq"):
        built = _index(vectors, method, lookup=lookup, neighbours=K, recall=_WANTED)
        yield _asked_with(built, queries)


def _by_hamming(vectors: np.ndarray, queries: np.ndarray) -> Iterator[Way]:
    for method, tables in (("lsh", 4), ("pcah", 4), ("spectral", 4), ("itq", 1), ("itq", 4)):
        built = _index(vectors, method, lookup="hamming", bits=64, tables=tables, rerank=1)
        yield from (_asked_with(built, queries, rerank=rerank) for rerank in _RERANKS)


def _faiss_hashing(vectors: np.ndarray) -> Iterator[Way]:
    """LSH of 256 bits, and the binary indexes over the codes of our own ITQ of 64 bits."""
    import faiss

    centre = vectors.mean(axis=0)
    wall, own = time.perf_counter(), time.process_time()
    lsh = faiss.IndexLSH(vectors.shape[1], 256)
    lsh.add(vectors - centre)
    spent = time.perf_counter() - wall, time.process_time() - own
    for rerank in _RERANKS:
        found = reranked(vectors, partial(_signed, lsh, centre, rerank))
        yield Way("faiss LSH", f"256 bits, {rerank:,} re-ranked", found, spent[0], f"{rerank:,}", spent[1])
    itq = make_index("itq", "euclidean", bits=64, tables=1, rerank=1)
    assert isinstance(itq, HashIndex)
    functions = itq.fitted(vectors)
    codes = _bytes(functions, vectors)
    for name, index in _binary(codes):
        for rerank in _RERANKS:
            found = reranked(vectors, partial(_binary_rows, index, functions, rerank))
            yield Way(name, f"ITQ 64 bits, {rerank:,} re-ranked", found, 0.0)


def _signed(index: Any, centre: np.ndarray, count: int, query: np.ndarray) -> np.ndarray:
    return np.asarray(index.search(query - centre, count)[1])


def _binary_rows(index: Any, functions: HashFunctions, count: int, query: np.ndarray) -> np.ndarray:
    return np.asarray(index.search(_bytes(functions, query), count)[1])


def _bytes(functions: HashFunctions, vectors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(functions.words(vectors, "euclidean").T).view(np.uint8)


def _binary(codes: np.ndarray) -> Iterator[tuple[str, Any]]:
    import faiss

    flat, hashed, several = (
        faiss.IndexBinaryFlat(64),
        faiss.IndexBinaryHash(64, 16),
        faiss.IndexBinaryMultiHash(64, 4, 16),
    )
    hashed.nflip, several.nflip = 2, 1
    for name, index in (("BinaryFlat", flat), ("BinaryHash, 2 flips", hashed), ("BinaryMultiHash, 1 flip", several)):
        index.add(codes)
        yield f"faiss {name}", index


def _without_hashing(vectors: np.ndarray) -> Iterator[Way]:
    import faiss

    kinds = (("IVF", "IVF1024,Flat", (8, 16, 32, 64)), ("IVF-PQ, re-ranked", "IVF1024,PQ64x4fs,RFlat", (16, 32, 64)))
    for name, text, efforts in kinds:
        wall, own = time.perf_counter(), time.process_time()
        index = faiss.index_factory(vectors.shape[1], text)
        index.train(vectors[:: max(1, len(vectors) // 100_000)])
        index.add(vectors)
        spent = time.perf_counter() - wall, time.process_time() - own
        for probes in efforts:
            yield Way(f"faiss {name}", f"{text}, {probes} probes", _inverted(index, probes), *_built(spent))
    if not installed("hnswlib"):
        return
    graph, seconds = _kept_graph(vectors)
    for effort in _EFFORTS:
        yield Way("hnswlib", f"16 links, ef {effort}", _graph(graph, effort), *_built(seconds))


def _built(spent: tuple[float, float]) -> tuple[float, str, float]:
    return spent[0], "", spent[1]


def _inverted(index: Any, probes: int) -> Answer:
    import faiss

    parameters: Any = faiss.SearchParametersIVF(nprobe=probes)  # type: ignore[call-arg]
    if isinstance(index, faiss.IndexRefine | faiss.IndexRefineFlat):
        parameters = faiss.IndexRefineSearchParameters(k_factor=4, base_index_params=parameters)  # type: ignore[call-arg]
    return lambda query: index.search(query, K, params=parameters)[1]


def _graph(graph: Any, effort: int) -> Answer:
    def answer(query: np.ndarray) -> np.ndarray:
        graph.set_ef(effort)
        return np.asarray(graph.knn_query(query, K, num_threads=1)[0]).astype(np.int64)

    return answer


def _kept_graph(vectors: np.ndarray) -> tuple[Any, tuple[float, float]]:
    """The graph of hnswlib, from an earlier run where there was one, with the seconds that building it took then."""
    import hnswlib

    _KEPT.mkdir(exist_ok=True)
    path = _KEPT / f"hnswlib-16-100-{len(vectors)}"
    graph = hnswlib.Index(space="l2", dim=vectors.shape[1])
    if path.exists():
        graph.load_index(str(path))
        facts: Mapping[str, float] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return graph, (facts["wall"], facts["cpu"])
    wall, own = time.perf_counter(), time.process_time()
    graph.init_index(len(vectors), M=16, ef_construction=100, random_seed=0)
    graph.add_items(vectors, np.arange(len(vectors)))
    spent = time.perf_counter() - wall, time.process_time() - own
    path.with_suffix(".json").write_text(json.dumps({"wall": spent[0], "cpu": spent[1]}), encoding="utf-8")
    graph.save_index(str(path))
    return graph, spent


def picture(rows: list[tuple[str, float, float]]) -> str:
    """(name, ms, strict MAP) of every setting as a chart: one line for each name, those with several settings."""
    series: dict[str, list[tuple[float, float]]] = {}
    for name, ms, quality in rows:
        series.setdefault(name, []).append((1000 * ms, quality))
    shown = {name: sorted(points) for name, points in series.items() if len(points) > 1}
    title = "Strict MAP@100 against the time of one query, a million vectors"
    return _chart.lines(
        title, shown, across="microseconds of one processor, one query", up="strict MAP@100", powers=True
    )
