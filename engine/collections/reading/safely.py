"""Reading one picture safely: look at the file, look at the header, decode, and make true upright RGB pixels of it.

Only formats named in `FORMATS` are tried. Sizes are looked at before anything is decoded, so that a small file cannot
ask for gigabytes. Whatever is wrong ends in UnreadableImage with the stage, a short code and one sentence.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import stat
import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from pillow_heif import register_heif_opener

from engine.core.errors import UnreadableImage

MAX_PIXELS = 89_478_485
MAX_SIDE = 65_535
MAX_BYTES = 256 << 20
# These decoders hold several copies of the whole picture, so they get a smaller limit for the same memory.
MAX_PIXELS_OF = {"WEBP": 40_000_000, "AVIF": 50_000_000, "HEIF": 50_000_000}
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM")
_SUFFIXES = "jpg jpeg jpe jfif mpo png apng webp gif bmp dib tif tiff avif heic heif hif ppm pgm pbm pnm"
SUFFIXES = frozenset("." + suffix for suffix in _SUFFIXES.split())
# MPO, several JPEGs in one file, is opened as JPEG by Pillow; its first picture counts.
READABLE = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC and PPM"

Image.preinit()
for _plugin in ("WebP", "Avif", "Tiff"):
    importlib.import_module(f"PIL.{_plugin}ImagePlugin")
register_heif_opener()
# Pillow refuses at twice this number, whatever the warning filters of the moment say; its warning is then not needed.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_STRIP = 1 << 22  # pixels converted at a time where a conversion needs several copies
_NOT_FOLLOWED = {errno.ELOOP, errno.EMLINK}


def open_picture(source: Path | bytes, *, size: int | None = None) -> Image.Image:
    """One picture as an upright RGB image with true pixels: orientation applied, transparency laid on white.

    Args:
        source: a file, or its bytes.
        size: the side in pixels it will be stretched to, where that is all it is for; a JPEG may then be decoded at a
            fraction of its size (at least twice `size` on both sides is kept).

    Raises:
        UnreadableImage: with `stage` look, header or decode.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    picture = _opened(data)
    try:
        if size and picture.format in ("JPEG", "MPO"):
            picture.draft(None, (2 * size, 2 * size))
        picture.load()
        return upright(true_colours(picture), picture)
    except Exception as error:
        raise _undecodable(error) from error


def header(data: bytes) -> tuple[int, int, str]:
    """Width and height of the upright picture in pixels, and its format, from the header alone."""
    picture = _opened(data)
    width, height = picture.size
    # Pillow turns TIFFs itself and tells their upright size; of the other formats it tells the stored size.
    turned = picture.format != "TIFF" and _orientation(picture) >= 5
    return (height, width, str(picture.format)) if turned else (width, height, str(picture.format))


def stretched(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """The picture stretched to a square, with antialiasing: (size, size, 3) uint8."""
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture, dtype=np.uint8)


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


def _unlinked(path: Path, root: Path | None) -> Path:
    if not path.is_symlink():
        return path
    if root is None:
        raise UnreadableImage("look", "link", "This is a link to another file, and links are not followed here.")
    target = path.resolve(strict=True)
    if not target.is_relative_to(root.resolve()):
        raise UnreadableImage("look", "link-outside", "This is a link to a file outside the folder.")
    return target


def _read(path: Path) -> bytes:
    _check_regular(os.lstat(path))
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        _check_regular(os.fstat(handle))
        data = file.read(MAX_BYTES + 1)
    _check_length(len(data))
    return data


