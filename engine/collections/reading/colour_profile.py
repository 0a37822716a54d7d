"""Embedded colour profiles: pixels in sRGB, the colour space that networks were trained on and screens show.

Little CMS, through Pillow, does the conversion; a profile that changes no colour by more than a level is passed over.
A PNG may name its colours by chunks instead of a profile (cICP, gAMA and cHRM): one is built from them.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_MOST = 4 << 20  # bytes of a profile
_HEAD = 1 << 16  # bytes at a file's beginning among which its colours are named
_SAME = 2  # levels by which no colour may differ from sRGB for the profile to be passed over
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}  # Pillow's mode: what the profile's header says
_D50 = np.array([0.9642, 1.0, 0.8249])  # the white that profiles refer to
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# x and y of red, green, blue and white by their number in ITU-T H.273.
_D65 = (0.3127, 0.3290)
_PRIMARIES = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
}
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES: dict[int, tuple[float, ...]] = {13: _SRGB_CURVE, 4: (2.2,), 5: (2.8,), 8: (1.0,)}


def to_srgb(picture: Image.Image, profile: bytes | None = None) -> Image.Image:
    """The picture converted to sRGB by its own profile or the given one; RGB if converted.

    A picture without a profile, with a damaged one, or with one of another kind than its pixels is unchanged.
    """
    transform = _transform_of(picture, profile)
    return picture if transform is None else transform.apply(picture)


def has_other_colours(picture: Image.Image) -> bool:
    """Whether the picture carries a profile, or names colours, that are not those of sRGB; a palette's count as RGB."""
    as_used = Image.new("RGB" if picture.mode in ("P", "RGBA", "YCbCr") else picture.mode, (1, 1))
    as_used.info = picture.info
    return _transform_of(as_used, None) is not None


def _transform_of(picture: Image.Image, profile: bytes | None) -> _Transform | None:
    profile = profile or picture.info.get("icc_profile")
    named = None if profile else _named(picture.info)
    if named and picture.mode == "L":
        return _transform(named, "RGB")  # chunks name colours of grey in the same way
    profile = profile or named
    if not profile or len(profile) > _MOST or _SPACES.get(picture.mode) != profile[16:20].decode("latin-1"):
        return None
    return _transform(profile, picture.mode)


def colour_code(data: bytes) -> tuple[int, int] | None:
    """The numbers of primaries and curve (ITU-T H.273) that a PNG's chunk or an AVIF's or HEIC's box names."""
    head = data[:_HEAD]
    if (place := head.find(b"\0\0\0\x04cICP", 0, max(0, head.find(b"IDAT")))) > 0:
        return head[place + 8], head[place + 9]
    if data[4:8] == b"ftyp" and (place := head.find(b"colrnclx")) > 0 and place + 12 <= len(head):
        return struct.unpack(">HH", head[place + 8 : place + 12])
    return None


def rgb_profile(primaries: tuple[float, ...], curve: tuple[float, ...]) -> bytes:
    """A matrix profile (ICC.1:2010, version 4) from the x and y of red, green, blue and white, and a curve.

    Args:
        curve: the parameters of a parametric curve: a gamma, or gamma, a, b, c, d of IEC 61966-2-1's form.
    """
    columns = _matrix(primaries)
    tone = b"para\0\0\0\0" + struct.pack(">HH", 0 if len(curve) == 1 else 3, 0) + _fixed(curve)
    text = "colours of the file".encode("utf-16-be")
    words = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {b"desc": words, b"cprt": words, b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50)}
    tags |= {key: b"XYZ \0\0\0\0" + _fixed(columns[:, n]) for n, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone)
    place, table, body = 132 + 12 * len(tags), b"", b""
    for key, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += struct.pack(">4sII", key, place + len(body), len(value))
        body += value
    head = struct.pack(">I4xI4s4s4s12x4s", place + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return head.ljust(68, b"\0") + _fixed(_D50) + bytes(48) + struct.pack(">I", len(tags)) + table + body


def _matrix(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """Linear RGB to XYZ under D50, by Bradford's adaptation (ICC.1:2010, annex E)."""
    x, y = np.array(primaries).reshape(4, 2).T
    if min(y) <= 0:
        raise ValueError("no light")
    points = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white = points[:, 3]
    columns = points[:, :3] * np.linalg.solve(points[:, :3], white)
    adapt = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white)) @ _BRADFORD
    return np.asarray(adapt @ columns)


def _fixed(values: Any) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _named(info: dict[Any, Any]) -> bytes | None:
    """The profile of the colours that a PNG's chunks or a HEIF's box name, None for sRGB and those of video."""
    try:
        if "cicp" in info:
            primaries, curve = info["cicp"]
            return rgb_profile(_PRIMARIES[primaries], _CURVES[curve])
        if "srgb" in info or "gamma" not in info:
            return None
        red_to_white = info.get("chromaticity")
        primaries = (*red_to_white[2:8], *red_to_white[:2]) if red_to_white else _PRIMARIES[1]
        return _of_gamma(primaries, float(info["gamma"]))
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError, struct.error, np.linalg.LinAlgError):
        return None


def _of_gamma(primaries: tuple[float, ...], gamma: float) -> bytes | None:
    # 0.45455 with the primaries of sRGB is how sRGB was written before it had a chunk of its own.
    curve = _SRGB_CURVE if abs(gamma - 0.45455) < 0.001 else (1.0 / gamma,)
    return rgb_profile(primaries, curve) if 0.1 < gamma < 2 else None


class _Transform:
    """From a profile's colours to sRGB."""

    def __init__(self, profile: bytes, mode: str) -> None:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        self.transform, self.mode = ImageCms.buildTransform(source, target, mode, "RGB"), mode

    def apply(self, picture: Image.Image) -> Image.Image:
        picture = picture if picture.mode == self.mode else picture.convert(self.mode)
        if picture.mode == "RGB":
            ImageCms.applyTransform(picture, self.transform, inPlace=True)
            return picture
        return ImageCms.applyTransform(picture, self.transform) or picture


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> _Transform | None:
    """How to convert, None where nothing has to be or the profile is damaged."""
    try:
        found = _Transform(profile, mode)
        probe = _probe(mode)
        shown = np.asarray(found.apply(probe.copy()), np.int16)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    plain = np.asarray(probe.convert("RGB"), np.int16)
    return None if mode != "CMYK" and np.abs(shown - plain).max() <= _SAME else found


def _probe(mode: str) -> Image.Image:
    """Colours from all over the space, as one picture."""
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    if mode == "RGB":
        grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1)
        return Image.fromarray(grid.reshape(9, 81, 3))
    return Image.new(mode, (1, 1))
