"""TIFF as instruments write it, against the arrays that tifffile wrote: the range that is used, or a sentence."""

import io
import zlib
from itertools import pairwise

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.collections.reading import tiff
from engine.collections.reading.safely import header, open_picture
from engine.core.errors import UnreadableImage

TYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]


def tiff_of(values: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


def ramp(dtype: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    values = np.linspace(low, high, int(np.prod(shape))).reshape(shape)
    return values.astype(dtype) if dtype.startswith("f") else np.rint(values).astype(dtype)


def naive(values: np.ndarray, low: float, high: float) -> np.ndarray:
    scaled = (values.astype(np.float64) - low) / (high - low) * 255
    return np.clip(np.rint(scaled), 0, 255).astype(int)


@settings(max_examples=150, deadline=None)
@given(
    dtype=st.sampled_from(TYPES),
    order=st.sampled_from("<>"),
    bands=st.sampled_from([1, 3, 4, 7]),
    planes=st.booleans(),
    tile=st.sampled_from([None, (16, 32)]),
    rows=st.sampled_from([None, 1, 5]),
    packed=st.booleans(),
    predictor=st.booleans(),
    big=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_samples_are_those_that_were_written(dtype, order, bands, planes, tile, rows, packed, predictor, big, seed):
    bits = np.random.default_rng(seed).integers(0, 256, (bands, 20, 37, np.dtype(dtype).itemsize), dtype=np.uint8)
    values = bits.view(np.dtype(dtype).newbyteorder(order))[..., 0]
    planes = planes and bands > 1
    options: dict[str, object] = {"photometric": "minisblack", "bigtiff": big, "byteorder": order}
    if bands > 1:
        options["planarconfig"] = "separate" if planes else "contig"
    if packed:
        options |= {"compression": "zlib", "predictor": predictor and dtype[0] != "f" and dtype[1] != "8"}
    options |= {"tile": tile} if tile else {"rowsperstrip": rows} if rows else {}
    written = values if planes else np.moveaxis(values, 0, -1)
    data = tiff_of(written[0] if planes and bands == 1 else written[..., 0] if bands == 1 else written, **options)
    layout = tiff.layout(data)
    assert layout is not None
    assert (layout.width, layout.height, layout.bands) == (37, 20, bands)
    found = tiff.samples(data, layout)
    colours = 3 if bands >= 3 else 1
    assert found.shape == (20, 37, colours)
    expected = np.moveaxis(values[:colours], 0, -1)
    assert found.astype(expected.dtype).tobytes() == np.ascontiguousarray(expected).tobytes()
    assert open_picture(data).size == (37, 20)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd"])
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint16"])
def test_compressions(compression, dtype):
    values = ramp(dtype, (40, 30), 0, 50_000)
    out = io.BytesIO()
    Image.fromarray(values).save(out, "TIFF", compression=compression)
    found = np.asarray(open_picture(out.getvalue()))[..., 0].astype(int)
    high = 65535 if dtype != "float32" else 65535.0
    assert np.abs(found - naive(values, 0, high)).max() <= 1


@pytest.mark.parametrize("bits", [32, 64])
def test_the_predictor_of_floats(bits):
    """Differences of bytes, the highest bytes of a row's samples first, written out one after the other."""
    values = ramp(f"f{bits // 8}", (20, 30), -3, 8)
    rows = []
    for row in values:
        apart = row.astype(row.dtype.newbyteorder(">")).view(np.uint8).reshape(30, -1).T.ravel().tolist()
        rows.append(bytes([apart[0]] + [(b - a) % 256 for a, b in pairwise(apart)]))
    data = bytearray(tiff_of(values, compression="zlib", predictor=False, rowsperstrip=20))
    plain = tiff.layout(bytes(data))
    assert plain is not None
    packed = zlib.compress(b"".join(rows))
    tags = plain.tags | {273: (len(data),), 279: (len(packed),), 317: 3}
    layout = tiff.Layout(**{**vars(plain), "tags": tags})
    assert np.array_equal(tiff.samples(bytes(data) + packed, layout)[..., 0], values)


@pytest.mark.parametrize(
    ("dtype", "used", "shown"),
    [
        ("u2", (0, 65535), (0, 65535)),
        ("u2", (0, 4095), (0, 4095)),
        ("u2", (100, 1000), (0, 1023)),
        ("u2", (0, 20000), (0, 65535)),
        ("u2", (29000, 30500), (29000, 30500)),
        ("u4", (0, 100_000), (0, 100_000)),
        ("u4", (0, 2**32 - 1), (0, 2**32 - 1)),
        ("i4", (0, 250), (0, 255)),
        ("i4", (-1000, 70_000), (-1000, 70_000)),
        ("i2", (-1024, 3071), (-1024, 3071)),
        ("i1", (-128, 127), (-128, 127)),
        ("f4", (0, 1), (0, 1)),
        ("f4", (0, 0.8), (0, 1)),
        ("f4", (0, 1000), (0, 1000)),
        ("f4", (-0.2, 0.9), (-0.2, 0.9)),
        ("f8", (1200, 1350), (1200, 1350)),
        ("f4", (0, 0.001), (0, 0.001)),
        ("f2", (0, 255), (0, 255)),
    ],
)
def test_the_range_that_is_used(dtype, used, shown):
    values = ramp(dtype, (20, 30), *used)
    found = np.asarray(open_picture(tiff_of(values)))
    assert np.abs(found[..., 0].astype(int) - naive(values, *shown)).max() <= 1
    assert np.array_equal(found[..., 0], found[..., 2])


@settings(deadline=None)
@given(st.sampled_from(TYPES), st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_larger_values_are_never_darker(dtype, numbers):
    info = None if dtype.startswith("f") else np.iinfo(dtype)
    low, high = (-6e4, 6e4) if info is None else (float(info.min) / 2, float(info.max) / 2)
    values = np.clip(np.array(numbers), low, high).astype(dtype)[None]
    found = np.asarray(open_picture(tiff_of(values, photometric="minisblack")))[0, :, 0]
    order = np.argsort(values[0], kind="stable")
    assert (np.diff(found[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf, -3.4028234663852886e38])
def test_what_is_no_number_is_black_and_spoils_nothing(nothing):
    values = ramp("f4", (20, 30), 300, 900)
    values[0, 0] = nothing
    found = np.asarray(open_picture(tiff_of(values)))[..., 0].astype(int)
    assert found[0, 0] == 0
    assert np.abs(found - naive(np.nan_to_num(values, nan=0, posinf=0, neginf=0), values[0, 1], 900))[1:].max() <= 1


def test_what_stands_for_no_value():
    values = ramp("i2", (20, 30), 500, 1500)
    values[5, 5] = -9999
    found = np.asarray(open_picture(tiff_of(values, extratags=[(42113, "s", 0, "-9999", True)])))[..., 0]
    assert (found[5, 5], found[-1, -1]) == (0, 255)
    assert 120 <= found[10, 0] <= 135


def test_nothing_but_nothing():
    assert not np.asarray(open_picture(tiff_of(np.full((4, 5), np.nan, np.float32)))).any()


def test_opacity_of_sixteen_bits():
    values = np.zeros((4, 5, 4), np.uint16)
    values[..., 0], values[:2, :, 3] = 65535, 65535
    found = np.asarray(open_picture(tiff_of(values, photometric="rgb", extrasamples=["unassalpha"])))
    assert found[0, 0].tolist() == [255, 0, 0]
    assert found[3, 0].tolist() == [255, 255, 255]


def test_white_is_zero():
    values = ramp("u2", (20, 30), 0, 65535)
    found = np.asarray(open_picture(tiff_of(values, photometric="miniswhite")))[..., 0].astype(int)
    assert np.abs(found - (255 - naive(values, 0, 65535))).max() <= 1


def test_twelve_packed_bits():
    values = np.array([[0, 1, 2048], [4095, 7, 4000]])
    row = b"".join(int("".join(f"{v:012b}" for v in line) + "0000", 2).to_bytes(5, "big") for line in values)
    plain = tiff.layout(tiff_of(np.zeros((2, 3), np.uint16)))
    assert plain is not None
    layout = tiff.Layout(**{**vars(plain), "bits": 12, "tags": plain.tags | {273: (0,), 279: (len(row),)}})
    assert tiff.samples(row, layout)[..., 0].tolist() == values.tolist()
    assert tiff.shown(row, layout)[..., 0].tolist() == np.rint(values / 4095 * 255).astype(int).tolist()


def test_orientation():
    values = ramp("f4", (20, 30), 0, 1)
    data = tiff_of(values, extratags=[(274, "H", 1, 6, True)])
    assert header(data) == (20, 30, "TIFF")
    upright = np.rot90(naive(values, 0, 1), -1)
    assert np.abs(np.asarray(open_picture(data))[..., 0].astype(int) - upright).max() <= 1


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.zeros((4, 5), np.complex64), {}, "a TIFF of 1 band of complex float64"),
        (
            np.zeros((4, 5), np.uint16),
            {"photometric": "cfa", "extratags": [(33421, "H", 2, (2, 2), True)]},
            "raw mosaic",
        ),
        (np.zeros((4, 5, 3), np.uint16), {"photometric": "cielab"}, "a TIFF of 3 bands of uint16 in CIELAB"),
    ],
)
def test_what_is_not_read_is_named(values, options, words):
    with pytest.raises(UnreadableImage, match=words) as caught:
        open_picture(tiff_of(values, **options))
    assert caught.value.message.endswith(", which is not read.")


@pytest.mark.parametrize(
    ("number", "name"), [(34712, "JPEG 2000"), (50001, "WebP"), (34887, "LERC"), (12345, "method 12345")]
)
def test_a_compression_of_usual_colours_that_is_not_read_is_named(number, name):
    data = bytearray(tiff_of(np.zeros((4, 5, 3), np.uint8), photometric="rgb", bigtiff=True, byteorder="<"))
    place = data.index(np.array([259, 3], "<u2").tobytes()) + 12
    data[place : place + 2] = number.to_bytes(2, "little")
    with pytest.raises(UnreadableImage, match=f"a TIFF of 3 bands of uint8, compressed by {name}, which is not read"):
        open_picture(bytes(data))


def test_a_plane_that_is_not_shown_may_be_missing():
    values = np.stack([ramp("i2", (9, 7), -50, 50)] * 5)
    layout = tiff.layout(data := tiff_of(values, photometric="minisblack", planarconfig="separate"))
    assert layout is not None
    whole = tiff.samples(data, layout)
    lengths = (*layout.tags[279][:3], 0, 0)
    damaged = tiff.Layout(**{**vars(layout), "tags": layout.tags | {279: lengths}})
    assert np.array_equal(tiff.samples(data, damaged), whole)


def test_a_compression_that_is_not_read_is_named():
    layout = tiff.layout(tiff_of(np.zeros((4, 5, 7), np.float32), photometric="minisblack", planarconfig="contig"))
    assert layout is not None
    other = tiff.Layout(**{**vars(layout), "compression": 34887})
    with pytest.raises(UnreadableImage, match="a TIFF of 7 bands of float32, compressed by LERC, which is not read"):
        tiff.samples(b"", other)


def test_what_needs_too_much_memory_is_named_with_both_numbers():
    layout = tiff.layout(tiff_of(np.zeros((4, 5, 3), np.float64)))
    assert layout is not None
    large = tiff.Layout(**{**vars(layout), "width": 8_000, "height": 8_000})
    with pytest.raises(UnreadableImage, match="1,536 MB, and at most 768 MB are read"):
        tiff.samples(b"", large)


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_truncated_files_are_refused(dtype):
    data = tiff_of(ramp(dtype, (50, 60), 0, 1000), rowsperstrip=10)
    for share in (0.2, 0.5, 0.9):
        with pytest.raises(UnreadableImage):
            open_picture(data[: int(share * len(data))])


@settings(deadline=None)
@given(st.data())
def test_damaged_files_end_in_a_sentence(data):
    whole = bytearray(
        tiff_of(ramp("f4", (9, 7, 5), 0, 1), photometric="minisblack", compression="zlib", predictor=False)
    )
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=8)):
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert open_picture(bytes(whole)).mode == "RGB"
    except UnreadableImage as error:
        assert error.message.endswith(".")


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("pages", [[1], [1, 1], [4], [1, 4]])
def test_smaller_versions_and_masks_before_the_picture_are_passed_over(dtype, pages):
    values = ramp(dtype, (24, 40), 0, 1 if dtype == "f4" else 255 if dtype == "u1" else 65535)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for kind in pages:
            smaller = values[::8, ::8]
            writer.write(smaller > smaller.mean() if kind == 4 else smaller, subfiletype=kind)
        writer.write(values, subfiletype=0)
    assert header(out.getvalue()) == (40, 24, "TIFF")
    plain = io.BytesIO()
    tifffile.imwrite(plain, values)
    assert np.array_equal(open_picture(out.getvalue()), open_picture(plain.getvalue()))


