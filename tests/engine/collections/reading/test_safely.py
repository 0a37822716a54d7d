"""One picture: true pixels against references, bombs refused at the header, and what is no picture named as such."""

import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from pillow_heif import from_pillow

from engine.collections.reading.regular_files import read_bytes
from engine.collections.reading.safely import MAX_PIXELS_OF, header, open_picture, stretched
from engine.collections.reading.tiff import MAX_PIXELS
from engine.core.errors import UnreadableImage
from engine.core.home import PROJECT


def saved(picture: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


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


def png_of(head: bytes, body: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def bomb(width: int, height: int) -> bytes:
    return png_of(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), zlib.compress(b"\0" * 1000))


@pytest.mark.parametrize(
    ("width", "height"), [(13_000, 13_000), (9_460, 9_459), (65_536, 10), (10, 70_000), (2**31 - 1, 2**31 - 1)]
)
def test_bombs_are_refused_at_the_header(width, height):
    assert width * height > MAX_PIXELS or max(width, height) > 65_535
    with pytest.raises(UnreadableImage) as caught:
        open_picture(bomb(width, height))
    assert (caught.value.stage, caught.value.code) in [("header", "too-many-pixels"), ("header", "not-a-picture")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bomb(12_000, 9_000), "has 108 megapixels; at most 89 are read: save it smaller"),
        (bomb(20_000, 9_000), "has 180 megapixels; at most 89 are read: save it smaller"),
        (bomb(9_460, 9_459), "has 90 megapixels; at most 89 are read"),
        (bomb(70_000, 10), "A side of the picture is 70,000 pixels long; at most 65,535 are read."),
    ],
)
def test_a_refusal_names_the_limit_and_the_actual_number(data, words):
    with pytest.raises(UnreadableImage, match=words):
        open_picture(data)


def jpeg_of(width: int, height: int, **options: object) -> bytes:
    """A JPEG whose header says other sizes than it has pixels for."""
    data = bytearray(saved(Image.new("RGB", (16, 16)), "JPEG", **options))
    place = data.index(b"\xff\xc2" if options else b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_the_limits_of_jpegs():
    assert header(jpeg_of(25_000, 20_000)) == (25_000, 20_000, "JPEG")
    with pytest.raises(UnreadableImage, match="has 625 megapixels; at most 500 are read of a JPEG: save it smaller"):
        header(jpeg_of(25_000, 25_000))
    with pytest.raises(UnreadableImage, match="144 megapixels; at most 120 are read of a JPEG sent in passes"):
        header(jpeg_of(12_000, 12_000, progressive=True))


def test_the_limit_of_heics(monkeypatch):
    data = saved(Image.new("RGB", (400, 300), "red"), "HEIF")
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 50_000)
    monkeypatch.setitem(MAX_PIXELS_OF, "HEIF", 120_000)
    assert header(data) == (400, 300, "HEIF")
    assert open_picture(data).size == (400, 300)
    monkeypatch.setitem(MAX_PIXELS_OF, "HEIF", 110_000)
    with pytest.raises(UnreadableImage, match="1 megapixels; at most 0 are read of a HEIC: save it smaller"):
        header(data)


@pytest.mark.parametrize("size", [None, 64, 1024])
def test_no_jpeg_is_decoded_beyond_the_limit(monkeypatch, size):
    monkeypatch.setattr("engine.collections.reading.safely.MAX_PIXELS", 200_000)
    found = open_picture(saved(Image.new("RGB", (4_000, 300), "red"), "JPEG"), size=size)
    assert found.size == (1_000, 75)


