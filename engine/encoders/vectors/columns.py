"""Which columns of a table hold names of pictures, and which the values of vectors.

Values are one column of lists, or columns of numbers side by side. Numbers that are no values, such as the id of a
class, are told from them by their headings and kinds, and every column that is not used is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.sources.dialects import Record
from engine.collections.sources.tables import PICTURE_HEADINGS, has_picture_suffix, picture_place, plain
from engine.core.errors import BadParameter
from engine.core.humanize import count_of

# Headings of lists, the surest first: of two, one is often that of the picture's caption.
_HEADINGS = (
    *("embedding", "embeddings", "imageembedding", "imageembeddings", "imgemb", "imageemb", "clipembedding"),
    *("vector", "vectors", "imagevector", "features", "imagefeatures", "feature", "emb"),
)
_KEYS = ("key",)  # img2dataset's number of a picture, after which its file is named
_ADDRESSES = ("url", "imageurl", "uri", "link")
_INDEX = re.compile(r"__index_level_\d+__")  # pandas' names for unnamed row indexes
_NUMBERED = re.compile(r"(.*?)[ _.-]*(\d+)")
_LOOKED_AT = 50


@dataclass(frozen=True)
class Given:
    """Vectors as a file gives them: a name for each row of the (n, d) matrix, if any, and notes on how it was read."""

    names: list[str] | None
    matrix: NDArray[Any]
    notes: list[str] = field(default_factory=list)


def given_in(table: Any, file: str, wanted: Sequence[str] = ()) -> Given:
    """The names and vectors in a pyarrow table; rows without a vector are left out and counted.

    Args:
        wanted: the columns that hold the values, where they are not to be found by their headings.

    Raises:
        BadParameter: no names, no vectors, several columns of vectors, or lists of different lengths.
    """
    table = _with_paths(table)
    names = name_column(table, file)
    chosen = _asked(table, file, wanted) if wanted else _values(table, file, names)
    notes = _unused(table, file, {names, *chosen})
    if _is_list(table.schema.field(chosen[0]).type):
        without = table.column(chosen[0]).null_count
        table = table.filter(table.column(chosen[0]).is_valid())
        notes += [f"{count_of(without, 'row')} of {file} had no vector."] if without else []
        matrix = _stacked(table.column(chosen[0]), file)
    else:
        matrix = np.column_stack([table.column(column).to_numpy() for column in chosen])
    return Given(texts_of(table, names), matrix, notes)


def name_column(table: Any, file: str) -> str:
    """The column that names the pictures: chosen as in a collection's table, else the first one of texts."""
    table = _with_paths(table)
    texts = [name for name in table.schema.names if _names_pictures(table.schema.field(name))]
    if not texts:
        raise _lacking(table, file)
    head = table.select(texts).slice(0, _LOOKED_AT)
    columns = [[str(cell or "") for cell in head.column(name).to_pylist()] for name in texts]
    lines = [Record(number, list(cells)) for number, cells in enumerate(zip(*columns, strict=True), 1)]
    place = picture_place(texts, lines)
    keys = [number for number, name in enumerate(texts) if plain(name) in _KEYS]
    if keys and (place < 0 or plain(texts[place]) in _ADDRESSES):
        place = keys[0]
    if place < 0:
        shown = [sum(map(has_picture_suffix, column)) for column in columns]
        place = shown.index(max(shown))
    return texts[place]


def texts_of(table: Any, column: str) -> list[str]:
    """The cells of a column as texts, "" for a missing one."""
    return ["" if cell is None else str(cell) for cell in _with_paths(table).column(column).to_pylist()]


def _with_paths(table: Any) -> Any:
    """The table with the path of each picture as a column, where pictures are stored as bytes beside their path."""
    from pyarrow import compute, types

    for field_ in list(table.schema):
        if types.is_struct(field_.type) and field_.type.get_field_index("path") >= 0:
            path = compute.struct_field(table.column(field_.name), "path")
            name = f"{field_.name}_path" if f"{field_.name}_path" not in table.schema.names else field_.name
            table = table.drop_columns([field_.name]).append_column(name, path)
    return table


