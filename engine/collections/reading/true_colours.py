"""Any mode of Pillow to RGB with true colours: profiles applied, wide values scaled, transparency composited."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from engine.collections.reading.colour_profile import to_srgb
from engine.collections.reading.value_range import as_bytes

_STRIP = 1 << 22  # pixels converted at a time where a conversion needs several copies
_LIGHT = 224  # mean grey level from which a drawing is taken to vanish on white
_WHITE, _MID_GREY = (255, 255, 255), (128, 128, 128)
_COLOURS = ("icc_profile", "cicp", "srgb", "gamma", "chromaticity")  # what names the colours of a picture
_TRANSPARENT = {"RGBA", "RGBa", "LA", "La", "PA"}


def true_colours(picture: Image.Image) -> Image.Image:
    """The picture as RGB in sRGB; its colour profile is dropped, as it has been applied."""
    if is_wide(picture):
        picture = _grey(picture)
    if is_transparent(picture):
        ground = _ground(picture)
        shown = _by_strips(picture, lambda strip: _laid_on(strip, ground))
    elif picture.mode == "LAB":
        shown = _by_strips(picture, _lab)
    elif picture.mode in ("L", "CMYK"):
        shown = to_srgb(picture).convert("RGB")
    else:
        shown = to_srgb(picture if picture.mode == "RGB" else picture.convert("RGB"))
    shown.info.pop("icc_profile", None)
    return shown


def from_samples(samples: NDArray[np.uint8], profile: bytes = b"", premultiplied: bool = False) -> Image.Image:
    """RGB from grey or RGB samples (height, width, 1 to 4), with opacity last where there are 2 or 4."""
    mode = ("L", "La" if premultiplied else "LA", "RGB", "RGBa" if premultiplied else "RGBA")[samples.shape[2] - 1]
    picture = Image.frombytes(mode, (samples.shape[1], samples.shape[0]), samples.tobytes())
    picture.info = {"icc_profile": profile}
    return true_colours(picture)


def is_transparent(picture: Image.Image) -> bool:
    """Whether some of it may be transparent: by its mode, a palette's entry or a colour key."""
    return picture.mode in _TRANSPARENT or "transparency" in picture.info


def is_wide(picture: Image.Image) -> bool:
    """Whether its samples have more than 8 bits."""
    return picture.mode.startswith("I") or picture.mode == "F"


def _grey(picture: Image.Image) -> Image.Image:
    """Wide values as 8 bits; PNG and PPM keep 16 bits in whole numbers of 32."""
    samples = np.empty((picture.height, picture.width), np.float32 if picture.mode == "F" else np.uint16)
    for top, strip in _strips(picture):
        samples[top : top + strip.height] = np.asarray(strip)
    grey = Image.fromarray(as_bytes(samples[..., None])[..., 0])
    grey.info = {key: picture.info[key] for key in _COLOURS if key in picture.info}
    return grey


def _ground(picture: Image.Image) -> tuple[int, int, int]:
    """White, or grey for a light drawing: the grey level of what is seen, each pixel weighted by its opacity."""
    weight = light = 0.0
    for _, strip in _strips(picture):
        colours = strip.convert("RGBA")
        alpha = np.asarray(colours.getchannel("A"), np.float32)
        weight += float(alpha.sum(dtype=np.float64))
        light += float((alpha * np.asarray(colours.convert("L"))).sum(dtype=np.float64))
    return _MID_GREY if weight and light / weight >= _LIGHT else _WHITE


def _laid_on(strip: Image.Image, ground: tuple[int, int, int]) -> Image.Image:
    # A transparent palette entry or colour key becomes alpha first; premultiplied modes are undone by convert.
    colours = strip if strip.mode == "RGBA" else strip.convert("RGBA")
    is_grey = strip.mode in ("L", "LA", "La")
    plain = colours.getchannel("R") if is_grey else colours.convert("RGB")
    plain.info = {key: strip.info[key] for key in _COLOURS if key in strip.info}
    seen = to_srgb(plain)
    laid = Image.new("RGB", strip.size, ground)
    laid.paste(seen.convert("RGB"), mask=colours.getchannel("A"))
    return laid


def _lab(strip: Image.Image) -> Image.Image:
    # PIL's LAB is the 8-bit encoding of ICC profiles, so littlecms can take it to sRGB directly.
    return ImageCms.profileToProfile(
        strip, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    ) or strip.convert("RGB")


def _by_strips(picture: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    result = Image.new("RGB", picture.size)
    for top, strip in _strips(picture):
        result.paste(convert(strip), (0, top))
    return result


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    rows = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        strip.info = picture.info
        yield top, strip
