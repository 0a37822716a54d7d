"""Reading vectors from files: .npy with a list of names, or .parquet with a column of names."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter

ENDINGS = (".npy", ".parquet")
_INDEX = re.compile(r"__index_level_\d+__")  # pandas' names for unnamed row indexes
_HEADS = ("name", "file", "filename", "file_name", "path", "filepath", "image")


def read_vectors(file: Path | BinaryIO, name: str) -> tuple[list[str] | None, NDArray[Any]]:
    """The names, if included, and the array in a .npy or .parquet file.

    Raises:
        BadParameter: another or an unreadable kind of file, or a table without names or vectors.
    """
    if name.lower().endswith(".npy"):
        return None, _npy(file, name)
    if name.lower().endswith(".parquet"):
        return _parquet(file, name)
    raise BadParameter("file", "custom embeddings", "one of " + ", ".join(ENDINGS), name)


def read_names(data: bytes) -> list[str]:
    """The names in a list, one per line, or in the first column of a CSV; a header line is skipped.

    Raises:
        BadParameter: it is not a text file.
    """
    text = data.decode("utf-8-sig", errors="replace")
    try:
        names = [row[0].strip() for row in csv.reader(io.StringIO(text, newline=None)) if row and row[0].strip()]
    except csv.Error as error:
        raise BadParameter("names", "custom embeddings", "a text with one name a line, or a CSV", str(error)) from error
    return names[1:] if names and names[0].lower() in _HEADS else names


def _npy(file: Path | BinaryIO, name: str) -> NDArray[Any]:
    try:  # a file on disk is memory-mapped: it may be larger than memory
        found = np.load(file, mmap_mode="r" if isinstance(file, Path) else None, allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:  # a header may claim any size
        raise BadParameter("file", "custom embeddings", "a whole .npy file of numbers", name) from error
    if not isinstance(found, np.ndarray):
        raise BadParameter("file", "custom embeddings", "a single array, not several", name)
    return found


def _parquet(file: Path | BinaryIO, name: str) -> tuple[list[str], NDArray[Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_table

    try:
        table = read_table(file)
    except (ArrowException, OSError) as error:
        raise BadParameter("file", "custom embeddings", "a whole .parquet file", name) from error
    return _name_column(table, name), _vector_columns(table, name)


def _name_column(table: Any, file: str) -> list[str]:
    from pyarrow import types

    texts = [f.name for f in table.schema if types.is_string(f.type) or types.is_large_string(f.type)]
    chosen = next((column for column in texts if column.lower() in _HEADS), texts[0] if texts else None)
    if chosen is None:
        raise _lacking(table, file)
    return [str(value) for value in table.column(chosen).to_pylist()]


def _vector_columns(table: Any, file: str) -> NDArray[Any]:
    """The first column of number lists, else all numeric columns side by side, without pandas' index."""
    for field in table.schema:
        if _is_list(field.type) and _is_number(field.type.value_type):
            return _stacked(table.column(field.name).to_pylist(), file)
    numbers = [f.name for f in table.schema if _is_number(f.type) and not _INDEX.fullmatch(f.name)]
    if not numbers:
        raise _lacking(table, file)
    return np.column_stack([table.column(column).to_numpy() for column in numbers])


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind))


def _lacking(table: Any, file: str) -> BadParameter:
    wanted = "one of file names and one or more of numbers"
    return BadParameter("columns", file, wanted, ", ".join(table.schema.names))


def _stacked(rows: list[Any], file: str) -> NDArray[Any]:
    lengths = {len(row) if row is not None else 0 for row in rows}
    if len(lengths) != 1:
        found = " and ".join(map(str, sorted(lengths)[:3])) or "none"
        raise BadParameter("vectors", file, "of equal length", found)
    return np.array(rows, dtype=np.float64)
