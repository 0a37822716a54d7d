"""Measure what locality-sensitive hashing saves and costs on vectors of your own.

python examples/hashing.py vectors.npy
"""

import argparse

import benzer
import numpy as np


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("vectors", help="a .npy file of (n, d) numbers")
    words.add_argument("--queries", type=int, default=100)
    arguments = words.parse_args()

    vectors = np.load(arguments.vectors, allow_pickle=False).astype(np.float32)
    ids, queries = np.arange(len(vectors)), vectors[: arguments.queries]
    exact = benzer.indexes.Exact("euclidean").build(ids, vectors).search(queries, 10)
    for bits in (4, 8, 12):
        found = benzer.indexes.LSH("euclidean", bits=bits, tables=10).build(ids, vectors).search(queries, 10)
        pairs = zip(found.ids, exact.ids, strict=True)
        recall = np.mean([len(np.intersect1d(own[own >= 0], true)) / len(true) for own, true in pairs])
        share = np.mean(found.examined) / len(vectors)
        print(f"{bits:2} bits: recall {recall:.3f}, compared with {share:.1%} of the vectors")


if __name__ == "__main__":
    main()
