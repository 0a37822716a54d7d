"""COCO: pictures, and one JSON file with categories; the label of a picture is an annotation of the whole of it.

Source: https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.core.errors import Unreadable
from engine.interchange.dataset import Dataset, Sample, class_names
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.records import Fields, fields_of, record_of, sample_of
from engine.interchange.tables import vectors_in, with_vector, write_vectors
from engine.interchange.target import Target

FILE = "annotations.json"
_OF_PICTURES = ("id", "width", "height", "file_name", "license", "flickr_url", "coco_url", "date_captured")


class Coco(Format):
    """annotations.json, images/ and, with vectors, embeddings.parquet."""

    name = "coco"
    title = "COCO"
    summary = "Pictures and annotations.json, where a label is an annotation of the whole picture."
    rank = 30

    def write(self, dataset: Dataset, target: Target) -> None:
        samples = target.copied(dataset.samples, lambda sample: f"images/{sample.name}")
        fields, names = fields_of(samples), class_names(samples)
        numbers = {name: number for number, name in enumerate(names, 1)}
        pictures = [_picture(id, sample, fields) for id, sample in enumerate(samples, 1)]
        labelled = [(id, sample) for id, sample in enumerate(samples, 1) if sample.label]
        target.json(FILE, {
            "info": {"description": dataset.title},
            "images": pictures,
            "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in numbers.items()],
            "annotations": [_annotation(n, id, one, numbers) for n, (id, one) in enumerate(labelled, 1)],
        })  # fmt: skip
        write_vectors(target, samples)

    def read(self, files: Files) -> list[Sample]:
        found = [(name, body) for name in files.ending(".json") if _is_coco(body := files.json(name))]
        if not found:
            raise Unreadable(
                "This is no data set in COCO: no JSON file in it lists pictures, categories and annotations."
            )
        vectors = vectors_in(files)
        return [with_vector(*pair) for name, body in found for pair in _samples(files, name, body, vectors)]


def _picture(id: int, sample: Sample, fields: Fields) -> dict[str, Any]:
    facts = {key: value for key, value in record_of(sample, fields).items() if key != "label"}
    own = {"id": id, "file_name": sample.name, "width": sample.width, "height": sample.height}
    return {**{f"{key}_" if key in _OF_PICTURES else key: value for key, value in facts.items()}, **own}


def _annotation(number: int, id: int, sample: Sample, numbers: Mapping[str, int]) -> dict[str, Any]:
    width, height = sample.width, sample.height
    own = {"id": number, "image_id": id, "category_id": numbers[sample.label], "iscrowd": 0}
    return {**own, "bbox": [0, 0, width, height], "area": width * height, "segmentation": []}


def _is_coco(body: Any) -> bool:
    parts = ("images", "categories", "annotations")
    return isinstance(body, dict) and all(isinstance(body.get(part), list) for part in parts)


def _samples(files: Files, file: str, body: Mapping[str, Any], vectors: Mapping[str, Any]) -> list[tuple[Sample, Any]]:
    """Each sample with its vector. Of several categories the largest box is the label; all are in a column."""
    try:
        names = {one["id"]: str(one["name"]) for one in body["categories"]}
        boxes: dict[Any, list[tuple[float, str]]] = defaultdict(list)
        for one in body["annotations"]:
            boxes[one["image_id"]].append((float(one.get("area") or 0), names[one["category_id"]]))
        listed = [(str(one["file_name"]), one) for one in body["images"]]
        return [
            (_labelled(sample_of(one, files.item(name), file, leave=_OF_PICTURES), boxes[one["id"]]), vectors.get(name))
            for name, one in listed
        ]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Unreadable(f"The file {file!r} is not whole: its pictures, categories and annotations differ.") from error


def _labelled(sample: Sample, boxes: Sequence[tuple[float, str]]) -> Sample:
    names = list(dict.fromkeys(name for _, name in sorted(boxes, key=lambda box: -box[0])))
    if not names:
        return sample
    columns = dict(sample.columns) | ({"categories": ", ".join(names)} if len(names) > 1 else {})
    return replace(sample, label=" ".join(names[0].split())[:200], columns=columns)
