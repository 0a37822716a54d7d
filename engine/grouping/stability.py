"""The stability of a tree's branches: how often each reappears in trees built from resampled data.

Felsenstein, "Confidence limits on phylogenies: an approach using the bootstrap" (Evolution 39, 1985); Hennig,
"Cluster-wise assessment of cluster stability" (Computational Statistics & Data Analysis 52, 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import Matrix, normalised
from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.core.settings import check_whole
from engine.grouping.hierarchical import merges_of

BOUND = 0.75  # the Jaccard similarity from which a branch counts as nearly the same (Hennig, 2007)
WAYS = {"dimensions": "dimensions of the vectors", "pictures": "pictures"}
ROUNDS = 100
_MOST_ROUNDS = 2000
Merges = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Stability:
    """How often each of the m − 1 branches reappeared, in the order of the tree's merges.

    Attributes:
        by: what was resampled, one of WAYS. rounds: how many trees were built. exact: in how many of them a branch held
            the same pictures. near: … the same but for a Jaccard similarity of at least 0.75. counted: in how many
            the branch could be looked for: those with at least two of its pictures. jaccard: the mean similarity to
            the most similar branch.
    """

    by: str
    rounds: int
    exact: Rows
    near: Rows
    counted: Rows
    jaccard: NDArray[np.float64]

    def share(self, *, exactly: bool) -> NDArray[np.float64]:
        """(m − 1,) the share of the resamplings in which each branch reappeared; NaN if it could not be compared."""
        found = self.exact if exactly else self.near
        return np.where(self.counted > 0, found / np.maximum(self.counted, 1), np.nan)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        arrays = {name: getattr(self, name).tolist() for name in ("exact", "near", "counted")}
        return {"by": self.by, "rounds": self.rounds, **arrays, "jaccard": self.jaccard.round(6).tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Stability:
        """The stability of `as_dict`."""
        exact, near, counted = (np.array(values[name], dtype=np.int64) for name in ("exact", "near", "counted"))
        jaccard = np.array(values["jaccard"], dtype=np.float64)
        return cls(str(values["by"]), int(values["rounds"]), exact, near, counted, jaccard)


def check(by: str, rounds: int) -> None:
    """Raise BadParameter for a way to resample, or a number of rounds, that there is not."""
    if by not in WAYS:
        raise BadParameter("what is resampled", "the stability of branches", " or ".join(WAYS), by)
    check_whole("rounds", "the stability of branches", rounds, 2, _MOST_ROUNDS)


def stability(
    vectors: Matrix,
    merges: Merges,
    metric: str,
    linkage: str,
    by: str = "dimensions",
    rounds: int = ROUNDS,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> Stability:
    """How often the branches of a tree over (m, d) vectors come back in trees over resampled ones.

    By dimensions, each round draws d of the d dimensions with replacement; by pictures, m of the m vectors, and
    branches are compared over the pictures that both trees have.

    Args:
        merges: (m − 1, 4) of the tree, as SciPy's `linkage` gives them.

    Raises:
        BadParameter: an unknown way, or too few or too many rounds. Stopped: on request.
    """
    reporter = reporter or Reporter()
    exact, near, counted = (np.zeros(len(merges), np.int64) for _ in range(3))
    total = np.zeros(len(merges))
    for done, (others, drawn) in enumerate(resampled(vectors, metric, linkage, by, rounds, seed)):
        reporter.update("Building trees of resampled data", done, rounds, "trees")
        found = likeness(merges, others, drawn)
        there = ~np.isnan(found)
        exact += there & (np.nan_to_num(found) >= 1)
        near += there & (np.nan_to_num(found) >= BOUND)
        counted += there
        total += np.nan_to_num(found)
    reporter.update("Building trees of resampled data", rounds, rounds, "trees")
    return Stability(by, rounds, exact, near, counted, np.where(counted > 0, total / np.maximum(counted, 1), np.nan))


def resampled(
    vectors: Matrix, metric: str, linkage: str, by: str, rounds: int, seed: int = 0
) -> Iterator[tuple[Merges, Rows]]:
    """The trees of resampled data, each with the (m,) rows of its leaves; arguments and errors as of `stability`."""
    check(by, rounds)
    rng, draw = np.random.default_rng(seed), _WAYS[by]
    for _ in range(rounds):
        some, drawn = draw(vectors, metric, rng)
        yield merges_of(some, metric, linkage), drawn


def _some_dimensions(vectors: Matrix, metric: str, rng: np.random.Generator) -> tuple[Matrix, Rows]:
    width = vectors.shape[1]
    some = vectors[:, rng.integers(0, width, width)]
    return normalised(some) if metric == "cosine" else some, np.arange(len(vectors))


def _some_pictures(vectors: Matrix, metric: str, rng: np.random.Generator) -> tuple[Matrix, Rows]:
    drawn = rng.integers(0, len(vectors), len(vectors))
    if (drawn == drawn[0]).all():
        drawn[0] = (drawn[0] + 1) % len(vectors)  # a tree needs two
    return vectors[drawn], drawn


_WAYS: Mapping[str, Callable[[Matrix, str, np.random.Generator], tuple[Matrix, Rows]]] = {
    "dimensions": _some_dimensions,
    "pictures": _some_pictures,
}


def likeness(merges: Merges, others: Merges, drawn: Rows) -> NDArray[np.float64]:
    """(m − 1,) the Jaccard similarity of each branch to the most similar branch of another tree.

    Both are compared over the leaves that were drawn for the other tree; NaN for a branch of which fewer than two were.

    Args:
        merges: (m − 1, 4). others: (m' − 1, 4). drawn: (m',) the leaf of the first tree that each leaf of the other is;
            some may be drawn several times, and count once.
    """
    first_place = np.full(len(merges) + 1, -1)
    leaves, places = np.unique(drawn, return_index=True)
    first_place[leaves] = places
    parents = _parents(others)
    sizes = _sizes(others, np.isin(np.arange(len(drawn)), places))
    shared: dict[int, NDArray[np.int32]] = {}  # with each branch of the other tree, of the branches not yet joined
    found = np.full(len(merges), np.nan)
    for number, pair in enumerate(merges[:, :2].astype(np.int64).tolist()):
        left, right = (
            shared.pop(node) if node in shared else _ancestors(int(first_place[node]), parents) for node in pair
        )
        row = left + right
        shared[len(merges) + 1 + number] = row
        own = int(row[-1])  # the last branch holds everything
        if own > 1:
            found[number] = float((row / (own + sizes - row)).max())
    return found


def _parents(merges: Merges) -> Rows:
    """(2m − 1,) the branch above each leaf and branch; −1 above the last."""
    leaves = len(merges) + 1
    parents = np.full(2 * leaves - 1, -1)
    for side in (0, 1):
        parents[merges[:, side].astype(np.int64)] = np.arange(leaves, 2 * leaves - 1)
    return parents


def _sizes(merges: Merges, counts: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(2m − 1,) how many of the leaves that count lie below each leaf and branch."""
    leaves = len(merges) + 1
    sizes = np.zeros(2 * leaves - 1, np.int32)
    sizes[:leaves] = counts
    for number, (left, right) in enumerate(merges[:, :2].astype(np.int64).tolist()):
        sizes[leaves + number] = sizes[left] + sizes[right]
    return np.maximum(sizes, 1)  # a branch of repeated leaves alone shares nothing with any


def _ancestors(leaf: int, parents: Rows) -> NDArray[np.int32]:
    """(2m − 1,) 1 for the leaf and every branch above it, else 0; all 0 for a leaf that was not drawn (−1)."""
    row = np.zeros(len(parents), np.int32)
    while leaf >= 0:
        row[leaf] = 1
        leaf = int(parents[leaf])
    return row
