"""Embedding Atlas: one Parquet file with pictures, vectors, a projection and the nearest neighbours.

Source: https://apple.github.io/embedding-atlas/, and what its command line says of --x, --y and --neighbors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.core.errors import Unreadable
from engine.indexes import make_index
from engine.interchange.dataset import Dataset, Sample, matrix_of
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.parquet import Columns, Extra, parquet_samples, write_pictures
from engine.interchange.target import Target

FILE = "dataset.parquet"
_NEIGHBOURS = 16
_QUERIES_AT_ONCE = 256
_OWN = ("projection_x", "projection_y", "neighbors")


class EmbeddingAtlas(Format):
    """dataset.parquet: x and y come from the map of a grouping, neighbours from the vectors."""

    name = "embedding-atlas"
    title = "Embedding Atlas"
    summary = "One Parquet file with pictures, vectors, the map of a grouping and the nearest neighbours."
    rank = 40

    def write(self, dataset: Dataset, target: Target) -> None:
        samples = dataset.samples
        write_pictures(target, FILE, samples, Columns(samples), _extra(samples, dataset.metric))

    def read(self, files: Files) -> list[Sample]:
        found = files.ending(".parquet")
        if len(found) != 1:
            raise Unreadable(f"A data set of Embedding Atlas is one .parquet file; here are {len(found)}.")
        return [_without_own(sample) for sample in parquet_samples(files, found[0])]


def _extra(samples: Sequence[Sample], metric: str) -> Extra:
    """The columns of places and neighbours that the samples have."""
    placed = any(sample.point is not None for sample in samples)
    near = _neighbours(samples, metric)

    def extra(start: int, end: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if placed:
            points = [sample.point or (None, None) for sample in samples[start:end]]
            found |= {"projection_x": _floats([x for x, _ in points]), "projection_y": _floats([y for _, y in points])}
        return found | ({"neighbors": _structs(near[start:end])} if near else {})

    return extra


def _neighbours(samples: Sequence[Sample], metric: str) -> list[dict[str, list[Any]] | None]:
    """The nearest samples of each by their rows, itself first; [] without vectors."""
    rows = np.array([row for row, sample in enumerate(samples) if sample.vector is not None], dtype=np.int64)
    if not len(rows):
        return []
    matrix = matrix_of(samples, "the collection")
    index, k = make_index("exact", metric).build(rows, matrix), min(_NEIGHBOURS, len(rows))
    near: list[dict[str, list[Any]] | None] = [None] * len(samples)
    for at in range(0, len(rows), _QUERIES_AT_ONCE):
        found = index.search(matrix[at : at + _QUERIES_AT_ONCE], k)
        for row, ids, distances in zip(rows[at:], found.ids, found.distances, strict=False):
            near[int(row)] = {"ids": ids.tolist(), "distances": distances.tolist()}
    return near


def _floats(values: list[float | None]) -> Any:
    import pyarrow

    return pyarrow.array(values, pyarrow.float32())


def _structs(values: list[dict[str, list[Any]] | None]) -> Any:
    import pyarrow

    lists = [("ids", pyarrow.list_(pyarrow.int64())), ("distances", pyarrow.list_(pyarrow.float64()))]
    return pyarrow.array(values, pyarrow.struct(lists))


def _without_own(sample: Sample) -> Sample:
    """The sample with its place on the map instead of columns for it."""
    columns = {name: cell for name, cell in sample.columns.items() if name not in _OWN}
    try:
        point = (float(sample.columns["projection_x"]), float(sample.columns["projection_y"]))
    except (KeyError, ValueError):
        return replace(sample, columns=columns)
    return replace(sample, columns=columns, point=point if all(np.isfinite(point)) else None)
