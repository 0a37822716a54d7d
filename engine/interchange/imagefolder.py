"""Hugging Face's imagefolder: pictures with a file of metadata beside them.

Source: https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from engine.core.errors import Unreadable
from engine.interchange.dataset import Dataset, Sample
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.parquet import Columns, parquet_samples, write_facts
from engine.interchange.records import fields_of, name_in, record_of, sample_of
from engine.interchange.tables import csv_records
from engine.interchange.target import Target

_METADATA = ("metadata.parquet", "metadata.jsonl", "metadata.csv")


class ImageFolder(Format):
    """images/ and metadata.jsonl, or, with vectors, metadata.parquet."""

    name = "imagefolder"
    title = "Hugging Face imagefolder"
    summary = 'A folder of pictures with metadata, for datasets.load_dataset("imagefolder", data_dir=…).'
    rank = 20

    def write(self, dataset: Dataset, target: Target) -> None:
        samples = target.copied(dataset.samples, lambda sample: f"images/{sample.name}")
        if any(sample.vector is not None for sample in samples):
            write_facts(target, "metadata.parquet", samples, Columns(samples))
            return
        fields = fields_of(samples)
        records = ({"file_name": sample.name, **record_of(sample, fields)} for sample in samples)
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        target.text("metadata.jsonl", "".join(lines))

    def read(self, files: Files) -> list[Sample]:
        found = [name for name in files.ending(*_METADATA) if name.rpartition("/")[2] in _METADATA]
        if not found:
            raise Unreadable("This is no imagefolder: metadata.jsonl, metadata.csv or metadata.parquet is missing.")
        return [sample for name in found for sample in _samples(files, name)]


def _samples(files: Files, metadata: str) -> Iterator[Sample]:
    """The samples of one file of metadata; paths in it begin at its own folder."""
    folder = metadata.rpartition("/")[0]
    if metadata.endswith(".parquet"):
        yield from parquet_samples(files, metadata, folder)
        return
    if metadata.endswith(".csv"):
        found = ((item, cells) for _, item, cells in csv_records(files, metadata, {}, folder))
    else:
        found = ((files.item(name, folder), record) for name, record in _lines(files, metadata))
    for item, record in found:
        yield sample_of(record, item, metadata)


def _lines(files: Files, metadata: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(files.content(metadata).splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            key, name = name_in(record)
            del record[key]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise Unreadable(f"Line {number} of {metadata!r} is no record with a file_name.") from error
        yield name, record
