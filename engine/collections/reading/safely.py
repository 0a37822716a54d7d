"""Reading one picture safely: check the header, decode, and convert to upright RGB with true colours.

Only formats named in `FORMATS` are tried. Sizes are checked before anything is decoded, so that a small file cannot
claim gigabytes. Every failure raises UnreadableImage with the stage, a short code and one sentence.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile
from pillow_heif import HeifImageFile, is_supported, register_heif_opener

from engine.collections.reading import jpeg, other_formats, png, tiff
from engine.collections.reading.colour_profile import colour_code, has_other_colours
from engine.collections.reading.regular_files import check_length, read_bytes
from engine.collections.reading.tiff import MAX_PIXELS
from engine.collections.reading.true_colours import from_samples, is_transparent, is_wide, true_colours
from engine.collections.reading.value_range import as_bytes, opacity_as_bytes
from engine.core.errors import UnreadableImage

READING = 2  # changes whenever decoded pixels may; what was made of pixels before is checked by `decoded_differently`
MAX_SIDE = 65_535
# WebP and AVIF hold several copies of the whole picture, so they get a smaller limit for the same memory; a JPEG is
# decoded at a fraction of its size, and one that is sent in passes holds all its coefficients meanwhile. HEIC has no
# fractions; the 108 megapixels of some telephones take less than 1 GiB.
MAX_PIXELS_OF = {
    "WEBP": 50_000_000,
    "AVIF": 80_000_000,
    "HEIF": 110_000_000,
    "JPEG": 500_000_000,
    "MPO": 500_000_000,
}
MAX_PIXELS_IN_PASSES = 120_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM")
_SUFFIXES = "jpg jpeg jpe jfif mpo png apng webp gif bmp dib tif tiff avif heic heif hif ppm pgm pbm pnm"
SUFFIXES = frozenset("." + suffix for suffix in _SUFFIXES.split())
# MPO, several JPEGs in one file, is opened as JPEG by Pillow; its first picture counts.
READABLE = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC and PPM"
_TITLES = {"WEBP": "WebP", "HEIF": "HEIC", "MPO": "JPEG"}
_KINDS_OF_JPEG = {"lossless": "lossless JPEG", "JPEG-LS": "JPEG-LS"}
_BEGINNINGS = (
    (re.escape(png.SIGNATURE), "PNG"),
    (re.escape(jpeg.SIGNATURE), "JPEG"),
    (rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]", "TIFF"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"....ftyp(heic|heix|mif1|msf1|hevc)", "HEIC"),
    (rb"....ftyp(avif|avis)", "AVIF"),
)
_DARK = 64  # of 256 levels: colours of 16 bits that reach no higher are looked at in full

Image.preinit()
for _plugin in ("WebP", "Avif", "Tiff"):
    importlib.import_module(f"PIL.{_plugin}ImagePlugin")
register_heif_opener()
# Pillow refuses at twice this number, whatever the warning filters of the moment say; its warning is then not needed.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def open_picture(source: Path | bytes, *, size: int | None = None) -> Image.Image:
    """One picture as an upright sRGB image with true pixels: orientation and colour profile applied.

    Transparency is composited on white, or on grey if the drawing is light. If everything but the pixels is damaged,
    the pixels are read alone.

    Args:
        source: a file, or its bytes.
        size: the side in pixels to which it will be stretched, if it has no other use; a JPEG may then be decoded at a
            fraction of its size (at least twice `size` on both sides).

    Raises:
        UnreadableImage: with `stage` look, header or decode.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    return _picture(data, size, _measured(data))


def header_and_picture(data: bytes, size: int) -> tuple[tuple[int, int, str], Image.Image]:
    """What `header` and `open_picture` return, for less: the tags of a TIFF are followed once."""
    layout = _measured(data)
    return _header(data, layout), _picture(data, size, layout)


def _picture(data: bytes, size: int | None, layout: tiff.Layout | None) -> Image.Image:
    try:
        return _decoded(data, size, layout)
    except UnreadableImage as error:
        for copies in _pixels_only(data, error):
            if (found := _agreed(copies, size)) is not None:
                return found
        raise


def header(data: bytes) -> tuple[int, int, str]:
    """Width and height of the upright picture in pixels, and its format, from the header alone."""
    return _header(data, _measured(data))


def _header(data: bytes, layout: tiff.Layout | None) -> tuple[int, int, str]:
    if layout is not None:
        turned = layout.orientation >= 5 and layout.orientation in _TURNS
        return (layout.height, layout.width, "TIFF") if turned else (layout.width, layout.height, "TIFF")
    picture = _opened_somehow(data)
    width, height = picture.size
    # Pillow turns TIFFs itself and tells their upright size; of the other formats it tells the stored size.
    turned = picture.format != "TIFF" and _orientation(picture) >= 5
    return (height, width, str(picture.format)) if turned else (width, height, str(picture.format))


