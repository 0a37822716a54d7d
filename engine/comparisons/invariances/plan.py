"""The plan of a table of invariances: encoders by alterations, over queries drawn from one collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from engine.comparisons.encoder_texts import encoder_text, recipe_of_text
from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from engine.core.settings import check_whole
from engine.core.storage import digest_of
from engine.evidence.alterations import ALTERATIONS, VERSION, alteration

SHOWN = 8  # results among which a picture counts as found
_LEVELS = 5  # strengths beyond 0
_QUERIES = 100
_MOST_QUERIES, _MOST_LEVELS = 10_000, 20
_THING = "a table of invariances"


@dataclass(frozen=True)
class InvarianceCell:
    """One encoder under one alteration; `recipe` has its embedding and metric."""

    key: str
    recipe: Recipe
    alteration: str

    @property
    def encoder(self) -> str:
        """The encoder with its pooling, "model-4@default/max"."""
        return encoder_text(self.recipe)


@dataclass(frozen=True)
class InvariancePlan:
    """Encoders by alterations; the form of its values is validated on construction.

    Attributes:
        title: of the table. collection: its name.
        encoders: as in a recipe, each with its pooling: "model-4@default/max".
        alterations: their names. levels: how many strengths are tried beyond 0, evenly up to 1.
        queries: the most pictures that are altered, drawn with `seed`. metric: between vectors.
    """

    title: str
    collection: str
    encoders: tuple[str, ...]
    alterations: tuple[str, ...] = tuple(ALTERATIONS)
    queries: int = _QUERIES
    levels: int = _LEVELS
    metric: str = "cosine"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.title, str) or not 0 < len(self.title.strip()) <= 120:
            raise BadParameter("title", _THING, "a text of 1 to 120 characters", self.title)
        for name in ("encoders", "alterations"):
            object.__setattr__(self, name, _several(name, getattr(self, name)))
        for name in self.alterations:
            alteration(name)
        check_whole("number of queries", _THING, self.queries, 1, _MOST_QUERIES)
        check_whole("number of strengths", _THING, self.levels, 1, _MOST_LEVELS)
        check_whole("seed", _THING, self.seed, 0, 2**31 - 1)
        known_metric(self.metric)
        self.cells()

    @property
    def strengths(self) -> list[float]:
        """0, and the strengths that are tried, ascending."""
        return [float(strength) for strength in np.linspace(0, 1, self.levels + 1).round(6)]

    def cells(self) -> list[InvarianceCell]:
        """Every cell, encoder by encoder."""
        return [self._cell(encoder, way) for encoder in self.encoders for way in self.alterations]

    def titled(self, title: str) -> InvariancePlan:
        """The plan with another title."""
        return replace(self, title=title)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"encoders": list(self.encoders), "alterations": list(self.alterations)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InvariancePlan:
        """The plan of `as_dict`; BadParameter for an unknown key or an invalid value."""
        if unknown := sorted(set(values) - set(cls.__dataclass_fields__)):
            raise BadParameter("key", _THING, "one of " + ", ".join(cls.__dataclass_fields__), unknown[0])
        return cls(**{"title": "", "collection": "", "encoders": (), **values})

    def _cell(self, encoder: str, way: str) -> InvarianceCell:
        recipe = recipe_of_text(encoder, self.collection, self.metric)
        return InvarianceCell(digest_of(VERSION, recipe, way, self.queries, self.levels, self.seed), recipe, way)


def _several(name: str, values: Any) -> tuple[str, ...]:
    """The values without repetitions; BadParameter for anything but a list of texts, or for none."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(v, str) for v in values):
        raise BadParameter(name, _THING, "a list of texts", values)
    if not values:
        raise BadParameter(name, _THING, "at least one", "none")
    return tuple(dict.fromkeys(values))
