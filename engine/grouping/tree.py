"""The tree of a hierarchical clustering: cut it, order its leaves, and reduce it to a drawable size.

Nodes are numbered as in SciPy: leaves 0 … m−1, then the merges in order.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.core.settings import is_whole

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Leaf:
    """A leaf of the drawing: a picture, or a collapsed branch of `count` pictures.

    Attributes:
        node: in the tree. row: the image that represents it. x: its position, 0 for the first.
        group: the group of all its pictures, None if they belong to several.
    """

    node: int
    row: int
    count: int
    x: float
    group: int | None = None


@dataclass(frozen=True)
class Join:
    """A merge in the drawing: nodes `left` and `right` join at `height`; `x` is midway between them."""

    node: int
    left: int
    right: int
    height: float
    x: float
    count: int
    group: int | None = None


@dataclass(frozen=True)
class Drawing:
    """The drawable part of a tree: leaves left to right, joins bottom up; `collapsed`: some branches are collapsed."""

    leaves: list[Leaf]
    joins: list[Join]
    collapsed: bool


@dataclass(frozen=True)
class Tree:
    """A tree over m leaves, which represent n images.

    Attributes:
        merges: (m−1, 4) float64 as SciPy's `linkage` returns them: two nodes, the height, the number of leaves.
        leaves: (m,) the row of the image that represents each leaf. leaf_of: (n,) the leaf of each image.
    """

    merges: NDArray[np.float64]
    leaves: Rows
    leaf_of: Rows

    @property
    def heights(self) -> NDArray[np.float64]:
        """(m−1,) the height of each merge, ascending."""
        return self.merges[:, 2]

    def cut(self, groups: int | None = None, height: float | None = None) -> Rows:
        """(n,) group numbers after a cut into `groups` groups or at `height`, numbered from left to right.

        Raises:
            BadParameter: fewer than 1 group, more groups than leaves, or no height.
        """
        return self.cut_leaves(groups, height)[self.leaf_of]

    def cut_leaves(self, groups: int | None = None, height: float | None = None) -> Rows:
        """(m,) group numbers of the leaves; see `cut`."""
        roots = self._roots(self._merged(groups, height))
        labels = np.empty(len(self.leaves), dtype=np.int64)
        for number, root in enumerate(sorted(roots, key=lambda node: int(self._span[node, 0]))):
            start, end = self._span[root]
            labels[self.order[start:end]] = number
        return labels

    def height_of(self, groups: int) -> float:
        """A height at which a cut leaves `groups` groups: midway between the two merges around it.

        If both merges have the same height, no such cut exists: one at the returned height leaves fewer groups.
        """
        merged = self._merged(groups, None)
        below = float(self.heights[merged - 1]) if merged else 0.0
        above = float(self.heights[merged]) if merged < len(self.merges) else below * 1.05
        return (below + above) / 2

    def groups_at(self, height: float) -> int:
        """How many groups a cut at that height leaves."""
        return len(self.leaves) - self._merged(None, height)

    @cached_property
    def order(self) -> Rows:
        """(m,) the leaves from left to right."""
        order = np.empty(len(self.leaves), dtype=np.int64)
        order[self._span[: len(self.leaves), 0]] = np.arange(len(self.leaves))
        return order

    def members(self, node: int) -> Rows:
        """The rows of the images below a node, in the order of the leaves; BadParameter for an unknown node."""
        if not 0 <= node < len(self._span):
            raise BadParameter("node", "the tree", f"from 0 to {len(self._span) - 1}", node)
        start, end = self._span[node]
        places = self._span[self.leaf_of, 0]  # (n,) the position of each image's leaf
        inside = np.flatnonzero((places >= start) & (places < end))
        return inside[np.argsort(places[inside], kind="stable")]

    def drawing(self, most: int = 60, labels: Rows | None = None) -> Drawing:
        """The tree with at most `most` leaves, the deepest merges collapsed; `labels` (n,) are the group numbers."""
        shown = min(max(most, 1), len(self.leaves))
        merged = len(self.leaves) - shown
        only = self._only_group(labels)
        leaves = []
        for x, node in enumerate(sorted(self._roots(merged), key=lambda node: int(self._span[node, 0]))):
            leaves.append(Leaf(node, self._typical(node), int(self._counts[node]), float(x), only(node)))
        joins = self._joins(merged, {leaf.node: leaf.x for leaf in leaves}, only)
        return Drawing(leaves, joins, collapsed=merged > 0 or len(self.leaves) < len(self.leaf_of))

    def _joins(self, merged: int, x: dict[int, float], only: Callable[[int], int | None]) -> list[Join]:
        joins = []
        for number in range(merged, len(self.merges)):
            left, right = (int(node) for node in self.merges[number, :2])
            node = len(self.leaves) + number
            x[node] = (x[left] + x[right]) / 2
            height, count = float(self.heights[number]), int(self._counts[node])
            joins.append(Join(node, left, right, height, x[node], count, only(node)))
        return joins

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _merged(self, groups: int | None, height: float | None) -> int:
        """How many merges lie below the cut."""
        if groups is not None:
            if not is_whole(groups) or not 1 <= groups <= len(self.leaves):
                raise BadParameter("groups", "a cut of the tree", f"from 1 to {len(self.leaves):,}", groups)
            return len(self.leaves) - int(groups)
        if not isinstance(height, numbers.Real) or isinstance(height, bool) or not 0 <= height < np.inf:
            raise BadParameter("height", "a cut of the tree", "0 or more", height)
        return int(np.searchsorted(self.heights, height, side="right"))

    def _roots(self, merged: int) -> list[int]:
        """The nodes without a parent after the first `merged` merges."""
        inner = set(self.merges[:merged, :2].astype(np.int64).ravel().tolist())
        return [node for node in range(len(self.leaves) + merged) if node not in inner]

    @cached_property
    def _span(self) -> Rows:
        """(2m−1, 2): the first and the end position of the leaves below each node, from left to right."""
        m = len(self.leaves)
        span = np.zeros((2 * m - 1, 2), dtype=np.int64)
        span[-1] = 0, m
        for number in range(len(self.merges) - 1, -1, -1):  # from the root down: the left child comes first
            left, right = self.merges[number, :2].astype(np.int64)
            start, end = span[m + number]
            middle = start + self._leaves_below[left]
            span[left], span[right] = (start, middle), (middle, end)
        return span

    @cached_property
    def _leaves_below(self) -> Rows:
        below = self.merges[:, 3].astype(np.int64)
        return np.concatenate([np.ones(len(self.leaves), dtype=np.int64), below])

    @cached_property
    def _counts(self) -> Rows:
        """(2m−1,) how many images lie below each node."""
        m = len(self.leaves)
        counts = np.zeros(2 * m - 1, dtype=np.int64)
        counts[:m] = np.bincount(self.leaf_of, minlength=m)
        for number, (left, right) in enumerate(self.merges[:, :2].astype(np.int64)):
            counts[m + number] = counts[left] + counts[right]
        return counts

    def _typical(self, node: int) -> int:
        """The row of the picture that represents a branch: the left one of the pair that merged first."""
        m = len(self.leaves)
        if node < m:
            return int(self.leaves[node])
        start, end = self._span[node]
        below = range(node - m + 1)
        first = next(n for n in below if start <= self._span[m + n, 0] and self._span[m + n, 1] <= end)
        return int(self.leaves[self.order[self._span[m + first, 0]]])

    def _only_group(self, labels: Rows | None) -> Callable[[int], int | None]:
        """The only group below a node, None if there are several: images may have been moved within a leaf."""
        if labels is None:
            return lambda node: None
        m = len(self.leaves)
        low, high = np.full(m, np.iinfo(np.int64).max), np.full(m, np.iinfo(np.int64).min)
        np.minimum.at(low, self._span[self.leaf_of, 0], labels)
        np.maximum.at(high, self._span[self.leaf_of, 0], labels)

        def only(node: int) -> int | None:
            start, end = self._span[node]
            least = int(low[start:end].min())
            return least if least == int(high[start:end].max()) else None

        return only
