"""Hugging Face's Parquet: pictures as bytes beside their facts, labels as numbers with names in the schema.

Source: https://huggingface.co/docs/datasets/about_dataset_features
"""

from __future__ import annotations

from engine.core.errors import Unreadable
from engine.interchange.dataset import Dataset, Sample, class_names
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.parquet import Columns, parquet_samples, write_pictures
from engine.interchange.target import Target

_SHARD = 10_000  # pictures of one file


class HuggingFaceParquet(Format):
    """data/train-00000-of-00001.parquet and so on."""

    name = "parquet"
    title = "Hugging Face Parquet"
    summary = 'Parquet files that hold the pictures, for datasets.load_dataset("parquet", data_dir=…) and the Hub.'
    rank = 21

    def write(self, dataset: Dataset, target: Target) -> None:
        columns = Columns(dataset.samples, class_names(dataset.samples))
        shards = [dataset.samples[at : at + _SHARD] for at in range(0, len(dataset.samples), _SHARD)]
        for number, shard in enumerate(shards):
            file = f"data/train-{number:05d}-of-{len(shards):05d}.parquet"
            write_pictures(target, file, shard, columns)

    def read(self, files: Files) -> list[Sample]:
        found = files.ending(".parquet")
        if not found:
            raise Unreadable("There is no .parquet file in this data set.")
        return [sample for name in found for sample in parquet_samples(files, name)]
