"""Grouping: vectors in, groups, trees and maps out. One file per method; all of them are offered everywhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeVar

from engine.core.discovery import implementations
from engine.core.errors import BadParameter
from engine.grouping.clusterer import Clusterer
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# As for search, idle OpenMP threads sleep: next to other busy processes this makes k-means three times as fast.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

T = TypeVar("T")

__all__ = [
    "Clusterer",
    "GroupingPlan",
    "Projection",
    "Step",
    "clusterers",
    "make_clusterer",
    "make_projection",
    "projections",
]


def projections() -> dict[str, type[Projection]]:
    """Every projection by name, the distance-preserving ones first."""
    found = implementations(sys.modules[__name__], Projection)
    return dict(sorted(found.items(), key=lambda item: (item[1].for_looking, item[1].rank)))


def clusterers() -> dict[str, type[Clusterer]]:
    """Every clusterer by name."""
    found = implementations(sys.modules[__name__], Clusterer)
    return dict(sorted(found.items(), key=lambda item: item[1].rank))


def make_projection(step: Step, metric: str, seed: int = 0) -> Projection:
    """The projection of a step; BadParameter for an unknown name or setting, or a value out of range."""
    return _known(projections(), step.name, "reduction")(metric, seed, **_options(step))


def make_clusterer(step: Step, metric: str, seed: int = 0) -> Clusterer:
    """The clusterer of a step; BadParameter for an unknown name or setting, or a value out of range."""
    return _known(clusterers(), step.name, "clustering")(metric, seed, **_options(step))


def _known(known: Mapping[str, type[T]], name: str, what: str) -> type[T]:
    if name not in known:
        raise BadParameter(what, "the grouping", "one of " + ", ".join(known), name)
    return known[name]


def _options(step: Step) -> dict[str, Any]:
    return dict(step.options)
