"""Corruptions of a test item: a blurred or missing picture, dropped words or no text.

Their written form is `picture=missing`, `picture=blur-4` (radius in pixels of a picture 224 wide), `text=missing` or
`text=drop-50` (percent of the words).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from engine.core.errors import BadParameter

CLEAN = "clean"
USUAL = ("picture=blur-4", "picture=blur-8", "picture=missing", "text=drop-50", "text=drop-80", "text=missing")
_FORM = re.compile(r"(picture)=(missing|blur-([1-9]\d?))|(text)=(missing|drop-([1-9]\d?))")


@dataclass(frozen=True)
class Corruption:
    """A corruption of one side, "picture" or "text": missing, blurred or with dropped words; side "": a clean item."""

    name: str
    side: str = ""
    missing: bool = False
    blur: int = 0
    drop: int = 0

    @classmethod
    def parse(cls, text: str) -> Corruption:
        """The corruption of this notation; BadParameter for anything else.

        >>> Corruption.parse("text=drop-50").drop
        50
        """
        if text == CLEAN:
            return cls(CLEAN)
        found = _FORM.fullmatch(text)
        if not found:
            raise BadParameter("condition", "a classification", "written like " + ", ".join(USUAL), text)
        side = found[1] or found[4]
        return cls(text, side, text.endswith("missing"), int(found[3] or 0), int(found[6] or 0))

    @property
    def title(self) -> str:
        """The display name."""
        if not self.side:
            return "as they are"
        if self.missing:
            return f"no {self.side}"
        return f"picture blurred by {self.blur} px" if self.blur else f"{self.drop} % of the words dropped"

    @property
    def short(self) -> str:
        """The display name, short enough for the head of a column."""
        if self.blur:
            return f"blur {self.blur} px"
        return f"{self.drop} % words gone" if self.drop else self.title


def dropped(text: str, percent: int, seed: int) -> str:
    """The text without `percent` of its words, drawn by the seed, rounded to the nearest whole number of words."""
    words = text.split()
    gone = round(len(words) * percent / 100)
    kept = np.sort(np.random.default_rng([seed, percent]).permutation(len(words))[gone:])
    return " ".join(words[place] for place in kept)
