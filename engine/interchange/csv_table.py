"""A folder of pictures with a table of their facts, whose columns the user may name."""

from __future__ import annotations

from engine.core.errors import Unreadable
from engine.interchange.dataset import Dataset, Sample
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.records import FIELDS, sample_of
from engine.interchange.tables import csv_records, vectors_in, with_vector, write_csv, write_vectors
from engine.interchange.target import Target

FILE = "table.csv"


class CsvTable(Format):
    """table.csv, images/ and, with vectors, embeddings.parquet."""

    name = "csv"
    title = "CSV"
    summary = "A folder of pictures and a table of their labels, texts, tags and groups."
    rank = 10
    names_columns = True

    def write(self, dataset: Dataset, target: Target) -> None:
        samples = target.copied(dataset.samples, lambda sample: f"images/{sample.name}")
        write_csv(target, FILE, "image", samples, self.columns)
        write_vectors(target, samples)

    def read(self, files: Files) -> list[Sample]:
        tables = files.ending(".csv", ".tsv")
        tables = [FILE] if FILE in tables else tables
        if len(tables) != 1:
            raise Unreadable(f"A data set in CSV has one table; this one has {len(tables)}.")
        named = {field: heading for field, heading in self.columns.items() if field in FIELDS}
        vectors = vectors_in(files)
        return [
            with_vector(sample_of(cells, item, tables[0], columns=named), vectors.get(name))
            for name, item, cells in csv_records(files, tables[0], self.columns)
        ]
