"""JPEG: every row of pixels is shown, however the file ends; a picture that lacks some is refused."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.collections.reading import jpeg
from engine.collections.reading.safely import header, open_picture
from engine.core.errors import UnreadableImage

KINDS = {
    "baseline": {"subsampling": 0},
    "subsampled": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "grey": {},
}


def jpeg_of(kind: str, size: tuple[int, int] = (70, 50)) -> bytes:
    coarse = np.random.default_rng(3).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    out = io.BytesIO()
    picture.convert("L" if kind == "grey" else "RGB").save(out, "JPEG", quality=90, **KINDS[kind])
    return out.getvalue()


JPEGS = {kind: jpeg_of(kind) for kind in KINDS}
WHOLE = {kind: np.asarray(open_picture(data)) for kind, data in JPEGS.items()}


def is_whole(kind: str, data: bytes) -> bool:
    return header(data) == (70, 50, "JPEG") and np.array_equal(np.asarray(open_picture(data)), WHOLE[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "trailer",
    [
        b"",
        b"\xff",
        b"\xff\xff",
        b"SEFT panorama" * 900,
        b"\xff\x01\xff\xe5trailer",
        b"\xff\xc0\0\x11\x08\0\x10\0\x10\x03",
    ],
)
def test_without_an_end_mark(kind, trailer):
    assert is_whole(kind, JPEGS[kind].removesuffix(jpeg.END) + trailer)


@settings(deadline=None)
@given(st.sampled_from(list(KINDS)), st.binary(max_size=200))
def test_anything_may_follow_the_end_mark(kind, trailer):
    assert is_whole(kind, JPEGS[kind] + trailer)


@pytest.mark.parametrize("kind", KINDS)
def test_foreign_bytes_between_the_parts(kind):
    data = JPEGS[kind]
    place = 4 + int.from_bytes(data[4:6], "big")
    assert data[place] == 0xFF
    for junk in (b"\0" * 20, b"some words", b"\xff\xe1\0\x08Exif\0\0", b"\xff\xe2\0\x10ICC_PROFILE\0\1\1"):
        assert is_whole(kind, data[:place] + junk + data[place:])


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_pixels_are_refused(kind):
    data = JPEGS[kind].removesuffix(jpeg.END)
    scan = data.rindex(b"\xff\xda")
    for length in range(scan + 20, len(data) - 2, 5):
        with pytest.raises(UnreadableImage):
            open_picture(data[:length])


def test_missing_passes_are_refused():
    data = JPEGS["progressive"]
    scans = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 3
    with pytest.raises(UnreadableImage):
        open_picture(data[: scans[-1]])


def test_orientation_is_kept_without_an_end_mark():
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(out, "JPEG", exif=exif)
    assert header(out.getvalue()[:-2]) == (20, 40, "JPEG")
    assert open_picture(out.getvalue()[:-2]).size == (20, 40)


def test_what_is_not_read_is_named():
    data = JPEGS["baseline"]
    place = data.index(b"\xff\xc0")
    for marker, bits, words in [(0xC1, 12, "a JPEG of 12 bits"), (0xC3, 16, "a lossless JPEG of 16 bits")]:
        other = data[:place] + bytes([0xFF, marker]) + data[place + 2 : place + 4] + bytes([bits]) + data[place + 5 :]
        with pytest.raises(UnreadableImage, match=f"This is {words}, which is not read."):
            open_picture(other)


def test_a_panorama():
    out = io.BytesIO()
    Image.new("RGB", (20_000, 60), (90, 140, 200)).save(out, "JPEG")
    data = out.getvalue().removesuffix(jpeg.END) + b"\xff\xe5trailer of a phone"
    assert header(data)[:2] == (20_000, 60)
    assert open_picture(data, size=224).getpixel((9_000, 30)) == pytest.approx((90, 140, 200), abs=2)


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_program_shows_alike_is_plain(kind: str) -> None:
    data = JPEGS[kind]
    assert jpeg.is_plain(data)
    of_12_bits = data.replace(b"\x08\x00\x32\x00\x46", b"\x0c\x00\x32\x00\x46")
    for other in (data[:-2], data + b"trailer", data[:40], b"", of_12_bits):
        assert not jpeg.is_plain(other)
    if kind not in ("progressive", "grey"):
        assert not jpeg.is_plain(data.replace(b"\xff\xc0", b"\xff\xc9", 1)), "arithmetic coding"


def test_colours_for_print_are_not_plain() -> None:
    out = io.BytesIO()
    Image.new("CMYK", (9, 9)).save(out, "JPEG")
    assert not jpeg.is_plain(out.getvalue())


@pytest.mark.parametrize("kind", ["baseline", "subsampled", "restarts", "grey"])
def test_an_end_mark_does_not_hide_missing_rows(kind):
    data = JPEGS[kind].removesuffix(jpeg.END)
    scan = data.rindex(b"\xff\xda")
    for length in range(scan + 40, scan + (len(data) - scan) * 4 // 5, 29):
        with pytest.raises(UnreadableImage, match="ends before the picture does"):
            open_picture(data[:length] + jpeg.END)


def test_an_end_mark_does_not_hide_a_first_pass_that_is_cut_off():
    data = JPEGS["progressive"]
    scan = data.index(b"\xff\xda")
    with pytest.raises(UnreadableImage, match="ends before the picture does"):
        open_picture(data[: scan + 40] + jpeg.END)


def test_a_height_beyond_the_rows_that_are_there():
    taller = JPEGS["baseline"].replace(b"\x08\x00\x32\x00\x46", b"\x08\x20\x32\x00\x46", 1)
    with pytest.raises(UnreadableImage, match="ends before the picture does"):
        open_picture(taller)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [None, 8])
def test_a_picture_that_ends_in_mid_grey_is_whole(kind, size):
    grey = Image.new("L" if kind == "grey" else "RGB", (70, 50), 128 if kind == "grey" else (128, 128, 128))
    grey.paste(30, (0, 0, 20, 20)) if kind == "grey" else grey.paste((200, 40, 30), (0, 0, 20, 20))
    out = io.BytesIO()
    grey.save(out, "JPEG", quality=90, **KINDS[kind])
    assert open_picture(out.getvalue(), size=size).getpixel((0, 0))[1] < 60


def test_a_jpeg_ls_is_named():
    data = b"\xff\xd8\xff\xf7\0\x0b\x08\0\x30\0\x40\x01\x01\x11\0" + bytes(50)
    with pytest.raises(UnreadableImage, match="This is a JPEG-LS of 8 bits, which is not read"):
        open_picture(data)
