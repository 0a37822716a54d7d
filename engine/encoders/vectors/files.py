"""Reading vectors from files: an array with a list of names, a table with columns of both, or FiftyOne's samples."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.collections.reading import regular_files
from engine.collections.sources.code_pages import decoded_text
from engine.collections.sources.dialects import Record, records
from engine.collections.sources.tables import PICTURE_HEADINGS, has_picture_suffix, plain, table_of, unharmed
from engine.core.errors import BadParameter, UnreadableImage, UnreadableTable
from engine.core.memory import check_memory
from engine.core.storage import mapped_array
from engine.encoders.vectors.columns import Given, given_in, name_column, texts_of

ARRAYS = (".npy",)
TEXTS = (".csv", ".tsv", ".tab", ".txt")
TABLES = (".parquet", ".json", *TEXTS)
_SCALAR = re.compile(r"\b(?:np\.)?float\d+\(([^()]*)\)")  # what lists of NumPy's numbers print since version 2
_ARRAY = re.compile(r"(?:np\.)?(?:array|tensor)\((\[[^()]*\])[^()\[\]]*\)")
_LARGEST = 1 << 28  # bytes of one vector of FiftyOne when unpacked


@dataclass(frozen=True)
class Part:
    """One file that was given: its name, and where it can be read."""

    name: str
    file: Path | BinaryIO

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, open for reading; BadParameter if it is a pipe or the like, or may not be read."""
        if not isinstance(self.file, Path):
            yield self.file
            return
        try:
            file = regular_files.opened(Path(os.path.realpath(self.file)))  # who names a link means what it leads to
        except UnreadableImage as error:
            wanted = "a file that can be read"
            raise BadParameter("file", "custom embeddings", wanted, self.name, way_out=error.message) from error
        with file:
            yield file

    def bytes(self) -> bytes:
        """The content of the file."""
        with self.opened() as file:
            return file.read()

    def ends_in(self, *endings: str) -> bool:
        """Whether the name has one of these lower-case endings, whatever its own case."""
        return self.name.lower().endswith(endings)


def array_in(part: Part) -> NDArray[Any]:
    """The array of a .npy file; BadParameter if it is no whole array of numbers."""
    with part.opened() as file:
        try:
            found = np.load(file, allow_pickle=False) if _in_memory(file) else mapped_array(file)
        except (ValueError, EOFError, OSError, MemoryError) as error:  # a header may claim any size
            raise BadParameter("file", "custom embeddings", "a whole .npy file of numbers", part.name) from error
    if not isinstance(found, np.ndarray):
        raise BadParameter("file", "custom embeddings", "a single array, not several", part.name)
    return found


def _in_memory(file: BinaryIO) -> bool:
    try:
        return file.fileno() < 0
    except OSError:  # of what has no number
        return True


def table_in(part: Part, columns: Sequence[str] = ()) -> Given:
    """The names and vectors of a .parquet, .json or text table; `columns` are those of the values, () to find them.

    Raises:
        BadParameter: an unreadable file, or a table without names or vectors.
    """
    if part.ends_in(".parquet"):
        return given_in(_parquet(part), part.name, columns)
    if part.ends_in(".json"):
        return given_in(_samples(part), part.name, columns)
    return given_in(_text_table(part), part.name, columns)


def names_in(part: Part) -> list[str]:
    """The names of pictures in a list: one a line, a table with a column of them, .parquet, or a JSON list.

    Raises:
        BadParameter: it is nothing of these.
    """
    if part.ends_in(".parquet"):
        table = _parquet(part)
        return texts_of(table, name_column(table, part.name))
    data = part.bytes()
    if data.lstrip()[:1] == b"[":
        return _json_names(data, part.name)
    text = decoded_text(data)[0]
    if "\0" in text:
        raise BadParameter("names", "custom embeddings", "a text with one name a line, or a CSV", part.name)
    lines = list(records(text, lambda heading: plain(heading) in PICTURE_HEADINGS))
    if any(plain(cell) in PICTURE_HEADINGS for cell in lines[0].cells) if lines else False:
        table = table_of(part.name, data)
        return [unharmed(table.picture_of(line)) for line in table.lines]
    return [unharmed(line.cells[_place_of_names(lines)]) for line in lines]


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _place_of_names(lines: Sequence[Record]) -> int:
    """The first column whose first cell is a picture's name, of a list without a heading; else the first one."""
    return next((place for place, cell in enumerate(lines[0].cells) if has_picture_suffix(cell)), 0)


def _json_names(data: bytes, name: str) -> list[str]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadParameter("names", "custom embeddings", "a whole JSON list of names", name) from error
    if not all(isinstance(one, str) for one in found):
        raise BadParameter("names", "custom embeddings", "a JSON list of names, all of them texts", name)
    return list(found)