def _names_pictures(field_: Any) -> bool:
    from pyarrow import types

    kind = field_.type.value_type if types.is_dictionary(field_.type) else field_.type
    if types.is_integer(kind):
        return plain(field_.name) in (*PICTURE_HEADINGS, *_KEYS)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _asked(table: Any, file: str, wanted: Sequence[str]) -> list[str]:
    known = [f.name for f in table.schema if _is_list(f.type) or _is_number(f.type)]
    wrong = next((name for name in wanted if name not in known), None)
    lists = [name for name in wanted if wrong is None and _is_list(table.schema.field(name).type)]
    if wrong is not None or (lists and len(wanted) > 1):
        raise BadParameter("columns", file, f"one of lists, or some of numbers: {', '.join(known)}", wrong or lists[0])
    return list(wanted)


def _values(table: Any, file: str, names: str) -> list[str]:
    """The columns of values: the list with the surest heading, else those that are numbered, else fractions."""
    lists = [f.name for f in table.schema if _is_list(f.type)]
    headed = [name for heading in _HEADINGS for name in lists if plain(name) == heading]
    if len(lists) > 1 and not headed:
        way_out = "Choose one with --columns."
        raise BadParameter("vectors", file, "in one column of lists", f"{', '.join(lists)}", way_out=way_out)
    if lists:
        return [*headed, *lists][:1]
    numbers = [f for f in table.schema if _is_number(f.type) and f.name != names and not _INDEX.fullmatch(f.name)]
    fractions = [f.name for f in numbers if _is_fraction(f.type)]
    series = _series([f.name for f in numbers], file)
    rest = set(fractions) - set(series)
    if len(series) > len(rest) and (set(series) & set(fractions) or not fractions):
        return series
    if not fractions:
        raise _lacking(table, file)
    return fractions


def _series(names: Sequence[str], file: str) -> list[str]:
    """The longest series of columns that are numbered one by one, as in d0, d1, d2, in the order of the numbers."""
    stems: dict[str, dict[int, str]] = {}
    for name in names:
        if found := _NUMBERED.fullmatch(name):
            stems.setdefault(found[1], {})[int(found[2])] = name
    whole = [stem for stem, numbers in stems.items() if len(numbers) > 1 and max(numbers) - min(numbers) < len(numbers)]
    whole.sort(key=lambda stem: -len(stems[stem]))
    if len(whole) > 1 and len(stems[whole[0]]) == len(stems[whole[1]]):
        shown = ", ".join(f"{stem}…" for stem in whole[:2])
        raise BadParameter("vectors", file, "in one series of columns", shown, way_out="Choose some with --columns.")
    return [name for stem in whole[:1] for _, name in sorted(stems[stem].items())]


def _unused(table: Any, file: str, used: set[str]) -> list[str]:
    others = [name for name in table.schema.names if name not in used and not _INDEX.fullmatch(name)]
    shown = ", ".join(others[:20]) + (f" and {len(others) - 20:,} more" if len(others) > 20 else "")
    return [f"Columns of {file} that were not used: {shown}."] if others else []


def _stacked(column: Any, file: str) -> NDArray[Any]:
    """(n, d) values of a column of lists, or of lists of lists of one form."""
    from pyarrow import compute

    rows = len(column)
    while _is_list(column.type):
        lengths = compute.unique(compute.list_value_length(column)).to_pylist()
        if len(lengths) != 1:
            found = " and ".join(str(length) for length in sorted(lengths, key=lambda one: one or 0)[:3]) or "none"
            raise BadParameter("vectors", file, "of equal length", found)
        column = compute.list_flatten(column)
    values: NDArray[Any] = column.to_numpy().reshape(rows, -1)
    return values


def _is_list(kind: Any) -> bool:
    """Whether a type is that of lists of numbers, or of lists of such."""
    from pyarrow import types

    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return _is_number(kind.value_type) or _is_list(kind.value_type)


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind))


def _is_fraction(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_floating(kind))


def _lacking(table: Any, file: str) -> BadParameter:
    wanted = "one of file names, and one of lists or some of numbers that are numbered or fractions"
    way_out = "Name those of the values with --columns."
    return BadParameter("columns", file, wanted, ", ".join(table.schema.names), way_out=way_out)
