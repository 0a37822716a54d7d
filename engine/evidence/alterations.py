"""Ways to alter a picture, each with one strength, to test how robust a match is.

Every alteration is deterministic and leaves a picture as it is at strength 0. Lengths are told relative to the picture,
so that it is altered alike at every size.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from engine.core.errors import BadParameter

VERSION = "1"  # changes whenever an alteration does, as what was measured with it no longer holds
STRENGTHS = 256  # steps from nothing to all: finer differences are not told apart
SIDE = 448  # pixels of the longer side of a picture that is altered, for every encoder

Change = Callable[[Image.Image, float], Image.Image]


@dataclass(frozen=True)
class Alteration:
    """One way to alter a picture.

    Attributes:
        name: in addresses, plans and on the command line. title: to display.
        change: alters an RGB picture by an amount. amount: of a strength from 0 to 1.
        template: of an amount in words with its unit, for `str.format`.
    """

    name: str
    title: str
    template: str
    amount: Callable[[float], float]
    change: Change

    def __call__(self, picture: Image.Image, strength: float) -> Image.Image:
        """The altered RGB picture; BadParameter for a strength outside 0 to 1."""
        whole = picture if picture.mode == "RGB" else picture.convert("RGB")
        return whole if checked_strength(strength) == 0 else self.change(whole, self.amount(strength))

    def in_words(self, strength: float) -> str:
        """A strength with its unit: "45°", "quality 20"."""
        return self.template.format(self.amount(strength)) if strength else "unaltered"


def checked_strength(strength: float) -> float:
    """The strength, if it is a number from 0 to 1, else BadParameter."""
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 1:
        raise BadParameter("strength", "an alteration", "a number from 0 to 1", strength)
    return float(strength)


# ── what they do, by amounts ─────────────────────────────────────────────────────────────────────────────────────────


def rotated(picture: Image.Image, degrees: float) -> Image.Image:
    """Turned as a whole, anticlockwise; the corners have its mean colour."""
    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=_mean_colour(picture))


def smaller(picture: Image.Image, times: float) -> Image.Image:
    """Each side divided by `times`, with antialiasing."""
    size = (max(1, int(picture.width / times)), max(1, int(picture.height / times)))
    return picture.resize(size, Image.Resampling.BILINEAR)


def cropped(picture: Image.Image, percent: float) -> Image.Image:
    """The middle, with `percent` of each side."""
    margins = [(1 - percent / 100) / 2 * side for side in picture.size]
    left, top = (min(round(margin), side - 1) for margin, side in zip(margins, picture.size, strict=True))
    right, bottom = (round(side - margin) for margin, side in zip(margins, picture.size, strict=True))
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def blurred(picture: Image.Image, percent: float) -> Image.Image:
    """Convolved with a Gaussian whose standard deviation is `percent` of the shorter side."""
    return picture.filter(ImageFilter.GaussianBlur(percent / 100 * min(picture.size)))


def noisy(picture: Image.Image, levels: float) -> Image.Image:
    """With Gaussian noise of that standard deviation, of 255 grey levels, in each pixel and colour."""
    pixels = np.asarray(picture, np.float32) + np.float32(levels) * _noise(picture.height, picture.width)
    return Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))


def occluded(picture: Image.Image, percent: float) -> Image.Image:
    """With `percent` of its area covered from the middle, in its mean colour."""
    width, height = (round(side * (percent / 100) ** 0.5) for side in picture.size)
    covered = picture.copy()
    if width and height:
        cover = Image.new("RGB", (width, height), _mean_colour(picture))
        covered.paste(cover, ((picture.width - width) // 2, (picture.height - height) // 2))
    return covered


def greyed(picture: Image.Image, percent: float) -> Image.Image:
    """With `percent` of its colour taken out."""
    return ImageEnhance.Color(picture).enhance(1 - percent / 100)


def brightened(picture: Image.Image, times: float) -> Image.Image:
    """With all values multiplied, and cut off at white; below 1 it is darker."""
    return ImageEnhance.Brightness(picture).enhance(times)


def compressed(picture: Image.Image, quality: float) -> Image.Image:
    """As a JPEG of that quality, from 1 to 100."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=round(quality))
    return Image.open(file).convert("RGB")


def _mean_colour(picture: Image.Image) -> tuple[int, int, int]:
    red, green, blue = np.asarray(picture).reshape(-1, 3).mean(0).round().astype(int).tolist()
    return red, green, blue


@lru_cache(maxsize=8)
def _noise(height: int, width: int) -> NDArray[np.float32]:
    """The same (height, width, 3) standard normal noise every time."""
    return np.random.default_rng(0).standard_normal((height, width, 3), dtype=np.float32)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────

ALTERATIONS: dict[str, Alteration] = {
    one.name: one
    for one in (
        Alteration("rotate", "Rotated", "{:.0f}°", lambda s: 180 * s, rotated),
        Alteration("scale", "Smaller", "sides ÷ {:.1f}", lambda s: 32**s, smaller),
        Alteration("crop", "Cropped", "{:.0f} % of each side left", lambda s: 100 - 90 * s, cropped),
        Alteration("blur", "Blurred", "σ {:.1f} % of the side", lambda s: 10 * s, blurred),
        Alteration("noise", "Noisy", "σ {:.0f} of 255", lambda s: 128 * s, noisy),
        Alteration("occlude", "Covered", "{:.0f} % of the area", lambda s: 90 * s, occluded),
        Alteration("grey", "Less colour", "{:.0f} % of the colour gone", lambda s: 100 * s, greyed),
        Alteration("brighter", "Brighter", "× {:.2f}", lambda s: 8**s, brightened),
        Alteration("darker", "Darker", "× {:.2f}", lambda s: 16**-s, brightened),
        Alteration("jpeg", "JPEG quality", "quality {:.0f}", lambda s: 100 ** (1 - s), compressed),
    )
}


def alteration(name: str) -> Alteration:
    """The alteration of that name; BadParameter if there is none."""
    if name not in ALTERATIONS:
        raise BadParameter("alteration", "a picture", "one of " + ", ".join(ALTERATIONS), name)
    return ALTERATIONS[name]
