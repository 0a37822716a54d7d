"""A folder on this computer as a source: its files in order, referenced where they lie. Sub-folder = label."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engine.collections.reading.safely import SUFFIXES, look
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources.ingest import Item
from engine.core.errors import BadParameter, NotFound, UnreadableImage

# What file managers leave behind; passed over in silence.
_JUNK = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX", "@eaDir"})


def checked_folder(folder: str | Path) -> Path:
    """The folder as an absolute path without links.

    Raises:
        NotFound: it does not exist. BadParameter: it is no folder, or may not be read.
    """
    try:
        path = Path(folder).expanduser().resolve(strict=True)
        with os.scandir(path):
            return path
    except NotADirectoryError as error:
        raise BadParameter("folder", "an import", "a folder", str(folder)) from error
    except PermissionError as error:
        raise BadParameter("folder", "an import", "a folder that may be read", str(folder)) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFound(f"There is no folder {str(folder)!r}.") from error


def files(root: Path) -> Iterator[Item]:
    """Every file below `root`, in the order of their names; what is no proper file comes with a failure."""
    yield from _walk(root, root, b"")


def names(root: Path) -> Iterator[str]:
    """The path of every file below `root`, with slashes and without a look at the file."""
    for folder, below, found in os.walk(root):
        below[:] = sorted(name for name in below if not is_junk(name))
        inside = Path(folder).relative_to(root)
        yield from ((inside / name).as_posix() for name in sorted(found) if not is_junk(name))


def is_junk(name: str) -> bool:
    """Whether a name is one that file managers leave behind."""
    return name in _JUNK or name.startswith("._")


def label_of(key: bytes) -> str:
    """The name of the folder that the file stands in, with single spaces as every label; "" at the top."""
    parts = [part for part in key.split(b"/") if part not in (b"", b".", b"..")]
    return " ".join(parts[-2].decode("utf-8", "replace").split()) if len(parts) > 1 else ""


def _walk(root: Path, folder: Path, prefix: bytes) -> Iterator[Item]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        message = f"The folder may not be read: {os.strerror(error.errno or 0).lower()}."
        yield Item(prefix or b".", failure=Failure("look", "no-permission", message))
        return
    for entry in found:
        if not is_junk(entry.name):
            yield from _entry(root, entry, prefix)


def _entry(root: Path, entry: os.DirEntry[str], prefix: bytes) -> Iterator[Item]:
    key = prefix + os.fsencode(entry.name)
    path = Path(entry.path)
    if entry.is_dir(follow_symlinks=False):
        if path.suffix.lower() in SUFFIXES:
            yield _failed(key, "folder", "This is a folder, although it is named like a picture.")
        yield from _walk(root, path, key + b"/")
    elif entry.is_symlink() and path.is_dir():
        yield _failed(key, "link", "This is a link to a folder, and such links are not followed.")
    else:
        yield _file(root, path, key)


def _failed(key: bytes, code: str, message: str) -> Item:
    return Item(key, label_of(key), failure=Failure("look", code, message))


def _file(root: Path, path: Path, key: bytes) -> Item:
    try:
        facts = look(path, root)
    except UnreadableImage as error:
        return _failed(key, error.code, error.message)
    return Item(key, label_of(key), location=str(path), root=str(root), size=facts.st_size, mtime_ns=facts.st_mtime_ns)
