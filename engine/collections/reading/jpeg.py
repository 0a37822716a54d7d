"""JPEG files with every row of pixels, but without an end mark or with foreign bytes between their segments.

Cameras append previews, sounds and panorama data behind the picture, some without an end mark (ISO/IEC 10918-1).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from engine.core.errors import UnreadableImage

SIGNATURE = b"\xff\xd8\xff"
END = b"\xff\xd9"
_SOS, _EOI, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES = {0xC0: "", 0xC1: "", 0xC2: "progressive", 0xC3: "lossless", 0xC9: "", 0xCA: "progressive", 0xCB: "lossless"}
_FRAMES |= {0xF7: "JPEG-LS"}
_COMMON = {0xC0, 0xC1, 0xC2}  # Huffman-coded, all at once or in passes
_GREY = 128  # what a decoder shows where no coefficient came
_RESTARTS = range(0xD0, 0xD8)
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}  # Huffman, arithmetic coding, quantisation, restart interval
# Bits that are read as coefficients where the picture lacks some, and are passed over where it is whole. The first is
# 1, as a decoder takes missing bits for 0; restarts let them in where a picture breaks off between two intervals.
_BITS = bytes(1 + (213 + 167 * n) % 254 for n in range(254)) * 4
_NOISE = _BITS + b"".join(bytes([0xFF, restart]) + _BITS for restart in _RESTARTS)


class _Part(NamedTuple):
    """One segment: its marker, its body, and where it ends; a scan's body includes its coded pixels."""

    marker: int
    body: bytes
    end: int


class Frame(NamedTuple):
    """A frame header: bits per sample, width and height in pixels, components, and kind."""

    bits: int
    width: int
    height: int
    components: tuple[int, ...]
    kind: str


def frame(data: bytes) -> Frame | None:
    """The header of the first frame; None if there is none."""
    for part in _parts(data):
        if part.marker in _FRAMES and len(part.body) >= 6:
            return _frame(part)
        if part.marker == _SOS:
            break
    return None


def is_plain(data: bytes) -> bool:
    """Whether it is a JPEG as every program reads it: 8 bits, grey or YCbCr, Huffman-coded, with an end mark."""
    if not data.startswith(SIGNATURE) or not data.endswith(END):
        return False
    first = next((part for part in _parts(data) if part.marker in (*_FRAMES, _SOS)), None)
    if first is None or first.marker not in _COMMON or len(first.body) < 6:
        return False
    bits, _, _, components, _ = _frame(first)
    return bits == 8 and len(components) in (1, 3)


def ended(data: bytes, *, metadata: bool) -> tuple[bytes, bytes] | None:
    """The JPEG without what does not belong to it and with an end mark, twice: None where whole scans are missing.

    The second copy has other bits behind the coded pixels. Where both decode to the same pixels, no bit was missing.
    """
    kept = [SIGNATURE[:2]]
    coverage: dict[int, set[int]] = {}
    for part in _parts(data):
        if part.marker in _FRAMES and len(part.body) >= 6:
            coverage = {component: set(range(64)) for component in _frame(part).components}
        if _is_needed(part, metadata):
            kept.append(_packed(part))
        if part.marker == _SOS:
            _take_off(coverage, part.body)
            if coverage and not any(coverage.values()):
                whole = b"".join(kept).rstrip(b"\xff")
                return whole + END, whole + _NOISE + END
    return None


def check_rows(picture: Image.Image, data: bytes) -> None:
    """UnreadableImage where the coded pixels end before the end mark: a decoder fills the rest with grey, in silence.

    Only a picture whose last pixel has that grey is decoded again, small, with other bits behind what is coded.
    """
    last = picture.crop((picture.width - 1, picture.height - 1, picture.width, picture.height)).tobytes()
    if any(abs(value - _GREY) > 2 for value in last) or not _is_common(data):
        return
    shown = {_small(copy) for copy in ended(data, metadata=False) or (b"", data)}
    if len(shown) > 1:
        raise UnreadableImage("decode", "truncated", "The file ends before the picture does.")


def _is_common(data: bytes) -> bool:
    """Whether the pixels are Huffman-coded."""
    first = next((part.marker for part in _parts(data) if part.marker in (*_FRAMES, _SOS)), _SOS)
    return first in _COMMON


def _small(data: bytes) -> bytes:
    """The pixels at an eighth of the size; b"" for no file."""
    if not data:
        return b""
    with JpegImageFile(io.BytesIO(data)) as picture:
        picture.draft(None, (1, 1))
        return picture.tobytes()


def _parts(data: bytes) -> Iterator[_Part]:
    """The segments from the first on; foreign bytes between them are passed over."""
    place = 2
    while (place := data.find(b"\xff", place)) >= 0 and place + 4 <= len(data):
        marker = data[place + 1]
        if marker in (0x00, 0x01, 0xFF, 0xD8, _EOI, *_RESTARTS):
            place += 1
            continue
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        end = place + 2 + length
        if length < 2 or end > len(data):
            place += 1
            continue
        if marker == _SOS:
            end = _scan_end(data, end)
        yield _Part(marker, data[place + 4 : end], end)
        place = end


def _scan_end(data: bytes, place: int) -> int:
    """Where the coded pixels that begin at `place` end: at the next marker that is no restart."""
    while (place := data.find(b"\xff", place)) >= 0 and place + 1 < len(data):
        if data[place + 1] not in (0x00, 0xFF, *_RESTARTS):
            return place
        place += 1 if data[place + 1] == 0xFF else 2
    return len(data)


def _frame(part: _Part) -> Frame:
    bits, height, width, count = struct.unpack(">BHHB", part.body[:6])
    return Frame(bits, width, height, tuple(part.body[6 : 6 + 3 * count : 3]), _FRAMES[part.marker])


def _is_needed(part: _Part, metadata: bool) -> bool:
    if part.marker in (_APP1, _APP2):
        return metadata and part.body.startswith((b"Exif\0", b"ICC_PROFILE\0"))
    return part.marker in _FRAMES or part.marker in _TABLES or part.marker in (_SOS, _APP0, _APP14)


def _packed(part: _Part) -> bytes:
    """The segment as it stood; the length that precedes a scan speaks of its header alone."""
    count = part.body[0] if part.body else 0
    length = 6 + 2 * count if part.marker == _SOS else 2 + len(part.body)
    return struct.pack(">BBH", 0xFF, part.marker, length) + part.body


def _take_off(coverage: dict[int, set[int]], scan: bytes) -> None:
    """Take off what a scan brings to its last bit: all coefficients of each component have to come (G.1.1.1)."""
    count = scan[0] if scan else 0
    if len(scan) < 4 + 2 * count:
        return
    first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
    for component in scan[1 : 1 + 2 * count : 2]:
        if component in coverage and not bits & 15:
            coverage[component] -= set(range(first, last + 1))
