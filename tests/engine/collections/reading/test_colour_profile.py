"""Colours of other spaces become those of sRGB that were computed by hand, from the standards' own numbers."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from pillow_heif import from_pillow

from engine.collections.reading import png
from engine.collections.reading.colour_profile import rgb_profile, to_srgb
from engine.collections.reading.safely import open_picture
from engine.collections.reading.worker_tasks import preview
from tests.engine.collections.reading.test_png import chunk

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SPACES = {
    "Display P3": ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65), SRGB_CURVE),
    "Adobe RGB": ((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *D65), (2.19921875,)),
    "ProPhoto": ((0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, *D50), (1.8,)),
    "linear": ((0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *D65), (1.0,)),
}
COLOURS = np.array([[200, 40, 40], [40, 160, 60], [90, 90, 200], [128, 128, 128], [250, 240, 30], [255, 255, 255]])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1, (1 - x - y) / y])


def to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    """Linear RGB to XYZ under D65 (Lindbloom); white of another light is adapted by Bradford's method."""
    red, green, blue, white = (xyz(*primaries[n : n + 2]) for n in (0, 2, 4, 6))
    columns = np.stack([red, green, blue], 1)
    matrix = columns @ np.diag(np.linalg.inv(columns) @ white)
    scale = np.diag((BRADFORD @ xyz(*D65)) / (BRADFORD @ white))
    return np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ matrix


def written_in(space: str, colours: np.ndarray) -> np.ndarray:
    """sRGB colours as numbers of another space, 0 to 1."""
    primaries, curve = SPACES[space]
    share = colours / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    srgb = to_xyz((0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *D65))
    other = (light @ srgb.T @ np.linalg.inv(to_xyz(primaries)).T).clip(0, 1)
    if len(curve) == 1:
        return other ** (1 / curve[0])
    return np.where(other <= 0.0031308, other * 12.92, 1.055 * other ** (1 / 2.4) - 0.055)


def patches(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(values * 255).astype(np.uint8)[None]).resize((96, 16), Image.Resampling.NEAREST)


def read_back(data: bytes) -> np.ndarray:
    return np.asarray(open_picture(data))[8, 8::16].astype(int)


def saved(picture: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("format", "options", "limit"),
    [
        ("PNG", {}, 3),
        ("TIFF", {}, 3),
        ("WEBP", {"lossless": True}, 3),
        ("JPEG", {"quality": 100, "subsampling": 0}, 5),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 14),
    ],
)
@pytest.mark.parametrize("space", SPACES)
def test_embedded_profiles(space, format, options, limit):
    profile = rgb_profile(*SPACES[space])
    data = saved(patches(written_in(space, COLOURS)), format, icc_profile=profile, **options)
    coarse = 12 if space == "linear" else 0  # eight bits of light are few in the shadows
    assert np.abs(read_back(data) - COLOURS).max() <= max(limit, coarse)


@pytest.mark.parametrize("space", ["Display P3", "Adobe RGB", "ProPhoto"])
def test_heic(space):
    picture = patches(written_in(space, COLOURS))
    picture.info["icc_profile"] = rgb_profile(*SPACES[space])
    out = io.BytesIO()
    from_pillow(picture).save(out, quality=100, chroma=444)
    assert np.abs(read_back(out.getvalue()) - COLOURS).max() <= 6


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_profiles_of_other_modes(mode):
    picture = patches(written_in("Adobe RGB", COLOURS))
    picture = picture.quantize(256) if mode == "P" else picture.convert(mode)
    data = saved(picture, "PNG", icc_profile=rgb_profile(*SPACES["Adobe RGB"]))
    assert np.abs(read_back(data) - COLOURS).max() <= 3


def test_wide_samples_with_a_profile():
    import tifffile

    values = np.rint(written_in("Display P3", COLOURS) * 65535).astype(np.uint16)[None].repeat(4, 0)
    out = io.BytesIO()
    tifffile.imwrite(out, values, photometric="rgb", iccprofile=rgb_profile(*SPACES["Display P3"]))
    assert np.abs(np.asarray(open_picture(out.getvalue()))[0].astype(int) - COLOURS).max() <= 2


def test_srgb_changes_nothing():
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for embedded in (profile, rgb_profile((0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *D65), SRGB_CURVE)):
        data = saved(Image.fromarray(colours), "PNG", icc_profile=embedded)
        assert np.array_equal(np.asarray(open_picture(data)), colours)


@pytest.mark.parametrize("flaw", ["cut", "noise", "empty", "grey"])
def test_damaged_profiles_and_those_of_other_pixels_change_nothing(flaw):
    good = rgb_profile(*SPACES["ProPhoto"])
    bad = {"cut": good[:200], "noise": bytes(range(256)) * 2, "empty": b"x", "grey": good[:16] + b"GRAY" + good[20:]}
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    data = saved(Image.fromarray(colours), "PNG", icc_profile=bad[flaw])
    assert np.array_equal(np.asarray(open_picture(data)), colours)


def png_with(added: bytes, values: np.ndarray) -> bytes:
    plain = saved(patches(values), "PNG")
    return plain[:33] + added + plain[33:]