def decoded_differently(data: bytes) -> bool:
    """Whether version 1 of the reader may have decoded it differently: wide samples, transparency, colour spaces.

    Raises:
        UnreadableImage: with `stage` look or header.
    """
    if _measured(data) is not None or png.has_wide_colours(data):
        return True
    picture = _named_colours(_opened_somehow(data), data)
    return is_wide(picture) or is_transparent(picture) or has_other_colours(picture)


def is_shown_as_stored(data: bytes) -> bool:
    """Whether it is a complete, upright sRGB JPEG, which `open_picture` would show unchanged.

    Raises:
        UnreadableImage: with `stage` look or header.
    """
    if not jpeg.is_plain(data):
        return False
    picture = _opened_somehow(data)
    return _orientation(picture) == 1 and not has_other_colours(picture)


def stretched(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """The picture stretched to a square, with antialiasing: (size, size, 3) uint8."""
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture, dtype=np.uint8)


def _decoded(data: bytes, size: int | None, layout: tiff.Layout | None) -> Image.Image:
    try:
        if layout is not None:
            _check_size(layout.width, layout.height, "TIFF")
            picture = from_samples(tiff.shown(data, layout), layout.profile, layout.premultiplied)
            return _turned(picture, layout.orientation)
        picture = _opened(data)
        _shrink(picture, size)
        if picture.format == "PNG":
            png.load(picture, data)
        picture.load()
        if picture.format in ("JPEG", "MPO"):
            jpeg.check_rows(picture, data)
        if isinstance(picture, TiffImageFile):
            tiff.widen_palette(picture)
        return _turned(_shown(picture, data), _orientation(picture))
    except Exception as error:
        raise _undecodable(error) from error


