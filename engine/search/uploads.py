"""Uploaded query pictures, kept for a while under the hash of their contents, so that links and commands find them.

    searches/uploads/<sha256>          the file as it was uploaded
    searches/uploads/<sha256>.json     its name (sealed)

Those that were not used for longest go first when there are too many.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.core.errors import BadParameter, Corrupt, NotFound, checksum_mismatch
from engine.core.home import Home
from engine.core.storage import file_digest, read_object, write_bytes, write_json

MOST_FILES = 500
MOST_BYTES = 512_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"[0-9a-f]{8,64}")


def keep_upload(home: Home, data: bytes, name: str) -> str:
    """Keep a query picture; its sha256, under which `kept_upload` finds it. StorageFull if the disk refuses."""
    digest, folder = hashlib.sha256(data).hexdigest(), _folder(home)
    path = folder / digest
    if not _is_whole(path) or not path.with_suffix(".json").is_file():
        write_bytes(path, data)
        write_json(path.with_suffix(".json"), {"name": name[:200]})
        _evict(folder, keep=path)
    _mark_used(path)
    return digest


def _is_whole(path: Path) -> bool:
    with suppress(OSError):
        return file_digest(path) == path.name
    return False


def _mark_used(path: Path) -> None:
    """Note that an upload has just been used; a home that cannot be written to has no such notes."""
    with suppress(OSError):
        os.utime(path)


def kept_upload(home: Home, digits: str) -> tuple[bytes, str]:
    """The bytes and the name of the upload whose sha256 begins with these digits.

    Raises:
        BadParameter: fewer than 8 digits, or other characters. NotFound: none is kept under them. Corrupt: damaged.
    """
    if not _PREFIX.fullmatch(digits):
        raise BadParameter("upload", "the query", "at least 8 digits of its sha256, in hexadecimal", digits)
    path = upload_path(home, digits)
    if path is None:
        raise NotFound(f"The uploaded picture {digits[:16]} is no longer kept.", way_out="Upload it again.")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != path.name:
        raise checksum_mismatch(path)
    _mark_used(path)
    return data, _name_of(path)


def upload_path(home: Home, digits: str) -> Path | None:
    """Where an upload is kept, by its sha256 or at least 8 digits of its beginning; None if it is not, or not one."""
    found = [path for path in _kept(_folder(home)) if path.name.startswith(digits)] if len(digits) >= 8 else []
    return found[0] if len(found) == 1 else None


def _name_of(path: Path) -> str:
    try:
        return str(read_object(path.with_suffix(".json"), name=str)["name"])
    except (FileNotFoundError, Corrupt):
        return "picture"


def _evict(folder: Path, keep: Path) -> None:
    """Delete the least recently used uploads while there are too many files or bytes."""
    kept = sorted(_used(folder))
    count, size = len(kept), sum(bytes for _, bytes, _ in kept)
    for _, bytes, path in kept:
        if count <= MOST_FILES and size <= MOST_BYTES:
            return
        if path != keep:
            count, size = count - 1, size - bytes
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)


def _used(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """When each upload was last used, its size and its file; other work may delete some meanwhile."""
    for path in _kept(folder):
        with suppress(FileNotFoundError):
            facts = path.stat()
            yield facts.st_mtime_ns, facts.st_size, path


def _kept(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _DIGEST.fullmatch(path.name)] if folder.is_dir() else []


def _folder(home: Home) -> Path:
    return home.searches / "uploads"
