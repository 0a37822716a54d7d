"""clip-retrieval: vectors as .npy, and the paths and captions of their pictures as Parquet in the same order.

Source: https://github.com/rom1504/clip-retrieval#clip-inference
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from engine.core.errors import BadParameter, Unreadable
from engine.encoders.vectors.files import Part, array_in
from engine.interchange.dataset import Dataset, Sample, matrix_of, vector_of
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.parquet import Columns, parquet_records
from engine.interchange.records import name_in, sample_of
from engine.interchange.tables import with_vector
from engine.interchange.target import Target

_VECTORS = re.compile(r"(.*/|)img_emb/img_emb_(\d+)\.npy")


class ClipRetrieval(Format):
    """img_emb/img_emb_0.npy, metadata/metadata_0.parquet, images/."""

    name = "clip-retrieval"
    title = "clip-retrieval"
    summary = "Vectors and metadata as clip-retrieval's own inference writes them, for its index and back."
    rank = 41
    needs_vectors = True

    def write(self, dataset: Dataset, target: Target) -> None:
        import pyarrow
        from pyarrow.parquet import write_table

        embedded = [sample for sample in dataset.samples if sample.vector is not None]
        samples = target.copied(embedded, lambda sample: f"images/{sample.name}")
        np.save(target.path("img_emb/img_emb_0.npy"), matrix_of(samples, "the collection"), allow_pickle=False)
        facts = {key: column for key, column in Columns(samples).of(samples).items() if key != "embedding"}
        captions = {"caption": facts.pop("text")} if "text" in facts else {}
        names = pyarrow.array([sample.name for sample in samples], pyarrow.string())
        table = pyarrow.table({"image_path": names, **captions, **facts})
        write_table(table, target.path("metadata/metadata_0.parquet"))

    def read(self, files: Files) -> list[Sample]:
        parts = [found for name in files.names if (found := _VECTORS.fullmatch(name))]
        if not parts:
            raise Unreadable("This is nothing of clip-retrieval: img_emb/img_emb_0.npy is missing.")
        return [sample for part in sorted(parts, key=lambda part: int(part[2])) for sample in _part(files, part)]


def _part(files: Files, part: re.Match[str]) -> Iterator[Sample]:
    """The samples of one array and its metadata, which have the same number."""
    metadata = f"{part[1]}metadata/metadata_{part[2]}.parquet"
    with files.opened(part[0]) as opened:
        matrix = array_in(Part(part[0], opened))
    records = [record for record, _ in parquet_records(files, metadata)]
    if matrix.ndim != 2 or len(matrix) != len(records):
        raise BadParameter(
            "number of vectors", part[0], f"that of the rows of {metadata}, {len(records):,}", len(matrix)
        )
    for record, vector in zip(records, matrix, strict=True):
        key, name = name_in(record, "image_path")
        sample = sample_of(record, files.item(name, part[1].rstrip("/")), metadata, leave=[key])
        yield with_vector(sample, vector_of(vector, part[0]))