def _shrink(picture: Image.Image, size: int | None) -> None:
    """Decode a JPEG at a fraction of its size where that is enough, or where it is too large otherwise."""
    if picture.format not in ("JPEG", "MPO"):
        return
    width, height = picture.size
    fraction = next((n for n in (1, 2, 4) if width * height <= MAX_PIXELS * n * n), 8)
    if size or fraction > 1:
        enough = 2 * size if size else MAX_SIDE
        picture.draft(None, (min(enough, width // fraction), min(enough, height // fraction)))


def _shown(picture: Image.Image, data: bytes) -> Image.Image:
    """The decoded picture in true colours; dark colours of 16 bits as all their bits say."""
    _named_colours(picture, data)
    if picture.format == "BMP" and picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
        return true_colours(picture.convert("RGB"))  # programs declare an opacity and leave it 0
    if png.has_wide_colours(data) and np.max(picture.convert("RGB").getextrema()) < _DARK:
        samples = png.wide_colours(data)
        if samples is not None:
            colours = as_bytes(samples[..., :3])
            opacity = opacity_as_bytes(samples[..., 3:])
            return from_samples(np.concatenate([colours, opacity], axis=2), picture.info.get("icc_profile", b""))
    return true_colours(picture)


def _named_colours(picture: Image.Image, data: bytes) -> Image.Image:
    code = colour_code(data)
    if code is not None:
        picture.info["cicp"] = code
    return picture


def _measured(data: bytes) -> tiff.Layout | None:
    """The layout of a TIFF that Pillow would show wrongly or not at all; None where Pillow reads the file."""
    layout = tiff.layout(data)
    if layout is None or not layout.is_plain:
        return layout
    try:
        Image.open(io.BytesIO(data), formats=("TIFF",)).close()
    except UnidentifiedImageError:
        return layout
    except Exception:
        return None
    return None


def _pixels_only(data: bytes, error: UnreadableImage) -> Iterator[tuple[bytes, ...]]:
    """Copies of a damaged file that hold what its pixels need; all of one group must show the same."""
    if error.stage == "look" or error.code == "too-many-pixels":
        return
    if data.startswith(png.SIGNATURE):
        yield from ((copy,) for copy in png.pixels_only(data))
    if data.startswith(jpeg.SIGNATURE):
        yield from filter(None, (jpeg.ended(data, metadata=kept) for kept in (True, False)))


def _agreed(copies: tuple[bytes, ...], size: int | None) -> Image.Image | None:
    """What all copies show; None where they differ or cannot be decoded."""
    try:
        pictures = [_decoded(copy, size, None) for copy in copies]
    except UnreadableImage:
        return None
    first = np.asarray(pictures[0])
    return pictures[0] if all(np.array_equal(first, np.asarray(other)) for other in pictures[1:]) else None


def _opened_somehow(data: bytes) -> Image.Image:
    """The picture with its header read, from the pixels alone where the rest is damaged."""
    try:
        return _opened(data)
    except UnreadableImage as error:
        for copies in _pixels_only(data, error):
            with contextlib.suppress(UnreadableImage):
                return _opened(copies[0])
        raise


def _opened(data: bytes) -> Image.Image:
    check_length(len(data))
    other_formats.check_variant(data)
    try:
        picture = of_any_format(data)
        if isinstance(picture, TiffImageFile) and tiff.is_preview(picture.tag_v2):
            picture.seek(tiff.main_page(data))
        width, height = picture.size
        passes = " sent in passes" if "progressive" in picture.info and picture.format in ("JPEG", "MPO") else ""
        _check_size(width, height, str(picture.format), passes)
    except UnidentifiedImageError as error:
        raise _unknown(data) from error
    except Exception as error:
        raise _undecodable(error, stage="header") from error
    return picture


def of_any_format(data: bytes) -> Image.Image:
    """The picture with its header read; a JPEG or HEIC of any size."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:  # of these, the size is looked at by their own limits
        if data.startswith(jpeg.SIGNATURE):
            return JpegImageFile(io.BytesIO(data))
        if is_supported(data[:32]):
            return HeifImageFile(io.BytesIO(data))
        raise


def _unknown(data: bytes) -> UnreadableImage:
    """What to say of a file that Pillow does not know."""
    frame = jpeg.frame(data) if data.startswith(jpeg.SIGNATURE) else None
    if frame is not None and (frame.bits != 8 or frame.kind in _KINDS_OF_JPEG):
        kind = _KINDS_OF_JPEG.get(frame.kind, "JPEG")
        return UnreadableImage("header", "not-read", f"This is a {kind} of {frame.bits} bits, which is not read.")
    begun = next((title for mark, title in _BEGINNINGS if re.match(mark, data, re.DOTALL)), "")
    message = f"The file is not a picture in a format that is read ({READABLE}), or its beginning is damaged."
    unknown = UnreadableImage("header", "not-a-picture", message)
    if begun:
        message = f"The file begins as a {begun} does, but what describes the picture is cut off or damaged."
        unknown = UnreadableImage("header", "malformed", message)
    return other_formats.named(data) or unknown


def _check_size(width: int, height: int, format: str, passes: str = "") -> None:
    if width < 1 or height < 1:
        raise UnreadableImage("header", "no-pixels", "The picture has no pixels.")
    if max(width, height) > MAX_SIDE:
        message = f"A side of the picture is {max(width, height):,} pixels long; at most {MAX_SIDE:,} are read."
        raise UnreadableImage("header", "too-many-pixels", message)
    limit = MAX_PIXELS_IN_PASSES if passes else MAX_PIXELS_OF.get(format, MAX_PIXELS)
    if width * height > limit:
        raise _too_many(width * height, limit, f" of a {_TITLES.get(format, format)}{passes}")


def _too_many(pixels: int, limit: int, of_what: str = "") -> UnreadableImage:
    """Both numbers and the way out; the first is rounded up, the second down, so that they never look the same."""
    has, most = -(-pixels // 1_000_000), limit // 1_000_000
    message = f"The picture has {has:,} megapixels; at most {most} are read{of_what}: save it smaller."
    return UnreadableImage("header", "too-many-pixels", message)


def _undecodable(error: Exception, stage: str = "decode") -> UnreadableImage:
    if isinstance(error, UnreadableImage):
        return error
    if isinstance(error, MemoryError):
        return UnreadableImage(stage, "out-of-memory", "Reading the picture needs more memory than it may use.")
    if isinstance(error, Image.DecompressionBombError):
        number = re.search(r"\((\d+) pixels\)", str(error))
        return _too_many(int(number[1]) if number else MAX_PIXELS + 1, MAX_PIXELS)
    text = str(error).lower()
    if "truncated" in text or isinstance(error, EOFError | struct.error) or "not enough image data" in text:
        return UnreadableImage(stage, "truncated", "The file ends before the picture does.")
    return UnreadableImage(stage, "malformed", "The picture is damaged or uses a variant that cannot be decoded.")


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    method = _TURNS.get(orientation)
    return picture.transpose(method) if method is not None else picture


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _orientation(picture: Image.Image) -> int:
    try:
        value = int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return 1
    return value if value in _TURNS else 1
