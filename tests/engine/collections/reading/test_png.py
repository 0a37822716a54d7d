"""PNG: whole pixels are shown whatever the other chunks are like, and damaged ones are not."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.collections.reading import png
from engine.collections.reading.safely import header, open_picture
from engine.core.errors import UnreadableImage

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
ROWS = b"".join(b"\0" + row.tobytes() for row in PIXELS)
HEAD = struct.pack(">IIBBBBB", 16, 12, 8, 2, 0, 0, 0)


def chunk(kind: bytes, body: bytes, flaw: int = 0) -> bytes:
    checksum = zlib.crc32(kind + body) ^ flaw
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", checksum)


def png_of(before: bytes = b"", after: bytes = b"", pixels: bytes | None = None, end: bytes | None = None) -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(ROWS)) if pixels is None else pixels
    end = chunk(b"IEND", b"") if end is None else end
    return png.SIGNATURE + chunk(b"IHDR", HEAD) + before + pixels + after + end


def shown(data: bytes) -> np.ndarray:
    assert header(data) == (16, 12, "PNG")
    return np.asarray(open_picture(data))


_KINDS = b"iCCP tEXt zTXt iTXt eXIf pHYs tIME sRGB gAMA cHRM cICP acTL fdAT abCd"
KINDS = _KINDS.split()
bodies = st.binary(max_size=60) | st.binary(max_size=20).map(lambda text: b"name\0\0" + zlib.compress(text))
odd_chunks = st.builds(chunk, st.sampled_from(KINDS), bodies, st.integers(0, 2**32 - 1))


@settings(deadline=None)
@given(st.lists(odd_chunks, max_size=3).map(b"".join), st.lists(odd_chunks, max_size=3).map(b"".join))
def test_other_chunks_never_cost_the_picture(before, after):
    found = shown(png_of(before, after))
    assert found.shape == PIXELS.shape


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.binary(max_size=60), st.booleans())
def test_chunks_with_a_wrong_checksum_change_no_pixel(kind, body, before):
    damaged = chunk(kind, body, flaw=1)
    assert np.array_equal(shown(png_of(before=damaged) if before else png_of(after=damaged)), PIXELS)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP", b"tEXt"])
@pytest.mark.parametrize("before", [True, False])
def test_large_texts_and_profiles(kind, before):
    large = bytes(3 << 20)
    body = {
        b"tEXt": b"Comment\0" + large.replace(b"\0", b"x"),
        b"iTXt": b"Comment\0\1\0\0\0" + zlib.compress(large),
    }.get(kind, b"Comment\0\0" + zlib.compress(large))
    added = chunk(kind, body)
    assert np.array_equal(shown(png_of(before=added) if before else png_of(after=added)), PIXELS)


@settings(deadline=None)
@given(st.integers(0, 12), st.binary(max_size=40))
def test_the_end_may_be_cut_off_or_followed(length, trailer):
    assert np.array_equal(shown(png_of(end=chunk(b"IEND", b"")[:length])), PIXELS)
    assert np.array_equal(shown(png_of() + trailer), PIXELS)


def test_a_wrong_checksum_over_whole_pixels():
    packed = zlib.compress(ROWS)
    pieces = chunk(b"IDAT", packed[:100], flaw=7) + chunk(b"IDAT", packed[100:])
    assert np.array_equal(shown(png_of(pixels=pieces)), PIXELS)


@pytest.mark.parametrize("level", [0, 254, 255])
def test_rows_are_counted_only_where_some_may_be_missing(monkeypatch, level):
    counted = []
    monkeypatch.setattr(png, "holds_all_rows", lambda data: bool(counted.append(1)) or True)
    out = io.BytesIO()
    Image.new("RGB", (9, 9), (level, level, level)).save(out, "PNG")
    assert open_picture(out.getvalue()).getpixel((8, 8)) == (level, level, level)
    assert not counted


@settings(deadline=None)
@given(st.data())
def test_damaged_pixels_are_refused_or_whole(data):
    """A few bits of a stream mean nothing: without them the pixels are whole, and so is their own checksum."""
    packed = bytearray(zlib.compress(ROWS))
    packed[data.draw(st.integers(2, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    checksum = zlib.crc32(b"IDAT" + zlib.compress(ROWS))
    pixels = struct.pack(">I4s", len(packed), b"IDAT") + packed + struct.pack(">I", checksum)
    try:
        found = np.asarray(open_picture(png_of(pixels=pixels)))
    except UnreadableImage:
        return
    assert np.array_equal(found, PIXELS)


@pytest.mark.parametrize("place", [10, 300, -1])
def test_damaged_pixels_are_refused(place):
    packed = bytearray(zlib.compress(ROWS))
    packed[place] ^= 16
    pixels = struct.pack(">I4s", len(packed), b"IDAT") + packed + bytes(4)
    with pytest.raises(UnreadableImage):
        open_picture(png_of(pixels=pixels))


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_missing_pixels_are_refused(kept):
    packed = zlib.compress(ROWS)
    whole = png_of(pixels=chunk(b"IDAT", packed[: int(kept * len(packed))]))
    for data in (whole, whole[:-16]):
        with pytest.raises(UnreadableImage):
            open_picture(data)


def test_orientation_is_kept_beside_a_damaged_text():
    exif = Image.Exif()
    exif[0x0112] = 6
    before = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + chunk(b"zTXt", b"a\0\0" + bytes(9))
    data = png_of(before)
    assert header(data) == (12, 16, "PNG")
    assert np.array_equal(np.asarray(open_picture(data)), np.rot90(PIXELS, -1))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_twelve_bits_that_stand_unscaled_in_sixteen(channels):
    wide = np.random.default_rng(1).integers(0, 4096, (12, 16, channels)).astype(">u2")
    wide[0, 0], wide[0, 1] = 0, 4095
    wide[..., 3:] = 65535
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    head = struct.pack(">IIBBBBB", 16, 12, 16, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    data = png.SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    found = np.asarray(open_picture(data)).astype(int)
    assert np.abs(found - np.rint(wide[..., :3].astype(float) / 4095 * 255)).max() <= 1


def test_a_wrong_sum_behind_whole_pixels():
    packed = zlib.compress(ROWS)
    for pixels in (packed[:-4] + b"abcd", packed[:-4] + bytes(4)):
        assert np.array_equal(shown(png_of(pixels=chunk(b"IDAT", pixels))), PIXELS)
    damaged = png_of(pixels=chunk(b"IDAT", packed[:-4] + b"abcd", flaw=1))
    with pytest.raises(UnreadableImage):
        open_picture(damaged)


@pytest.mark.parametrize("rows", [0, 1, 6, 11])
@pytest.mark.parametrize("passes", [0, 1])
def test_missing_rows_are_not_shown_black(rows, passes):
    head = chunk(b"IHDR", HEAD[:-1] + bytes([passes]))
    pixels = chunk(b"IDAT", zlib.compress(bytes(rows * 49)))
    with pytest.raises(UnreadableImage, match="ends before"):
        open_picture(png.SIGNATURE + head + pixels + chunk(b"IEND", b""))


LEVELS = {"1": (0, 255), "I;16": (0, png._FILLING * 257)}


@settings(deadline=None)
@given(
    st.sampled_from(["1", "L", "P", "LA", "RGB", "RGBA", "I;16"]),
    st.booleans(),
    st.integers(1, 19),
    st.integers(1, 19),
)
def test_a_whole_picture_that_ends_black_or_as_it_was_filled_has_all_rows(mode, filled, width, height):
    out, bands = io.BytesIO(), Image.new(mode, (1, 1)).getbands()
    level = LEVELS.get(mode, (0, png._FILLING))[filled]
    Image.new(mode, (width, height), level if len(bands) == 1 else (level,) * len(bands)).save(out, "PNG")
    assert png.holds_all_rows(out.getvalue())
    assert open_picture(out.getvalue()).size == (width, height)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (5, 2), (9, 17)])
def test_the_passes_of_interlaced_pictures_add_up(size):
    width, height = size
    count = sum(
        len(range(left, width, right)) * len(range(top, height, down)) for left, top, right, down in png._PASSES
    )
    assert count == width * height


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_grey_that_is_transparent_has_as_many_bits_as_the_pixels(bits):
    levels = (np.arange(16) % (1 << bits)).astype(np.uint8)[None]
    packed = np.packbits(np.unpackbits(levels[..., None], axis=2)[..., 8 - bits :].reshape(-1))
    for key in range(min(1 << bits, 16)):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 1, bits, 0, 0, 0, 0))
        parts = (head, chunk(b"tRNS", struct.pack(">H", key)), chunk(b"IDAT", zlib.compress(b"\0" + packed.tobytes())))
        found = np.asarray(open_picture(png.SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")))[0, :, 0]
        scaled = levels[0].astype(int) * 255 // ((1 << bits) - 1)
        seen = scaled[levels[0] != key]
        ground = 128 if len(seen) and seen.mean() >= 224 else 255
        assert found.tolist() == np.where(levels[0] == key, ground, scaled).tolist()
