"""A table of all samples as CSV, tags in one cell, and their vectors in a file beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources.items import Item
from engine.collections.sources.tables import table_of, unharmed
from engine.core.tables import csv_text
from engine.encoders.vectors.files import Part, table_in
from engine.interchange.dataset import Sample, Vector, matrix_of, vector_of
from engine.interchange.files import Files
from engine.interchange.parquet import list_column
from engine.interchange.records import VECTOR, fields_of, joined_tags, record_of
from engine.interchange.target import Target

VECTORS = "embeddings.parquet"  # beside formats that have no place for vectors


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_csv(target: Target, file: str, name: str, samples: Sequence[Sample], columns: Mapping[str, str]) -> None:
    """Write a line for each sample; `name` heads the column of its path, `columns` rename our fields."""
    fields = fields_of(samples)
    header = [columns.get("image", name), *(columns.get(key, key) for key in fields.keys)]
    lines = ([sample.name, *map(_cell, record_of(sample, fields).values())] for sample in samples)
    target.text(file, csv_text(header, lines))


def _cell(value: Any) -> object:
    if isinstance(value, list):
        return joined_tags(value)
    return "" if value == 0 else value


def csv_records(
    files: Files, file: str, columns: Mapping[str, str], folder: str = ""
) -> Iterator[tuple[str, Item, dict[str, str]]]:
    """The path, the picture and the other cells of each line, by heading; a line that does not fit has a failure.

    Args:
        folder: where the paths begin.

    Raises:
        Unreadable: no table, or none that names pictures.
    """
    named = {"image": columns["image"]} if columns.get("image") else {}
    table = table_of(Path(file).name, files.content(file), named)
    for line in table.lines:
        if line.damage:
            failure = Failure("table", "line", f"This line of {file} does not fit. {line.damage} (line {line.number})")
            yield "", Item(f"{file}, line {line.number}".encode("utf-8", "surrogateescape"), failure=failure), {}
            continue
        cells = {head: unharmed(table.cell(line, place)) for place, head in enumerate(table.header) if head}
        cells.pop(table.header[table.image], None)
        name = unharmed(table.picture_of(line))
        yield name, files.item(name, folder), cells


# ── vectors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_vectors(target: Target, samples: Sequence[Sample], file: str = VECTORS) -> None:
    """Write the vectors of the samples that have one, with their paths, as a Parquet file; nothing without any."""
    samples = [sample for sample in samples if sample.vector is not None]
    if not samples:
        return
    import pyarrow
    from pyarrow.parquet import write_table

    width = matrix_of(samples, "the collection").shape[1]
    vectors = list_column([sample.vector for sample in samples], width)
    names = pyarrow.array([sample.name for sample in samples])
    write_table(pyarrow.table({"file_name": names, VECTOR: vectors}), target.path(file))


def vectors_in(files: Files, file: str = VECTORS) -> dict[str, Vector]:
    """The vectors of a file as `write_vectors` writes it, by path; {} where there is none."""
    if file not in files.names:
        return {}
    with files.opened(file) as opened:
        given = table_in(Part(file, opened))
    found = (vector_of(row, file) for row in given.matrix)
    return {name: vector for name, vector in zip(given.names or (), found, strict=True) if vector is not None}


def with_vector(sample: Sample, vector: Vector | None) -> Sample:
    """The sample with this vector, if there is one."""
    return sample if vector is None else replace(sample, vector=vector)
