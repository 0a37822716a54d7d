"""The tasks of worker processes: reading and decoding files. A light module, as every worker imports it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.facts.exif import Exif, exif_of, exif_table
from engine.collections.facts.xmp import Sidecar, embedded
from engine.collections.reading.regular_files import content_and_facts, modified_ns, read_bytes
from engine.collections.reading.safely import (
    decoded_differently,
    header,
    header_and_picture,
    is_shown_as_stored,
    open_picture,
    stretched,
)
from engine.core.errors import UnreadableImage

T = TypeVar("T")

THUMBNAIL_SIDE = 256

Crop = tuple[float, float, float, float]  # left, top, right, bottom as shares of width and height


@dataclass(frozen=True)
class FileRef:
    """A file to read: where it is, the folder its links may not leave ("": no links), and the hash it must have."""

    location: str
    root: str = ""
    hash: str = ""


@dataclass(frozen=True)
class Seen:
    """The facts of a usable picture: hash, upright size in pixels, bytes, time, thumbnail, EXIF, and embedded marks."""

    hash: str
    width: int
    height: int
    size: int
    mtime_ns: int
    format: str
    thumbnail: bytes
    exif: Exif
    marks: Sidecar


@dataclass(frozen=True)
class Failure:
    """Why a file cannot be used: the stage (look, header, decode, worker, archive, table), a short code, a sentence."""

    stage: str
    code: str
    message: str


def look(files: list[FileRef]) -> list[Seen | Failure]:
    """Read and decode each file; its facts and thumbnail, or the reason of the failure."""
    return [_guarded(_look, file) for file in files]


def decode(files: list[FileRef], size: int) -> list[NDArray[np.uint8] | Failure]:
    """Decode each file to (size, size, 3) uint8, or the reason of the failure, as for one whose hash has changed."""
    return [_guarded(_decode, file, size) for file in files]


def differs(files: list[FileRef]) -> list[bool | Failure]:
    """Whether the first version of the reader may have decoded each file differently, or why that is unknown."""
    return [_guarded(_differs, file) for file in files]


def decode_bytes(pictures: list[bytes], size: int, crop: Crop | None) -> list[NDArray[np.uint8] | Failure]:
    """As `decode`, for pictures in memory, whole or cropped: uploads, pasted pictures and queries."""
    return [_guarded(_decode_bytes, data, size, crop) for data in pictures]


def whole(pictures: list[bytes], side: int, crop: Crop | None) -> list[NDArray[np.uint8] | Failure]:
    """Each picture in memory, or a part of it, upright, with at most `side` pixels a side: (h, w, 3) uint8."""
    return [_guarded(_whole, data, side, crop) for data in pictures]


def whole_files(files: list[FileRef], side: int) -> list[NDArray[np.uint8] | Failure]:
    """As `whole`, for files; also the reason of the failure of one whose hash has changed."""
    return [_guarded(lambda file: _whole(_unchanged(file), side, None), file) for file in files]


def preview(pictures: list[bytes], side: int) -> list[bytes | Failure]:
    """Each picture in memory as an upright WebP of at most `side` pixels."""
    return [_guarded(lambda data: _thumbnail(open_picture(data, size=side), side), data) for data in pictures]


def shown(pictures: list[bytes], side: int | None) -> list[bytes | Failure]:
    """Each picture in memory as an upright JPEG of at most `side` pixels, None for its own size.

    A JPEG that every browser shows as it is stays as it is.
    """
    return [_guarded(_shown, data, side) for data in pictures]


def read_exif(files: list[FileRef]) -> list[Exif | Failure]:
    """The EXIF of each file, or why it cannot be read."""
    return [_guarded(lambda file: exif_of(read_bytes(Path(file.location), _root(file))), file) for file in files]


def exif_tables(pictures: list[bytes]) -> list[list[tuple[str, str]] | Failure]:
    """Every EXIF tag of each picture in memory, as (name, value)."""
    return [_guarded(exif_table, data) for data in pictures]


def _guarded(function: Callable[..., T], *arguments: Any) -> T | Failure:
    try:
        return function(*arguments)
    except UnreadableImage as error:
        return Failure(error.stage, error.code, error.message)
    except MemoryError:
        return Failure("decode", "out-of-memory", "Reading the picture needs more memory than it may use.")


def _look(file: FileRef) -> Seen:
    data, facts = content_and_facts(Path(file.location), _root(file))
    (width, height, format), picture = header_and_picture(data, THUMBNAIL_SIDE)
    thumbnail = _thumbnail(picture)
    digest = hashlib.sha256(data).hexdigest()
    return Seen(digest, width, height, len(data), modified_ns(facts), format, thumbnail, exif_of(data), embedded(data))


def _differs(file: FileRef) -> bool:
    return decoded_differently(read_bytes(Path(file.location), _root(file)))


def _root(file: FileRef) -> Path | None:
    return Path(file.root) if file.root else None


def _decode(file: FileRef, size: int) -> NDArray[np.uint8]:
    return stretched(open_picture(_unchanged(file), size=size), size)


def _unchanged(file: FileRef) -> bytes:
    data = read_bytes(Path(file.location), _root(file))
    if file.hash and hashlib.sha256(data).hexdigest() != file.hash:
        raise UnreadableImage("look", "changed", "The file has changed since it was imported.")
    return data


def _decode_bytes(data: bytes, size: int, crop: Crop | None) -> NDArray[np.uint8]:
    if crop is None:
        return stretched(open_picture(data, size=size), size)
    return stretched(_part(open_picture(data), crop), size)


def _whole(data: bytes, side: int, crop: Crop | None) -> NDArray[np.uint8]:
    picture = open_picture(data, size=-(-side // 2)) if crop is None else _part(open_picture(data), crop)
    picture.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture.convert("RGB"), dtype=np.uint8)


def _part(picture: Image.Image, crop: Crop) -> Image.Image:
    left, top, right, bottom = (round(share * side) for share, side in zip(crop, picture.size * 2, strict=True))
    left, top = min(left, picture.width - 1), min(top, picture.height - 1)
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _shown(data: bytes, side: int | None) -> bytes:
    width, height, _ = header(data)
    if (side is None or side >= max(width, height)) and is_shown_as_stored(data):
        return data
    # A JPEG may be decoded at a fraction of its size as long as the shorter side keeps all the pixels that are shown.
    shorter = None if side is None else -(-side * min(width, height) // max(width, height))
    picture = open_picture(data, size=None if shorter is None else -(-shorter // 2))
    if side is not None:
        picture.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def _thumbnail(picture: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    picture.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=82, method=1)
    return out.getvalue()
