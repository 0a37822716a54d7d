"""Files that are whole or absent: atomic writes, sealed JSON, and generations with one commit point.

A *store* is a folder of immutable generations and one sealed pointer:

    vectors/model-2@1f3a.../
        current.json            -> {"generation": "000007", "manifest": "<sha256 of its manifest.json>"}
        000007/manifest.json    format, version, facts, and the sha256 of every other file
        000007/vectors.npy ...

A reader follows the pointer once, so it never sees files of two generations together; a writer that dies leaves
the pointer where it was. Whatever was left half-written is swept away by the next publish.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from engine.core.errors import BenzerError, Corrupt, NotFound, StorageFull

_NO_FILE = (IsADirectoryError, NotADirectoryError, PermissionError)  # what stands there cannot be read as a file
T = TypeVar("T")

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
            "what stood there before is unharmed.",
            way_out="The folder must be one that can be written to."
            if error.errno in _READ_ONLY
            else "Free some space and try again.",
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: after any crash it holds either the old or the new content, never a part."""
    with full_disk_named(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
    _replace_file(path, data)


def unwritable(path: Path) -> str:
    """Why `write_bytes` could not write a file there, "" where it can: it is tried, and nothing is left behind."""
    place = next((folder for folder in path.absolute().parents if os.path.lexists(folder)), path)
    name = path.name if place == path.absolute().parent else ""
    try:
        if path.exists() and not path.is_file():
            return "it is no file"
        handle, beside = tempfile.mkstemp(dir=place, prefix=f".{name}.", suffix=".part")
        os.close(handle)
        os.unlink(beside)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError as error:
        return str(error)
    return ""


def _replace_file(path: Path, data: bytes) -> None:
    with full_disk_named(path.name):
        if path.is_dir() and not path.is_symlink():  # a rename would refuse to replace it
            set_aside(path)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
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
    write_bytes(path, _sealed(body))


def read_json(path: Path) -> Any:
    """Read sealed JSON.

    Raises:
        FileNotFoundError: no such file.
        Corrupt: a byte differs from what was written, or something else than a readable file stands there.
    """
    try:
        data = path.read_bytes()
    except _NO_FILE as error:
        raise Corrupt(f"The file {path} has been damaged: {_reason(error)}.") from error
    try:
        body = json.loads(data)["body"]
        whole = _sealed(body) == data
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise Corrupt(f"The file {path} has been damaged: it no longer matches its checksum.")
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
    """Turn the errors of a body that uses values of another shape than was written to `path` into Corrupt."""
    try:
        yield
    except BenzerError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise Corrupt(f"The file {path} has been damaged: it holds something else than belongs there.") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _sealed(body: Any) -> bytes:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, indent=1)
    seal = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({"body": body, "sha256": seal}, sort_keys=True, ensure_ascii=False, indent=1).encode()


def append_line(path: Path, facts: dict[str, Any]) -> None:
    """Append one whole line of JSON to a file of events; StorageFull if the disk refuses."""
    with full_disk_named(path.name), open(path, "ab") as file:
        file.write((json.dumps(facts, ensure_ascii=False) + "\n").encode())


def lines(path: Path, last_bytes: int | None = None) -> Iterator[dict[str, Any]]:
    """The objects in a file of events, oldest first, from the whole file or its end; empty if the file is absent.

    Lines cut off by a crash or without an object are skipped; anything other than a file reads as empty.
    """
    try:
        with open(path, "rb") as file:
            if last_bytes is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last_bytes))
            found = file.read().split(b"\n")
    except (FileNotFoundError, *_NO_FILE):
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
    with open(path, "rb") as file:
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


