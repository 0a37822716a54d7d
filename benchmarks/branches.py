"""How sure the branches of the tree of sixty photographs are, and its four exceptions.

    python -m benchmarks.branches [--home FOLDER] [--rounds 1000]

The tree of `benchmarks.animal_groups` (MobileNet-v2, average pool, cosine, average linkage) is built again from
resampled dimensions and from resampled photographs. How often does the branch of each species come back, and that of
the photographs that stand with another species? And where do these stand in the resampled trees? Needs
$BENZER_TEST_DATA; says so where it is absent.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import _machine
from benchmarks._page import markdown
from benchmarks.animal_groups import DATA, EACH, NETWORKS, collection_of, exceptions, grouped
from engine.core.home import PROJECT, Home
from engine.core.recipe import Recipe
from engine.evaluation.statistics.proportion import clopper_pearson
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stability import BOUND, WAYS, resampled, stability
from engine.grouping.stored.grouping import Grouping
from engine.grouping.tree import Tree
from engine.workbench.workbench import Workbench


@dataclass(frozen=True)
class Sixty:
    """The tree, its vectors, the species and names of the photographs, and the rows that stand with another species."""

    tree: Tree
    vectors: NDArray[np.float32]
    species: NDArray[np.str_]
    names: list[str]
    away: list[int]
    labels: NDArray[np.int64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="keep collections and vectors here")
    parser.add_argument("--rounds", type=int, default=1000)
    wanted = parser.parse_args()
    if not (DATA / "animals").is_dir():
        print("Skipped: there are no photographs of animals at $BENZER_TEST_DATA.")
        return 0
    os.environ.setdefault("BENZER_WEIGHTS", str(DATA / "weights"))
    with tempfile.TemporaryDirectory() as temporary:
        sixty = _sixty(Workbench(Home((wanted.home or Path(temporary)).resolve())))
    page = [
        f"# Branches of the tree of {len(sixty.names)} photographs, {wanted.rounds:,} resamplings of each kind",
        branches(sixty, wanted.rounds),
        places(sixty, wanted.rounds),
        f"Measured {time.strftime('%Y-%m-%d')} on {_machine.facts()}.",
    ]
    text = "\n\n".join(page) + "\n"
    print(text)
    (PROJECT / "benchmarks" / "results" / "branches.md").write_text(text, encoding="utf-8")
    return 0


def _sixty(bench: Workbench) -> Sixty:
    collection = collection_of(bench, "Sixty animals", EACH)
    plan = GroupingPlan(Step("hierarchical"), None)
    grouping: Grouping = grouped(bench, Recipe(collection.name, NETWORKS[0], "", "avg"), plan)
    images, tree = collection.images(), grouping.tree
    assert tree is not None
    species = np.array(images.labels)
    groups, away = exceptions(grouping, species)
    vectors = np.asarray(grouping.space, np.float32)
    return Sixty(tree, vectors, species, images.names, away, tree.cut(groups=groups))


def branches(sixty: Sixty, rounds: int) -> str:
    """A line for each branch at the cut, and for the smallest that holds the exceptions among it."""
    found = [stability(sixty.vectors, sixty.tree.merges, "cosine", "average", by, rounds) for by in WAYS]
    header = ["branch", "photographs"]
    header += [f"{what}, {by} resampled" for by in WAYS for what in ("the same", f"Jaccard ≥ {BOUND}", "mean Jaccard")]
    lines = [header]
    for title, node in _named(sixty):
        number = node - len(sixty.names)
        line = [title, str(len(sixty.tree.members(node)))]
        for one in found:
            shares = one.share(exactly=True)[number], one.share(exactly=False)[number], one.jaccard[number]
            line += [f"{share:.2f}" for share in shares]
        lines.append(line)
    return markdown(lines)


def _named(sixty: Sixty) -> Iterator[tuple[str, int]]:
    """The branches of interest: a title and the node of each."""
    for group in np.unique(sixty.labels):
        rows = np.flatnonzero(sixty.labels == group)
        kinds, counts = np.unique(sixty.species[rows], return_counts=True)
        parts = ", ".join(f"{count} {kind}" for kind, count in sorted(zip(kinds, counts, strict=True)))
        yield f"at the cut: {parts}", _smallest(sixty.tree, rows)
        strangers = [row for row in sixty.away if sixty.labels[row] == group]
        if len(strangers) > 1:
            yield "the exceptions among them", _smallest(sixty.tree, np.array(strangers))


def _smallest(tree: Tree, rows: NDArray[np.int64]) -> int:
    """The lowest node that holds all of these rows."""
    first = len(tree.leaves)
    return next(n for n in range(first, first + len(tree.merges)) if np.isin(rows, tree.members(n)).all())


def places(sixty: Sixty, rounds: int) -> str:
    """In how many resampled trees each exception stands in the branch of its own species.

    That is the branch most similar to the photographs of the species without the exceptions.
    """
    lines = [["exception", *(f"with its own species, {by} resampled" for by in WAYS)]]
    shares = [_own(sixty, by, rounds) for by in WAYS]
    for place, row in enumerate(sixty.away):
        cells = []
        for hits, counted in shares:
            low, high = clopper_pearson(int(hits[place]), int(counted[place]))
            cells.append(f"{hits[place] / counted[place]:.2f} [{low:.2f}, {high:.2f}] of {counted[place]:,}")
        lines.append([f"{sixty.names[row]}", *cells])
    return markdown(lines)


def _own(sixty: Sixty, by: str, rounds: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(e,) in how many trees each exception stands with its own species, and in how many it was drawn at all."""
    hits, counted = (np.zeros(len(sixty.away), np.int64) for _ in range(2))
    for merges, drawn in resampled(sixty.vectors, "cosine", "average", by, rounds):
        nodes = _sets(merges, drawn)
        for place, row in enumerate(sixty.away):
            core = set(np.flatnonzero(sixty.species == sixty.species[row]).tolist()) - set(sixty.away)
            core &= set(drawn.tolist())
            if row in drawn and core:
                counted[place] += 1
                hits[place] += row in max(nodes, key=lambda node: len(node & core) / len(node | core))
    return hits, counted


def _sets(merges: NDArray[np.float64], drawn: NDArray[np.int64]) -> list[set[int]]:
    """The photographs in every branch of a resampled tree, leaves first."""
    found: list[set[int]] = [{row} for row in drawn.tolist()]
    for left, right in merges[:, :2].astype(np.int64).tolist():
        found.append(found[left] | found[right])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
