"""Uploaded files as a source: any mixture of single pictures and archives, copied in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.collections.reading.regular_files import opened, read_bytes
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources import archives, staged
from engine.collections.sources.archives import Archive, Limits
from engine.collections.sources.items import Item
from engine.core.errors import NotFound, UnreadableArchive, UnreadableImage
from engine.core.storage import full_disk_named

Upload = tuple[str, bytes] | tuple[str, Path] | Path | str


def content_digest(files: Sequence[Upload]) -> str:
    """The sha256 over names and contents, in order; it distinguishes uploads with the same title."""
    digest = hashlib.sha256()
    for name, content in map(_named, files):
        digest.update(repr((name, _digest(name, content))).encode("utf-8", "replace"))
    return digest.hexdigest()


def items(files: Sequence[Upload], staging: Path) -> Iterator[Item]:
    """Every picture of the upload, archives unpacked, each with a unique key; files are in `staging` meanwhile.

    No link may lead to a file of the upload.

    Raises:
        UnreadableArchive: the only file is an invalid archive; among others it is an item with a failure.
    """
    yield from _distinct(_items([_named(file) for file in files], staging))


def is_archive(name: str) -> bool:
    """Whether a file name has an extension of a supported archive."""
    return name.lower().endswith(archives.SUFFIXES)


def _named(upload: Upload) -> tuple[str, bytes | Path]:
    return upload if isinstance(upload, tuple) else (Path(upload).name, Path(upload).resolve())


def _digest(name: str, content: bytes | Path) -> str:
    try:
        if isinstance(content, Path) and is_archive(name):
            with opened(content) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        data = content if isinstance(content, bytes) else read_bytes(content)
    except (UnreadableImage, OSError) as error:
        return type(error).__name__
    return hashlib.sha256(data).hexdigest()


def _items(files: Sequence[tuple[str, bytes | Path]], staging: Path) -> Iterator[Item]:
    for number, (name, content) in enumerate(files):
        own = staged.make_folder(staging / str(number))
        key = name.replace("\0", "").encode("utf-8", "replace")
        if not is_archive(name):
            yield _picture(key, content, own / "picture")
            continue
        try:
            yield from _members(name, content, own)
        except (UnreadableArchive, NotFound) as error:
            if len(files) == 1:
                raise
            yield Item(key, failure=Failure("archive", "malformed", error.message))


def _picture(key: bytes, content: bytes | Path, place: Path) -> Item:
    try:
        data = content if isinstance(content, bytes) else read_bytes(content)
    except UnreadableImage as error:
        return Item(key, failure=Failure(error.stage, error.code, error.message))
    with full_disk_named(place.name):
        staged.write(place, data)
    return Item(key, location=str(place), owned=True, size=len(data))


def _members(name: str, content: bytes | Path, own: Path) -> Iterator[Item]:
    path = content if isinstance(content, Path) else own / "archive"
    if isinstance(content, bytes):
        with full_disk_named(name):
            staged.write(path, content)
    shown = name.replace("\\", "/").rsplit("/", 1)[-1]
    with Archive(path, Limits(), shown) as archive:
        yield from archive.members(own)


def _distinct(items: Iterable[Item]) -> Iterator[Item]:
    """The same items; a key that was there before is counted on, always alike for the same files."""
    times: dict[bytes, int] = {}
    for item in items:
        key = item.key
        while key in times:
            times[item.key] += 1
            key = item.key + b"\0%d" % times[item.key]
        times[key] = 1
        yield item if key == item.key else replace(item, key=key)
