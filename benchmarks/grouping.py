"""Grouping 50,000 vectors of 512 values: `python -m benchmarks.grouping [--count 50000] [--repeats 1]`.

Every method runs in a process of its own, so that its memory is its own: seconds, the growth of the peak memory, and
how well it finds the groups the vectors were drawn from (ARI). Beside k-means stand faiss and scikit-learn's full one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import engine.grouping  # noqa: F401 - first: it says how OpenMP's threads wait
from benchmarks._children import child
from benchmarks._machine import facts

HERE = Path(__file__).resolve().parent
WIDTH, GROUPS, INNER = 512, 100, 24
TARGET = {"k-means": 10.0}
REDUCED = HERE / "results" / ".reduced.npy"


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 512) float32 in 100 groups that differ in 24 directions, with noise in all; and the groups (n,)."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, GROUPS, count)
    inner = 2.2 * rng.normal(size=(GROUPS, INNER))[truth] + rng.normal(size=(count, INNER))
    vectors = inner @ (rng.normal(size=(INNER, WIDTH)) / INNER**0.5) + 0.3 * rng.normal(size=(count, WIDTH))
    return vectors.astype(np.float32), truth


def clustered(name: str, **settings: Any) -> Callable[[np.ndarray], np.ndarray]:
    from engine.grouping import clusterers

    return lambda vectors: clusterers()[name]("euclidean", **settings).fit_predict(vectors)


def projected(name: str, **settings: Any) -> Callable[[np.ndarray], np.ndarray]:
    from engine.grouping import projections

    return lambda vectors: projections()[name]("euclidean", **settings).fit_transform(vectors)


def faiss_kmeans(vectors: np.ndarray) -> np.ndarray:
    import faiss

    kmeans = faiss.Kmeans(vectors.shape[1], GROUPS, niter=25, seed=0, max_points_per_centroid=10**9)
    kmeans.train(vectors)
    return kmeans.index.search(vectors, 1)[1][:, 0]


def full_kmeans(vectors: np.ndarray) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(GROUPS, n_init=1, random_state=0).fit(vectors).labels_


WAYS: dict[str, tuple[str, Callable[[], Callable[[np.ndarray], np.ndarray]]]] = {
    "k-means": ("scikit-learn, mini-batches", lambda: clustered("kmeans", groups=GROUPS)),
    "k-means, peer": ("faiss, 25 rounds over all", lambda: faiss_kmeans),
    "k-means, every vector": ("scikit-learn, Lloyd", lambda: full_kmeans),
    "tree over 2,000 medoids": ("SciPy, average linkage", lambda: clustered("hierarchical", groups=GROUPS)),
    "PCA to 90 % of the variance": ("scikit-learn", lambda: projected("pca")),
    "UMAP to 10": ("umap-learn, one core", lambda: projected("umap", dimensions=10)),
    "HDBSCAN after that": ("scikit-learn", lambda: clustered("hdbscan", size=100)),
    "HDBSCAN on all 512": ("scikit-learn, PCA to 50 first", lambda: clustered("hdbscan", size=100)),
}


def measure(name: str, count: int) -> dict[str, float | None]:
    """Seconds, MB and ARI of one way, in this process."""
    from sklearn.metrics import adjusted_rand_score

    vectors, truth = drawn(count)
    if name == "HDBSCAN after that":
        vectors = np.load(REDUCED, allow_pickle=False)
    way = WAYS[name][1]()
    way(vectors[: 40 * GROUPS])  # libraries are loaded and compiled
    before, began = _forget_peak(), time.perf_counter()
    found = way(vectors)
    seconds = time.perf_counter() - began
    grown = _status("VmHWM") - before
    if name == "UMAP to 10":
        np.save(REDUCED, found, allow_pickle=False)
    ari = float(adjusted_rand_score(truth, found)) if found.ndim == 1 else None
    return {"seconds": seconds, "megabytes": grown, "ari": ari}


def _forget_peak() -> float:
    """Let the peak of this process's memory begin anew (Linux); the memory it has now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) / 1024


def in_its_own_process(name: str, count: int) -> dict[str, float | None]:
    words = [sys.executable, "-m", "benchmarks.grouping", "--only", name, "--count", str(count)]
    with child(words, stdout=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{name} failed.")
    found: dict[str, float | None] = json.loads(out.splitlines()[-1])
    return found


def table(count: int, repeats: int) -> list[str]:
    lines = [
        f"| what | by | s | MB more at peak | ARI with the {GROUPS} groups | target |",
        "|---|---|---|---|---|---|",
    ]
    for name, (by, _) in WAYS.items():
        runs = [in_its_own_process(name, count) for _ in range(repeats)]
        best = sorted(runs, key=lambda run: run["seconds"] or 0.0)[len(runs) // 2]
        ari = "–" if best["ari"] is None else f"{best['ari']:.3f}"
        target = f"≤ {TARGET[name]:.0f} s" if name in TARGET else ""
        lines.append(f"| {name} | {by} | {best['seconds']:.1f} | {best['megabytes']:,.0f} | {ari} | {target} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments.count)))
        return
    head = f"# Grouping {arguments.count:,} vectors of {WIDTH} values\n\n{facts()}\n"
    print(head)
    try:
        lines = table(arguments.count, arguments.repeats)
    finally:
        REDUCED.unlink(missing_ok=True)
    (HERE / "results" / "grouping.md").write_text("\n".join([head, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
