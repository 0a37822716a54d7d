"""Vectors alone: an array of NumPy, and a table with what is known of the picture of each row."""

from __future__ import annotations

import numpy as np

from engine.core.errors import BadParameter
from engine.interchange.dataset import Dataset, Sample, matrix_of
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.tables import write_csv, write_vectors
from engine.interchange.target import Target


class Npy(Format):
    """vectors.npy and names.csv, whose lines are in the order of the rows; the same as vectors.parquet."""

    name = "npy"
    title = "Vectors (.npy, .parquet)"
    summary = "vectors.npy with names.csv, and both together as vectors.parquet; no pictures."
    rank = 60
    needs_vectors = True
    needs_pictures = False

    def write(self, dataset: Dataset, target: Target) -> None:
        samples = [sample for sample in dataset.samples if sample.vector is not None]
        np.save(target.path("vectors.npy"), matrix_of(samples, "the collection"), allow_pickle=False)
        write_csv(target, "names.csv", "file_name", samples, {})
        write_vectors(target, samples, "vectors.parquet")
        target.count = len(samples)

    def read(self, files: Files) -> list[Sample]:
        wanted = "one that has the pictures"
        raise BadParameter(
            "format", "an import", wanted, self.name, way_out="Add vectors by: python -m engine vectors add"
        )
