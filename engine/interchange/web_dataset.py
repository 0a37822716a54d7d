"""WebDataset: tar archives in which the files of a sample follow each other and differ in their endings.

Source: https://github.com/webdataset/webdataset#the-webdataset-format
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from engine.collections.reading.safely import SUFFIXES
from engine.core.errors import Unreadable
from engine.encoders.vectors.files import Part, array_in
from engine.interchange.dataset import Dataset, Sample, class_names, vector_of
from engine.interchange.files import Files
from engine.interchange.format import Format
from engine.interchange.records import Fields, fields_of, record_of, sample_of
from engine.interchange.tables import with_vector
from engine.interchange.target import Target

_SHARD = 1000  # samples of one archive
_CLASSES = "classes.json"  # beside the shards: the names of the numbers in .cls


class WebDataset(Format):
    """00000.tar and so on: 000000000.jpg, .json, .cls, .txt, .npy of each sample; classes.json."""

    name = "webdataset"
    title = "WebDataset"
    summary = "Tar archives with picture, facts, class, text and vector of each sample, for streaming into a training."
    rank = 33

    def write(self, dataset: Dataset, target: Target) -> None:
        fields, names = fields_of(dataset.samples), class_names(dataset.samples)
        with ExitStack() as stack:
            for number, (sample, data) in enumerate(target.pictures(dataset.samples)):
                if number % _SHARD == 0:
                    stack.close()
                    shard = stack.enter_context(tarfile.open(target.path(f"{number // _SHARD:05d}.tar"), "w"))
                for ending, content in _members(sample, data, fields, names):
                    _add(shard, f"{number:09d}.{ending}", content)
        target.json(_CLASSES, names)

    def read(self, files: Files) -> list[Sample]:
        classes = files.json(_CLASSES) if _CLASSES in files.names else []
        shards = [files.unpacked(name) for name in files.ending(".tar", ".tar.gz", ".tgz")] or [files]
        found = [sample for shard in shards for sample in _samples(shard, classes)]
        if not found:
            raise Unreadable("There is no sample in this WebDataset.")
        return found


def _members(sample: Sample, data: bytes, fields: Fields, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    suffix = PurePosixPath(sample.name).suffix.lower()
    yield (suffix if suffix in SUFFIXES else ".jpg")[1:], data
    record = {"file_name": sample.name, **record_of(sample, fields)}
    yield "json", json.dumps(record, ensure_ascii=False).encode()
    if sample.label:
        yield "cls", str(names.index(sample.label)).encode()
    if sample.text:
        yield "txt", sample.text.encode()
    if sample.vector is not None:
        out = io.BytesIO()
        np.save(out, sample.vector, allow_pickle=False)
        yield "npy", out.getvalue()


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    shard.addfile(member, io.BytesIO(content))


def _samples(files: Files, classes: Any) -> Iterator[Sample]:
    """The samples of a shard: a sample is what has one name up to the first dot."""
    parts: dict[str, dict[str, str]] = {}
    for name in files.names:
        folder, _, last = name.rpartition("/")
        key, _, ending = last.partition(".")
        parts.setdefault(f"{folder}/{key}", {})[ending.lower()] = name
    for endings in parts.values():
        picture = next((name for ending, name in endings.items() if f".{ending.rpartition('.')[2]}" in SUFFIXES), "")
        if picture:
            yield _sample(files, picture, endings, classes)


def _sample(files: Files, picture: str, endings: Mapping[str, str], classes: Any) -> Sample:
    record = files.json(endings["json"]) if "json" in endings else {}
    if not isinstance(record, dict):
        raise Unreadable(f"The file {endings['json']!r} holds no record.")
    if "label" not in record and "cls" in endings:
        record["label"] = _class(files.content(endings["cls"]), classes)
    if "text" not in record and "txt" in endings:
        record["text"] = files.content(endings["txt"]).decode("utf-8", "replace")
    shown = str(record.pop("file_name", "") or picture)
    sample = sample_of(record, files.named(picture, shown), picture)
    vector = next((name for ending, name in endings.items() if ending.endswith("npy")), "")
    if not vector:
        return sample
    with files.opened(vector) as opened:
        return with_vector(sample, vector_of(array_in(Part(vector, opened)), vector))


def _class(data: bytes, classes: Any) -> str:
    text = data.decode("utf-8", "replace").strip()
    number = int(text) if text.isascii() and text.isdigit() else -1
    return str(classes[number]) if isinstance(classes, list) and 0 <= number < len(classes) else text
