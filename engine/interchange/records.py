"""Samples as records of plain values, for formats that keep a record of each picture: JSON, tables, Parquet."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.collections.facts.marks import MOST_STARS, checked_tag
from engine.collections.labelling import checked_label
from engine.collections.sources.items import Item
from engine.collections.sources.tables import plain
from engine.encoders.vectors.files import plain_value
from engine.interchange.dataset import Sample, vector_of

VECTOR = "embedding"
_STARS = set(map(str, range(MOST_STARS + 1)))
FIELDS = ("label", "text", "tags", "stars", "group")
# What other programs call our fields, without capitals and dashes, the surest first.
_HEADINGS = {
    "label": ("label", "groundtruth", "class", "classname", "category", "target", "labels"),
    "text": ("text", "caption", "description", "title"),
    "tags": ("tags",),
    "stars": ("stars",),
    "group": ("group",),
    VECTOR: ("embedding", "embeddings", "imageembedding", "vector", "features"),
}
NAMES = ("file_name", "filename", "filepath", "image_path", "path", "image", "url", "name", "key", "id")
_INTERNAL = {"_id", "_cls", "_media_type", "_rand", "_dataset_id", "created_at", "last_modified_at"}  # of FiftyOne


@dataclass(frozen=True)
class Fields:
    """What any sample of a data set has: `own` are of FIELDS, `further` are names of further columns."""

    own: tuple[str, ...]
    further: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """The keys of every record."""
        return [*self.own, *map(free_column, self.further)]


def fields_of(samples: Iterable[Sample]) -> Fields:
    """The fields to write: one that no sample has is left out."""
    samples = list(samples)
    own = tuple(name for name in FIELDS if any(getattr(sample, name) for sample in samples))
    return Fields(own, tuple(dict.fromkeys(name for sample in samples for name in sample.columns)))


def record_of(sample: Sample, fields: Fields) -> dict[str, Any]:
    """These fields of a sample, "" for a further column that it lacks."""
    own = {name: list(sample.tags) if name == "tags" else getattr(sample, name) for name in fields.own}
    return own | {free_column(name): sample.columns.get(name, "") for name in fields.further}


def free_column(column: str) -> str:
    """The name of a further column where ours have names, too.

    >>> free_column("season"), free_column("tags"), free_column("Class")
    ('season', 'tags_', 'Class_')
    """
    ours = {heading for headings in _HEADINGS.values() for heading in headings} | {plain(name) for name in NAMES}
    return f"{column}_" if plain(column) in ours else column


def sample_of(
    record: Mapping[str, Any],
    file: Item,
    thing: str,
    *,
    columns: Mapping[str, str] | None = None,
    leave: Iterable[str] = (),
) -> Sample:
    """A sample from the record of a picture.

    Args:
        file: the picture. thing: what sentences call the data set.
        columns: the record's name of a field of ours, where the user said it.
        leave: keys that are no facts.

    Raises:
        BadParameter: a label, tag or vector that cannot be.
    """
    keys = _keys(record, columns or {})
    tags = _tags(record.get(keys.get("tags", "")))
    stars = _stars(record.get(keys.get("stars", "")))
    strange = {keys[name] for name, value in (("tags", tags), ("stars", stars)) if value is None}
    left = ({*keys.values()} - strange) | {*leave, *_INTERNAL}
    return Sample(
        name=file.name,
        label=checked_label(_label(record.get(keys.get("label", "")))),
        text=_plain(record.get(keys.get("text", ""))).strip(),
        tags=tags or (),
        stars=stars or 0,
        group=_text(record.get(keys.get("group", "")))[:80],
        columns={key: cell for key, value in record.items() if key not in left and (cell := _text(value))},
        vector=vector_of(plain_value(record.get(keys.get(VECTOR, ""))), thing),
        file=file,
    )


def names_label(record: Mapping[str, Any]) -> bool:
    """Whether one of the record's keys is a usual name of a label."""
    return any(plain(key) in _HEADINGS["label"] for key in record)


def name_in(record: Mapping[str, Any], column: str = "") -> tuple[str, str]:
    """The key and the value by which a record names its picture, ("", "") where it names none."""
    by_heading = {plain(key): key for key in reversed(list(record)) if isinstance(record[key], str | int)}
    found = [column] if column in record else [by_heading[plain(name)] for name in NAMES if plain(name) in by_heading]
    return (found[0], str(record[found[0]])) if found else ("", "")


# ── tags in one cell ─────────────────────────────────────────────────────────────────────────────────────────────────


def joined_tags(tags: Sequence[str]) -> str:
    """Tags as one cell of a table: with semicolons, or as a JSON list where one has a semicolon or a bracket.

    >>> joined_tags(("boat", "lake")), joined_tags(("a;b",))
    ('boat;lake', '["a;b"]')
    """
    awkward = any(";" in tag or tag.startswith("[") for tag in tags)
    return json.dumps(list(tags), ensure_ascii=False) if awkward else ";".join(tags)


def _tags(value: Any) -> tuple[str, ...] | None:
    """The tags in a list or in a cell; None for what holds no tags."""
    if isinstance(value, str):
        value = _listed(value) if value.startswith("[") else value.split(";")
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        return None
    return tuple(sorted({checked_tag(tag) for tag in value if tag.strip()}))


def _listed(cell: str) -> list[Any]:
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return cell.split(";")
    return found if isinstance(found, list) else [cell]


# ── values of other programs ─────────────────────────────────────────────────────────────────────────────────────────


def _keys(record: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    """The record's key of each field of ours that it has."""
    by_heading = {plain(key): key for key in reversed(list(record))}
    found = {
        name: by_heading[heading]
        for name, headings in _HEADINGS.items()
        for heading in reversed(headings)
        if heading in by_heading
    }
    return found | {name: key for name, key in columns.items() if key in record}


def _label(value: Any) -> str:
    if isinstance(value, Mapping):  # FiftyOne's Classification
        value = value.get("label")
    return _text(value)


def _stars(value: Any) -> int | None:
    """A number of stars, also as a text; None for what is no such number."""
    text = str(value or 0).removesuffix(".0")
    return int(text) if text in _STARS else None


def _text(value: Any) -> str:
    """A value as a text on one line."""
    return " ".join(_plain(value).split())


def _plain(value: Any) -> str:
    """A value as a text: "" for none, JSON for what is neither a text nor a number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, Mapping) and isinstance(value.get("label"), str):
        return str(value["label"])
    if isinstance(value, str | int | float):
        return str(value).encode("utf-8", "replace").decode()
    return json.dumps(value, ensure_ascii=False, default=str)
