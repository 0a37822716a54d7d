"""The stability of a stored tree's branches: measured once for each way of resampling, and kept beside the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.distances import normalised
from engine.core.errors import BenzerError, NotFound
from engine.core.home import home_of
from engine.core.progress import Reporter
from engine.core.storage import read_json, shape_checked, write_json
from engine.grouping.stability import ROUNDS, Stability, check, stability
from engine.grouping.stored.grouping import Grouping
from engine.grouping.stored.listing import grouping
from engine.grouping.tree import Tree

_FEWEST = 3  # leaves; of two there is one branch, which always comes back


@dataclass(frozen=True)
class Branch:
    """A branch of a tree and how often it reappeared.

    Attributes:
        node: of the tree. ids: its pictures. height: at which it joins. exact, near: the shares of the resamplings in
            which it came back (see `Stability`), NaN where it was never looked for. jaccard: the mean similarity.
    """

    node: int
    ids: NDArray[np.int64]
    height: float
    exact: float
    near: float
    jaccard: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        shares = {name: None if np.isnan(getattr(self, name)) else getattr(self, name) for name in _SHARES}
        return {"node": self.node, "pictures": len(self.ids), "height": self.height, **shares, "ids": self.ids.tolist()}


_SHARES = ("exact", "near", "jaccard")


def measure(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Measure the tree of the grouping `name` of `collection`, resampling `by`, in `rounds`; the body of a job.

    Raises:
        BenzerError: the grouping has no tree, or one of two leaves. NotFound, BadParameter, StorageFull, Stopped.
    """
    collection = Collection.open(home_of(arguments), arguments["collection"])
    by, rounds = arguments.get("by", "dimensions"), arguments.get("rounds", ROUNDS)
    check(by, rounds)
    one = grouping(collection, arguments["name"])
    tree, plan = checked_tree(one), one.plan
    linkage = str(dict(plan.clustering.options).get("linkage", "average"))
    vectors = np.asarray(one.space[tree.leaves], dtype=np.float32)
    if one.metric == "cosine":  # as the tree was built; those that were projected at random have other lengths
        vectors = normalised(vectors)
    found = stability(vectors, tree.merges, one.metric, linkage, by, rounds, plan.seed, reporter)
    keep(one, found)
    return {"collection": collection.name, "grouping": one.name, "by": by}


def checked_tree(one: Grouping) -> Tree:
    """The tree of a grouping; BenzerError if it has none, or no branch that could fail to come back."""
    tree = one.tree
    if tree is None or len(tree.leaves) < _FEWEST:
        raise BenzerError(
            f"{one.title} has no tree with branches.", way_out="Group hierarchically, with three pictures or more."
        )
    return tree


def keep(one: Grouping, found: Stability) -> None:
    """Store what was measured beside the tree; NotFound if the grouping has been removed meanwhile."""
    if not (one.folder / "person.json").exists():
        raise NotFound(f"The grouping {one.name!r} no longer exists.")
    with FileLock(one.folder / ".edits.lock"):
        write_json(_file(one, found.by), found.as_dict())


def measured(one: Grouping, by: str) -> Stability | None:
    """What was measured by resampling `by`, None if nothing was; Corrupt if its file is damaged."""
    path = _file(one, by)
    try:
        values = read_json(path)
    except FileNotFoundError:
        return None
    with shape_checked(path):
        return Stability.from_dict(values)


def branches(one: Grouping, found: Stability) -> list[Branch]:
    """Every branch but the whole tree, the highest first."""
    tree, shares = checked_tree(one), [found.share(exactly=True), found.share(exactly=False), found.jaccard]
    order: Sequence[int] = range(len(tree.merges) - 2, -1, -1)
    leaves = len(tree.leaves)
    return [
        Branch(leaves + n, one.ids[tree.members(leaves + n)], float(tree.heights[n]), *(float(of[n]) for of in shares))
        for n in order
    ]


def sentence(found: Stability) -> str:
    """How many of the branches came back nearly always; the whole tree, which always does, is left out."""
    exact, near = (found.share(exactly=exactly)[:-1] for exactly in (True, False))
    always = [int((share >= 0.95).sum()) for share in (exact, near)]
    return (
        f"Of {len(exact):,} branches {always[0]:,} came back with the same pictures, and {always[1]:,} with nearly the "
        f"same, in at least 95 % of {found.rounds:,} trees over resampled {found.by}."
    )


def _file(one: Grouping, by: str) -> Path:
    return one.folder / f"stability-{by}.json"
