"""The tree against SciPy, a slow plain clustering and its own rules."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list
from scipy.spatial.distance import pdist, squareform

from engine.core.errors import BadParameter
from engine.grouping import hierarchical
from engine.grouping.hierarchical import Hierarchical
from engine.grouping.tree import Tree


def vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


def grown(count: int, metric: str = "euclidean", **settings: object) -> Tree:
    clusterer = Hierarchical(metric, **settings)
    clusterer.fit_predict(vectors(count))
    assert clusterer.tree is not None
    return clusterer.tree


def slow_average(apart: NDArray[np.float64], groups: int) -> list[set[int]]:
    """Average linkage as it is written in a textbook: join the two groups with the least mean distance."""
    found = [{row} for row in range(len(apart))]
    while len(found) > groups:
        pairs = [(i, j) for i in range(len(found)) for j in range(i)]
        i, j = min(pairs, key=lambda p: apart[np.ix_(sorted(found[p[0]]), sorted(found[p[1]]))].mean())
        found[j] |= found.pop(i)
    return found


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_average_linkage_is_the_textbooks(metric: str) -> None:
    apart = squareform(pdist(vectors(24).astype(np.float64), metric))
    tree = grown(24, metric)
    for groups in (1, 2, 5, 11, 24):
        labels = tree.cut(groups=groups)
        assert {frozenset(np.flatnonzero(labels == g)) for g in range(groups)} == set(
            map(frozenset, slow_average(apart, groups))
        )


@pytest.mark.parametrize("linkage", ["average", "complete", "ward", "single"])
def test_cuts_are_scipys(linkage: str) -> None:
    tree = grown(60, linkage=linkage)
    for height in (0.0, *tree.heights[[3, 30, 50, -1]] + 1e-9):
        scipys = fcluster(tree.merges, height, "distance")
        own = tree.cut(height=height)
        assert ((own[:, None] == own) == (scipys[:, None] == scipys)).all()
        assert tree.groups_at(height) == len(np.unique(own))


def test_a_height_for_every_number_of_groups() -> None:
    tree = grown(40)
    for groups in range(1, 41):
        assert tree.groups_at(tree.height_of(groups)) == groups


def test_order_and_members_are_those_of_the_merges() -> None:
    tree = grown(50)
    assert np.array_equal(tree.order, leaves_list(tree.merges))
    assert np.array_equal(tree.members(2 * 50 - 2), tree.order)
    left, right = tree.merges[-1, :2].astype(int)
    assert np.array_equal(np.concatenate([tree.members(left), tree.members(right)]), tree.order)
    assert tree.members(7).tolist() == [7]


@pytest.mark.parametrize("most", [1, 2, 7, 60])
def test_a_drawing_folds_branches_and_loses_no_image(most: int) -> None:
    tree = grown(50)
    labels = tree.cut(groups=3)
    drawing = tree.drawing(most, labels)
    assert len(drawing.leaves) == min(most, 50)
    assert len(drawing.joins) == len(drawing.leaves) - 1
    assert drawing.collapsed == (most < 50)
    assert sum(leaf.count for leaf in drawing.leaves) == 50
    for leaf in drawing.leaves:
        inside = tree.members(leaf.node)
        assert leaf.row in inside
        assert len(inside) == leaf.count
        groups = set(labels[inside].tolist())
        assert leaf.group == (groups.pop() if len(groups) == 1 else None)
    places = {node.node: node.x for node in (*drawing.leaves, *drawing.joins)}
    for join in drawing.joins:
        assert join.x == (places[join.left] + places[join.right]) / 2


def test_a_moved_image_takes_the_colour_from_its_branch_only() -> None:
    tree = grown(20)
    labels = tree.cut(groups=2)
    moved = labels.copy()
    moved[0] = 9
    coloured = {join.node: join.group for join in tree.drawing(60, moved).joins}
    for join in tree.drawing(60, labels).joins:
        expected = None if 0 in tree.members(join.node) and join.count > 1 else join.group
        assert coloured[join.node] == expected


def test_large_collections_stand_on_medoids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hierarchical, "LEAVES", 100)
    monkeypatch.setattr(hierarchical, "MEDOIDS", 40)
    clusterer = Hierarchical("euclidean", groups=4)
    labels = clusterer.fit_predict(vectors(300))
    tree = clusterer.tree
    assert tree is not None
    assert len(tree.leaves) <= 40
    assert len(tree.leaf_of) == 300
    assert (tree.leaf_of[tree.leaves] == np.arange(len(tree.leaves))).all()  # a medoid is of its own cluster
    assert "medoids of 40 small clusters of all 300 pictures" in clusterer.notes[0]
    assert len(np.unique(labels)) == 4
    assert len(labels) == 300
    assert sum(leaf.count for leaf in tree.drawing(10).leaves) == 300


def test_bad_cuts_are_refused() -> None:
    tree = grown(10)
    for bad in ({"groups": 0}, {"groups": 11}, {"groups": True}, {"height": -1.0}, {"height": float("nan")}, {}):
        with pytest.raises(BadParameter):
            tree.cut(**bad)  # type: ignore[arg-type]
    with pytest.raises(BadParameter):
        tree.members(19)