def test_colours_that_chunks_name():
    primaries = SPACES["Display P3"][0]
    as_whole = [round(value * 100_000) for value in (*primaries[6:], *primaries[:6])]
    p3 = written_in("Display P3", COLOURS)
    named = chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"cHRM", struct.pack(">8I", *as_whole))
    assert np.abs(read_back(png_with(named, p3)) - COLOURS).max() <= 3
    assert np.abs(read_back(png_with(chunk(b"cICP", bytes([12, 13, 0, 1])), p3)) - COLOURS).max() <= 3
    light = written_in("linear", COLOURS)
    assert np.abs(read_back(png_with(chunk(b"gAMA", struct.pack(">I", 100_000)), light)) - COLOURS).max() <= 12


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("opacity", [False, True])
def test_chunks_name_the_colours_of_grey_as_well(bits, opacity):
    levels = np.repeat(np.linspace(0, 1, 8) ** 2.2, 2)
    samples = np.rint(levels * (2**bits - 1)).astype(f">u{bits // 8}")[:, None]
    samples = np.pad(samples, ((0, 0), (0, 1)), constant_values=2**bits - 1) if opacity else samples
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 1, bits, 4 if opacity else 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + samples.astype(f">u{bits // 8}").tobytes()))
    linear = chunk(b"gAMA", struct.pack(">I", 100_000))
    found = np.asarray(open_picture(png.SIGNATURE + head + linear + pixels + chunk(b"IEND", b"")))[0, :, 0]
    srgb = np.where(levels <= 0.0031308, levels * 12.92, 1.055 * levels ** (1 / 2.4) - 0.055) * 255
    assert np.abs(found - srgb).max() <= 8


def test_chunks_that_name_srgb_or_nonsense_change_nothing():
    for named in (
        chunk(b"gAMA", struct.pack(">I", 45455)),
        chunk(b"cICP", bytes([1, 13, 0, 1])),
        chunk(b"cICP", bytes([9, 16, 0, 1])),
        chunk(b"gAMA", bytes(4)),
        chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"cHRM", bytes(32)),
        chunk(b"sRGB", b"\0") + chunk(b"gAMA", struct.pack(">I", 100_000)),
    ):
        assert np.abs(read_back(png_with(named, COLOURS / 255)) - COLOURS).max() <= 1


def test_a_grey_profile():
    grey = bytearray(rgb_profile(SPACES["Adobe RGB"][0], (1.8,)))
    # The same profile with one curve: the tags of grey are wtpt and kTRC.
    grey[16:20] = b"GRAY"
    place = grey.index(b"rTRC")
    grey[place : place + 4] = b"kTRC"
    levels = Image.linear_gradient("L")
    found = np.asarray(open_picture(saved(levels, "PNG", icc_profile=bytes(grey))))[:, 0, 0].astype(int)
    share = (np.arange(256) / 255) ** 1.8
    expected = np.where(share <= 0.0031308, share * 12.92, 1.055 * share ** (1 / 2.4) - 0.055) * 255
    assert np.abs(found - expected).max() <= 3


def test_cmyk_with_a_profile():
    """A profile made here takes no ink for white, black for black and all others for red; the plain one for cyan."""
    table = bytearray(b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]))
    table += b"".join(struct.pack(">i", value) for value in (65536, 0, 0, 0, 65536, 0, 0, 0, 65536))
    table += bytes(range(256)) * 4
    for corner in range(16):  # L, a and b at each corner of the four inks, black the last of them
        table += bytes([0, 128, 128] if corner % 2 else [136, 208, 195] if corner else [255, 128, 128])
    table += bytes(range(256)) * 3
    words = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(79)
    tags = {b"A2B0": bytes(table), b"desc": words + bytes(-len(words) % 4)}
    place, entries, body = 132 + 12 * len(tags), b"", b""
    for key, value in tags.items():
        entries += struct.pack(">4sII", key, place + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s", place + len(body), 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    white = struct.pack(">3i", 63190, 65536, 54061)
    profile = head.ljust(68, b"\0") + white + bytes(48) + struct.pack(">I", len(tags)) + entries + body
    inks = Image.new("CMYK", (16, 16), (255, 0, 0, 0))  # plain: cyan
    found = open_picture(saved(inks, "TIFF", icc_profile=profile)).getpixel((5, 5))
    assert found[0] > 200
    assert max(found[1:]) < 80


def test_a_thumbnail_carries_no_profile():
    picture = patches(written_in("Adobe RGB", COLOURS))
    [webp] = preview([saved(picture, "PNG", icc_profile=rgb_profile(*SPACES["Adobe RGB"]))], 96)
    shown = Image.open(io.BytesIO(webp))
    assert "icc_profile" not in shown.info
    assert np.abs(np.asarray(shown.convert("RGB"))[8, 8].astype(int) - COLOURS[0]).max() <= 12


def test_a_huge_profile_is_passed_over():
    picture = Image.new("RGB", (4, 4), (1, 2, 3))
    assert to_srgb(picture, rgb_profile(*SPACES["linear"]) + bytes(5 << 20)).getpixel((0, 0)) == (1, 2, 3)
