"""Reading the bytes of files that strangers made: regular files only, of a bounded size, inside their folder.

A file or a folder may be replaced at any moment, by a pipe or by a link to another place. So what counts is what was
opened, never what had the name before: its kind is asked of the open file, and so is where it lies.

Every failure raises UnreadableImage with the stage "look", a short code and one sentence.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.errors import UnreadableImage, reason_of

MAX_BYTES = 256_000_000
FOLLOW = "such links are followed with --follow-links or BENZER_FOLLOW_LINKS=1"
_NO_LINKS = "This is a link to another file, and links are not followed here."
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_NOT_FOLLOWED = {errno.ELOOP, errno.EMLINK}


def modified_ns(facts: os.stat_result) -> int:
    """When a file was last changed, in nanoseconds since 1970; beyond the years 1678 to 2261 their ends."""
    return max(-(1 << 63), min(facts.st_mtime_ns, (1 << 63) - 1))  # what the catalogue holds


def read_bytes(path: Path, root: Path | None = None) -> bytes:
    """The bytes of a regular file of at most MAX_BYTES; `opened` names the arguments.

    Raises:
        UnreadableImage: with stage look.
    """
    return content_and_facts(path, root)[0]


def content_and_facts(path: Path, root: Path | None = None) -> tuple[bytes, os.stat_result]:
    """As `read_bytes`, with the size and times of the file that was read."""
    with opened(path, root) as file:
        facts = os.fstat(file.fileno())
        check_length(facts.st_size)
        try:
            data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise _unlookable(error) from error
    check_length(len(data))
    return data, facts


def opened(path: Path, root: Path | None = None) -> io.BufferedReader:
    """A regular file of any size, open for reading, without ever waiting on a pipe.

    Args:
        root: the folder, named without links, in which the file must lie; the path itself if no link may lead to it.
            None: only the file must not be a link.

    Raises:
        UnreadableImage: with stage look.
    """
    try:
        target = _unlinked(path, root)
        _check_regular(os.lstat(target))
        file = os.fdopen(os.open(target, _READING), "rb")
        try:
            _check_regular(os.fstat(file.fileno()))
            _check_inside(file.fileno(), target, root)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise _unlookable(error) from error
    return file


@contextmanager
def entries(folder: Path, root: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
    """What lies in a folder, for as long as it is open; the entries know their names alone, not their paths.

    Args:
        root: the folder, named without links, in which it must lie, or which it is.

    Raises:
        UnreadableImage: with stage look.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
        try:
            if not place_of(handle, folder).is_relative_to(root):
                raise UnreadableImage("look", "link", f"This is a link to a folder; {FOLLOW}.")
            with os.scandir(handle) as found:
                yield found
        finally:
            os.close(handle)
    except OSError as error:
        message = f"The folder may not be read: {reason_of(error)}."
        raise UnreadableImage("look", "no-permission", message) from error


def look(path: Path, root: Path | None = None) -> os.stat_result:
    """The size and times of a regular file without opening it; whoever reads it looks again at what was opened."""
    try:
        facts = os.lstat(_unlinked(path, root))
    except OSError as error:
        raise _unlookable(error) from error
    _check_regular(facts)
    check_length(facts.st_size)
    return facts


def follows_links() -> bool:
    """Whether links may lead out of the imported folder, as set by $BENZER_FOLLOW_LINKS."""
    return os.environ.get("BENZER_FOLLOW_LINKS", "").lower() in ("1", "true", "yes")


def _unlinked(path: Path, root: Path | None) -> Path:
    if not path.is_symlink():
        return path
    if root in (None, path):
        raise UnreadableImage("look", "link", _NO_LINKS)
    try:
        target = path.resolve(strict=True)
    except RuntimeError as error:  # of Python before 3.13, for a link that leads to itself
        raise UnreadableImage("look", "link", "This is a link that cannot be followed.") from error
    if not target.is_relative_to(root):
        raise UnreadableImage("look", "link-outside", f"This is a link to a file outside the folder; {FOLLOW}.")
    return target


def _check_inside(handle: int, path: Path, root: Path | None) -> None:
    """UnreadableImage if what was opened as `path` lies outside of `root`, behind a link in the place of a folder."""
    if root is None or place_of(handle, path).is_relative_to(root):
        return
    if root == path:
        raise UnreadableImage("look", "link", _NO_LINKS)
    message = f"The file lies behind a link that leads out of the folder; {FOLLOW}."
    raise UnreadableImage("look", "link-outside", message)


def place_of(handle: int, path: Path) -> Path:
    """Where an open file or folder lies, without links: as Linux tells, or where the same one is found by its name."""
    try:
        return Path(os.readlink(f"/proc/self/fd/{handle}"))
    except OSError:
        place = os.path.realpath(path)
    if not os.path.samestat(os.stat(place), os.fstat(handle)):
        raise UnreadableImage("look", "changed", "The file was replaced by another one while it was read.")
    return Path(place)


def _check_regular(facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise UnreadableImage("look", "folder", "This is a folder, although it is named like a picture.")
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableImage("look", "not-a-file", "This is a pipe, a device or a socket, not a file.")


def check_length(length: int) -> None:
    """Raise UnreadableImage for a file without content, or with more than MAX_BYTES."""
    if length == 0:
        raise UnreadableImage("look", "empty", "The file is empty.")
    if length > MAX_BYTES:
        raise UnreadableImage("look", "too-large", f"The file is larger than {MAX_BYTES // 10**6} MB.")


def _unlookable(error: OSError) -> UnreadableImage:
    if isinstance(error, FileNotFoundError):
        return UnreadableImage("look", "missing", "The file is not there.")
    if isinstance(error, PermissionError):
        return UnreadableImage("look", "no-permission", "The file may not be read: permission denied.")
    if error.errno in _NOT_FOLLOWED:
        return UnreadableImage("look", "link", "This is a link that cannot be followed.")
    return UnreadableImage("look", "input-output", f"The file cannot be read: {os.strerror(error.errno or 0)}.")
