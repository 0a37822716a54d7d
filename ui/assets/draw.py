"""Draws the page icon and the logo, two overlapping circles: `python ui/assets/draw.py`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

HERE = Path(__file__).parent
LEFT, RIGHT, BOTH = (23, 104, 95), (233, 150, 86), (250, 236, 205)
FINE = 4  # drawn larger, then scaled down, for smooth edges


def mark(side: int) -> Image.Image:
    """The mark as a transparent square of `side` pixels."""
    large = side * FINE
    left, right = _disc(large, 0.36), _disc(large, 0.64)
    picture = Image.new("RGBA", (large, large), (0, 0, 0, 0))
    for colour, mask in ((LEFT, left), (RIGHT, right), (BOTH, ImageChops.multiply(left, right))):
        picture.paste(colour, (0, 0), mask)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def _disc(side: int, centre: float) -> Image.Image:
    mask = Image.new("L", (side, side), 0)
    radius = 0.34
    box = (centre - radius, 0.5 - radius, centre + radius, 0.5 + radius)
    ImageDraw.Draw(mask).ellipse([share * side for share in box], fill=255)
    return mask


def logo(height: int) -> Image.Image:
    """The mark and the name in a green that is legible on light and dark backgrounds."""
    font = ImageFont.load_default(size=height * FINE * 0.66)
    width = int(font.getlength("Benzer"))
    picture = Image.new("RGBA", (height * FINE + width + 8 * FINE, height * FINE), (0, 0, 0, 0))
    picture.paste(mark(height * FINE), (0, 0))
    pen = ImageDraw.Draw(picture)
    pen.text(
        (height * FINE + 2 * FINE, height * FINE / 2),
        "Benzer",
        font=font,
        fill=(45, 139, 126),
        anchor="lm",
        stroke_width=2,
    )
    return picture.resize((picture.width // FINE, height), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    mark(64).save(HERE / "icon.png", optimize=True)
    logo(64).save(HERE / "logo.png", optimize=True)
