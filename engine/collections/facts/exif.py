"""EXIF: when, where and with which camera a picture was taken, and the whole table for display.

The tags are those of Exif 2.32 (CIPA DC-008). A damaged block loses its values, never the picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags

from engine.collections.reading.safely import of_any_format

_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_LONGEST = 200  # characters of a value
_HIDDEN = {"ExifOffset", "GPSInfo", "MakerNote", "UserComment", "ExifInteroperabilityOffset", "PrintImageMatching"}


@dataclass(frozen=True)
class Exif:
    """What a camera recorded.

    Attributes:
        taken: local time as YYYY-MM-DDTHH:MM:SS, "" if unknown.
        camera, lens: as one name each, "" if unknown.
        latitude, longitude: in degrees, north and east positive; None if unknown.
        orientation: 1 to 8, of the stored pixels; 1 is upright.
    """

    taken: str = ""
    camera: str = ""
    lens: str = ""
    latitude: float | None = None
    longitude: float | None = None
    orientation: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The known values, for JSON."""
        return {name: value for name, value in vars(self).items() if value != getattr(_NONE, name)}


_NONE = Exif()


def exif_of(data: bytes) -> Exif:
    """The EXIF of a picture's file; empty values for what is missing or damaged."""
    try:
        main, detail, place = _blocks(data)
    except Exception:  # whatever a decoder raises for a damaged block
        return _NONE
    dates = (detail.get(ExifTags.Base.DateTimeOriginal), detail.get(ExifTags.Base.DateTimeDigitized))
    orientation = main.get(ExifTags.Base.Orientation, 1)
    latitude = _degrees(place, ExifTags.GPS.GPSLatitude, "S", 90)
    longitude = _degrees(place, ExifTags.GPS.GPSLongitude, "W", 180)
    located = latitude is not None and longitude is not None
    return Exif(
        taken=next(filter(None, map(_date, (*dates, main.get(ExifTags.Base.DateTime)))), ""),
        camera=_camera(_text(main.get(ExifTags.Base.Make)), _text(main.get(ExifTags.Base.Model))),
        lens=_text(detail.get(ExifTags.Base.LensModel)),
        latitude=latitude if located else None,
        longitude=longitude if located else None,
        orientation=orientation if orientation in range(1, 9) else 1,
    )


def exif_table(data: bytes) -> list[tuple[str, str]]:
    """Every readable tag of a picture's file as (name, value), in the order of the file; [] if there are none."""
    try:
        main, detail, place = _blocks(data)
    except Exception:
        return []
    named = ((main, ExifTags.TAGS), (detail, ExifTags.TAGS), (place, ExifTags.GPSTAGS))
    return [pair for block, names in named for pair in _readable(block, names)]


def _blocks(data: bytes) -> tuple[Mapping[int, Any], Mapping[int, Any], Mapping[int, Any]]:
    """The main block, that of the exposure and that of the place."""
    picture = of_any_format(data)
    if picture.format == "PNG" and "exif" not in picture.info:
        return {}, {}, {}  # Pillow would decode all its pixels to look for a late block
    found = picture.getexif()
    return found, found.get_ifd(ExifTags.IFD.Exif), found.get_ifd(ExifTags.IFD.GPSInfo)


def _date(value: object) -> str:
    found = _DATE.match(_text(value))
    try:
        return datetime(*map(int, found.groups())).isoformat() if found else ""  # type: ignore[arg-type]
    except ValueError:
        return ""


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return " ".join(str(value).replace("\0", " ").split())[:_LONGEST] if value is not None else ""


def _camera(make: str, model: str) -> str:
    """Both in one name; most models repeat the make.

    >>> _camera("Canon", "Canon EOS R5"), _camera("FUJIFILM", "X-T4")
    ('Canon EOS R5', 'FUJIFILM X-T4')
    """
    repeated = make and model.lower().startswith(make.split()[0].lower())
    return model if repeated else f"{make} {model}".strip()


def _degrees(place: Mapping[int, Any], tag: int, negative: str, most: int) -> float | None:
    """Degrees, minutes and seconds as degrees; the tag before holds the direction."""
    try:
        degrees, minutes, seconds = (float(part) for part in place[tag])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return round(-value if _text(place.get(tag - 1)).upper().startswith(negative) else value, 6)


def _readable(block: Mapping[int, Any], names: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    for tag, value in block.items():
        name = names.get(tag, "")
        if name and name not in _HIDDEN and (shown := _shown(value)):
            yield name, shown


def _shown(value: object) -> str:
    if isinstance(value, bytes) and not value.strip(b"\0").isascii():
        return f"{len(value)} bytes"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))[:_LONGEST]
    text = _text(value)
    return f"{float(text):g}" if re.fullmatch(r"-?\d+\.\d{4,}", text) else text