def _check_regular(facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise UnreadableImage("look", "folder", "This is a folder, although it is named like a picture.")
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableImage("look", "not-a-file", "This is a pipe, a device or a socket, not a file.")
    _check_length(facts.st_size)


def _check_length(length: int) -> None:
    if length == 0:
        raise UnreadableImage("look", "empty", "The file is empty.")
    if length > MAX_BYTES:
        raise UnreadableImage("look", "too-large", f"The file is larger than {MAX_BYTES >> 20} MB.")


def _unlookable(error: OSError) -> UnreadableImage:
    if isinstance(error, FileNotFoundError):
        return UnreadableImage("look", "missing", "The file is not there.")
    if isinstance(error, PermissionError):
        return UnreadableImage("look", "no-permission", "The file may not be read: permission denied.")
    if error.errno in _NOT_FOLLOWED:
        return UnreadableImage("look", "link", "This is a link that cannot be followed.")
    return UnreadableImage("look", "input-output", f"The file cannot be read: {os.strerror(error.errno or 0)}.")


def _opened(data: bytes) -> Image.Image:
    _check_length(len(data))
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_size(picture)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        message = f"The file is not a picture in a format that is read ({READABLE}), or its beginning is damaged."
        raise UnreadableImage("header", "not-a-picture", message) from error
    except Exception as error:
        raise _undecodable(error, stage="header") from error
    return picture


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width < 1 or height < 1:
        raise UnreadableImage("header", "no-pixels", "The picture has no pixels.")
    if max(width, height) > MAX_SIDE:
        raise UnreadableImage("header", "too-many-pixels", f"A side of the picture is longer than {MAX_SIDE} pixels.")
    limit = MAX_PIXELS_OF.get(picture.format or "", MAX_PIXELS)
    if width * height > limit:
        message = f"The picture has {width}×{height} pixels; at most {limit // 1_000_000} million are read."
        raise UnreadableImage("header", "too-many-pixels", message)


def _undecodable(error: Exception, stage: str = "decode") -> UnreadableImage:
    if isinstance(error, UnreadableImage):
        return error
    if isinstance(error, MemoryError):
        return UnreadableImage(stage, "out-of-memory", "Decoding the picture needs more memory than it may use.")
    if isinstance(error, Image.DecompressionBombError):
        return UnreadableImage(stage, "too-many-pixels", "The picture has far more pixels than are read.")
    text = str(error).lower()
    if "truncated" in text or isinstance(error, EOFError | struct.error) or "not enough image data" in text:
        return UnreadableImage(stage, "truncated", "The file ends before the picture does.")
    return UnreadableImage(stage, "malformed", "The picture is damaged or uses a variant that cannot be decoded.")


def upright(picture: Image.Image, original: Image.Image) -> Image.Image:
    """The picture turned as the EXIF orientation of `original` says; an unreadable EXIF block turns nothing."""
    method = _TURNS.get(_orientation(original))
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


def true_colours(picture: Image.Image) -> Image.Image:
    """Any mode of Pillow as RGB: wide values scaled to 0…255, transparency on white, LAB through its colour profile."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode in ("1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX") and "transparency" not in picture.info:
        return picture.convert("RGB")
    convert = _lab if picture.mode == "LAB" else _Wide(picture) if _is_wide(picture) else _on_white
    result = Image.new("RGB", picture.size)
    rows = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        strip.info = picture.info
        result.paste(convert(strip), (0, top))
    return result


def _is_wide(picture: Image.Image) -> bool:
    return picture.mode.startswith("I") or picture.mode == "F"


def _on_white(strip: Image.Image) -> Image.Image:
    # A transparent palette entry or colour key becomes alpha first; premultiplied modes are undone by convert.
    colours = strip if strip.mode == "RGBA" else strip.convert("RGBA")
    white = Image.new("RGB", strip.size, "white")
    white.paste(colours.convert("RGB"), mask=colours.getchannel("A"))
    return white


def _lab(strip: Image.Image) -> Image.Image:
    # PIL's LAB is the 8-bit encoding of ICC profiles, so littlecms can take it to sRGB directly.
    return ImageCms.profileToProfile(
        strip, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    ) or strip.convert("RGB")


class _Wide:
    """Scale 16-bit, 32-bit and float values to 0…255: by the range the file declares, else by the range it uses."""

    def __init__(self, picture: Image.Image) -> None:
        self.low, self.high = _declared(picture) or _used(picture)
        self.inverted = _white_is_zero(picture)

    def __call__(self, strip: Image.Image) -> Image.Image:
        values = np.nan_to_num(np.asarray(strip).astype(np.float32), nan=self.low, posinf=self.high, neginf=self.low)
        scaled = (values - self.low) * np.float32(255.0 / ((self.high - self.low) or 1.0))
        grey = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
        return Image.fromarray(255 - grey if self.inverted else grey).convert("RGB")


def _declared(picture: Image.Image) -> tuple[float, float] | None:
    if picture.mode.startswith("I;16"):
        bits = _tag(picture, 258, 16)
        return (0.0, float(2**bits - 1)) if 8 < bits < 16 else (0.0, 65535.0)
    if picture.mode == "I" and picture.format in ("PPM", "PNG"):
        return (0.0, 65535.0)
    return None


def _used(picture: Image.Image) -> tuple[float, float]:
    low, high = _finite_extrema(picture)
    if low < 0:
        return low, high
    full = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0, 4294967295.0)
    return 0.0, next((value for value in full if high <= value), high)


def _finite_extrema(picture: Image.Image) -> tuple[float, float]:
    rows = max(1, _STRIP // picture.width)
    low, high = np.inf, -np.inf
    for top in range(0, picture.height, rows):
        values = np.asarray(picture.crop((0, top, picture.width, min(top + rows, picture.height))))
        values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else (0.0, 1.0)


def _white_is_zero(picture: Image.Image) -> bool:
    return picture.format == "TIFF" and picture.mode.startswith("I;16") and _tag(picture, 262, 1) == 0


def _tag(picture: Image.Image, number: int, default: int) -> int:
    tags = getattr(picture, "tag_v2", None)
    value = tags.get(number, default) if tags is not None else default
    return int(value[0] if isinstance(value, tuple) else value)
