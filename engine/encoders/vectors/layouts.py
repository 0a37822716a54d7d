"""Folders and sets of files as other programs write them.

clip-retrieval   img_emb/img_emb_0.npy …, metadata/metadata_0.parquet … beside; text_emb is left out
FiftyOne         samples.json
Hugging Face     one or more .parquet files, the picture's path inside a column `image`; Embedding Atlas alike
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.core.errors import BadParameter
from engine.encoders.vectors.columns import Given
from engine.encoders.vectors.files import ARRAYS, TABLES, TEXTS, Part, array_in, names_in, table_in

_OF_TEXTS = "text_emb"
_NUMBER = re.compile(r"(\d+)\D*$")


def parts_of(path: Path) -> list[Part]:
    """The files of vectors and names that a path stands for: itself, or those in its folder.

    Raises:
        BadParameter: a folder of no known layout.
    """
    if not path.is_dir():
        return [Part(path.name, path)]
    root = path.parent if path.name == "img_emb" else path
    for patterns in (("img_emb/*.npy", "metadata/*.parquet"), ("samples.json",), ("*.npy", "*.parquet")):
        if any(found := [sorted(root.glob(pattern)) for pattern in patterns]):
            return [Part(file.name, file) for files in found for file in files]
    if found_deeper := sorted(root.rglob("*.parquet")):
        return [Part(str(file.relative_to(root)), file) for file in found_deeper]
    wanted = "one with img_emb and metadata (clip-retrieval), samples.json (FiftyOne), or .npy or .parquet files"
    raise BadParameter("folder", "custom embeddings", wanted, str(path))


def read_parts(parts: Sequence[Part], columns: Sequence[str] = ()) -> Given:
    """The vectors of several files together: arrays, each with its list of names, or tables that hold both.

    Args:
        columns: those of the values in a table; () to find them.

    Raises:
        BadParameter: another kind of file, or files that do not belong together.
    """
    texts = [part for part in parts if part.ends_in(*ARRAYS) and part.name.startswith(_OF_TEXTS)]
    used = sorted((part for part in parts if part not in texts), key=lambda part: (_number(part), part.name))
    wrong = next((part.name for part in used if not part.ends_in(*ARRAYS, *TABLES)), None)
    if wrong or not used:
        raise BadParameter("file", "custom embeddings", "one of " + ", ".join((*ARRAYS, *TABLES)), wrong or "none")
    arrays = [part for part in used if part.ends_in(*ARRAYS)]
    lists = [part for part in used if part not in arrays]
    given = _named(arrays, lists) if arrays else _tables(lists, columns)
    notes = [f"Vectors of texts were left out: {', '.join(part.name for part in texts)}."] if texts else []
    return _together(given, notes)


def _named(arrays: Sequence[Part], lists: Sequence[Part]) -> list[Given]:
    """Each array with its list of names: the one with its number, or the only one for the only one."""
    if not lists:
        return [Given(None, array_in(array)) for array in arrays]
    if len(arrays) == len(lists) == 1:
        return [_checked(arrays[0], lists[0])]
    by_number = {_number(part): part for part in lists}
    alone = next((part.name for part in arrays if _number(part) not in by_number), None)
    if alone or len(by_number) != len(arrays) or len(lists) != len(arrays):
        shown = alone or ", ".join(part.name for part in lists)
        raise BadParameter("files", "custom embeddings", "one list of names for each array, of the same number", shown)
    return [_checked(array, by_number[_number(array)]) for array in arrays]


def _tables(tables: Sequence[Part], columns: Sequence[str]) -> list[Given]:
    """Each table with its own names; beside a single table of another kind, a text is the list of its names."""
    texts = [part for part in tables if part.ends_in(*TEXTS)]
    if len(texts) != 1 or len(tables) != 2:
        return [table_in(part, columns) for part in tables]
    given = table_in(next(part for part in tables if part not in texts), columns)
    return [_of_as_many(Given(names_in(texts[0]), given.matrix, given.notes), tables[0].name)]


def _checked(array: Part, names: Part) -> Given:
    return _of_as_many(Given(names_in(names), array_in(array)), array.name)


def _of_as_many(given: Given, file: str) -> Given:
    if given.names is not None and given.matrix.ndim and len(given.names) != len(given.matrix):
        wanted = f"that of the names, {len(given.names):,}"
        raise BadParameter("number of vectors", file, wanted, len(given.matrix))
    return given


def _together(given: Sequence[Given], further: list[str]) -> Given:
    if len(given) == 1:
        return Given(given[0].names, given[0].matrix, [*given[0].notes, *further])
    widths = {one.matrix.shape[1:] for one in given}
    if len(widths) != 1:
        shown = " and ".join("×".join(map(str, width)) or "none" for width in sorted(widths)[:3])
        raise BadParameter("vectors", "custom embeddings", "of equal length in all files", shown)
    names = [name for one in given for name in one.names or ()]
    notes = list(dict.fromkeys(note for one in given for note in one.notes))
    return Given(names or None, np.concatenate([one.matrix for one in given]), [*notes, *further])


def _number(part: Part) -> int:
    """The last number in a file's name, by which its parts belong together; -1 for none."""
    found = _NUMBER.search(part.name.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return int(found[1]) if found else -1
