"""FiftyOne's dataset in JSON: data/, samples.json and metadata.json, read with fiftyone.types.FiftyOneDataset.

The metadata names no version of FiftyOne, so it reads each sample by its own fields and needs no schema.
Source: https://docs.voxel51.com/user_guide/import_datasets.html#fiftyonedataset
"""

from __future__ import annotations

from typing import Any

from engine.core.errors import Unreadable
from engine.interchange.dataset import Dataset, Sample, class_names
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.records import VECTOR, Fields, fields_of, name_in, record_of, sample_of
from engine.interchange.target import Target

_LABELS = ("label", "group")  # shown as labels there
_RESERVED = {"id", "filepath", "metadata", "created_at", "last_modified_at"}


class FiftyOne(Format):
    """data/, samples.json, metadata.json."""

    name = "fiftyone"
    title = "FiftyOne"
    summary = "For fiftyone.Dataset.from_dir(FOLDER, dataset_type=fiftyone.types.FiftyOneDataset)."
    rank = 32

    def write(self, dataset: Dataset, target: Target) -> None:
        samples = target.copied(dataset.samples, lambda sample: f"data/{sample.name}")
        fields = fields_of(samples)
        target.json("samples.json", {"samples": [_document(sample, fields) for sample in samples]})
        info = {"title": dataset.title, "classes": class_names(samples)}
        target.json("metadata.json", {"name": dataset.title, "media_type": "image", "info": info})

    def read(self, files: Files) -> list[Sample]:
        found = [name for name in files.ending("samples.json") if name.rpartition("/")[2] == "samples.json"]
        if len(found) != 1:
            raise Unreadable("This is no dataset of FiftyOne: samples.json is missing.")
        folder, body = found[0].rpartition("/")[0], files.json(found[0])
        documents = body.get("samples") if isinstance(body, dict) else None
        if not isinstance(documents, list) or not all(isinstance(one, dict) for one in documents):
            raise Unreadable(f"The file {found[0]!r} holds no list of samples.")
        return [_sample(files, document, folder) for document in documents]


def _document(sample: Sample, fields: Fields) -> dict[str, Any]:
    record = {f"{key}_" if key in _RESERVED else key: value for key, value in record_of(sample, fields).items()}
    classified = {key: _classification(record.pop(key)) for key in _LABELS if key in record}
    named = {"ground_truth" if key == "label" else key: value for key, value in classified.items()}
    vector = {} if sample.vector is None else {VECTOR: [float(str(value)) for value in sample.vector]}
    return {"filepath": sample.name, "tags": list(sample.tags), **record, **named, **vector}


def _classification(label: str) -> dict[str, Any] | None:
    return {"_cls": "Classification", "tags": [], "label": label} if label else None


def _sample(files: Files, document: dict[str, Any], folder: str) -> Sample:
    key, name = name_in(document, "filepath")
    return sample_of(document, files.item(name, folder), "samples.json", leave=[key, "metadata"])