def test_a_picture_of_which_there_is_only_a_smaller_version():
    out = io.BytesIO()
    tifffile.imwrite(out, ramp("u1", (3, 5), 0, 255), subfiletype=1)
    assert header(out.getvalue()) == (5, 3, "TIFF")


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("packed", [None, "zlib"])
@pytest.mark.parametrize("no_data", [None, -9999])
def test_tiles_that_are_left_out_are_black(dtype, packed, no_data):
    values = ramp(dtype, (40, 48), 1, 255 if dtype == "u1" else 65535)
    tags = [] if no_data is None else [(42113, "s", 0, str(no_data), True)]
    data = bytearray(tiff_of(values, tile=(16, 16), compression=packed, extratags=tags))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for tag in (file.pages[0].tags["TileOffsets"], file.pages[0].tags["TileByteCounts"]):
            size = tag.valuebytecount // tag.count
            data[tag.valueoffset : tag.valueoffset + size] = bytes(size)
    values[:16, :16] = 0
    found, whole = (np.asarray(open_picture(one)).astype(int) for one in (bytes(data), tiff_of(values)))
    assert header(bytes(data)) == (48, 40, "TIFF")
    assert not found[:16, :16].any()
    assert np.abs(found - whole).max() <= 1


def inside_of_preview(values: np.ndarray, **options: object) -> bytes:
    """As raw files of cameras are: a small preview, and the picture below it."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        writer.write(np.full((6, 8, 3), 9, np.uint8), photometric="rgb", subfiletype=1, subifds=1)
        writer.write(values, subfiletype=0, **options)
    return out.getvalue()


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_a_picture_below_its_preview_is_shown(dtype):
    values = ramp(dtype, (24, 40), 0, 255 if dtype == "u1" else 65535)
    data = inside_of_preview(values)
    assert header(data) == (40, 24, "TIFF")
    assert np.array_equal(open_picture(data), open_picture(tiff_of(values)))


def test_a_raw_mosaic_below_its_preview_is_named_and_the_preview_not_shown():
    data = inside_of_preview(
        ramp("u2", (24, 40), 0, 65535), photometric=32803, extratags=[(33421, "H", 2, (2, 2), True)]
    )
    with pytest.raises(UnreadableImage, match="1 band of uint16 in a sensor's raw mosaic, which is not read"):
        open_picture(data)


@pytest.mark.parametrize("kept", [8, 9, 200])
def test_a_file_cut_off_before_its_tags_is_said_to_be(kept):
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "TIFF", compression="tiff_lzw")
    with pytest.raises(UnreadableImage, match=r"what describes the picture is cut off|The file ends before"):
        open_picture(out.getvalue()[:kept])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("packed", [None, "zlib"])
def test_colours_of_a_palette_may_have_been_written_with_eight_bits(bits, packed):
    colours = np.random.default_rng(2).integers(0, 256, (3, 256))
    numbers = ramp("u1", (16, 16), 0, 255)
    palette = (colours * (1 if bits == 8 else 257)).astype(np.uint16)
    data = tiff_of(numbers, photometric="palette", colormap=palette, compression=packed)
    assert np.array_equal(open_picture(data), colours.T[numbers])
