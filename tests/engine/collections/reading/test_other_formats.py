"""Files in other formats are called by their names, and what is named is never a picture that can be read."""

from __future__ import annotations

import gzip
import io
import struct
import zlib

import pytest
from PIL import Image

from engine.collections.reading.safely import open_picture
from engine.collections.report import Reject
from engine.core.errors import UnreadableImage

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
ANNEX = b"/annex/objects/SHA256E-s12345--4d7a.jpg\n"
FORMATS = {
    b"\0\0\0\x0cjP  \r\n\x87\n": "a JPEG 2000, which is not read; save it as PNG, TIFF or JPEG.",
    b"\0\0\0\x0cJXL \r\n\x87\n": "a JPEG XL, which",
    b"8BPS\0\1": "a Photoshop document, which",
    bytes(128) + b"DICM": "a DICOM, which",
    b"FUJIFILMCCD-RAW 0201": "a camera's raw file, which",
    b"II*\0\x10\0\0\0CR\2\0": "a camera's raw file, which",
    b"\0\0\0\x18ftypcrx \0\0\0\1": "a camera's raw file, which",
    b"\0\0\1\0\2\0" + bytes(40): "an icon of Windows, which",
    SVG: "an SVG, which",
    b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn --><!DOCTYPE svg>" + SVG: "an SVG, which",
    b"%PDF-1.7\n": "a PDF, which",
    b"\n<!doctype HTML><html><svg/></html>": "a page of the web, not a picture.",
    b"PK\3\4\x14\0": "a ZIP archive, not a picture.",
    gzip.compress(b"a picture"): "packed with gzip, not a picture.",
    b"\0\0\0\x14ftypqt  \0\0\0\0": "a video, not a picture.",
    b"\0\0\0\x1cftypisom\0\0\2\0": "a video, not a picture.",
    LFS: "only a pointer to the picture, which Git LFS has not downloaded yet: git lfs pull.",
    ANNEX: "only a pointer to the picture, which git-annex has not downloaded yet: git annex get.",
    b"../../.git/annex/objects/x": "only a pointer to the picture, which git-annex",
}


def refused(data: bytes) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        open_picture(data)
    return caught.value


@pytest.mark.parametrize("data", FORMATS, ids=FORMATS.values())
def test_a_file_in_another_format_is_called_by_its_name(data: bytes) -> None:
    assert refused(data + b"\x17" * 64).message.startswith("This is " + FORMATS[data])


def test_text_that_only_mentions_a_format_is_not_taken_for_it() -> None:
    for text in (b"about <svg> drawings", b"see annex/objects", b"%pdf", b"hello"):
        assert refused(text).message.startswith("The file is not a picture in a format that is read")


def test_a_tga_is_recognised_by_its_footer_and_not_taken_for_a_cursor() -> None:
    plain = b"\0\0\2" + bytes(9) + struct.pack("<HH", 4, 3) + b"\x18\0" + bytes(36)
    assert refused(plain).code == "not-a-picture"
    assert refused(plain + bytes(8) + b"TRUEVISION-XFILE.\0").message.startswith("This is a TGA, which is not read")


def test_zeros_and_pointers_count_as_lost_and_out_of_reach() -> None:
    kinds = {}
    for data in (bytes(5000), LFS, SVG):
        error = refused(data)
        kinds[error.code] = Reject("a.jpg", error.stage, error.code, error.message).kind
    assert kinds == {"no-content": "damaged", "not-fetched": "out of reach", "not-read": "format"}


def test_a_png_of_iphone_apps_is_named() -> None:
    """Its pixels are packed without the header of zlib, and red and blue are exchanged."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    body = b"\x50\0\x20\2"
    chunk = struct.pack(">I", 4) + b"CgBI" + body + struct.pack(">I", zlib.crc32(b"CgBI" + body))
    error = refused(out.getvalue()[:8] + chunk + out.getvalue()[8:])
    assert (error.code, error.message[:40]) == ("not-read", "This is a PNG of iPhone apps (CgBI), whi")
