"""TIFF files as instruments and maps write them: integers and floats of any width, planes, tiles, many bands.

Pillow parses the tags, and libtiff (through Pillow) undoes the compression of each strip or tile; how the bytes
become samples follows TIFF 6.0 and, for predictors of floats, Adobe's Photoshop TIFF Technical Note 3.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from engine.collections.reading.value_range import as_bytes, opacity_as_bytes
from engine.core.errors import UnreadableImage

MAX_PIXELS = 89_478_485
MAX_BYTES = 768_000_000  # of the samples that are shown, as they stand in the file
_NOT_FOLLOWED = (KeyError, TypeError, ValueError, IndexError, OverflowError, OSError, SyntaxError, struct.error)
_PREFIXES = tuple(TiffImagePlugin.PREFIXES)
_MOST_PREVIEWS = 16  # pages that are passed over in search of the picture itself
_SUBFILE = 254
_WIDTH, _HEIGHT, _BITS, _COMPRESSION = range(256, 260)
_PHOTOMETRIC, _FILL_ORDER, _STRIPS, _SAMPLES, _ROWS = 262, 266, 273, 277, 278
_STRIP_BYTES, _PLANES, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 279, 284, 317, 322, 323, 324, 325
_EXTRA, _FORMAT, _NO_DATA, _ORIENTATION, _PROFILE, _INNER, _PALETTE = 338, 339, 42113, 274, 34675, 330, 320
_INSIDE = -1  # the number of a page that stands below another one
_COMPRESSIONS = {1, 5, 8, 32773, 32946, 34925, 50000}  # none, LZW, deflate, PackBits, deflate of old, LZMA, Zstandard
_FOR_PICTURES = {2, 3, 4, 6, 7, 32771, 32809}  # CCITT's of faxes, JPEG and others that libtiff turns into pictures
_OTHER = {6: "old JPEG", 7: "JPEG", 34712: "JPEG 2000", 34887: "LERC", 50001: "WebP", 50002: "JPEG XL"}
_KINDS = {1: "u", 2: "i", 3: "f"}
_NAMES = {1: "uint", 2: "int", 3: "float", 5: "complex int", 6: "complex float"}
_WHITE_IS_ZERO, _GREY, _RGB = range(3)
_COLOURS = {
    3: "a palette",
    4: "a transparency mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIELAB",
    9: "ICCLAB",
    32803: "a sensor's raw mosaic",
}
_COLOURS |= {32844: "LogL", 32845: "LogLuv", 34892: "linear raw colours"}


@dataclass(frozen=True)
class Layout:
    """The layout of the picture in a TIFF.

    `bits` and `kind` (1 unsigned, 2 signed, 3 float) describe one sample; `bands` is the number of samples per pixel.
    `alpha` is the band with the opacity, -1 for none, and `premultiplied` says whether the colours include it.
    `inside` says whether its page stands below another one, where Pillow does not look.
    """

    order: str
    width: int
    height: int
    bands: int
    bits: int
    kind: int
    photometric: int
    compression: int
    alpha: int
    premultiplied: bool
    orientation: int
    no_data: float | None
    profile: bytes
    tags: dict[int, Any]
    inside: bool = False

    @property
    def title(self) -> str:
        """E.g. "a TIFF of 7 bands of float32", for messages."""
        samples = f"{_NAMES.get(self.kind, 'mixed ')}{self.bits}"
        colours = "" if self.photometric <= _RGB else " in " + _COLOURS.get(self.photometric, "unknown colours")
        way = _OTHER.get(self.compression, f"method {self.compression}")
        packed = "" if self.compression in _COMPRESSIONS else f", compressed by {way}"
        return f"a TIFF of {self.bands} band{'s' * (self.bands != 1)} of {samples}{colours}{packed}"

    @property
    def shown(self) -> tuple[int, ...]:
        """The bands that are shown: red, green and blue or a single one, and the opacity if there is any."""
        colours = [band for band in range(self.bands) if band != self.alpha]
        colours = colours[:3] if len(colours) >= 3 else colours[:1]
        return (*colours, self.alpha) if self.alpha >= 0 else tuple(colours)

    @property
    def is_plain(self) -> bool:
        """Whether it has 8 unsigned bits at most, or is neither grey nor RGB: Pillow shows such a picture rightly."""
        known = self.compression in _COMPRESSIONS | _FOR_PICTURES and not self.inside and not self.is_sparse
        return known and ((self.kind == 1 and self.bits <= 8) or not self.is_measured)

    @property
    def is_measured(self) -> bool:
        """Whether its samples are brightness: grey, RGB or bands, compressed without loss."""
        return self.photometric in (_WHITE_IS_ZERO, _GREY, _RGB) and self.compression in _COMPRESSIONS

    @property
    def is_sparse(self) -> bool:
        """Whether strips or tiles are left out, as GDAL does where there is no value; Pillow reads others there."""
        try:
            return (0, 0) in zip(*_places(self.tags), strict=False)
        except _NOT_FOLLOWED:
            return False

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The type of a sample that fills whole bytes; None if numpy has none."""
        sizes = {"u": (8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
        kind = _KINDS.get(self.kind, "")
        return np.dtype(f"{self.order}{kind}{self.bits // 8}") if self.bits in sizes.get(kind, ()) else None


def main_page(data: bytes) -> int:
    """The number of the page that is shown: the first that is no preview or mask of another one, else the first."""
    try:
        return max(0, _main(data)[0])
    except _NOT_FOLLOWED:
        return 0


def is_preview(tags: Any) -> bool:
    """Whether a page is a smaller version, or the transparency mask, of another one, by its tags."""
    return bool(int(tags.get(_SUBFILE, 0)) & (1 | 4))


def layout(data: bytes) -> Layout | None:
    """The layout of the picture that is shown, None if this is not a TIFF or its tags cannot be followed."""
    if not data.startswith(_PREFIXES):
        return None
    try:
        number, tags = _main(data)
        return replace(_layout(tags, "<" if data[:2] == b"II" else ">"), inside=number == _INSIDE)
    except _NOT_FOLLOWED:
        return None


def widen_palette(picture: TiffImagePlugin.TiffImageFile) -> None:
    """Colours of a palette that were written with 8 bits instead of 16: Pillow, which halves them, shows them black."""
    colours = picture.tag_v2.get(_PALETTE, ())
    if picture.mode == "P" and colours and max(colours) < 256:
        picture.putpalette(bytes(colours), "RGB;L")


def samples(data: bytes, layout: Layout) -> NDArray[Any]:
    """The bands that are shown: (height, width, len(layout.shown)), with the numbers stored in the file.

    Raises:
        UnreadableImage: such a TIFF is not read; the sentence names what it is.
    """
    _check(layout)
    out = np.full((layout.height, layout.width, len(layout.shown)), _absent(layout), layout.dtype or np.uint16)
    planes = layout.tags.get(_PLANES, 1) == 2 and layout.bands > 1
    for band, packed, top, left, rows, width in _segments(data, layout, planes):
        if planes and band not in layout.shown:
            continue
        segment = _unpacked(packed, layout, rows, width, planes)
        block = _block(segment, layout, rows, width, 1 if planes else layout.bands)
        part = out[top : top + rows, left : left + width]
        block = block[: part.shape[0], : part.shape[1]]
        if planes:
            part[..., layout.shown.index(band)] = block[..., 0]
        else:
            part[...] = block[..., list(layout.shown)]
    return out


def shown(data: bytes, layout: Layout) -> NDArray[np.uint8]:
    """The same as 8 bits, opacity last where there is any: (height, width, 1 to 4)."""
    found = samples(data, layout)
    declared = 2.0**layout.bits - 1 if layout.dtype is None else None
    colours = as_bytes(found[..., :-1] if layout.alpha >= 0 else found, layout.no_data, declared)
    if layout.photometric == _WHITE_IS_ZERO:
        np.subtract(255, colours, out=colours)
    if layout.alpha < 0:
        return colours
    opacity = opacity_as_bytes(found[..., -1:]) if declared is None else as_bytes(found[..., -1:], declared=declared)
    return np.concatenate([colours, opacity], axis=2)


def _main(data: bytes) -> tuple[int, dict[int, Any]]:
    """The page that is shown, and its tags."""
    pages: list[dict[int, Any]] = []
    try:
        pages.extend(_directories(data))
    except _NOT_FOLLOWED:
        if not pages:
            raise
    found = next(((number, tags) for number, tags in enumerate(pages) if not is_preview(tags)), None)
    return found or _inside(data, pages) or (0, pages[0])


def _inside(data: bytes, pages: list[dict[int, Any]]) -> tuple[int, dict[int, Any]] | None:
    """The picture below its previews, where raw files of cameras have it (TIFF Technical Note 1)."""
    places = [place for tags in pages for place in _each(tags.get(_INNER, ()))][:_MOST_PREVIEWS]
    with contextlib.suppress(*_NOT_FOLLOWED):
        inner = (tags for place in places for tags in _directories(data, place))
        return next(((_INSIDE, tags) for tags in inner if not is_preview(tags)), None)
    return None


def _directories(data: bytes, place: int = 0) -> Iterator[dict[int, Any]]:
    """The tags of the page at `place`, else the first, and of the next ones as long as all before are previews."""
    file = io.BytesIO(data)
    # Pillow looks for 64-bit offsets in the third byte alone, whatever the order of bytes.
    head = b"II\x2b\0" + data[4:16] if 43 in data[2:4] else b"II\x2a\0" + data[4:8]
    for _ in range(_MOST_PREVIEWS):
        directory = TiffImagePlugin.ImageFileDirectory_v2(head, prefix=data[:2])
        place = place or directory.next
        file.seek(place)
        directory.load(file)
        yield dict(directory)
        place = directory.next
        if not place or not is_preview(directory):
            return


def _layout(tags: dict[int, Any], order: str) -> Layout:
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    bands = int(tags.get(_SAMPLES, 1))
    bits, kinds = _each(tags.get(_BITS, 1)), _each(tags.get(_FORMAT, 1))
    alpha, premultiplied = _alpha(tags, bands)
    kind = kinds[0] if len(set(kinds)) == 1 else 0
    if min(width, height, bands, *bits) < 1 or bands > 65_535:
        raise ValueError
    return Layout(
        order=order,
        width=width,
        height=height,
        bands=bands,
        bits=bits[0] if len(set(bits[:bands])) == 1 else max(bits),
        kind={4: 1}.get(kind, kind) if len(set(bits[:bands])) == 1 else 0,
        photometric=int(tags.get(_PHOTOMETRIC, _GREY)),
        compression=int(tags.get(_COMPRESSION, 1)),
        alpha=alpha,
        premultiplied=premultiplied,
        orientation=int(tags.get(_ORIENTATION, 1)),
        no_data=_number(tags.get(_NO_DATA)),
        profile=bytes(tags.get(_PROFILE, b"")),
        tags=tags,
    )


def _alpha(tags: dict[int, Any], bands: int) -> tuple[int, bool]:
    """Which band is the opacity, -1 for none, and whether the colours are multiplied by it."""
    extra = _each(tags.get(_EXTRA, ()))[:bands]
    opacity = [place for place, meaning in enumerate(extra) if meaning in (1, 2)]
    if opacity:
        return bands - len(extra) + opacity[0], extra[opacity[0]] == 1
    as_readers_take_it = _EXTRA not in tags and tags.get(_PHOTOMETRIC) == _RGB and bands == 4
    return (3 if as_readers_take_it else -1), False


def _each(value: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in value) if isinstance(value, tuple) else (int(value),)


def _number(text: Any) -> float | None:
    """What stands for no value, as GDAL writes it: a number in ASCII."""
    try:
        return float(str(text).strip("\0 "))
    except ValueError:
        return None


def _check(layout: Layout) -> None:
    packed = layout.kind == 1 and layout.bits < 16
    if not layout.is_measured or (layout.dtype is None and not packed):
        raise UnreadableImage("header", "not-read", f"This is {layout.title}, which is not read.")
    size = layout.dtype.itemsize if layout.dtype else 2
    needed = layout.width * layout.height * len(layout.shown) * size
    if needed > MAX_BYTES:
        sizes = f"its pixels fill {needed // 10**6:,} MB, and at most {MAX_BYTES // 10**6} MB are read"
        message = f"This is {layout.title}; {sizes}: save it smaller."
        raise UnreadableImage("header", "too-many-pixels", message)


Segment = tuple[int, bytes, int, int, int, int]  # plane, bytes as they stand in the file, top, left, rows, width


def _segments(data: bytes, layout: Layout, planes: bool) -> Iterator[Segment]:
    """Each strip or tile."""
    tags = layout.tags
    tiled = _TILES in tags
    starts, lengths = _places(tags)
    lengths = lengths or (len(data),)
    width = int(tags[_TILE_WIDTH]) if tiled else layout.width
    height = int(tags[_TILE_HEIGHT]) if tiled else min(int(tags.get(_ROWS, layout.height)), layout.height)
    if min(width, height) < 1 or width * height > 2 * MAX_PIXELS:
        raise ValueError("impossible segments")
    across, down = math.ceil(layout.width / width), math.ceil(layout.height / height)
    count = across * down * (layout.bands if planes else 1)
    if min(len(starts), len(lengths)) < count:
        raise EOFError("segments are missing")
    for number in range(count):
        plane, place = divmod(number, across * down)
        top, left = place // across * height, place % across * width
        rows = height if tiled else min(height, layout.height - top)
        packed = data[starts[number] : starts[number] + lengths[number]]
        if starts[number] or lengths[number]:
            yield plane, packed, top, left, rows, width


def _places(tags: dict[int, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where the strips or tiles begin, and how many bytes each has; 0 and 0 for one that is left out."""
    starts, lengths = (_TILES, _TILE_BYTES) if _TILES in tags else (_STRIPS, _STRIP_BYTES)
    return _each(tags.get(starts, ())), _each(tags.get(lengths, ()))


def _absent(layout: Layout) -> float:
    """What stands in strips and tiles that are left out: the number for no value, else 0."""
    missing, dtype = layout.no_data, layout.dtype
    if missing is None or dtype is None or not layout.is_sparse:
        return 0.0
    if dtype.kind == "f":
        return missing
    fits = math.isfinite(missing) and np.iinfo(dtype).min <= missing <= np.iinfo(dtype).max
    return missing if fits else 0.0


def _row_bytes(layout: Layout, width: int, bands: int) -> int:
    return (width * bands * layout.bits + 7) // 8


def _unpacked(packed: bytes, layout: Layout, rows: int, width: int, planes: bool) -> bytes:
    """The bytes of a segment: its compression is undone by libtiff, as if they were a grey picture of 8 bits."""
    across = _row_bytes(layout, width, 1 if planes else layout.bands)
    fill_order = int(layout.tags.get(_FILL_ORDER, 1))
    if layout.compression == 1 and fill_order == 1:
        if len(packed) < across * rows:
            raise EOFError("a segment is truncated")
        return packed[: across * rows]
    directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    directory.update({_WIDTH: across, _HEIGHT: rows, _BITS: 8, _COMPRESSION: layout.compression, _PHOTOMETRIC: _GREY})
    directory.update({_FILL_ORDER: fill_order, _SAMPLES: 1, _ROWS: rows, _STRIPS: 0, _STRIP_BYTES: len(packed)})
    file = b"II*\0\10\0\0\0" + directory.tobytes(8) + packed  # strips at 0 are those that follow the tags
    with Image.open(io.BytesIO(file), formats=("TIFF",)) as picture:
        return picture.tobytes()


def _block(segment: bytes, layout: Layout, rows: int, width: int, bands: int) -> NDArray[Any]:
    """(rows, width, bands) samples of a decompressed segment."""
    predictor = int(layout.tags.get(_PREDICTOR, 1)) if layout.compression != 1 else 1
    if layout.dtype is None:
        return _bits(segment, layout, rows, width, bands)
    if predictor == 3:
        return _floats(segment, layout, rows, width, bands)
    block = np.frombuffer(segment, layout.dtype).reshape(rows, width, bands)
    if predictor == 2:  # differences of whole numbers, whatever the bits stand for
        whole = block.view(layout.dtype.str.replace("f", "u").replace("i", "u"))
        return np.cumsum(whole, axis=1, dtype=whole.dtype.newbyteorder("=")).view(layout.dtype.newbyteorder("="))
    return block


def _floats(segment: bytes, layout: Layout, rows: int, width: int, bands: int) -> NDArray[Any]:
    """Predictor 3: each row holds the highest bytes of all its samples first, as differences of bytes."""
    size = layout.bits // 8
    row = np.frombuffer(segment, np.uint8).reshape(rows, width * size, bands)
    whole = np.cumsum(row, axis=1, dtype=np.uint8).reshape(rows, size, width * bands)
    ordered = np.ascontiguousarray(whole.transpose(0, 2, 1))
    return ordered.view(f">f{size}").reshape(rows, width, bands)


def _bits(segment: bytes, layout: Layout, rows: int, width: int, bands: int) -> NDArray[Any]:
    """Samples of a width that fills no whole bytes, the highest bit first; each row begins a new byte."""
    out = np.empty((rows, width, bands), np.uint16)
    powers = 1 << np.arange(layout.bits - 1, -1, -1, dtype=np.uint16)
    across = _row_bytes(layout, width, bands)
    for number in range(rows):
        row = np.frombuffer(segment, np.uint8, across, number * across)
        bits = np.unpackbits(row)[: width * bands * layout.bits].reshape(width, bands, layout.bits)
        out[number] = bits @ powers
    return out
