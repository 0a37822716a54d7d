"""ZIP and tar archives as a source: streamed member by member into files with generated names.

No name from inside an archive ever becomes a path. Members, bytes and the ratio of unpacked to packed bytes are
counted while they stream, whatever the archive's own headers claim.
"""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import hashlib
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tarfile import EOFHeaderError  # type: ignore[attr-defined]
from typing import IO, Any, BinaryIO

from engine.collections.reading.other_formats import title_of
from engine.collections.reading.regular_files import MAX_BYTES, opened
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources import staged
from engine.collections.sources.archive_names import raw, readable, tar_page, zip_names, zip_page
from engine.collections.sources.folder_labels import label_of, telling_labels
from engine.collections.sources.folders import is_hidden, real_path
from engine.collections.sources.items import Item
from engine.core.errors import NotFound, UnreadableArchive, UnreadableImage
from engine.core.storage import full_disk_named

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_BLOCK = 1 << 20
_FIRST_BYTES = 4096
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError, struct.error)
_TAR_ERRORS = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError, OverflowError)


@dataclass(frozen=True)
class Limits:
    """How far an archive may unpack: members, bytes in all, bytes of one member, and unpacked : packed bytes, which
    is only looked at beyond `ratio_from` unpacked bytes."""

    members: int = 500_000
    bytes: int = 64_000_000_000
    member_bytes: int = MAX_BYTES
    ratio: int = 100
    ratio_from: int = 32 << 20


class _Meter:
    """Counts what streams out of an archive and refuses what exceeds the limits."""

    def __init__(self, name: str, packed: int, limits: Limits) -> None:
        self.name, self.packed, self.limits = name, max(packed, 1), limits
        self.members = self.bytes = 0

    def member(self) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise self._refused(f"it holds more than {self.limits.members:,} files")

    def add(self, count: int) -> None:
        self.bytes += count
        if self.bytes > self.limits.bytes:
            raise self._refused(f"it unpacks to more than {self.limits.bytes // 10**6:,} MB")
        if self.bytes > self.limits.ratio_from and self.bytes > self.packed * self.limits.ratio:
            raise self._refused(f"it swells to more than {self.limits.ratio} times its size")

    def _refused(self, why: str) -> UnreadableArchive:
        return UnreadableArchive(f"The archive {self.name} is not unpacked: {why}.")


def opened_archive(archive: str | Path, limits: Limits, *, unlinked: bool = False) -> Archive:
    """The archive at a path; `unlinked` as for `real_path`, errors as of `Archive`."""
    try:
        path = real_path(archive, unlinked=unlinked)
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFound(f"There is no file {str(archive)!r}.") from error
    return Archive(path, limits)