def digest_of(*parts: object) -> str:
    """A short stable name (16 hex digits of sha256) for a sequence of printable parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:16]


def _manifest(folder: Path, digest: str) -> dict[str, Any]:
    path = folder / "manifest.json"
    if file_digest(path) != digest:
        raise Corrupt(f"The file {path} has been damaged: it no longer matches its checksum.")
    return read_object(path, format=str, version=int, files=dict, facts=dict)


def _verify(folder: Path, files: dict[str, str], only: Collection[str] | None) -> None:
    for name, known in files.items():
        if (only is None or name in only) and file_digest(folder / name) != known:
            raise Corrupt(f"The file {folder / name} has been damaged: it no longer matches its checksum.")


@dataclass(frozen=True)
class Snapshot:
    """One generation of a store, checked: its folder, the facts it was published with, and its digest."""

    folder: Path
    facts: dict[str, Any]
    digest: str


class Store:
    """A folder of immutable generations with one commit point (see the head of this file).

    `format` and `version` name what the generations hold; a generation of another format or version reads as absent,
    so that it is rebuilt instead of misread.
    """

    def __init__(self, folder: Path, *, format: str, version: int) -> None:
        self.folder = Path(folder)
        self.format = format
        self.version = version

    @property
    def pointer(self) -> Path:
        """The file that names the current generation; every publish changes it."""
        return self.folder / "current.json"

    def publish(self, fill: Callable[[Path], None], facts: dict[str, Any]) -> Snapshot:
        """Let `fill(folder)` write the files of a new generation, then make it current in a single step.

        The last two levels of the store's folder are created if missing, never their parents.

        Raises:
            NotFound: the owner of the store has been removed, before or meanwhile.
            StorageFull: the disk refused; the previous generation stays current.
        """
        try:
            with full_disk_named(self.folder.name):
                for folder in (self.folder.parent, self.folder):
                    if folder.is_file():
                        set_aside(folder)
                    folder.mkdir(exist_ok=True)
                return self._publish(fill, facts)
        except FileNotFoundError as error:
            if self.folder.is_dir():
                raise
            raise NotFound(f"The folder {self.folder} has been removed meanwhile.") from error

    def _publish(self, fill: Callable[[Path], None], facts: dict[str, Any]) -> Snapshot:
        with FileLock(self.folder / ".lock"):
            former = self._pointer(broken_ok=True)
            building = Path(tempfile.mkdtemp(dir=self.folder, prefix=".building-"))
            try:
                fill(building)
                digest = self._write_manifest(building, facts)
                target = self.folder / self._next_name()
                os.rename(building, target)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
            sync_folder(self.folder)
            pointer = {"generation": target.name, "manifest": digest}
            _replace_file(self.pointer, _sealed(pointer))
            self._sweep(keep={target.name, former["generation"] if former else ""})
        return Snapshot(target, facts, digest)

    def open(self, only: Collection[str] | None = None) -> Snapshot | None:
        """The current generation with every checksum verified, or None if none has this format and version.

        `only` lists the files to verify, for quick access to the facts and the small files; None verifies all.

        Raises:
            Corrupt: a file differs from what was published; the message names it.
        """
        return self._current(lambda folder, digest: self._checked(folder, digest, only))

    def verify(self) -> None:
        """Compare every file of the current generation with its checksum, whatever its format and version.

        Raises:
            Corrupt: a file differs from what was published; the message names it.
        """
        self._current(self._verified)

    def _current(self, look: Callable[[Path, str], T]) -> T | None:
        """What `look(folder, digest of the manifest)` makes of the current generation, None where there is none."""
        for _ in range(8):
            pointer = self._pointer()
            if pointer is None:
                return None
            folder = self.folder / pointer["generation"]
            try:
                return look(folder, pointer["manifest"])
            except _NO_FILE as error:
                raise Corrupt(f"The file {error.filename} has been damaged: {_reason(error)}.") from error
            except FileNotFoundError as error:
                # A newer generation may have been published, and this one deleted, since the pointer was read.
                missing = error.filename
                if self._pointer() == pointer:
                    break
        raise Corrupt(f"The file {missing} is missing although it was published.")

    def outdated(self) -> bool:
        """Whether the current generation has another format or version, and so reads as absent.

        Raises:
            Corrupt: its manifest is damaged.
        """
        return self._pointer() is not None and self.open(only=()) is None

    def forget_former(self) -> None:
        """Delete all generations but the current one, for stores that have no readers while they are written.

        Raises:
            StorageFull: the disk refused; nothing is deleted then.
        """
        with full_disk_named(self.folder.name), FileLock(self.folder / ".lock"):
            pointer = self._pointer(broken_ok=True)
            if pointer:
                self._sweep(keep={pointer["generation"]})

    def discard(self) -> None:
        """Delete the store with all its generations."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pointer(self, *, broken_ok: bool = False) -> dict[str, str] | None:
        try:
            pointer: dict[str, str] = read_object(self.pointer, generation=str, manifest=str)
        except FileNotFoundError:
            return None
        except Corrupt:
            if broken_ok:
                return None
            raise
        return pointer

    def _checked(self, folder: Path, digest: str, only: Collection[str] | None) -> Snapshot | None:
        manifest = _manifest(folder, digest)
        if (manifest["format"], manifest["version"]) != (self.format, self.version):
            return None
        _verify(folder, manifest["files"], only)
        return Snapshot(folder, manifest["facts"], digest)

    @staticmethod
    def _verified(folder: Path, digest: str) -> None:
        _verify(folder, _manifest(folder, digest)["files"], None)

    def _write_manifest(self, folder: Path, facts: dict[str, Any]) -> str:
        files = {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
            files[path.relative_to(folder).as_posix()] = file_digest(path)
        body = {"format": self.format, "version": self.version, "facts": facts, "files": files}
        _replace_file(folder / "manifest.json", _sealed(body))
        return file_digest(folder / "manifest.json")

    def _next_name(self) -> str:
        numbers = [int(p.name) for p in self.folder.iterdir() if p.name.isdigit()]
        return f"{max(numbers, default=0) + 1:06d}"

    def _sweep(self, keep: set[str]) -> None:
        # The previous generation stays until the next publish: a reader may just have followed the pointer.
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)
