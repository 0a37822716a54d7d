"""The names of files in archives, whose bytes are those of the system they were packed on."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence

from engine.collections.sources.code_pages import DOS, WINDOWS, likeliest, page_of

_UNICODE_PATH = 0x7075  # a further field with the name in UTF-8 (PKWARE's APPNOTE, 4.6.9)


def zip_names(archive: zipfile.ZipFile) -> list[str]:
    """The names of a ZIP as their writer meant them; those without a mark in the likeliest encoding."""
    page = zip_page(archive)
    return [_zip_name(info, page) for info in archive.infolist()]


def _zip_name(info: zipfile.ZipInfo, page: str) -> str:
    raw = _unmarked(info)
    return info.filename if raw is None else raw.decode(page, "replace")


def tar_page(inside: Sequence[str]) -> str:
    """The code page of the names of a tar that are not UTF-8: the library keeps their bytes as half surrogates."""
    odd = [own for name in inside if not name.isascii() and page_of(own := raw(name), "") == ""]
    return likeliest(b"\n".join(odd), WINDOWS) if odd else "utf-8"


def raw(name: str) -> bytes:
    """The bytes of a name as the library gives it."""
    return name.encode("utf-8", "surrogateescape")


def readable(key: bytes, page: str) -> bytes:
    """A name as UTF-8: of the code page where it is not."""
    return key if page_of(key, "") else key.decode(page, "replace").encode()


def zip_page(archive: zipfile.ZipFile) -> str:
    """The likeliest code page of the names of a ZIP that are not marked as UTF-8."""
    names = b"\n".join(raw for raw in map(_unmarked, archive.infolist()) if raw is not None and not raw.isascii())
    try:
        names.decode("utf-8")
    except UnicodeDecodeError:
        return likeliest(names, DOS)
    return "utf-8" if names else "ascii"


def _unmarked(info: zipfile.ZipInfo) -> bytes | None:
    """The bytes of a name that is not marked as UTF-8, which the library reads in code page 437; None for others."""
    try:
        return None if info.flag_bits & 0x800 else _unicode_path(info) or info.filename.encode("cp437")
    except UnicodeEncodeError:
        return None


def _unicode_path(info: zipfile.ZipInfo) -> bytes:
    """The name in UTF-8 that a further field holds for programs that look for it; b"" if it is that of another name."""
    extra, raw = info.extra, info.orig_filename.encode("cp437")
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and len(field) > 5 and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return field[5:]
    return b""