class Archive:
    """A ZIP or tar that is open: whatever gets its name from then on is not read. Its list of files is read once.

    Args:
        file: named without links, or open; it is closed with the archive.
        limits: how far it may unpack.
        name: its name in messages, if that is not the file's own.

    Raises:
        NotFound: there is no such file. UnreadableArchive: it is neither ZIP nor tar.
    """

    def __init__(self, file: Path | io.BufferedReader, limits: Limits, name: str = "") -> None:
        self.name, self.limits = name or Path(file.name).name, limits
        self._file = _opened(file, self.name) if isinstance(file, Path) else file
        try:
            self._zip = _zip_in(self._file)
            if self._zip is None and not self._is_tar():
                raise _no_archive(self._file, self.name)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def digest(self) -> str:
        """The sha256 of the file, as hex."""
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()

    def count(self) -> int:
        """The number of members a ZIP claims to have; 0 for a tar, which must be read to the end to know."""
        return sum(not info.is_dir() for info in self._zip.infolist()) if self._zip else 0

    def names(self) -> Iterator[str]:
        """The name of every file in the archive; of a damaged one, those that come before the damage."""
        if self._zip:
            yield from (name for name in zip_names(self._zip) if not name.endswith(("/", "\\")))
            return
        with contextlib.suppress(*_TAR_ERRORS), self._unpacked(self._meter()) as stream, _tar(stream) as archive:
            yield from (member.name for member in archive if member.isreg())

    def name_notes(self, inside: Sequence[str]) -> list[str]:
        """A sentence where the names, given as `names` does, are in a code page that is not marked, and was guessed."""
        page = zip_page(self._zip) if self._zip else tar_page(inside)
        named = page not in ("utf-8", "ascii")
        return [f"The names in the archive are not marked as UTF-8; they were read as {page}."] if named else []

    def members(self, staging: Path, inside: Iterable[str] | None = None) -> Iterator[Item]:
        """Every file of the archive, unpacked into `staging` under a number; an unusable one comes with a failure.

        Args:
            inside: what `names` gives, if it is known already: a compressed tar must be unpacked for it.
        """
        known, meter = list(self.names() if inside is None else inside), self._meter()
        source = _zip_members(self._zip, staging, meter) if self._zip else self._tar_members(staging, meter)
        page = tar_page(known)
        shown = (readable(raw(each), page) for each in known if not is_hidden(each))
        label = telling_labels(shown, packed=True)
        seen: dict[bytes, int] = {}
        for item in source:
            key = readable(item.key, page)
            item = replace(item, key=key, label=label(key))
            seen[item.key] = seen.get(item.key, 0) + 1
            yield item if seen[item.key] == 1 else _renamed(item, item.key + b"\0%d" % seen[item.key])

    def _tar_members(self, staging: Path, meter: _Meter) -> Iterator[Item]:
        number, last = 0, b""
        try:
            with self._unpacked(meter) as stream, _tar(stream) as archive:
                for number, member in enumerate(archive):
                    last = member.name.encode("utf-8", "surrogateescape")
                    if member.isdir() or is_hidden(member.name):
                        continue
                    meter.member()
                    yield _tar_member(archive, member, last, staging / str(number), meter)
                if not getattr(archive, "is_whole", False):
                    yield _rest(last, "The archive has no end mark after this file; what may have followed is lost.")
                elif _goes_on(archive.fileobj):
                    yield _rest(
                        last, "More follows behind the end mark of the archive, as of a second one; it is not read."
                    )
        except _TAR_ERRORS as error:
            if isinstance(error, OSError) and error.errno:
                raise
            yield _rest(last, "The archive is cut off or damaged after this file; what follows is lost.")

    def _is_tar(self) -> bool:
        try:
            with self._unpacked(self._meter()) as stream, _tar(stream) as archive:
                return archive.next() is not None
        except _TAR_ERRORS:
            return False

    def _meter(self) -> _Meter:
        return _Meter(self.name, os.fstat(self._file.fileno()).st_size, self.limits)

    def _unpacked(self, meter: _Meter) -> _Unpacked:
        return _Unpacked(self._file, meter)


def _opened(path: Path, name: str) -> io.BufferedReader:
    try:
        return opened(path, path)
    except UnreadableImage as error:
        if error.code in ("missing", "folder"):
            raise NotFound(f"There is no file {str(path)!r}.") from error
        raise UnreadableArchive(f"The archive {name} cannot be read: {error.message}") from error


def _zip_in(file: BinaryIO) -> zipfile.ZipFile | None:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, UnicodeDecodeError):
        return None


def _no_archive(file: BinaryIO, name: str) -> UnreadableArchive:
    file.seek(0)
    head = file.read(_FIRST_BYTES)
    if head.startswith(b"PK\3\4"):
        return UnreadableArchive(
            f"The ZIP archive {name} is cut off or damaged at its end, where its list of files is.",
            way_out="Copy or download it once more.",
        )
    what = title_of(head)
    message = f"The file {name} is not a ZIP or tar archive, or its beginning is damaged."
    if what and not what.endswith(("a tar archive", "with gzip")):
        message = f"The file {name} is {what}, not a ZIP or tar archive."
    return UnreadableArchive(message, way_out="Pack the pictures into a ZIP and try again.")


def _renamed(item: Item, key: bytes) -> Item:
    return replace(item, key=key)


def _goes_on(stream: Any) -> bool:
    """Whether anything but zeros follows the end mark of a tar."""
    while block := stream.read(_BLOCK):
        if block.strip(b"\0"):
            return True
    return False