def _parquet(part: Part) -> Any:
    """The columns of a Parquet file but for bytes, which are those of pictures."""
    from pyarrow import ArrowException, BaseExtensionType, chunked_array, types
    from pyarrow.parquet import ParquetFile

    with part.opened() as opened:
        try:
            file = ParquetFile(opened)
            kinds = {field.name: field.type for field in file.schema_arrow}
            wanted = [n for n, kind in kinds.items() if not types.is_binary(kind) and not types.is_large_binary(kind)]
            paths = [f"{n}.path" if types.is_struct(kinds[n]) else n for n in wanted]
            check_memory(unpacked_size(file.metadata), part.name)
            table = file.read(columns=paths)
        except (ArrowException, OSError) as error:
            raise BadParameter("file", "custom embeddings", "a whole .parquet file", part.name) from error
    for place, field in enumerate(table.schema):
        if isinstance(field.type, BaseExtensionType):  # tensors are lists of one length underneath
            bare = chunked_array([chunk.storage for chunk in table.column(place).chunks], field.type.storage_type)
            table = table.set_column(place, field.name, bare)
    return table


def unpacked_size(metadata: Any) -> int:
    """How many bytes the numbers and texts of a Parquet file take in memory; equal ones are stored once in the file."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    return sum(max(8 * chunk.num_values, chunk.total_uncompressed_size) for chunk in chunks)


def _text_table(part: Part) -> Any:
    """A CSV or its kin, with columns of numbers, and of lists in brackets, as such."""
    import pyarrow

    try:
        table = table_of(part.name, part.bytes())
    except UnreadableTable as error:
        raise BadParameter(
            "file", "custom embeddings", "a table with a column of file names", part.name, way_out=error.message
        ) from error
    damaged = next((line for line in table.lines if line.damage), None)
    if damaged is not None:
        raise BadParameter("lines", part.name, "such that all fit", f"line {damaged.number}: {damaged.damage}")
    columns = [[table.cell(line, place) for line in table.lines] for place in range(len(table.header))]
    named = [(head or f"column {place + 1}") for place, head in enumerate(table.header)]
    typed = [cells if place == table.image else _typed(cells) for place, cells in enumerate(columns)]
    return pyarrow.Table.from_arrays([pyarrow.array(column) for column in typed], names=named)


def _typed(cells: list[str]) -> list[Any]:
    """The cells as integers, else floats, else lists of these, else unchanged; None for empty ones."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return cells
    for read in (int, float, _listed):
        read_cell: Callable[[str], Any] = read
        try:
            return [read_cell(cell) if cell else None for cell in cells]
        except ValueError:
            continue
    return cells


def _listed(cell: str) -> list[float]:
    """The numbers in brackets, as Python, NumPy and PyTorch print them; ValueError if there are none."""
    if "(" in cell:
        cell = _SCALAR.sub(r"\1", cell)
        cell = found[1] if (found := _ARRAY.fullmatch(cell)) else cell
    if cell[:1] + cell[-1:] not in ("[]", "()"):
        raise ValueError("no brackets")
    return [float(number) for number in cell[1:-1].replace(",", " ").split()]


def _samples(part: Part) -> Any:
    """The samples of FiftyOne's own export, or a list of records: texts and vectors, all other fields are left out."""
    import pyarrow

    data = part.bytes()
    try:
        found = json.loads(data)
        samples: list[dict[str, Any]] = found["samples"] if isinstance(found, dict) else found
        fields = list(dict.fromkeys(name for sample in samples for name in sample))
        columns = {name: [plain_value(sample.get(name)) for sample in samples] for name in fields}
        kept = {name: cells for name, cells in columns.items() if _is_of_one_kind(cells)}
        return pyarrow.table(kept)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, zlib.error) as error:
        wanted = "the samples.json of a FiftyOne dataset, or a list of records"
        raise BadParameter("file", "custom embeddings", wanted, part.name) from error


def plain_value(value: Any) -> Any:
    """A field of a sample: an array that MongoDB keeps as bytes is a list of numbers."""
    packed = value.get("$binary") if isinstance(value, dict) else None
    packed = packed.get("base64") if isinstance(packed, dict) else packed
    if packed is None:
        return value
    data = zlib.decompressobj().decompress(base64.b64decode(packed), _LARGEST)
    return np.load(io.BytesIO(data), allow_pickle=False).ravel().tolist()


def _is_of_one_kind(cells: list[Any]) -> bool:
    """Whether a field holds texts only, numbers only, or lists of numbers only."""
    kinds = {_kind(cell) for cell in cells if cell is not None}
    return len(kinds) == 1 and kinds <= {"text", "number", "list"}


def _kind(cell: Any) -> str:
    if isinstance(cell, list):
        return "list" if cell and all(_kind(one) == "number" for one in cell) else "other"
    if isinstance(cell, bool):
        return "other"
    return "text" if isinstance(cell, str) else "number" if isinstance(cell, int | float) else "other"