@pytest.mark.slow
def test_a_jpeg_beyond_the_limit_is_decoded_at_a_fraction():
    colours = Image.new("RGB", (12_000, 9_000), (90, 140, 200))
    colours.paste((200, 30, 30), (0, 0, 6_000, 9_000))
    data = saved(colours, "JPEG")
    assert header(data)[:2] == (12_000, 9_000)
    for size, side in [(None, 6_000), (224, 1_500)]:
        found = open_picture(data, size=size)
        assert found.width == side
        assert found.getpixel((side // 4, 9)) == pytest.approx((200, 30, 30), abs=3)
        assert found.getpixel((side - side // 4, 9)) == pytest.approx((90, 140, 200), abs=3)


COST = """
import re, sys, time
from engine.collections.reading.worker_tasks import FileRef, Seen, look
began = time.process_time()
[seen] = look([FileRef(sys.argv[1])])
assert isinstance(seen, Seen), seen
# Not ru_maxrss: a new process inherits that of the one which started it.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
print(time.process_time() - began, int(peak) >> 10)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux reports it")
@pytest.mark.parametrize(("depth", "kind", "channels"), [(8, 6, 4), (16, 0, 2), (8, 2, 3)])
def test_the_largest_pictures_cost_little(tmp_path, depth, kind, channels):
    """A small file of almost 89 megapixels: less than 1 GiB and 10 seconds."""
    width, height = 9_400, 9_500
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(bytes(1 + width * channels)) for _ in range(height)) + packer.flush()
    path = tmp_path / "large.png"
    path.write_bytes(png_of(struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0), body))
    done = subprocess.run([sys.executable, "-c", COST, path], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, megabytes = map(float, done.stdout.split())
    assert path.stat().st_size < 3 << 20
    assert megabytes < 1024
    assert seconds < 10


def test_webp_bomb():
    data = bytearray(saved(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    place = data.index(b"VP8L") + 9  # after the signature: 14 bits of width − 1, 14 of height − 1
    data[place : place + 4] = struct.pack("<I", (16_383 | 16_383 << 14) | (data[place + 3] & 0xF0) << 24)
    with pytest.raises(UnreadableImage) as caught:
        open_picture(bytes(data))
    assert caught.value.code in ("too-many-pixels", "malformed", "not-a-picture")


def test_gif_whose_frame_outgrows_its_screen():
    data = bytearray(saved(Image.new("P", (16, 16)), "GIF"))
    place = data.index(b"\x2c")
    data[place : place + 9] = struct.pack("<BHHHH", 0x2C, 0, 0, 65_000, 65_000)
    with pytest.raises(UnreadableImage) as caught:
        open_picture(bytes(data))
    assert caught.value.code in ("too-many-pixels", "truncated", "malformed")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello", "not-a-picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not-read"),
        (b"\x0a\x05\x01\x08" + bytes(124), "not-read"),
    ],
)
def test_what_is_no_picture(data, code):
    with pytest.raises(UnreadableImage) as caught:
        open_picture(data)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_truncated_files_are_refused(encoded, format):
    data = encoded(1, format, (200, 200))
    with pytest.raises(UnreadableImage):
        open_picture(data[: len(data) // 2])


def test_files_that_are_none(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    names = {"folder.jpg": "folder", "empty.jpg": "empty", "pipe.jpg": "not-a-file", "absent.jpg": "missing"}
    for name, code in names.items():
        with pytest.raises(UnreadableImage) as caught:
            read_bytes(tmp_path / name)
        assert (caught.value.stage, caught.value.code) == ("look", code)


def test_links(tmp_path, encoded):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(encoded(1))
    (root / "good.png").write_bytes(encoded(2))
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "in.png").symlink_to(root / "good.png")
    assert read_bytes(root / "in.png", root) == encoded(2)
    for path, within, code in [("out.png", root, "link-outside"), ("in.png", None, "link")]:
        with pytest.raises(UnreadableImage) as caught:
            read_bytes(root / path, within)
        assert caught.value.code == code


def test_no_permission(tmp_path, encoded, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(1))

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UnreadableImage) as caught:
        read_bytes(path)
    assert caught.value.code == "no-permission"


@pytest.mark.parametrize(("width", "height", "megapixels"), [(11_000, 11_000, "121"), (20_000, 9_000, "180")])
def test_a_heic_that_is_too_large_is_refused_with_both_numbers(width: int, height: int, megapixels: str) -> None:
    out = io.BytesIO()
    from_pillow(Image.new("RGB", (64, 64), "red")).save(out, quality=50)
    data = out.getvalue()
    place = data.index(b"ispe") + 8  # behind its name, version and flags: width and height
    lying = data[:place] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + data[place + 8 :]
    for read in (header, open_picture):
        with pytest.raises(UnreadableImage, match=f"has {megapixels} megapixels; at most 110 are read of a HEIC"):
            read(lying)


def test_a_bmp_whose_opacity_is_declared_and_never_given_is_opaque(picture) -> None:
    pixels = np.asarray(picture(5, (16, 12)))
    rows = np.concatenate([pixels[::-1, :, ::-1], np.zeros((12, 16, 1), np.uint8)], 2).tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 16, 12, 1, 32, 3, len(rows), 0, 0, 0, 0) + masks
    data = b"BM" + struct.pack("<IHHI", 122 + len(rows), 0, 0, 122) + head.ljust(108, b"\0") + rows
    assert np.array_equal(np.asarray(open_picture(data)), pixels)
