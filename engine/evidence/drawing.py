"""Evidence drawn over pictures: one hue whose strength is the contribution, contours, and lines between places."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.evidence.evidence import Evidence, Match

HUE = (213, 94, 0)  # vermilion of Okabe and Ito's palette, told apart by all kinds of colour vision
_STRONGEST = 0.72  # opacity
_LEVELS = (0.25, 0.5, 0.75)  # of the strongest contribution; where contours run
_GAP = 24


def heat(places: NDArray[np.float64], size: tuple[int, int], strongest: float) -> Image.Image:
    """An (h, w) map as an RGBA image of a size, to lay over its picture; `strongest` is fully coloured.

    Contributions below zero are left out. Contours run at a quarter, a half and three quarters of the strongest.
    """
    share = np.clip(places / strongest, 0, 1) if strongest > 0 else np.zeros_like(places)
    grown = Image.fromarray(share.astype(np.float32), "F").resize(size, Image.Resampling.BILINEAR)
    smooth = np.asarray(grown)
    drawn = np.zeros((*smooth.shape, 4), np.uint8)
    drawn[..., :3] = HUE
    drawn[..., 3] = (255 * _STRONGEST * smooth).astype(np.uint8)
    drawn[_contours(smooth)] = (255, 255, 255, 230)
    return Image.fromarray(drawn, "RGBA")


def _contours(smooth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the level changes from one pixel to the next."""
    level = np.digitize(smooth, _LEVELS)
    edges = np.zeros(level.shape, bool)
    edges[:, 1:] |= level[:, 1:] != level[:, :-1]
    edges[1:] |= level[1:] != level[:-1]
    return edges


def side_by_side(
    evidence: Evidence, first: Image.Image, second: Image.Image, *, height: int = 480, lines: int = 12
) -> Image.Image:
    """Both pictures at one height with their maps, and lines between the places that add most to the similarity."""
    pictures = [_of_height(one, height) for one in (first, second)]
    maps = (evidence.first, evidence.second)
    strongest = max(float(one.max()) for one in maps)
    offset = pictures[0].width + _GAP
    sheet = Image.new("RGB", (offset + pictures[1].width, height), "white")
    for left, picture, places in zip((0, offset), pictures, maps, strict=True):
        laid = Image.alpha_composite(picture.convert("RGBA"), heat(places, picture.size, strongest))
        sheet.paste(laid.convert("RGB"), (left, 0))
    _draw_lines(sheet, evidence, evidence.matches(lines), [picture.width for picture in pictures])
    return sheet


def png(picture: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _of_height(picture: Image.Image, height: int) -> Image.Image:
    width = max(1, round(picture.width * height / picture.height))
    return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def _draw_lines(sheet: Image.Image, evidence: Evidence, matches: Sequence[Match], widths: Sequence[int]) -> None:
    draw = ImageDraw.Draw(sheet)
    strongest = max((match.amount for match in matches), default=1.0)
    for match in reversed(matches):  # the strongest last, on top
        one = _middle(match.first, evidence.first.shape, widths[0], sheet.height, 0)
        other = _middle(match.second, evidence.second.shape, widths[1], sheet.height, widths[0] + _GAP)
        thick = 1 + round(3 * match.amount / strongest)
        draw.line([one, other], fill="white", width=thick + 2)
        draw.line([one, other], fill=HUE, width=thick)
        for x, y in (one, other):
            draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=HUE, outline="white")


def _middle(place: tuple[int, int], grid: tuple[int, ...], width: int, height: int, left: int) -> tuple[float, float]:
    row, column = place
    return left + (column + 0.5) * width / grid[1], (row + 0.5) * height / grid[0]


def stacked(sheets: Sequence[Image.Image]) -> Image.Image:
    """Sheets one below the other."""
    height = sum(sheet.height for sheet in sheets) + _GAP * (len(sheets) - 1)
    found = Image.new("RGB", (max(sheet.width for sheet in sheets), height), "white")
    top = 0
    for sheet in sheets:
        found.paste(sheet, (0, top))
        top += sheet.height + _GAP
    return found
