"""Files that are whole or absent: atomic writes, sealed JSON, lines of events, digests."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BenzerError, Corrupt, StorageFull, checksum_mismatch, reason_of

NOT_READABLE = (
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)  # the path exists, but is not a readable file

_HEAD, _FOOT = '{\n "body": ', ',\n "sha256": "{}"\n}}'  # of sealed JSON; strings in between hold no line breaks
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, *_READ_ONLY}


@contextmanager
def full_disk_named(what: str) -> Iterator[None]:
    """Turn an OSError of a full or failing disk into StorageFull, which names the file being written."""
    try:
        yield
    except OSError as error:
        # NumPy says "4000000 requested and 65504 written", without a number.
        if error.errno not in _FULL and not (error.errno is None and str(error).endswith(" written")):
            raise
        raise StorageFull(
            f"The disk refused to store {what} ({os.strerror(error.errno or errno.ENOSPC).lower()}); "
            "its previous content is intact.",
            way_out="The folder must be one that can be written to."
            if error.errno in _READ_ONLY
            else "Free some space and try again.",
        ) from error


def time_stamp(seconds: float | None = None) -> str:
    """A time, by default now, for the name of a file or folder; in UTC, so that names always sort by time.

    >>> time_stamp(0)
    '19700101-000000'
    """
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(seconds))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: after any crash it holds either the old or the new content, never a part."""
    with full_disk_named(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)


def unwritable(path: Path) -> str:
    """Why `write_bytes` could not write a file there, "" if it can; tried with a temporary file."""
    place = next((folder for folder in path.absolute().parents if os.path.lexists(folder)), path)
    name = path.name if place == path.absolute().parent else ""
    try:
        if path.exists() and not path.is_file():
            return "it is not a file"
        handle, beside = tempfile.mkstemp(dir=place, prefix=f".{name}.", suffix=".part")
        os.close(handle)
        os.unlink(beside)
    except OSError as error:
        return reason_of(error)
    except ValueError as error:
        return str(error)
    return ""


def replace_file(path: Path, data: bytes) -> None:
    """Write a file atomically in a folder that exists; FileNotFoundError if the folder has been removed."""
    with full_disk_named(path.name):
        if path.is_dir() and not path.is_symlink():  # a rename would refuse to replace it
            set_aside(path)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            write_durably(handle, data)
            os.replace(beside, path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a damaged file or folder within its parent, and return its new path."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    os.rename(path, aside)
    return aside


def delete_folder(folder: Path, commit: str) -> None:
    """Delete a possibly damaged folder, first its file `commit`, without which the folder counts as absent."""
    with suppress(OSError):
        (folder / commit).unlink()
    shutil.rmtree(folder, ignore_errors=True)


def write_durably(handle: int, data: bytes) -> None:
    """Write to an open file so that it is on the disk afterwards, and close it."""
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, if the system supports it (POSIX)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, body: Any) -> None:
    """Write sealed JSON: the body and its sha256 in canonical form, so that any changed bit is detected."""
    write_bytes(path, sealed(body))


def opened(path: Path) -> io.BufferedReader:
    """A file for reading; a pipe in its place is not waited on, but reads as empty."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def read_json(path: Path) -> Any:
    """Read sealed JSON.

    Raises:
        FileNotFoundError: no such file.
        Corrupt: a byte differs from what was written, or the path is not a readable file.
    """
    try:
        with opened(path) as file:
            data = file.read()
    except NOT_READABLE as error:
        raise Corrupt(f"The file {path} has been damaged: {reason_of(error)}.") from error
    try:
        body = json.loads(data)["body"]
        text = data.decode()[len(_HEAD) : -len(_FOOT.format("0" * 64))]
        whole = _with_seal(text.replace("\n ", "\n")) == data
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise checksum_mismatch(path)
    return body


def read_object(path: Path, **fields: type | tuple[type, ...]) -> dict[str, Any]:
    """Read a sealed JSON object that must hold these fields, each of its type; raises as `read_json` does."""
    body = read_json(path)
    with shape_checked(path):
        if not all(isinstance(body[name], kind) for name, kind in fields.items()) or not isinstance(body, dict):
            raise TypeError("a field of another type")
    return body


@contextmanager
def shape_checked(path: Path) -> Iterator[None]:
    """Turn the errors raised by values of unexpected types or shapes in the file `path` into Corrupt."""
    try:
        yield
    except BenzerError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise Corrupt(f"The file {path} has been damaged: its content has an unexpected form.") from error


def sealed(body: Any) -> bytes:
    """The bytes of sealed JSON: a body and its sha256 in canonical form."""
    return _with_seal(json_text(body, sort_keys=True, indent=1))


def json_text(body: Any, **options: Any) -> str:
    """JSON in letters of any script; half surrogates, which stand for bytes that are no text, are written as escapes.

    >>> json_text("Größe \\udcff")
    '"Größe \\\\udcff"'
    """
    return json.dumps(body, ensure_ascii=False, **options).encode("utf-8", "backslashreplace").decode()


def _with_seal(text: str) -> bytes:
    """JSON of a body and its seal, as `json.dumps` writes the two with sorted keys and an indent of 1."""
    seal = hashlib.sha256(text.encode()).hexdigest()
    return (_HEAD + text.replace("\n", "\n ") + _FOOT.format(seal)).encode()


def append_line(path: Path, facts: dict[str, Any]) -> None:
    """Append one whole line of JSON to a file of events; StorageFull if the disk refuses."""
    with full_disk_named(path.name), open(path, "ab") as file:
        file.write((json_text(facts) + "\n").encode())


def lines(path: Path, last_bytes: int | None = None) -> Iterator[dict[str, Any]]:
    """The objects in a file of events, oldest first, from the whole file or its end; empty if the file is absent.

    Lines cut off by a crash or without an object are skipped; anything other than a file reads as empty.
    """
    try:
        with opened(path) as file:
            if last_bytes is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last_bytes))
            found = file.read().split(b"\n")
    except (FileNotFoundError, io.UnsupportedOperation, *NOT_READABLE):
        return
    for line in found:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event


def file_digest(path: Path) -> str:
    """The sha256 of a file, as hex."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_array(path: Path, mmap_mode: Literal["r", "c"] | None = None) -> NDArray[Any]:
    """An array stored as .npy: numbers only, never pickled objects.

    Raises:
        Corrupt: the file holds something else.
    """
    try:
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise Corrupt(f"The file {path} holds no array of numbers.") from error
    if not isinstance(array, np.ndarray):
        raise Corrupt(f"The file {path} holds no array of numbers.")
    return array


def mapped_array(file: BinaryIO) -> NDArray[Any]:
    """The array of numbers in a .npy file that is open, mapped into memory: it may be larger than memory.

    Raises:
        ValueError, EOFError, OSError: the file holds something else, or less than it claims.
    """
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)  # later ones are of records with names
    if read_header is None:
        raise ValueError(f"version {version} of the format")
    shape, by_columns, kind = read_header(file)
    if kind.hasobject:
        raise ValueError("objects")
    return np.memmap(file, kind, "r", file.tell(), shape, "F" if by_columns else "C")


def digest_of(*parts: object) -> str:
    """A short stable name (16 hex digits of sha256) for a sequence of printable parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:16]
