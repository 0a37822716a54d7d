"""Filters: conditions on the facts about pictures, in a short written form, and the pictures that meet them.

    label=cat;date>=2020-01-01;size>=12MP;tag=lake;stars>=3;text~red shoe;season=Summer

Conditions on one field with `=` mean any of the values; everything else must hold together. `~` means contains, `=`
equal as written, and with nothing after it: has none. A part of a date stands for all of it: date<=2020-05 includes
the whole of May.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.facts.table import PictureTable
from engine.core.errors import BadParameter

Mask = NDArray[np.bool_]

OPERATORS = ("!=", ">=", "<=", "=", ">", "<", "~")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_FORM = re.compile(r"\s*((?:\\.|[^\\=!<>~;])+?)\s*(!=|>=|<=|=|>|<|~)\s*((?:\\.|[^\\])*?(?:\\\Z)?)\s*", re.DOTALL)
_MARKED_IN_FIELD, _MARKED_IN_VALUE = re.compile(r"([\\;=!<>~]|^\s|\s$)"), re.compile(r"([\\;]|^[\s=]|\s$)")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?)?")
_FILLED_UP = "0001-01-01T00:00:00"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(mp|px|kb|mb|gb|b)", re.IGNORECASE)
_BYTES = {"b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_PREFIX = "column."  # before a column of the table that is named like another field
_MOST_VALUES = 500
_MOST = 50  # conditions


@dataclass(frozen=True)
class Condition:
    """One condition; `field` is one of FIELDS or a column of the collection's table."""

    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{self.value}"


Where = tuple[Condition, ...]


def parse_condition(text: str) -> Condition:
    r"""The condition in a text like `date>=2020-01-01`; BadParameter if it is none.

    A backslash marks what belongs to the field or the value: `\;`, `\\`, blanks around it, a sign in a field.

    >>> parse_condition("label = cat")
    Condition(field='label', operator='=', value='cat')
    """
    found = _FORM.fullmatch(text)
    if found is None:
        wanted = "a field, one of " + " ".join(OPERATORS) + " and a value, like date>=2020-01-01"
        raise BadParameter("condition", "a filter", wanted, text)
    field, sign, value = (re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in found.groups())
    known = field.lower() if field.lower() in FIELDS else field
    return _checked(Condition(known, sign, value))


def parse_where(text: str) -> Where:
    r"""The conditions of a text, separated by semicolons; a semicolon within a value is written `\;`.

    >>> len(parse_where(r"label=cat;text~a\;b")), parse_where("")
    (2, ())
    """
    parts = re.split(r"(?<!\\)((?:\\\\)*);", text)
    joined = ["".join(parts[place : place + 2]) for place in range(0, len(parts), 2)]
    found = tuple(parse_condition(part) for part in joined if part.strip())
    if len(found) > _MOST:
        raise BadParameter("number of conditions", "a filter", f"at most {_MOST}", len(found))
    return found


def print_where(where: Iterable[Condition]) -> str:
    """The written form, which `parse_where` reads."""
    return ";".join(
        _MARKED_IN_FIELD.sub(r"\\\1", one.field) + one.operator + _MARKED_IN_VALUE.sub(r"\\\1", one.value)
        for one in where
    )


def matching(where: Sequence[Condition], table: PictureTable) -> Mask:
    """(n,) whether each picture of the table meets all conditions; BadParameter for a field the collection lacks."""
    kept: Mask = np.ones(len(table), dtype=bool)
    alternatives: dict[str, Mask] = {}
    for one in where:
        found = _field(one, table)(table, one)
        if one.operator == "=":
            before = alternatives.get(one.field)
            alternatives[one.field] = found if before is None else before | found
        else:
            kept &= found
    for found in alternatives.values():
        kept &= found
    return kept


def values_of(table: PictureTable) -> dict[str, list[tuple[str, int]]]:
    """The values a filter can choose from, by field, each with how many pictures have it, most frequent first.

    Fields are label, folder, year, camera, lens, tag, stars and the further columns; those without values, and columns
    with more than 500 different ones, are left out. A folder counts those below it, as its filter finds them, and one
    that holds nothing beside a single folder is left out.
    """
    counted: dict[str, Iterable[str]] = {
        "label": table.labels,
        "date": [exif.taken[:4] for exif in table.exif],
        "camera": [exif.camera for exif in table.exif],
        "lens": [exif.lens for exif in table.exif],
        "tag": [tag for mark in table.marks for tag in mark.tags],
        "stars": [str(mark.stars or "") for mark in table.marks],
    }
    counted |= {_column_field(name): cells for name, cells in table.columns.items()}
    found = {field: Counter(filter(None, values)) for field, values in counted.items()}
    found["folder"] = _nested(Counter(filter(None, table.folders)))
    return {
        field: sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
        for field, values in found.items()
        if 0 < len(values) <= _MOST_VALUES
    }


def _nested(folders: Counter[str]) -> Counter[str]:
    """Each folder and those above it, with the pictures in it and below; without those of which one below has all."""
    nested: Counter[str] = Counter()
    for folder, count in folders.items():
        parts = folder.split("/")
        nested.update({"/".join(parts[:depth]): count for depth in range(1, len(parts) + 1)})
    within = {(folder.rpartition("/")[0], count) for folder, count in nested.items()}
    return Counter({folder: count for folder, count in nested.items() if (folder, count) not in within})


def needs_exif(where: Iterable[Condition]) -> bool:
    """Whether a filter depends on EXIF."""
    return any(one.field in ("date", "camera", "lens") for one in where)


