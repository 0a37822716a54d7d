"""PNG files with intact pixels and damage elsewhere: a copy with only the chunks that the pixels need.

A PNG is a row of chunks, each with a checksum (ISO/IEC 15948). A reader that stops at the first odd chunk loses
pictures whose texts, profiles or previews are damaged or too large, though every row of pixels is there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.errors import UnreadableImage

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
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by the colour type
_ONE_PASS = ((0, 0, 1, 1),)
# Adam7: the first column and row of each pass, and the steps to the next ones.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_FILLING = 0xAB  # an unusual level
_MOST = 1 << 20  # bytes that a compressed profile may grow to


class _Chunk(NamedTuple):
    kind: bytes
    body: bytes
    sound: bool


def pixels_only(data: bytes) -> list[bytes]:
    """Copies of the PNG without texts, previews and damaged chunks beside the pixels: first with all usable ones.

    Nothing if the pixels are damaged. A wrong checksum after pixels with sound chunks is corrected.
    """
    chunks = _with_right_sum(list(_chunks(data)))
    kinds = [chunk.kind for chunk in chunks]
    if kinds[:1] != [b"IHDR"] or b"IDAT" not in kinds:
        return []
    if not all(chunk.sound for chunk in chunks if chunk.kind in (b"IHDR", b"PLTE")) or not _whole(chunks):
        return []
    return [_written(chunks, used) for used in (_USED, {b"tRNS"}, set())]


def _written(chunks: list[_Chunk], used: set[bytes]) -> bytes:
    kept = [chunk for chunk in chunks if chunk.kind in _ESSENTIAL or (chunk.kind in used and _usable(chunk))]
    return SIGNATURE + b"".join(_packed(chunk) for chunk in kept) + _packed(_Chunk(b"IEND", b"", True))


def holds_all_rows(data: bytes) -> bool:
    """Whether the compressed pixels decompress to as many bytes as the header announces."""
    width, height, bits, colours, _, _, passes = struct.unpack(">IIBBBBB", data[16:29])
    needed = sum(
        len(range(top, height, down)) * (1 + (len(range(left, width, right)) * bits * _SAMPLES[colours] + 7) // 8)
        for left, top, right, down in (_PASSES if passes else _ONE_PASS)
        if left < width
    )
    stream, found = zlib.decompressobj(), 0
    for part in _unpacked(stream, [chunk.body for chunk in _chunks(data) if chunk.kind == b"IDAT"]):
        found += len(part)
    return found >= needed


def load(picture: Image.Image, data: bytes) -> None:
    """Decode a picture that Pillow opened; UnreadableImage where rows are missing, which Pillow passes over.

    The pixels are filled before: only where the last rows still look like that, all rows are counted.
    """
    values = [_FILLING << 8 | _FILLING] if picture.mode == "I;16" else [_FILLING] * len(picture.getbands())
    filling = tuple(values) if len(values) > 1 else values[0]
    picture.im = Image.new(picture.mode, picture.size, filling).im
    picture.load()
    _scale_key(picture, data)
    row = Image.new(picture.mode, (picture.width, 1), filling).tobytes()
    places = range(max(0, picture.height - 2), picture.height)
    last = [picture.crop((0, place, picture.width, place + 1)).tobytes() for place in places]
    if row in last and not holds_all_rows(data):
        raise UnreadableImage("decode", "truncated", "The file ends before the picture does.")


def _scale_key(picture: Image.Image, data: bytes) -> None:
    """Scale the grey that is transparent like the pixels, which Pillow spreads from 1, 2 or 4 bits to 8."""
    bits, key = data[24], picture.info.get("transparency")
    if picture.mode in ("1", "L") and bits < 8 and isinstance(key, int):
        picture.info["transparency"] = key * 255 // ((1 << bits) - 1)


def wide_colours(data: bytes) -> NDArray[np.uint16] | None:
    """The 16-bit colours stored in the file, (h, w, 3 or 4); None if there are none.

    Pillow keeps the upper 8 bits of colours, and where 12 bits stand unscaled in 16, these are nearly 0.
    """
    import cv2

    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.ndim != 3 or found.shape[2] not in (3, 4):
        return None
    return np.asarray(found[..., [2, 1, 0, 3][: found.shape[2]]])


def has_wide_colours(data: bytes) -> bool:
    """Whether the header announces 16 bits and several samples per pixel."""
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
        for _ in _unpacked(stream, [chunk.body for chunk in pixels]):
            pass
    except zlib.error:
        return False
    return stream.eof


def _with_right_sum(chunks: list[_Chunk]) -> list[_Chunk]:
    """The chunks with their pixels as one whose Adler-32 is right, where all are sound and their stream ends."""
    pixels = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    packed = b"".join(chunk.body for chunk in pixels)
    if not pixels or not all(chunk.sound for chunk in pixels):
        return chunks
    stream, checksum = zlib.decompressobj(-zlib.MAX_WBITS), 1
    try:
        for part in _unpacked(stream, [packed[2:]]):
            checksum = zlib.adler32(part, checksum)
    except zlib.error:
        return chunks
    if not stream.eof:
        return chunks
    whole = packed[: len(packed) - len(stream.unused_data)] + struct.pack(">I", checksum)
    place = chunks.index(pixels[0])
    others = [chunk for chunk in chunks[place:] if chunk.kind != b"IDAT"]
    return [*chunks[:place], _Chunk(b"IDAT", whole, True), *others]


def _unpacked(stream: Any, bodies: list[bytes]) -> Iterator[bytes]:
    """What a stream of zlib gives, in parts of a megabyte."""
    for body in bodies:
        while body and not stream.eof:
            yield stream.decompress(body, 1 << 20)
            body = stream.unconsumed_tail


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