def _zip_members(archive: zipfile.ZipFile, staging: Path, meter: _Meter) -> Iterator[Item]:
    listed = list(zip(archive.infolist(), zip_names(archive), strict=True))
    if listed and _begins_before(archive):
        first = listed[0][1].encode("utf-8", "surrogateescape")
        yield _rest(
            first, "Files before this one are not in the list of the archive, as of a second one; they are not read."
        )
    for number, (info, name) in enumerate(listed):
        if name.endswith(("/", "\\")) or is_hidden(name):
            continue
        meter.member()
        key = name.encode("utf-8", "surrogateescape")
        yield _zip_member(archive, info, key, staging / str(number), meter)


def _begins_before(archive: zipfile.ZipFile) -> bool:
    """Whether a file that the list of a ZIP does not name stands at its beginning."""
    file = archive.fp
    if file is None or not min(info.header_offset for info in archive.infolist()):
        return False
    file.seek(0)
    return file.read(4) == b"PK\3\4"


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, key: bytes, place: Path, meter: _Meter) -> Item:
    if info.flag_bits & 1:
        return _failed(key, "encrypted", "The file is locked with a password.")
    if stat.S_ISLNK(info.external_attr >> 16):
        return _failed(key, "link", "This is a link, and links in archives are not followed.")
    try:
        with archive.open(info) as source:
            return _unpacked(source, key, place, meter)
    except (*_ZIP_ERRORS, OSError) as error:
        staged.remove(place)
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # a place before the beginning of the file
            raise
        return _failed(key, "malformed", "The archive is damaged at this file, or packs it in an unknown way.")


def _unpacked(source: IO[bytes], key: bytes, place: Path, meter: _Meter) -> Item:
    size = 0
    with full_disk_named(place.name), staged.created(place) as target:
        while block := source.read(_BLOCK):
            size += len(block)
            meter.add(len(block))
            if size > meter.limits.member_bytes:
                break
            target.write(block)
    if size > meter.limits.member_bytes:
        staged.remove(place)
        return _failed(key, "too-large", f"The file is larger than {meter.limits.member_bytes // 10**6} MB.")
    return Item(key, label_of(key), location=str(place), owned=True, size=size)


def _rest(last: bytes, message: str) -> Item:
    return Item(last + b"\0rest", failure=Failure("archive", "malformed", message))


def _tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo, key: bytes, place: Path, meter: _Meter) -> Item:
    try:
        # The library's own rules for untrusted members: no absolute paths, no links out, no devices.
        tarfile.data_filter(member, str(place.parent))
    except tarfile.FilterError:
        return _failed(key, "outside", "The name leads out of the archive, or this is a device or a link.")
    if not member.isreg():
        return _failed(key, "link", "This is a link, and links in archives are not followed.")
    source = archive.extractfile(member)
    if source is None or member.size < 0:
        return _failed(key, "malformed", "The archive is damaged at this file, or packs it in an unknown way.")
    return _unpacked(source, key, place, meter)


def _failed(key: bytes, code: str, message: str) -> Item:
    return Item(key, label_of(key), failure=Failure("archive", code, message))


class _Header(tarfile.TarInfo):
    """A header that tells its archive when the end mark is reached: the library takes a damaged one for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> Any:
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            tarfile.is_whole = True
            raise


def _tar(stream: _Unpacked) -> Any:
    return tarfile.open(fileobj=stream, mode="r|", errorlevel=1, tarinfo=_Header)  # type: ignore[call-overload]


class _Unpacked:
    """A tar's bytes after decompression, metered: headers and skipped members count as well."""

    def __init__(self, file: BinaryIO, meter: _Meter) -> None:
        self.file, self.meter = file, meter
        self.stream: Any = _decompressed(file)

    def read(self, size: int) -> bytes:
        data: bytes = self.stream.read(size)
        self.meter.add(len(data))
        return data

    def __enter__(self) -> _Unpacked:
        return self

    def __exit__(self, *_: object) -> None:
        if self.stream is not self.file:  # which is read again, and closed by who opened it
            self.stream.close()


def _decompressed(file: BinaryIO) -> Any:
    file.seek(0)
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(file)
    if magic.startswith(b"BZh"):
        return bz2.open(file)
    if magic.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(file)
    return file
