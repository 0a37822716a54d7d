"""What is read of EXIF: known values, and nothing but empty ones of damaged blocks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from engine.collections.facts.exif import Exif, exif_of, exif_table

IFD, BASE, GPS = ExifTags.IFD, ExifTags.Base, ExifTags.GPS


def photograph(
    format: str = "JPEG", date: str = "2024:05:01 12:30:07", orientation: int = 6, south: bool = True
) -> bytes:
    pixels = np.zeros((12, 20, 3), np.uint8)
    block = Image.Exif()
    block[BASE.Make], block[BASE.Model], block[BASE.Orientation] = "Canon", "Canon EOS R5", 6
    block.get_ifd(IFD.Exif)[BASE.DateTimeOriginal] = date
    block.get_ifd(IFD.Exif)[BASE.LensModel] = "RF50mm F1.2"
    place = block.get_ifd(IFD.GPSInfo)
    place[GPS.GPSLatitudeRef], place[GPS.GPSLatitude] = "S", (33.0, 51.0, 54.0)
    place[GPS.GPSLongitudeRef], place[GPS.GPSLongitude] = "E", (151.0, 12.0, 36.0)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, exif=block)
    return out.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_date_camera_lens_and_place_are_read(format: str) -> None:
    found = exif_of(photograph(format))
    assert (found.taken, found.camera, found.lens) == ("2024-05-01T12:30:07", "Canon EOS R5", "RF50mm F1.2")
    assert (found.latitude, found.longitude) == (pytest.approx(-33.865), pytest.approx(151.21))
    assert found.orientation == 6
    table = dict(exif_table(photograph(format)))
    assert (table["Model"], table["LensModel"], table["GPSLatitudeRef"]) == ("Canon EOS R5", "RF50mm F1.2", "S")


@pytest.mark.parametrize("format", ["JPEG", "HEIF"])
def test_the_size_of_a_picture_costs_no_date(monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    data = photograph(format)
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 40)
    assert exif_of(data).taken == "2024-05-01T12:30:07"


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "2024:13:01 00:00:00", "yesterday", ""])
def test_a_date_that_is_none_counts_as_unknown(date: str) -> None:
    assert exif_of(photograph(date=date)).taken == ""


def test_a_file_without_exif_and_no_picture_at_all_have_empty_values() -> None:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    assert exif_of(out.getvalue()) == exif_of(b"no picture") == Exif()
    assert exif_table(out.getvalue()) == exif_table(b"no picture") == []


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged blocks
@given(st.integers(0, 400), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_no_damage_makes_reading_fail(place: int, value: int) -> None:
    data = bytearray(photograph())
    data[min(place, len(data) - 1)] = value
    found = exif_of(bytes(data))
    assert 1 <= found.orientation <= 8
    assert (found.latitude is None) == (found.longitude is None)
    exif_table(bytes(data))


def test_only_known_values_are_written_and_all_come_back() -> None:
    found = exif_of(photograph())
    assert Exif(**found.as_dict()) == found
    assert Exif().as_dict() == {}