# ── the fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _words(values: Callable[[PictureTable], Sequence[str]]) -> Callable[[PictureTable, Condition], Mask]:
    def found(table: PictureTable, one: Condition) -> Mask:
        return _texts(values(table), one)

    return found


def _texts(values: Sequence[str], one: Condition) -> Mask:
    """Equal as written, contained without regard to capitals, and in order: as numbers where both are numbers.

    That "7" and "07" are two values is how `values_of` counts them.
    """
    if one.operator == "~":
        wanted = one.value.casefold()
        return np.array([wanted in value.casefold() for value in values], dtype=bool)
    compare, number = _COMPARE[one.operator], _number(one.value)
    if one.operator in ("=", "!="):
        return np.array([compare(value, one.value) for value in values], dtype=bool)
    if number is None:
        return np.array([value != "" and compare(value.casefold(), one.value.casefold()) for value in values], bool)
    numbers = [_number(value) for value in values]
    return np.array([value is not None and compare(value, number) for value in numbers], dtype=bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _folder(table: PictureTable, one: Condition) -> Mask:
    """A folder includes those below it."""
    if one.operator not in ("=", "!="):
        return _texts(table.folders, one)
    wanted = one.value.strip("/")
    inside = [folder == wanted or bool(wanted and folder.startswith(wanted + "/")) for folder in table.folders]
    return np.array(inside, dtype=bool) == (one.operator == "=")


def _date(table: PictureTable, one: Condition) -> Mask:
    """Dates are compared up to the last part that is given; pictures without a date meet `date=` and `date!=…` only."""
    taken, compare = [exif.taken for exif in table.exif], _COMPARE[one.operator]
    length = len(one.value)
    if not length or one.operator == "!=":
        return np.array([compare(value[: length or None], one.value) for value in taken], dtype=bool)
    return np.array([value != "" and compare(value[:length], one.value) for value in taken], dtype=bool)


def _size(table: PictureTable, one: Condition) -> Mask:
    """In megapixels, pixels of the longer side, or bytes, depending on the unit."""
    amount, unit = _size_of(one)
    values: NDArray[Any] = np.maximum(table.widths, table.heights)
    if unit == "mp":
        values = table.widths * table.heights / 1e6
    elif unit != "px":
        values = table.bytes / _BYTES[unit]
    found: Mask = _COMPARE[one.operator](values, amount)
    return found


def _size_of(one: Condition) -> tuple[float, str]:
    found = _SIZE.fullmatch(one.value)
    if found is None or one.operator == "~":
        raise BadParameter("size", "a filter", "a number with MP, px, kB or MB, like size>=12MP", str(one))
    return float(found[1]), found[2].lower()


def _tag(table: PictureTable, one: Condition) -> Mask:
    if one.operator == "~":
        wanted = one.value.casefold()
        return np.array([any(wanted in tag.casefold() for tag in mark.tags) for mark in table.marks], dtype=bool)
    has = [one.value in mark.tags if one.value else not mark.tags for mark in table.marks]
    return np.array(has, dtype=bool) == (one.operator == "=")


def _stars(table: PictureTable, one: Condition) -> Mask:
    found: Mask = _COMPARE[one.operator](np.array([mark.stars for mark in table.marks]), int(one.value or 0))
    return found


FIELDS: dict[str, Callable[[PictureTable, Condition], Mask]] = {
    "label": _words(lambda table: table.labels),
    "folder": _folder,
    "name": _words(lambda table: table.names),
    "text": _words(lambda table: table.texts),
    "date": _date,
    "camera": _words(lambda table: [exif.camera for exif in table.exif]),
    "lens": _words(lambda table: [exif.lens for exif in table.exif]),
    "size": _size,
    "tag": _tag,
    "stars": _stars,
}


def _field(one: Condition, table: PictureTable) -> Callable[[PictureTable, Condition], Mask]:
    if one.field in FIELDS:
        return FIELDS[one.field]
    wanted = one.field.removeprefix(_PREFIX)
    column = next((name for name in table.columns if name == wanted), None)
    column = column or next((name for name in table.columns if name.casefold() == wanted.casefold()), None)
    if column is None:
        others = ", ".join([*FIELDS, *map(_column_field, table.columns)])
        raise BadParameter("field", "a filter", f"one of {others}", one.field)
    return _words(lambda table: table.columns[column])


def _column_field(name: str) -> str:
    """What a column is called in a filter.

    >>> _column_field("season"), _column_field("Label")
    ('season', 'column.Label')
    """
    return _PREFIX + name if name.lower() in FIELDS else name


def _checked(one: Condition) -> Condition:
    """The condition, if its value is one that its field can have; else BadParameter."""
    if one.field == "size":
        _size_of(one)
    if one.field == "stars" and (one.operator == "~" or not re.fullmatch("[0-5]?", one.value)):
        raise BadParameter("stars", "a filter", "a whole number from 0 to 5", str(one))
    if one.field == "tag" and one.operator not in ("=", "!=", "~"):
        raise BadParameter("tag", "a filter", "compared with =, != or ~", str(one))
    if one.field == "date":
        _check_date(one)
    return one


def _check_date(one: Condition) -> None:
    nothing = one.value == "" and one.operator in ("=", "!=")
    if not nothing and (one.operator == "~" or not _DATE.fullmatch(one.value) or not _is_date(one.value)):
        raise BadParameter("date", "a filter", "a date like 2020, 2020-05 or 2020-05-31", str(one))


def _is_date(text: str) -> bool:
    """Whether the part of a date that is given, filled up, is one."""
    try:
        datetime.fromisoformat(text + _FILLED_UP[len(text) :])
    except ValueError:
        return False
    return True
