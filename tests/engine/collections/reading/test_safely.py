"""One picture: true pixels against references, in every format and mode."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from pillow_heif import from_pillow

from engine.collections.reading.safely import header, open_picture, stretched
from tests.engine.collections.reading.encoding import png_of, saved


def away(data: bytes, reference: Image.Image) -> float:
    """The mean error of the picture read from `data`, in grey levels."""
    found = open_picture(data)
    assert (found.mode, found.size) == ("RGB", reference.size)
    return float(np.abs(np.asarray(found, np.int16) - np.asarray(reference.convert("RGB"), np.int16)).mean())


@pytest.mark.parametrize(
    ("format", "options", "limit"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("PPM", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 98, "subsampling": 0}, 3),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 2),
    ],
)
def test_formats(picture, format, options, limit):
    original = picture(1)
    assert away(saved(original, format, **options), original) <= limit


def test_heic(picture):
    out = io.BytesIO()
    from_pillow(picture(2, (64, 48))).save(out, quality=98, chroma=444)
    assert away(out.getvalue(), picture(2, (64, 48))) <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_orientation(picture, orientation, format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    data = saved(picture(3), format, exif=exif, **options)
    reference = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert away(data, reference) == 0
    assert header(data)[:2] == reference.size


def test_orientation_is_really_turned(picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(picture(3), "PNG", exif=exif)
    assert away(data, picture(3).transpose(Image.Transpose.ROTATE_270)) == 0


def test_broken_exif_turns_nothing(picture):
    data = saved(picture(3), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\1\2")
    assert away(data, picture(3)) == 0


def test_cmyk(picture):
    cmyk = picture(4).convert("CMYK")
    assert away(saved(cmyk, "JPEG", quality=98), cmyk) <= 3
    assert away(saved(cmyk, "TIFF"), cmyk) == 0


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits(format):
    wide = np.linspace(0, 65535, 48 * 36).reshape(36, 48).astype(np.uint16)
    reference = Image.fromarray(np.rint(wide / 257).astype(np.uint8))
    assert away(saved(Image.fromarray(wide), format), reference) == 0


def test_sixteen_bit_pgm():
    wide = np.linspace(0, 65535, 48 * 36).reshape(36, 48).astype(">u2")
    data = b"P5 48 36 65535\n" + wide.tobytes()
    assert away(data, Image.fromarray((wide / 257).round().astype(np.uint8))) <= 1


def test_sixteen_bit_rgb_png():
    wide = np.random.default_rng(0).integers(0, 65536, (36, 48, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    data = png_of(struct.pack(">IIBBBBB", 48, 36, 16, 2, 0, 0, 0), zlib.compress(rows))
    assert away(data, Image.fromarray((wide / 257).round().astype(np.uint8))) <= 1


@pytest.mark.parametrize(("top", "scale"), [(1.0, 255.0), (255.0, 1.0), (65535.0, 1 / 257)])
def test_floats(top, scale):
    values = np.linspace(0, top, 48 * 36).reshape(36, 48).astype(np.float32)
    reference = Image.fromarray(np.rint(values * scale).clip(0, 255).astype(np.uint8))
    assert away(saved(Image.fromarray(values), "TIFF"), reference) <= 1


def test_floats_that_are_no_numbers():
    values = np.full((36, 48), 0.5, np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    found = np.asarray(open_picture(saved(Image.fromarray(values), "TIFF")))
    assert (found[1:] == 128).all()


def test_signed_and_32_bit_integers():
    values = np.linspace(-1000, 70000, 48 * 36).reshape(36, 48).astype(np.int32)
    found = np.asarray(open_picture(saved(Image.fromarray(values), "TIFF")))[..., 0]
    assert (found[0, 0], found[-1, -1]) == (0, 255)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_on_white(picture, format):
    rgba = picture(5).convert("RGBA")
    rgba.putalpha(Image.linear_gradient("L").resize(rgba.size))
    reference = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    assert away(saved(rgba, format, **options), reference) <= 1


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "GIF"])
@pytest.mark.parametrize("level", [255, 240, 10])
def test_a_drawing_on_transparent_ground_is_seen(format, level):
    drawing = Image.new("RGBA", (48, 36), (level, level, level, 0))
    drawing.paste((level, level, level, 255), (10, 10, 20, 20))
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    found = np.asarray(open_picture(saved(drawing, format, **options))).astype(int)
    assert abs(found[15, 15] - level).max() <= 1
    assert abs(found[15, 15] - found[2, 2]).min() >= 100


def test_a_light_palette_entry_and_grey_with_alpha_are_seen():
    drawing = Image.new("P", (48, 36), 0)
    drawing.putpalette([0, 0, 0, 255, 255, 255])
    drawing.paste(1, (0, 0, 24, 36))
    grey = Image.new("LA", (48, 36), (255, 0))
    grey.paste((255, 255), (0, 0, 24, 36))
    for data in (saved(drawing, "PNG", transparency=0), saved(grey, "PNG")):
        found = open_picture(data)
        assert (found.getpixel((5, 5)), found.getpixel((40, 5))) == ((255, 255, 255), (128, 128, 128))


def test_what_is_half_transparent_counts_by_half():
    """A dark shadow that can hardly be seen does not make a light drawing dark."""
    drawing = Image.new("RGBA", (48, 36), (0, 0, 0, 5))
    drawing.paste((255, 255, 255, 255), (0, 0, 24, 36))
    assert open_picture(saved(drawing, "PNG")).getpixel((40, 5))[0] < 140


def test_nothing_but_transparency_is_white():
    assert open_picture(saved(Image.new("RGBA", (8, 8)), "PNG")).getpixel((4, 4)) == (255, 255, 255)


def test_grey_with_alpha(picture):
    la = picture(5).convert("LA")
    la.putalpha(Image.linear_gradient("L").resize(la.size))
    rgba = la.convert("RGBA")
    assert away(saved(la, "PNG"), Image.alpha_composite(Image.new("RGBA", la.size, "white"), rgba)) <= 1


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_palette_with_a_transparent_entry(format):
    colours = Image.new("P", (48, 36), 0)
    colours.putpalette([255, 0, 0, 0, 0, 255])
    colours.paste(1, (0, 0, 24, 36))
    found = np.asarray(open_picture(saved(colours, format, transparency=0)))
    assert found[0, 0].tolist() == [0, 0, 255]
    assert found[0, 40].tolist() == [255, 255, 255]


def test_colour_key_of_a_png():
    picture = Image.new("RGB", (48, 36), (10, 20, 30))
    picture.paste((200, 0, 0), (0, 0, 24, 36))
    found = np.asarray(open_picture(saved(picture, "PNG", transparency=(10, 20, 30))))
    assert found[0, 0].tolist() == [200, 0, 0]
    assert found[0, 40].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "LA"])
def test_other_modes(picture, mode):
    other = picture(6).convert(mode)
    format = "TIFF" if mode == "YCbCr" else "PNG"
    assert away(saved(other, format), other) <= 2


def test_lab(picture):
    lab = ImageCms.profileToProfile(
        picture(6), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert away(saved(lab, "TIFF"), picture(6)) <= 3


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_first_frame_of_an_animation(format):
    frames = [Image.new("RGB", (48, 36), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(frames[0], format, save_all=True, append_images=frames[1:], duration=50, **options)
    assert away(data, frames[0]) <= 1


def test_first_picture_of_an_mpo(picture):
    data = saved(picture(7), "MPO", save_all=True, append_images=[picture(8)], quality=98, subsampling=0)
    assert away(data, picture(7)) <= 3


def test_draft_keeps_twice_the_use(picture):
    data = saved(picture(9, (1600, 1200)), "JPEG", quality=95)
    small = open_picture(data, size=100)
    assert min(small.size) >= 200
    whole = stretched(open_picture(data), 100).astype(int)
    assert np.abs(stretched(small, 100).astype(int) - whole).mean() <= 2


def test_stretched(picture):
    assert stretched(picture(1), 20).shape == (20, 20, 3)
    assert stretched(Image.new("RGB", (1, 1), (1, 2, 3)), 8).tolist() == [[[1, 2, 3]] * 8] * 8


def test_a_bmp_whose_opacity_is_declared_and_never_given_is_opaque(picture) -> None:
    pixels = np.asarray(picture(5, (16, 12)))
    rows = np.concatenate([pixels[::-1, :, ::-1], np.zeros((12, 16, 1), np.uint8)], 2).tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 16, 12, 1, 32, 3, len(rows), 0, 0, 0, 0) + masks
    data = b"BM" + struct.pack("<IHHI", 122 + len(rows), 0, 0, 122) + head.ljust(108, b"\0") + rows
    assert np.array_equal(np.asarray(open_picture(data)), pixels)
