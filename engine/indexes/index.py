"""The interface of indexes: vectors in, neighbours and their cost out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import METRICS
from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.settings import AnySetting, Value, is_whole

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """The answer to q queries: row i belongs to query i, nearest first.

    Attributes:
        ids: (q, k) int64, padded with -1 if fewer than k exist.
        distances: (q, k) float32, smaller is nearer, inf for padding.
        examined: (q,) int64, how many vectors were compared with the query, the cost of the search; -1 if the
        underlying library does not count them, and their mean if it counts several queries together.
        share: of the vectors covered; less than 1 if a part of a distributed index did not answer.
    """

    ids: Ids
    distances: NDArray[np.float32]
    examined: Ids
    share: float = 1.0


@dataclass(frozen=True)
class BuildCost:
    """The approximate cost of building an index: `bytes` stored besides its vectors, and `products` computed."""

    bytes: int
    products: int = 0


class Index(ABC):
    """Vectors under ids, searched by one method under one metric.

    The constructor only stores its settings (keyword arguments named as in `settings`); the work is in `build`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one plain sentence for the drop-down's help
    version: ClassVar[int] = 1  # of its files: an index stored under another version is rebuilt
    family: ClassVar[str] = ""  # the idea behind it: "hashing", "clusters", "graph"; "" for one of its own
    rank: ClassVar[int] = 50  # its place among the methods, smallest first
    reference: ClassVar[bool] = False  # whether it is the reference for other methods
    metrics: ClassVar[frozenset[str]] = frozenset(METRICS)
    settings: ClassVar[tuple[AnySetting, ...]] = ()

    def __new__(cls, *given: Any, **options: Any) -> Self:
        """An index whose settings are checked before the constructor of its method stores them."""
        passed = dict(zip(list(signature(cls.__init__).parameters)[1:], given, strict=False)) | options
        for setting in cls.settings:
            value = passed.get(setting.name, setting.default)
            if value is not None or setting.default is not None:  # None is chosen from the data
                cls._check(setting, value)
        return super().__new__(cls)

    @classmethod
    def _check(cls, setting: AnySetting, value: Any) -> None:
        thing = f"the method {cls.name}"
        if isinstance(setting.checked(value, thing), int) and not is_whole(value):
            raise BadParameter(setting.name, thing, "an int", value)  # numpy takes no 8.0 for a size

    def __init__(self, metric: str) -> None:
        known_metric(metric)
        if metric not in self.metrics:
            raise BadParameter("metric", f"the method {self.name}", "one of " + ", ".join(sorted(self.metrics)), metric)
        self.metric = metric

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {self.metric}>"

    @abstractmethod
    def build(self, ids: Ids, vectors: Vectors) -> Self:
        """Index (n, d) vectors under (n,) distinct ids. BadParameter for NaN, Inf, wrong shapes or repeated ids."""

    def foreseen(self, count: int, dimensions: int) -> BuildCost:
        """The cost of building it over (count, dimensions) vectors, known from its settings alone."""
        return BuildCost(16 * count)

    @abstractmethod
    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors without a rebuild; checked as in `build`, and the ids must be new."""

    @abstractmethod
    def remove(self, ids: Ids) -> None:
        """Remove vectors without a rebuild; NotFound if an id does not exist."""

    @abstractmethod
    def search(self, queries: Vectors, k: int) -> Neighbours:
        """The k nearest neighbours that the method finds for each of (q, d) queries."""

    def search_among(self, ids: Ids, queries: Vectors, k: int) -> Neighbours | None:
        """The k nearest among these ids only; None for a method that cannot filter during a search."""
        return None

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the data for `load`, without the settings, as .npy and JSON."""

    @abstractmethod
    def load(self, folder: Path) -> Self:
        """Read what `save` wrote; vectors are memory-mapped."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many vectors are indexed."""

    @property
    @abstractmethod
    def chosen(self) -> Mapping[str, Value]:
        """The effective settings, including those chosen from the data."""
