"""The files of an import that wait to be read: created, renamed and deleted in their folder, and in no other.

The folder may be replaced while it is filled, as any other. So what counts is the folder that was opened: where a link
stands in its place, nothing behind the link is touched, and the import ends with a sentence.

Every path given here is one without links.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.collections.reading.regular_files import place_of
from engine.core.errors import Corrupt, UnreadableImage

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


@contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    """A new file, open for writing; Corrupt if its folder has been replaced, or something has its name."""
    with _folder_of(path) as folder:
        handle = os.open(path.name, _NEW, 0o666, dir_fd=folder)
    with os.fdopen(handle, "wb") as file:
        yield file


def write(path: Path, data: bytes) -> None:
    """Create a file with this content; Corrupt as for `created`."""
    with created(path) as file:
        file.write(data)


def make_folder(path: Path) -> Path:
    """Make a folder in the one of the waiting files; Corrupt as for `created`."""
    with _folder_of(path) as folder:
        os.mkdir(path.name, dir_fd=folder)
    return path


def link(path: Path, other: Path) -> None:
    """Give the file `path` the further name `other` in the same folder; Corrupt as for `created`."""
    with _folder_of(path) as folder:
        os.link(path.name, other.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)


def move(path: Path, target: Path) -> None:
    """Move a file that has been read to where it stays; Corrupt if its folder has been replaced, or it is gone."""
    with _folder_of(path) as folder:
        os.replace(path.name, target, src_dir_fd=folder)


def remove(path: Path) -> None:
    """Delete a file if it is there; where its folder has been replaced nothing is deleted."""
    with contextlib.suppress(Corrupt), _folder_of(path) as folder:
        os.unlink(path.name, dir_fd=folder)


@contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    try:
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if place_of(handle, path.parent) != path.parent:
                raise _replaced(path.parent)
            yield handle
        finally:
            os.close(handle)
    except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, UnreadableImage) as error:
        raise _replaced(path.parent) from error


def _replaced(folder: Path) -> Corrupt:
    message = f"The folder {folder} was replaced or changed by another program while files waited in it to be read."
    return Corrupt(message, way_out="Import them again.")
