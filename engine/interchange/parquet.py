"""Samples as rows of Parquet: facts in columns, the vector as a list, the picture as bytes or by its path."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.collections.sources.items import Item
from engine.core.errors import Unreadable
from engine.core.memory import check_memory
from engine.encoders.vectors.files import unpacked_size
from engine.interchange.dataset import Sample, Vector, matrix_of
from engine.interchange.files import Files
from engine.interchange.records import VECTOR, Fields, fields_of, name_in, names_label, record_of, sample_of
from engine.interchange.target import Target

_AT_ONCE = 128  # pictures that are held in memory, and of a row group
Extra = Callable[[int, int], dict[str, Any]]  # from the first row and the one after the last to further columns


@dataclass(frozen=True)
class Columns:
    """Which columns a data set needs, so that all its files have the same.

    Args:
        samples: all of the data set. classes: the names of labels, where these are written as numbers.
    """

    samples: Sequence[Sample]
    classes: Sequence[str] = ()
    fields: Fields = field(init=False)
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", fields_of(self.samples))
        object.__setattr__(self, "width", matrix_of(self.samples, "the collection").shape[1])

    def of(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The columns of some of the samples, as arrays of Arrow."""
        import pyarrow

        kinds = {"tags": pyarrow.list_(pyarrow.string()), "stars": pyarrow.int64()}
        records = [record_of(sample, self.fields) for sample in samples]
        found: dict[str, Any] = {}
        for key in self.fields.keys:
            found[key] = pyarrow.array([record[key] for record in records], kinds.get(key, pyarrow.string()))
        if self.classes and "label" in found:
            numbers = {name: number for number, name in enumerate(self.classes)}
            found["label"] = pyarrow.array([numbers.get(sample.label) for sample in samples], pyarrow.int64())
        if self.width:
            found[VECTOR] = list_column([sample.vector for sample in samples], self.width)
        return found

    def metadata(self) -> dict[str, str]:
        """What Hugging Face's `datasets` keeps in the schema: which column is a picture, and what labels are called."""
        features: dict[str, Any] = {"image": {"_type": "Image"}}
        if self.classes:
            features["label"] = {"names": list(self.classes), "_type": "ClassLabel"}
        return {"huggingface": json.dumps({"info": {"features": features}})}


def write_facts(target: Target, file: str, samples: Sequence[Sample], columns: Columns) -> None:
    """Write a row for each sample, with the path of its picture as file_name."""
    import pyarrow
    from pyarrow.parquet import write_table

    names = pyarrow.array([sample.name for sample in samples], pyarrow.string())
    write_table(pyarrow.table({"file_name": names, **columns.of(samples)}), target.path(file))


def write_pictures(
    target: Target, file: str, samples: Sequence[Sample], columns: Columns, extra: Extra | None = None
) -> None:
    """Write a row for each sample with its picture; the picture of one that has vanished is null."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    writer = None
    for at in range(0, len(samples), _AT_ONCE):
        part = samples[at : at + _AT_ONCE]
        pictures = [data and {"bytes": data, "path": one.name} for one in part for data in [target.picture(one)]]
        more = extra(at, at + len(part)) if extra else {}
        table = pyarrow.table({"image": pyarrow.array(pictures, kind), **columns.of(part), **more})
        table = table.replace_schema_metadata(columns.metadata())
        writer = writer or ParquetWriter(target.path(file), table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def list_column(vectors: Sequence[Vector | None], width: int) -> Any:
    """Vectors as a column of lists of `width` numbers, null where there is none."""
    import pyarrow

    blank = np.zeros(width, np.float32)
    values = np.concatenate([blank if vector is None else vector for vector in vectors])
    missing = pyarrow.array([vector is None for vector in vectors])
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(values, pyarrow.float32()), width, mask=missing)


def parquet_samples(files: Files, file: str, folder: str = "") -> Iterator[Sample]:
    """The samples of a Parquet file: pictures as bytes in a column, or as paths from `folder`.

    Raises:
        Unreadable: no Parquet, or none that names pictures.
    """
    for record, classes in parquet_records(files, file):
        key, item = _picture_in(record, files, file, folder)
        # A single column of classes is that of labels, whatever it is called.
        only = {"label": next(iter(classes))} if len(classes) == 1 and not names_label(record) else {}
        yield sample_of(_with_names(record, classes), item, file, columns=only, leave=[key])


def _with_names(record: Mapping[str, Any], classes: Mapping[str, list[str]]) -> dict[str, Any]:
    """The row with the names of classes instead of their numbers; -1 stands for none."""
    named = dict(record)
    for key, names in classes.items():
        number = record.get(key)
        if isinstance(number, int) and not isinstance(number, bool):
            named[key] = names[number] if 0 <= number < len(names) else None
    return named


def parquet_records(files: Files, file: str) -> Iterator[tuple[dict[str, Any], dict[str, list[str]]]]:
    """The rows of a Parquet file, each with the names of classes by column; Unreadable if it is none."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with files.opened(file) as opened:
            table = ParquetFile(opened)
            classes, groups = _classes(table.schema_arrow.metadata), table.metadata.num_row_groups
            for group in range(groups):
                check_memory(unpacked_size(table.metadata) // groups, file)
                for batch in table.iter_batches(_AT_ONCE, row_groups=[group]):
                    for record in batch.to_pylist():
                        yield record, classes
    except (ArrowException, OSError) as error:
        raise Unreadable(f"The file {file!r} is not a whole Parquet file.") from error


def _classes(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names of classes that are numbers, by column, as Hugging Face's `datasets` keeps them in the schema."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        named = {str(key): one for key, one in features.items() if isinstance(one, dict)}
        return {key: list(map(str, one["names"])) for key, one in named.items() if one.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _picture_in(record: Mapping[str, Any], files: Files, file: str, folder: str) -> tuple[str, Item]:
    """The key of the picture in a row, and the picture: held by the row itself, or a file."""
    for key, value in record.items():
        held = value if isinstance(value, Mapping) else {"bytes": value}
        path = held.get("path") if isinstance(held.get("path"), str) else ""
        if isinstance(held.get("bytes"), bytes):
            return key, files.kept(path or f"picture {_number_of(record)}", held["bytes"])
        if path:
            return key, files.item(path, folder)
    key, name = name_in(record)
    if not key:
        raise Unreadable(f"The file {file!r} has no column of pictures or of their paths.")
    return key, files.item(name, folder)


def _number_of(record: Mapping[str, Any]) -> str:
    return str(next((record[key] for key in ("id", "key", "index") if key in record), ""))
