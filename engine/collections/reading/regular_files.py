"""Reading the bytes of files that strangers made: regular files only, of a bounded size, inside their folder.

Every failure raises UnreadableImage with the stage "look", a short code and one sentence.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from engine.core.errors import UnreadableImage

MAX_BYTES = 256_000_000
FOLLOW = "such links are followed with --follow-links or BENZER_FOLLOW_LINKS=1"
_NOT_FOLLOWED = {errno.ELOOP, errno.EMLINK}


def modified_ns(facts: os.stat_result) -> int:
    """When a file was last changed, in nanoseconds since 1970; beyond the years 1678 to 2261 their ends."""
    return max(-(1 << 63), min(facts.st_mtime_ns, (1 << 63) - 1))  # what the catalogue holds


def read_bytes(path: Path, root: Path | None = None) -> bytes:
    """The bytes of a regular file, never waiting on a pipe and never following a link out of `root`.

    Raises:
        UnreadableImage: with stage look.
    """
    try:
        return _read(_unlinked(path, root))
    except OSError as error:
        raise _unlookable(error) from error


def look(path: Path, root: Path | None = None) -> os.stat_result:
    """The size and times of a regular file without opening it, by the rules of `read_bytes`."""
    try:
        facts = os.lstat(_unlinked(path, root))
    except OSError as error:
        raise _unlookable(error) from error
    _check_regular(facts)
    return facts


def follows_links() -> bool:
    """Whether links may lead out of the imported folder, as set by $BENZER_FOLLOW_LINKS."""
    return os.environ.get("BENZER_FOLLOW_LINKS", "").lower() in ("1", "true", "yes")


def _unlinked(path: Path, root: Path | None) -> Path:
    if not path.is_symlink():
        return path
    if root is None:
        raise UnreadableImage("look", "link", "This is a link to another file, and links are not followed here.")
    try:
        target = path.resolve(strict=True)
    except RuntimeError as error:  # of Python before 3.13, for a link that leads to itself
        raise UnreadableImage("look", "link", "This is a link that cannot be followed.") from error
    if not target.is_relative_to(root.resolve()):
        raise UnreadableImage("look", "link-outside", f"This is a link to a file outside the folder; {FOLLOW}.")
    return target


def _read(path: Path) -> bytes:
    _check_regular(os.lstat(path))
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        _check_regular(os.fstat(handle))
        data = file.read(MAX_BYTES + 1)
    check_length(len(data))
    return data


def _check_regular(facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise UnreadableImage("look", "folder", "This is a folder, although it is named like a picture.")
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableImage("look", "not-a-file", "This is a pipe, a device or a socket, not a file.")
    check_length(facts.st_size)


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
