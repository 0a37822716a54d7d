"""PNG files whose pixels are whole while something else in the file is not: a copy that holds only what pixels need.

A PNG is a row of chunks, each with a checksum (ISO/IEC 15948). A reader that stops at the first odd chunk loses
pictures whose texts, profiles or previews are damaged or too large, though every row of pixels is there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ESSENTIAL = {b"IHDR", b"PLTE", b"IDAT"}
_USED = {
    b"tRNS",
    b"iCCP",
    b"sRGB",
    b"gAMA",
    b"cHRM",
    b"cICP",
    b"eXIf",
    b"sBIT",
}  # they change what the pixels look like
_MOST = 1 << 20  # bytes that a compressed profile may grow to


class _Chunk(NamedTuple):
    kind: bytes
    body: bytes
    sound: bool


def pixels_only(data: bytes) -> list[bytes]:
    """The PNG without texts, previews and what is damaged beside the pixels: with as much as is usable, with less.

    Nothing where the pixels are damaged.
    """
    chunks = list(_chunks(data))
    kinds = [chunk.kind for chunk in chunks]
    if kinds[:1] != [b"IHDR"] or b"IDAT" not in kinds:
        return []
    if not all(chunk.sound for chunk in chunks if chunk.kind in (b"IHDR", b"PLTE")) or not _whole(chunks):
        return []
    return [_written(chunks, used) for used in (_USED, {b"tRNS"}, set())]


def _written(chunks: list[_Chunk], used: set[bytes]) -> bytes:
    kept = [chunk for chunk in chunks if chunk.kind in _ESSENTIAL or (chunk.kind in used and _usable(chunk))]
    return SIGNATURE + b"".join(_packed(chunk) for chunk in kept) + _packed(_Chunk(b"IEND", b"", True))


def wide_colours(data: bytes) -> NDArray[np.uint16] | None:
    """Colours of 16 bits as they stand in the file, (h, w, 3 or 4); None where there are none.

    Pillow keeps the upper 8 bits of colours, and where 12 bits stand unscaled in 16, these are nearly 0.
    """
    import cv2

    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.ndim != 3 or found.shape[2] not in (3, 4):
        return None
    return np.asarray(found[..., [2, 1, 0, 3][: found.shape[2]]])


def has_wide_colours(data: bytes) -> bool:
    """Whether the header says 16 bits and several samples for each pixel."""
    return data.startswith(SIGNATURE) and data[24:25] == b"\x10" and data[25:26] in (b"\2", b"\4", b"\6")


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """The chunks up to the end mark, or to where the file stops making sense."""
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        end = place + 8 + length
        if end + 4 > len(data) or kind == b"IEND":
            return
        body = data[place + 8 : end]
        yield _Chunk(kind, body, zlib.crc32(body, zlib.crc32(kind)) == int.from_bytes(data[end : end + 4], "big"))
        place = end + 4


def _whole(chunks: list[_Chunk]) -> bool:
    """Whether the pixels are as they were written: by the checksums of their chunks, or by that of the stream."""
    pixels = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    if all(chunk.sound for chunk in pixels):
        return True
    stream = zlib.decompressobj()
    try:
        for chunk in pixels:
            rest = chunk.body
            while rest and not stream.eof:
                stream.decompress(rest, 1 << 20)
                rest = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof


def _usable(chunk: _Chunk) -> bool:
    return chunk.sound and (chunk.kind != b"iCCP" or _small(chunk.body))


def _small(body: bytes) -> bool:
    stream = zlib.decompressobj()
    try:
        stream.decompress(body[body.index(b"\0") + 2 :], _MOST)
    except (zlib.error, ValueError):
        return False
    return stream.eof


def _packed(chunk: _Chunk) -> bytes:
    checksum = zlib.crc32(chunk.body, zlib.crc32(chunk.kind))
    return struct.pack(">I4s", len(chunk.body), chunk.kind) + chunk.body + struct.pack(">I", checksum)
