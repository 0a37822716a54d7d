"""A data set on its way from or to another program: pictures with their labels, texts, tags, groups and vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.sources.items import Item
from engine.core.errors import BadParameter

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """One picture with all that is known of it.

    Attributes:
        name: its path in the data set, with slashes. columns: further facts by name.
        vector: (d,). point: its place on a map. width, height: upright pixels, 0 where they are not known.
        id: of a picture that is exported. file: of a picture that is imported, or why it cannot be had.
    """

    name: str
    label: str = ""
    text: str = ""
    tags: tuple[str, ...] = ()
    stars: int = 0
    group: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    vector: Vector | None = None
    point: tuple[float, float] | None = None
    width: int = 0
    height: int = 0
    id: int = 0
    file: Item | None = None


@dataclass(frozen=True)
class Dataset:
    """The samples of a collection under its title, with the metric that their vectors are compared by."""

    title: str
    samples: Sequence[Sample]
    metric: str = "cosine"


def class_names(samples: Iterable[Sample]) -> list[str]:
    """The labels of some samples, each once, in alphabetical order."""
    return sorted({sample.label for sample in samples if sample.label})


def matrix_of(samples: Sequence[Sample], thing: str) -> Vector:
    """The (n, d) vectors of samples that all have one; BadParameter unless they have equal lengths."""
    vectors = [sample.vector for sample in samples if sample.vector is not None]
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) > 1:
        raise BadParameter("vectors", thing, "of equal length", " and ".join(map(str, lengths[:3])))
    return np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)


def vector_of(values: Any, thing: str) -> Vector | None:
    """A (d,) vector from a list or an array of numbers, None from nothing; BadParameter for anything else."""
    if values is None:
        return None
    try:
        vector = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        vector = np.zeros(0, np.float32)
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        raise BadParameter("vectors", thing, "lists of finite numbers", type(values).__name__)
    return vector
