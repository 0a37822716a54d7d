"""Recognising common files that are not supported pictures, by the signature at their beginning."""

from __future__ import annotations

import re

from engine.core.errors import UnreadableImage

_LOOKED_AT = 4096  # bytes
# Where a signature stands, the signature, and what such a file is called.
_PICTURES = (
    (0, b"\0\0\0\x0cjP  \r\n", "a JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (0, b"\0\0\0\x0cJXL \r\n", "a JPEG XL"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"II\xbc\x01", "a JPEG XR"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"v/1\x01", "an OpenEXR"),
    (0, b"#?RADIANCE", "a Radiance HDR"),
    (0, b"DDS ", "a DirectDraw surface"),
    (0, b"qoif", "a QOI"),
    (0, b"icns", "an icon of macOS"),
    (0, b"P7\n", "a PAM"),
    (0, b"PF\n", "a colour PFM"),
    (0, b"\n\5\1", "a PCX"),
    (0, b"\x01\xda", "an SGI picture"),
    (0, b"%!PS", "a PostScript drawing"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (40, b" EMF", "a Windows metafile"),
    (0, b"SIMPLE  =", "a FITS"),
    (128, b"DICM", "a DICOM"),
    (0, b"%PDF", "a PDF"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (0, b"IIRO", "a camera's raw file"),
    (0, b"IIRS", "a camera's raw file"),
    (0, b"MMOR", "a camera's raw file"),
    (0, b"IIU\0", "a camera's raw file"),
    (8, b"CR\2\0", "a camera's raw file"),
    (0, b"\0MRM", "a camera's raw file"),
    (0, b"FOVb", "a camera's raw file"),
    (4, b"ftypcrx ", "a camera's raw file"),
)
_OTHERS = (
    (0, b"PK\3\4", "a ZIP archive"),
    (0, b"\x1f\x8b", "packed with gzip"),
    (0, b"Rar!\x1a\7", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"\x28\xb5\x2f\xfd", "packed with Zstandard"),
    (257, b"ustar", "a tar archive"),
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (4, b"ftypqt  ", "a video"),
    (4, b"ftypiso", "a video"),
    (4, b"ftypmp4", "a video"),
    (4, b"ftypM4V", "a video"),
    (4, b"ftypavc1", "a video"),
    (4, b"ftypdash", "a video"),
    (4, b"ftyp3g", "a video"),
    (4, b"moov", "a video"),
    (0, b"\0\0\1\xba", "a video"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF\r\n", "an HDF5 file"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"SQLite format 3\0", "a database"),
    (0, b"\0\5\x16\7", "what macOS keeps beside a file"),
    (0, b"\0\5\x16\0", "what macOS keeps beside a file"),
)
_POINTERS = (
    (re.compile(rb"version https://git-lfs\.github\.com/spec/"), "Git LFS", "git lfs pull"),
    (re.compile(rb"(\.\./|/)*(\.git/)?annex/objects/"), "git-annex", "git annex get"),
)
_PAGE = re.compile(rb"(<!--.*?-->|<\?xml[^>]*>|\s)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_ICON = re.compile(rb"\0\0([\1\2])\0[^\0]\0", re.DOTALL)  # a TGA has zeros where these have their number of pictures
_TGA_END = b"TRUEVISION-XFILE.\0"
_SVG = re.compile(rb"(<!--.*?-->|<\?xml[^>]*>|<!doctype[^>]*>|\s)*<svg\b", re.IGNORECASE | re.DOTALL)
_MARK = b"\xef\xbb\xbf"  # of UTF-8
_APPLE_PNG = b"\0\0\0\4CgBI"


def named(data: bytes) -> UnreadableImage | None:
    """The error that names the file's format; None for an unknown signature."""
    head = data[:_LOOKED_AT]
    for pattern, program, command in _POINTERS:
        if pattern.match(head):
            message = f"This is only a pointer to the picture, which {program} has not downloaded yet: {command}."
            return UnreadableImage("header", "not-fetched", message)
    if picture := _picture(head) or ("a TGA" if data.endswith(_TGA_END) else ""):
        return not_read(picture)
    if other := _other(head):
        return UnreadableImage("header", "not-a-picture", f"This is {other}, not a picture.")
    if not data.strip(b"\0"):
        message = "The file holds nothing but zeros: its contents were never stored."
        return UnreadableImage("header", "no-content", message)
    return None


def title_of(head: bytes) -> str:
    """What a file is by its first bytes, with an article; "" if its signature is unknown."""
    for pattern, program, command in _POINTERS:
        if pattern.match(head):
            return f"only a pointer of {program} ({command})"
    return _picture(head) or _other(head)


def check_variant(data: bytes) -> None:
    """UnreadableImage for a PNG as Xcode writes it for iPhones, which looks like any other until it is decoded."""
    if data[8:16] == _APPLE_PNG:
        raise not_read("a PNG of iPhone apps (CgBI)")


def not_read(title: str) -> UnreadableImage:
    """The error for a picture in a format that is not read."""
    return UnreadableImage("header", "not-read", f"This is {title}, which is not read; save it as PNG, TIFF or JPEG.")


def _picture(head: bytes) -> str:
    if _ICON.match(head):
        return "an icon of Windows"
    return "an SVG" if _SVG.match(head.removeprefix(_MARK)) else _title(head, _PICTURES)


def _other(head: bytes) -> str:
    return "a page of the web" if _PAGE.match(head.removeprefix(_MARK)) else _title(head, _OTHERS)


def _title(head: bytes, signatures: tuple[tuple[int, bytes, str], ...]) -> str:
    return next((title for place, mark, title in signatures if head.startswith(mark, place)), "")
