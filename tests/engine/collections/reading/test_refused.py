"""Bombs refused at the header, and what is no picture named as such."""

import io
import os
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image
from pillow_heif import from_pillow

from engine.collections.reading.regular_files import read_bytes
from engine.collections.reading.safely import MAX_PIXELS_OF, header, open_picture
from engine.collections.reading.tiff import MAX_PIXELS
from engine.core.errors import UnreadableImage
from engine.core.home import PROJECT
from tests.engine.collections.reading.encoding import png_of, saved


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
