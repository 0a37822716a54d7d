"""The figures of each query as a table, for CSV and Parquet: one line for every query of every configuration."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from engine.collections.collection import Collection
from engine.comparisons.exports import Export
from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.tables import csv_text
from engine.evaluation.single_queries import FIGURES, SingleQueries

TITLES = {
    "precision": "precision",
    "map": "average precision",
    "map_at_k": "average precision of the results",
    "hit_1": "label among the first",
    "hit_5": "label among the first 5",
    "hit_10": "label among the first 10",
    "r_precision": "R-precision",
    "map_at_r": "average precision at R",
    "ndcg": "nDCG",
    "knn": "voted right",
}
HEADER = ("configuration", "id", "name", "label", *TITLES.values(), "results")
_Line = tuple[str, int, str, str, list[float | None], list[int]]


def queries_csv(experiment: Experiment) -> str:
    """One line per query; results are ids, nearest first. Spreadsheet formulas are neutralised.

    Raises:
        BadParameter: the figures of each query were kept for no row. NotFound: the collection is gone.
    """
    lines = [
        [*facts, *("" if value is None else value for value in figures), " ".join(map(str, results))]
        for *facts, figures, results in _lines(experiment)
    ]
    return csv_text(HEADER, lines)


def queries_parquet(experiment: Experiment) -> bytes:
    """The same lines in Apache Parquet, the results as lists; raises as `queries_csv`."""
    import pyarrow
    from pyarrow import parquet

    lines = list(_lines(experiment))
    columns: dict[str, list[object]] = {name: [line[place] for line in lines] for place, name in enumerate(HEADER[:4])}
    columns |= {TITLES[name]: [line[4][place] for line in lines] for place, name in enumerate(FIGURES)}
    columns["results"] = [line[5] for line in lines]
    kinds = [pyarrow.string(), pyarrow.int64(), pyarrow.string(), pyarrow.string()]
    kinds += [pyarrow.float64()] * len(FIGURES) + [pyarrow.list_(pyarrow.int64())]
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, schema=pyarrow.schema(list(zip(HEADER, kinds, strict=True)))), out)
    return out.getvalue()


def _lines(experiment: Experiment) -> Iterator[_Line]:
    """Configuration, id, name, label, the figures in the order of FIGURES, and the results, for every query."""
    rows = experiment.rows()
    kept = [(row, queries) for row in rows if not row.error and (queries := experiment.queries(row)) is not None]
    if not kept:
        wanted, way_out = "measured with the figures of each query kept", "Measure it again."
        raise BadParameter("comparison", "a table of queries", wanted, experiment.name, way_out=way_out)
    images = Collection.open(Home(experiment.folder.parent.parent), experiment.plan.collection).images()
    names = dict(zip(images.ids.tolist(), zip(images.names, images.labels, strict=True), strict=True))
    for row, queries in kept:
        yield from _of_row(row, queries, names)


def _of_row(row: ExperimentRow, queries: SingleQueries, names: dict[int, tuple[str, str]]) -> Iterator[_Line]:
    figures = [queries.figures[name].tolist() if name in queries.figures else None for name in FIGURES]
    for place, id in enumerate(queries.ids.tolist()):
        own = [None if values is None else values[place] for values in figures]
        results = [found for found in queries.answers[place].tolist() if found >= 0]
        yield (row.recipe, id, *names.get(id, ("", "")), own, results)


def _any_kept(rows: Sequence[ExperimentRow]) -> bool:
    return any(row.single_queries for row in rows)


_SUMMARY = "One row per query of each configuration: its figures and its results."
QUERY_EXPORTS = (
    Export("queries.csv", "Queries as CSV", "text/csv", _SUMMARY, queries_csv, _any_kept),
    Export("queries.parquet", "Queries as Parquet", "application/octet-stream", _SUMMARY, queries_parquet, _any_kept),
)
