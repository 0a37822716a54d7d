"""YOLO classification: a folder for each split, in it one for each class, in it the pictures.

Source: https://docs.ultralytics.com/datasets/classify/
"""

from __future__ import annotations

from dataclasses import replace

from engine.collections.reading.safely import SUFFIXES
from engine.core.errors import Unreadable
from engine.grouping.stored.exports import plain_name
from engine.interchange.dataset import Dataset, Sample
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.records import sample_of
from engine.interchange.tables import csv_records, vectors_in, with_vector, write_csv, write_vectors
from engine.interchange.target import Target

FILE = "metadata.csv"  # what folders cannot say: other programs pass over it
_SPLITS = ("train", "val", "test")
_UNLABELLED = "unlabelled"  # beside the splits, as a class of that name would be learned


class Yolo(Format):
    """train/<label>/, metadata.csv and, with vectors, embeddings.parquet."""

    name = "yolo"
    title = "YOLO classification"
    summary = "A folder for each label below train, or below what a column named split says (train, val, test)."
    rank = 31

    def write(self, dataset: Dataset, target: Target) -> None:
        samples = target.copied(dataset.samples, _place)
        write_csv(target, FILE, "file_name", samples, {})
        write_vectors(target, samples)

    def read(self, files: Files) -> list[Sample]:
        vectors = vectors_in(files)
        if FILE in files.names:
            found = [(name, sample_of(cells, item, FILE)) for name, item, cells in csv_records(files, FILE, {})]
        else:
            found = [(name, _of_folder(files, name)) for name in files.ending(*SUFFIXES)]
        if not found:
            raise Unreadable("There is no picture in this data set.")
        return [with_vector(sample, vectors.get(name)) for name, sample in found]


def _place(sample: Sample) -> str:
    split = sample.columns.get("split", "").lower()
    folder = f"{split if split in _SPLITS else 'train'}/{plain_name(sample.label)}" if sample.label else _UNLABELLED
    return f"{folder}/{sample.name}"


def _of_folder(files: Files, name: str) -> Sample:
    """A sample whose label is the folder below its split, else the folder that tells it from others."""
    split, _, rest = name.partition("/")
    label = rest.partition("/")[0] if split in _SPLITS and "/" in rest else files.label(name)
    sample = sample_of({"label": label}, files.item(name), name)
    return replace(sample, columns={"split": split}) if split in _SPLITS else sample
