"""The plan of a grouping: reduce, cluster, and lay out a map; each step is a name with its settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.errors import BadParameter
from engine.core.settings import Options, parse_call, print_call

_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True)
class Step:
    """One step: a method and the settings that differ from its defaults, sorted by name.

    >>> step = Step.parse("hierarchical(linkage=average,groups=3)")
    >>> step.name, dict(step.options)
    ('hierarchical', {'groups': 3, 'linkage': 'average'})
    >>> str(step)
    'hierarchical(groups=3,linkage=average)'
    """

    name: str
    options: Options = field(default=())

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise BadParameter("step", "a grouping", "a name of small letters, digits and dashes", self.name)
        object.__setattr__(self, "options", tuple(sorted(dict(self.options).items())))

    @classmethod
    def parse(cls, text: str) -> Step:
        """The step that prints as `text`; BadParameter if there is none."""
        return cls(*parse_call(text, "step", "a grouping", "kmeans(groups=10)"))

    def __str__(self) -> str:
        return print_call(self.name, self.options)


@dataclass(frozen=True)
class GroupingPlan:
    """How a collection's vectors become groups and a map.

    Attributes:
        clustering: how vectors are grouped. reduction: how they are shortened first, None for not at all.
        map: how they are laid out in the plane. seed: of everything random.

    >>> str(GroupingPlan(Step("hdbscan"), Step.parse("umap(dimensions=10)")))
    'umap(dimensions=10) > hdbscan'
    """

    clustering: Step
    reduction: Step | None = None
    map: Step = field(default=Step("umap"))
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**31:
            raise BadParameter("seed", "a grouping", f"a whole number from 0 to {2**31 - 1}", self.seed)

    def __str__(self) -> str:
        return f"{self.reduction} > {self.clustering}" if self.reduction else str(self.clustering)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able values: each step as it prints."""
        reduction = str(self.reduction) if self.reduction else ""
        return {"clustering": str(self.clustering), "reduction": reduction, "map": str(self.map), "seed": self.seed}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GroupingPlan:
        """The plan of `as_dict`; BadParameter for a key it does not have."""
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown or not values.get("clustering"):
            names = ", ".join(cls.__dataclass_fields__)
            raise BadParameter("key", "a grouping", f"clustering, or one of {names}", unknown[0] if unknown else "none")
        reduction = Step.parse(values["reduction"]) if values.get("reduction") else None
        laid_out = Step.parse(values.get("map") or "umap")
        return cls(Step.parse(values["clustering"]), reduction, laid_out, values.get("seed", 0))
