"""How a duplicate differs from the picture that is kept, in words: smaller, turned 90°, crop, greyscale …"""

from __future__ import annotations

from dataclasses import dataclass

from engine.collections.catalogue import ImageRow
from engine.core.humanize import percent
from engine.duplicates.pairs import SamePictures

_TURNS = {1: "mirrored", 2: "mirrored", 3: "turned 180°", 4: "turned and mirrored", 7: "turned and mirrored"}
_QUARTERS = {5: "turned 270°", 6: "turned 90°"}  # what turns it back is the other one
_CROPPED = 0.96  # share below which a part is missing
_SMALLER = 0.85  # pixels of the same part over those of the kept picture
GREY, _COLOURED = 1.5, 5.0  # colourfulness up to which a picture is grey, and from which it is not
_BRIGHTER = 1.08


@dataclass(frozen=True)
class Difference:
    """The likeness of a file to the kept one, from 0 to 1, and how it differs."""

    likeness: float
    words: str


def none(words: str = "") -> Difference:
    """That of a file with the same content."""
    return Difference(1.0, words)


def difference(same: SamePictures, place: int, kept: ImageRow, other: ImageRow, back: bool = False) -> Difference:
    """The difference of the `other` picture of a pair; with `back`, that of the first, if the second is kept."""
    orientation, share = int(same.orientations[place]), float(same.shares[place])
    words = [_TURNS.get(orientation) or _quarter(orientation, back)]
    words += [f"cropped, {percent(share)} in common"] if share < _CROPPED else []
    words += _size(kept, other, share)
    words += _tone(same, place, share, back)
    return Difference(float(same.likeness[place]), ", ".join(filter(None, words)) or "saved differently")


def _quarter(orientation: int, back: bool) -> str:
    return _QUARTERS.get(11 - orientation if back else orientation, "")


def _size(kept: ImageRow, other: ImageRow, share: float) -> list[str]:
    """Smaller, where the part that both show has fewer pixels; a crop has that share of the larger picture."""
    ratio = (other.width * other.height) / max(kept.width * kept.height, 1)
    if share >= _CROPPED and ratio < _SMALLER:
        return [f"{percent(ratio**0.5)} of the size"]
    return []


def _tone(same: SamePictures, place: int, share: float, back: bool) -> list[str]:
    rows = same.rows[place].tolist()
    (light, colour), (its_light, its_colour) = same.tones[rows[::-1] if back else rows].tolist()
    if min(colour, its_colour) < GREY and max(colour, its_colour) > _COLOURED:
        return ["greyscale" if its_colour < colour else "in colour"]
    if share < _CROPPED:
        return []
    if its_light > light * _BRIGHTER:
        return ["brighter"]
    return ["darker"] if light > its_light * _BRIGHTER else []
